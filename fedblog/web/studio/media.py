"""/studio/media: the pictures that were uploaded, where they are used, their descriptions; adding and deleting."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from aiohttp import web

from fedblog.blog.ledger import Media, MediaId
from fedblog.blog.model import Actor, ActorId
from fedblog.errors import Conflict, InvalidInput, NotFound
from fedblog.media.library import MAX_ALT
from fedblog.media.names import PREFIX, PictureKind, file_name
from fedblog.storage import actors, media
from fedblog.storage.database import Tx
from fedblog.web.i18n import gettext, later
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, number_in_path, number_in_query, safe_back, show, wants_json
from fedblog.web.studio.forms import Form
from fedblog.web.studio.uploads import keep_upload, markdown_of

PAGE = 24
MOST = 100
FILTERS = ("", "unused", "undescribed")
_KINDS = {"p": "", "a": later("profile picture"), "h": later("profile header")}


@dataclass(frozen=True, slots=True)
class Card:
    """One picture of the page. `others`: posts that show it and that this person may not see."""

    picture: Media
    owner: Actor | None
    uses: tuple[media.Use, ...]
    others: int
    worn: bool

    @property
    def used(self) -> bool:
        """Whether anything shows it."""
        return bool(self.uses or self.others or self.worn)

    @property
    def kind(self) -> str:
        """What it is for, "" for pictures of posts."""
        return _KINDS[self.picture.kind]

    @property
    def thumbnail(self) -> str:
        """Path of a small file."""
        return f"{PREFIX}{file_name(self.picture.name, min(self.picture.widths))}"

    @property
    def markdown(self) -> str:
        """What shows it in a text."""
        return markdown_of(self.picture, self.picture.alt)


async def list_media(request: web.Request, who: Who) -> web.StreamResponse:
    """A page of pictures, newest first: one's own, for editors everybody's."""
    return await _page(request, who)


async def _page(request: web.Request, who: Who, *, problem: str = "", status: int = 200) -> web.Response:
    services = request.app[SERVICES]
    before = number_in_query(request, "before")
    words = " ".join(request.query.get("q", "").split())[:200]
    only = request.query.get("show", "") if request.query.get("show", "") in FILTERS else ""
    cards, total = await services.db.read(
        _read, who.scope, MediaId(before) if before is not None else None, words=words, only=only
    )
    older = _link(words, only, before=cards[PAGE - 1].picture.id) if len(cards) > PAGE else ""
    return await show(
        request,
        who,
        "media.html",
        cards=cards[:PAGE],
        older=older,
        search=words,
        only=only,
        back=_link(words, only),
        total=total,
        limit=services.library.max_bytes,
        problem=problem,
        status=status,
    )


def _link(words: str, only: str, before: int = 0) -> str:
    query = {"q": words, "show": only, "before": str(before or "")}
    kept = {key: value for key, value in query.items() if value}
    return f"/studio/media?{urlencode(kept)}" if kept else "/studio/media"


def _read(tx: Tx, scope: ActorId | None, before: MediaId | None, *, words: str, only: str) -> tuple[list[Card], int]:
    pictures = media.search(tx, owner_id=scope, words=words, only=only, before=before, limit=PAGE + 1)
    owners = actors.by_ids(tx, {picture.owner_id for picture in pictures})
    uses = media.uses(tx, [picture.id for picture in pictures])
    worn = media.worn(tx, [picture.name for picture in pictures])
    cards = []
    for picture in pictures:
        here = [use for use in uses if use.media_id == picture.id]
        seen = tuple(use for use in here if scope in (None, use.author_id))
        cards.append(Card(picture, owners.get(picture.owner_id), seen, len(here) - len(seen), picture.name in worn))
    return cards, media.total_bytes(tx, scope)


async def add_media(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Keep an upload. The editor's script gets JSON: `{id, url, path, markdown, alt, width, height}`."""
    alt = form.line("alt", limit=10_000)[:MAX_ALT]
    upload = form.upload("file")
    try:
        if upload is None:
            raise InvalidInput(gettext("Choose a picture first."), reason="form_no_file")
        kept = await keep_upload(request, who, upload, PictureKind.PICTURE, alt)
    except InvalidInput as error:
        if wants_json(request):
            return web.json_response({"error": error.reason, "words": str(error)}, status=HTTPStatus.BAD_REQUEST)
        return await _page(request, who, problem=str(error), status=HTTPStatus.BAD_REQUEST)
    if not wants_json(request):
        return done("/studio/media", "media_added")
    alt = alt or kept.alt
    return web.json_response(
        {
            "id": str(kept.id),
            "url": request.app[SERVICES].library.url(kept),
            "path": f"{PREFIX}{file_name(kept.name)}",
            "markdown": markdown_of(kept, alt),
            "alt": alt,
            "width": kept.width,
            "height": kept.height,
        }
    )


async def describe_media(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Change what is offered as the description."""
    picture = await _requested(request, who)
    await request.app[SERVICES].db.write(media.set_alt, picture.id, form.line("alt", limit=10_000)[:MAX_ALT])
    return done(f"/studio/media#picture-{picture.id}", "media_described")


async def ask_delete_media(request: web.Request, who: Who) -> web.StreamResponse:
    """The question before deleting."""
    picture = await _requested(request, who)
    return await show(
        request,
        who,
        "confirm.html",
        question=gettext("Delete “%(title)s”?") % {"title": picture.filename or gettext("this picture")},
        lines=[gettext("Its files are gone for good. Earlier versions of posts that showed it will have a gap.")],
        target=f"/studio/media/{picture.id}/delete",
        button=gettext("Delete for good"),
        fields={},
        back="/studio/media",
    )


async def delete_media(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Delete a picture that nothing shows."""
    picture = await _requested(request, who)
    try:
        await request.app[SERVICES].library.remove(picture.id)
    except Conflict:
        words = "This picture is in use. Take it out of the posts, answers or profile that show it first."
        return await _page(request, who, problem=words, status=HTTPStatus.CONFLICT)
    return done("/studio/media", "media_deleted")


async def delete_several(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Delete the ticked pictures after a question (`sure`); what anything shows stays."""
    services = request.app[SERVICES]
    back = safe_back(form.text("back", limit=2_000), "/studio/media")
    ids = [MediaId(int(one)) for one in form.texts("picture") if one.isascii() and one.isdigit() and len(one) < 20]
    found = await services.db.read(_owned, who.scope, [number for number in ids if number < 2**63][:MOST])
    if not found:
        return done(back, "media_none")
    if not form.flag("sure"):
        return await show(request, who, "media_delete.html", pictures=found, back=back)
    kept = 0
    for picture in found:
        try:
            await services.library.remove(picture.id)
        except (Conflict, NotFound):
            kept += 1
    return done(back, "media_some_deleted" if kept else "media_all_deleted")


def _owned(tx: Tx, scope: ActorId | None, ids: list[MediaId]) -> list[Media]:
    """Those of the pictures that are theirs."""
    found = []
    for number in dict.fromkeys(ids):
        with suppress(NotFound):
            found.append(media.by_id(tx, number, owner_id=scope))
    return found


async def _requested(request: web.Request, who: Who) -> Media:
    """The picture that the URL names, if it is theirs."""
    number = MediaId(number_in_path(request))
    return await request.app[SERVICES].db.read(media.by_id, number, owner_id=who.scope)
