"""/studio/profile: how people see this author, here and on their own servers."""

from __future__ import annotations

from itertools import zip_longest

from aiohttp import web

from fedblog.errors import InvalidInput
from fedblog.media.names import PictureKind
from fedblog.storage import actors
from fedblog.text.plain import plain_text
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, show
from fedblog.web.studio.forms import Form
from fedblog.web.studio.uploads import keep_upload

MAX_FIELDS = 8
_SPARE = 2
_MAX_BIO = 5000


async def profile(request: web.Request, who: Who) -> web.StreamResponse:
    """The form with what is stored."""
    bio = await request.app[SERVICES].db.read(actors.summary_source, who.actor.id)
    return await _page(
        request,
        who,
        name=who.actor.name,
        bio=bio,
        fields=[(label, plain_text(value)) for label, value in who.actor.fields],
        approve=who.actor.manually_approves,
    )


async def _page(
    request: web.Request,
    who: Who,
    *,
    name: str,
    bio: str,
    fields: list[tuple[str, str]],
    approve: bool,
    problem: str = "",
    status: int = 200,
) -> web.Response:
    empty = min(_SPARE, MAX_FIELDS - len(fields)) if fields else 4
    return await show(
        request,
        who,
        "profile.html",
        name=name,
        bio=bio,
        fields=[*fields, *[("", "")] * empty],
        approve=approve,
        problem=problem,
        status=status,
    )


async def save_profile(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Keep it and tell everybody who knows this author."""
    name, bio = form.line("name")[:100], form.text("bio").strip()
    pairs = zip_longest(form.texts("label"), form.texts("value"), fillvalue="")
    fields = [(label[:100], value[:500]) for label, value in pairs if label and value][:MAX_FIELDS]
    try:
        if len(bio) > _MAX_BIO:
            raise InvalidInput(f"The text about you has at most {_MAX_BIO:,} characters.", reason="form_too_long")
        await request.app[SERVICES].publisher.update_profile(
            who.actor.id,
            name=name,
            summary_source=bio,
            icon_url=await _picture(request, who, form, "icon", PictureKind.AVATAR, who.actor.icon_url),
            image_url=await _picture(request, who, form, "header", PictureKind.HEADER, who.actor.image_url),
            fields=tuple(fields),
            manually_approves=form.flag("approve"),
        )
    except InvalidInput as error:
        return await _page(
            request,
            who,
            name=name,
            bio=bio,
            fields=fields,
            approve=form.flag("approve"),
            problem=str(error),
            status=400,
        )
    return done("/studio/profile", "profile")


async def _picture(request: web.Request, who: Who, form: Form, name: str, kind: PictureKind, present: str) -> str:
    """The URL of a picture on the profile: the one that was sent, none, or the one that is there."""
    upload = form.upload(name)
    if upload is not None:
        return request.app[SERVICES].library.url(await keep_upload(request, who, upload, kind))
    return "" if form.flag(f"remove_{name}") else present
