"""/studio/moving: where an author comes from, and where they go to (ACT-12)."""

from __future__ import annotations

from aiohttp import web

from fedblog.errors import FedblogError, StorageUnavailable
from fedblog.storage import actors
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, show
from fedblog.web.studio.forms import Form


async def moving(request: web.Request, who: Who) -> web.StreamResponse:
    """Both forms."""
    return await _page(request, who, aliases="\n".join(who.actor.also_known_as), target="")


async def _page(
    request: web.Request, who: Who, *, aliases: str, target: str, problem: str = "", status: int = 200
) -> web.Response:
    home = None
    if who.actor.moved_to:
        home = await request.app[SERVICES].db.read(actors.by_uri, who.actor.moved_to)
    return await show(
        request, who, "moving.html", aliases=aliases, target=target, home=home, problem=problem, status=status
    )


async def save_aliases(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Keep the other accounts, one a line; each is looked up."""
    typed = form.text("aliases", limit=20_000)
    try:
        await request.app[SERVICES].publisher.set_aliases(who.actor.id, typed.split("\n"))
    except StorageUnavailable:
        raise
    except FedblogError as error:
        return await _page(request, who, aliases=typed, target="", problem=str(error), status=400)
    return done("/studio/moving", "aliases")


async def move(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Move, where the new account says that it is also this one; or take that back."""
    target, back = form.line("target", limit=2048), form.choice("do", ("move", "unmove")) == "unmove"
    aliases = "\n".join(who.actor.also_known_as)
    if not target and not back:
        problem = "Write the address of the new account."
        return await _page(request, who, aliases=aliases, target="", problem=problem, status=400)
    try:
        await request.app[SERVICES].publisher.move_to(who.actor.id, "" if back else target)
    except StorageUnavailable:
        raise
    except FedblogError as error:
        return await _page(request, who, aliases=aliases, target=target, problem=str(error), status=400)
    return done("/studio/moving", "unmoved" if back else "moved")
