"""/studio/privacy: what is kept about a person of another server, for them to have or to have erased."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from aiohttp import web

from fedblog.blog.model import Actor, ActorId
from fedblog.errors import InvalidInput, NotFound
from fedblog.federation import privacy
from fedblog.storage import actors, person_record
from fedblog.storage.database import Tx
from fedblog.web.i18n import gettext as _
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, number_in_path, show
from fedblog.web.studio.forms import Form

_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody, and how much of them is here."""

    actor: Actor
    counts: dict[str, int]


async def privacy_page(request: web.Request, who: Who) -> web.StreamResponse:
    """Ask for somebody by `?who=`: handle, id or the address of their profile."""
    typed = " ".join(request.query.get("who", "").split())[:2_000]
    if not typed:
        return await show(request, who, "privacy.html", typed="", found=None, done=None)

    def read(tx: Tx) -> list[Known]:
        return [Known(actor, person_record.counts(tx, actor)) for actor in person_record.find(tx, typed)]

    try:
        found = await request.app[SERVICES].db.read(read)
    except InvalidInput:
        problem = _("Write the address as @name@server.")
        return await show(request, who, "privacy.html", typed=typed, found=None, done=None, problem=problem, status=400)
    return await show(request, who, "privacy.html", typed=typed, found=found, done=None)


async def export(request: web.Request, who: Who) -> web.StreamResponse:
    """Everything about one person as a JSON file."""
    services, actor_id = request.app[SERVICES], ActorId(number_in_path(request))
    actor = await services.db.read(_stranger, actor_id)
    found = await privacy.held(services.db, services.avatars, services.attached, actor_id)
    name = _PLAIN.sub("-", actor.handle).strip("-") or "person"
    return web.Response(
        text=json.dumps(found, ensure_ascii=False, indent=2),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"', "Cache-Control": "private, no-store"},
    )


def _stranger(tx: Tx, actor_id: ActorId) -> Actor:
    actor = actors.by_id(tx, actor_id)
    if actor.local:
        raise NotFound("no such person")
    return actor


async def ask_erase(request: web.Request, who: Who) -> web.StreamResponse:
    """The question before."""
    actor = await request.app[SERVICES].db.read(_stranger, ActorId(number_in_path(request)))
    return await show(
        request,
        who,
        "confirm.html",
        question=_("Erase everything about %(handle)s?") % {"handle": actor.handle},
        lines=[
            _("Profile, replies, likes, boosts, follows and reports go for good, from pages, search and logs."),
            _("What they wrote until now is not taken again. They can write here anew, unless you block them first."),
            _("There is no way back. Backups that you made keep what was in them."),
        ],
        target=f"/studio/privacy/{actor.id}/erase",
        fields={},
        button=_("Erase"),
        back="/studio/privacy",
    )


async def erase(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Do it, and say what is left in our own words."""
    services, actor_id = request.app[SERVICES], ActorId(number_in_path(request))
    await services.db.read(_stranger, actor_id)
    done = await privacy.erase(services.db, services.avatars, services.attached, actor_id)
    return await show(request, who, "privacy.html", typed="", found=None, done=done)
