"""/studio/blocks: whom the blog doesn't hear. Editors and the owner decide, everybody may look."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from aiohttp import web

from fedblog.activitypub.block_lists import domain_name, is_or_holds, is_registry
from fedblog.activitypub.discovery import parse_acct
from fedblog.activitypub.urls import host_of, maybe_uri, parse_uri
from fedblog.blog.model import Actor
from fedblog.errors import FedblogError, InvalidInput, StorageUnavailable
from fedblog.federation.services import Services
from fedblog.storage import actors, block_effects, moderation
from fedblog.web.i18n import gettext, later
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, number_in_query, safe_back, show
from fedblog.web.studio.forms import Form

_HOME = "/studio/blocks"
PAGE = 200
_SHARED = re.compile(r"^[a-z]{2,3}\.[a-z]{2}$")
_MOST_ABOVE = 3
_LIMIT_LABEL = later("Don't block, but hold every reply from that server until somebody approves it:")


async def blocks(request: web.Request, who: Who) -> web.StreamResponse:
    """The list, a page at a time; `?q=` looks for a part of a name."""
    return await _list(request, who)


async def _list(request: web.Request, who: Who, *, problem: str = "") -> web.Response:
    found = await request.app[SERVICES].db.read(moderation.blocks)
    search = " ".join(request.query.get("q", "").split())[:200].lower()
    wanted = [block for block in found if search in block.value.lower()]
    skip = PAGE * min(number_in_query(request, "page") or 0, 10_000)
    older = ""
    if len(wanted) > skip + PAGE:
        older = f"{_HOME}?" + urlencode({"q": search, "page": skip // PAGE + 1})
    return await show(
        request,
        who,
        "blocks.html",
        status=400 if problem else 200,
        problem=problem,
        blocks=wanted[skip : skip + PAGE],
        total=len(found),
        search=search,
        older=older,
    )


async def ask_block(request: web.Request, who: Who) -> web.StreamResponse:
    """The question before blocking: this person, or their whole server? `?actor=` is an id, `?value=` typed."""
    services = request.app[SERVICES]
    back = safe_back(request.query.get("back", ""), _HOME)
    typed = (request.query.get("actor", "") or request.query.get("value", "")).strip()[:2000]
    try:
        actor, choices = await _choices(services, typed)
        touched = await services.db.read(block_effects.effects, {(kind, value) for kind, value, _ in choices})
    except StorageUnavailable:
        raise
    except FedblogError as error:
        return await _list(request, who, problem=str(error))
    return await show(request, who, "block_new.html", actor=actor, choices=choices, touched=touched, back=back)


async def _choices(services: Services, typed: str) -> tuple[Actor | None, list[tuple[str, str, str]]]:
    """The actor that is meant, if known, and (kind, value, label) of what can be blocked."""
    uri = maybe_uri(typed)
    named = domain_name(typed) if uri is None else None
    if named is not None:
        host = _server(services, named)
        return None, [
            ("domain", host, gettext("The whole server and all below it:")),
            *_above(services, host),
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
        *_above(services, host),
        ("limit", host, gettext(_LIMIT_LABEL)),
    ]


def _above(services: Services, host: str) -> list[tuple[str, str, str]]:
    """Domains above a host, for servers that come under ever new names; none that only hold others (com, co.uk)."""
    labels = host.partition(":")[0].split(".")
    above = [".".join(labels[number:]) for number in range(1, len(labels) - 1)][-_MOST_ABOVE:]
    ours = _own(services)
    names = [
        one
        for one in above
        if not _SHARED.match(one) and not one.replace(".", "").isdigit() and not is_or_holds(one, ours)
    ]
    return [("domain", one, gettext("Every server below this domain:")) for one in names]


def _own(services: Services) -> tuple[str, str]:
    return services.settings.domain, services.settings.authority


def _foreign(services: Services, host: str) -> str:
    if host in _own(services):
        raise InvalidInput(gettext("That is this blog itself."), reason="block_self")
    return host


def _server(services: Services, host: str) -> str:
    """A name that can be blocked with all below it. Raises `InvalidInput`."""
    host = domain_name(host) or host
    if is_registry(host):
        raise InvalidInput(gettext("That would block a whole part of the internet."), reason="block_all")
    if is_or_holds(host, _own(services)):
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
        await services.publisher.block_domain(_server(services, value), reason=reason)
    elif kind == "limit":
        await services.publisher.limit_domain(_server(services, value), reason=reason)
    else:
        raise InvalidInput(gettext("Choose a person or a server."), reason="form_choice")
    return done(safe_back(form.text("back"), _HOME), "blocked")


async def unblock(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Take a block back."""
    kind = form.choice("kind", ("actor", "domain", "limit", "account"))
    publisher, value = request.app[SERVICES].publisher, form.text("value", limit=2048)
    if kind == "account":  # named by a list, and never seen here
        await request.app[SERVICES].db.write(moderation.unblock, kind, value)
        return done(_HOME, "unblocked")
    undo = {"actor": publisher.unblock_actor, "domain": publisher.unblock_domain, "limit": publisher.unlimit_domain}
    await undo[kind](value)
    return done(_HOME, "unblocked")
