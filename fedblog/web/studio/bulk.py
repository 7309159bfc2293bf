"""/studio/posts/bulk: one act on several posts; asked before it reaches other servers, else it can be taken back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from aiohttp import web

from fedblog.blog.model import Post, PostId, PostStatus, PostText
from fedblog.errors import Conflict, FedblogError, InvalidInput, StorageUnavailable
from fedblog.federation.services import Services
from fedblog.storage import posts
from fedblog.storage.database import Tx
from fedblog.web.i18n import gettext as _
from fedblog.web.i18n import ngettext
from fedblog.web.keys import SERVICES
from fedblog.web.redirects import see_other
from fedblog.web.studio.access import Who, done, safe_back, show
from fedblog.web.studio.forms import Form

MOST = 100
_UNDO = {"trash": "restore", "restore": "trash", "tag": "untag", "untag": "tag"}
_ASKED = ("publish", "unpublish", "delete")
ACTS = ("", *_ASKED, *_UNDO)


@dataclass(frozen=True, slots=True)
class Undo:
    """What takes the last act back: another act on the same posts."""

    act: str
    ids: tuple[str, ...]
    tag: str


def undo_of(request: web.Request) -> Undo | None:
    """The undo that an address names; only acts that can be taken back themselves."""
    act, ids = request.query.get("undo_act", ""), request.query.get("ids", "").split(",")
    known = tuple(one for one in ids[:MOST] if _is_id(one))
    return Undo(act, known, request.query.get("undo_tag", "")[:100]) if act in _UNDO and known else None


async def bulk(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Do `act` with the posts that are ticked. Publishing, withdrawing and deleting are asked first (`sure`)."""
    services = request.app[SERVICES]
    act = form.choice("act", ACTS)
    back = safe_back(form.text("back", limit=2_000), "/studio/posts")
    ids = [PostId(int(one)) for one in form.texts("post") if _is_id(one)]
    tag = form.line("tag", limit=100).lstrip("#")
    if not act or not ids or (act in ("tag", "untag") and not tag):
        return done(back, "bulk_nothing")
    if len(ids) > MOST:
        raise InvalidInput(_("That are too many posts at once."), reason="form_too_many")
    found = await services.db.read(_mine, who, ids)
    if act in _ASKED and not form.flag("sure"):
        return await _ask(request, who, act, found, back)
    changed, failed = [], 0
    for post in found:
        try:
            if await _acts(services, who, tag)[act](post):
                changed.append(post.id)
        except StorageUnavailable:
            if not changed:
                raise
            failed += 1
        except FedblogError:
            failed += 1
    return see_other(_after(back, act, changed, failed + len(ids) - len(found), tag))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) < 2**63


def _after(back: str, act: str, changed: list[PostId], failed: int, tag: str) -> str:
    query = {"changed": str(len(changed)), "failed": str(failed)}
    if act in _UNDO and changed:
        query |= {"undo_act": _UNDO[act], "ids": ",".join(map(str, changed)), "undo_tag": tag}
    return f"{back}{'&' if '?' in back else '?'}{urlencode(query)}"


def _mine(tx: Tx, who: Who, ids: list[PostId]) -> list[Post]:
    """Those of the posts that are there and that this person may touch."""
    found = [posts.by_id(tx, post_id) for post_id in dict.fromkeys(ids)]
    return [
        post
        for post in found
        if post is not None and post.status is not PostStatus.DELETED and who.scope in (None, post.author_id)
    ]


async def _ask(request: web.Request, who: Who, act: str, found: list[Post], back: str) -> web.StreamResponse:
    number = len(found)
    asked = {
        "publish": (
            ngettext("Publish %(num)s post?", "Publish %(num)s posts?", number),
            _("They go out to your followers at once, one after the other."),
            _("Publish"),
        ),
        "unpublish": (
            ngettext("Unpublish %(num)s post?", "Unpublish %(num)s posts?", number),
            _("They leave this site, and every server that has them is asked to delete its copy."),
            _("Unpublish"),
        ),
        "delete": (
            ngettext("Delete %(num)s post for good?", "Delete %(num)s posts for good?", number),
            _("Texts and earlier versions are gone. Every server that has them is asked to delete its copy."),
            _("Delete for good"),
        ),
    }
    question, line, button = asked[act]
    return await show(
        request,
        who,
        "bulk.html",
        question=question % {"num": number},
        line=line,
        button=button,
        act=act,
        posts=found,
        back=back,
    )


Act = Callable[[Post], Awaitable[bool]]


def _acts(services: Services, who: Who, tag: str) -> dict[str, Act]:
    """Each act: whether it changed the post. Raises what publishing raises."""
    publisher = services.publisher

    async def publish(post: Post) -> bool:
        if post.trashed_at is not None or (not post.title.strip() and not post.source.strip()):
            raise Conflict("nothing to publish")
        await publisher.publish(post.id)
        return True

    async def unpublish(post: Post) -> bool:
        await publisher.unpublish(post.id)
        return True

    async def delete(post: Post) -> bool:
        await publisher.delete(post.id)
        return True

    async def trash(post: Post) -> bool:
        await publisher.trash(post.id)
        return post.trashed_at is None

    async def restore(post: Post) -> bool:
        await publisher.untrash(post.id)
        return post.trashed_at is not None

    async def add_tag(post: Post) -> bool:
        if any(one.casefold() == tag.casefold() for one in post.tags):
            return False
        return await set_tags(post, (*post.tags, tag))

    async def remove_tag(post: Post) -> bool:
        left = tuple(one for one in post.tags if one.casefold() != tag.casefold())
        return len(left) < len(post.tags) and await set_tags(post, left)

    async def set_tags(post: Post, tags: tuple[str, ...]) -> bool:
        # Silent: a hundred old posts in everybody's timeline is not what a tag is for.
        text = replace(PostText.of(post), tags=tags)
        await publisher.edit(
            post.id, text, editor_id=who.actor.id, expected_version=post.version, silent=True, note=_("Tags changed")
        )
        return True

    return {
        "publish": publish,
        "unpublish": unpublish,
        "delete": delete,
        "trash": trash,
        "restore": restore,
        "tag": add_tag,
        "untag": remove_tag,
    }
