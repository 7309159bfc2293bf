"""/studio/blocks: whom the blog doesn't hear. Editors and the owner decide, everybody may look."""

from __future__ import annotations

import re

from aiohttp import web

from fedblog.activitypub.discovery import parse_acct
from fedblog.activitypub.urls import host_of, maybe_uri, parse_uri
from fedblog.blog.model import Actor
from fedblog.errors import FedblogError, InvalidInput, StorageUnavailable
from fedblog.federation.services import Services
from fedblog.storage import actors, moderation
from fedblog.web.i18n import gettext, later
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, safe_back, show
from fedblog.web.studio.forms import Form

_HOME = "/studio/blocks"
_LIMIT_LABEL = later("Don't block, but hold every reply from that server until somebody approves it:")
_DOMAIN = re.compile(r"^(?:[a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}(?::[0-9]{1,5})?$")


async def blocks(request: web.Request, who: Who) -> web.StreamResponse:
    """The list."""
    found = await request.app[SERVICES].db.read(moderation.blocks)
    return await show(request, who, "blocks.html", blocks=found)


async def ask_block(request: web.Request, who: Who) -> web.StreamResponse:
    """The question before blocking: this person, or their whole server? `?actor=` is an id, `?value=` typed."""
    services = request.app[SERVICES]
    back = safe_back(request.query.get("back", ""), _HOME)
    typed = (request.query.get("actor", "") or request.query.get("value", "")).strip()[:2000]
    try:
        actor, choices = await _choices(services, typed)
    except StorageUnavailable:
        raise
    except FedblogError as error:
        found = await services.db.read(moderation.blocks)
        return await show(request, who, "blocks.html", blocks=found, status=400, problem=str(error))
    return await show(request, who, "block_new.html", actor=actor, choices=choices, back=back)


async def _choices(services: Services, typed: str) -> tuple[Actor | None, list[tuple[str, str, str]]]:
    """The actor that is meant, if known, and (kind, value, label) of what can be blocked."""
    uri = maybe_uri(typed)
    if uri is None and _DOMAIN.match(typed.lower()):
        host = _foreign(services, typed.lower())
        return None, [
            ("domain", host, gettext("The whole server and all below it:")),
            ("limit", host, gettext(_LIMIT_LABEL)),
        ]
    if uri is None:
        handle = parse_acct(typed)
        uri = await services.fetcher.webfinger_actor(handle)
    host = _foreign(services, host_of(uri))
    actor = await services.db.read(actors.by_uri, uri)
    return actor, [
        ("actor", uri, gettext("Only this person:")),
        ("domain", host, gettext("Their whole server and all below it:")),
        ("limit", host, gettext(_LIMIT_LABEL)),
    ]


def _foreign(services: Services, host: str) -> str:
    if host in (services.settings.domain, services.settings.authority):
        raise InvalidInput(gettext("That is this blog itself."), reason="block_self")
    return host


async def block(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Block an actor or a domain."""
    kind, _, value = form.line("choice", limit=2100).partition(" ")
    services, reason = request.app[SERVICES], form.line("reason", limit=300)
    if kind == "actor":
        _foreign(services, host_of(parse_uri(value)))
        await services.publisher.block_actor(value, reason=reason)
    elif kind == "domain":
        await services.publisher.block_domain(_foreign(services, value), reason=reason)
    elif kind == "limit":
        await services.publisher.limit_domain(_foreign(services, value), reason=reason)
    else:
        raise InvalidInput(gettext("Choose a person or a server."), reason="form_choice")
    return done(safe_back(form.text("back"), _HOME), "blocked")


async def unblock(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Take a block back."""
    kind = form.choice("kind", ("actor", "domain", "limit"))
    publisher, value = request.app[SERVICES].publisher, form.text("value", limit=2048)
    undo = {"actor": publisher.unblock_actor, "domain": publisher.unblock_domain, "limit": publisher.unlimit_domain}
    await undo[kind](value)
    return done(_HOME, "unblocked")
