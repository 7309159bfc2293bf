"""Reply, like, boost and follow from one's own server: a handle becomes the page there that does it (DISC-15)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from yarl import URL

from fedblog.activitypub.discovery import Handle, Jrd, fill_template, parse_acct
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import Uri, maybe_uri, origin_of
from fedblog.blog.model import ReplyId, ReplyState
from fedblog.config import Settings
from fedblog.errors import FederationError, FetchTemporary, InvalidInput, NotFound
from fedblog.federation.places import find_actor, find_parent
from fedblog.storage import actors, replies
from fedblog.storage.database import Tx
from fedblog.web.documents import is_public
from fedblog.web.i18n import gettext, later
from fedblog.web.keys import ADDRESS, LIMITS, SERVICES, SETTINGS
from fedblog.web.render import render

MAX_HANDLE: Final = 320
NOT_AN_ADDRESS: Final = later("That doesn't look like an address. It has two parts: @you@your.server")
NO_ANSWER: Final = later("That server doesn't answer right now. Try again in a moment, or search by hand.")
NO_SUCH_ACCOUNT: Final = later("No account with that address was found. Check the spelling, or search by hand.")


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to take part: the page's words, and the FEP-3b86 intents to try, the best first."""

    heading: str
    button: str
    intents: tuple[str, ...]


KINDS: Final = {
    "reply": Kind(later("Reply from your own server"), later("Reply"), ("Object",)),
    "like": Kind(later("Like this from your own server"), later("Like"), ("Like", "Object")),
    "boost": Kind(later("Boost this from your own server"), later("Boost"), ("Announce", "Object")),
    "follow": Kind(later("Follow from your own server"), later("Follow"), ("Follow", "Object")),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What is acted on: its id, what people can paste into a search field, and its page here."""

    uri: str
    shown: str
    back: str


async def follow(request: web.Request) -> web.Response:
    """/follow: the blog as a whole."""
    target = await request.app[SERVICES].db.read(_blog_target)
    return _form(request, "follow", target)


async def interact(request: web.Request) -> web.Response:
    """/interact?kind=&uri=[&handle=]: the form, or with a handle straight to that server. `reply=ID` is a uri too."""
    return await _interact(request, request.query.get("kind", "reply"), request.query)


async def like(request: web.Request) -> web.Response:
    """/like/ID[?handle=]: `interact` for a reply, in few letters, as each reply has two such links."""
    return await _interact(request, "like", request.match_info)


async def boost(request: web.Request) -> web.Response:
    """/boost/ID[?handle=]: as `like`."""
    return await _interact(request, "boost", request.match_info)


async def _interact(request: web.Request, kind: str, asked: Mapping[str, str]) -> web.Response:
    if kind not in KINDS:
        raise NotFound("no such thing to do")
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    target = await services.db.read(asked_target, services.ids, asked)
    handle = request.query.get("handle", "").strip()[:MAX_HANDLE]
    if not handle:
        return _form(request, kind, target)
    request.app[LIMITS].take("lookup", request[ADDRESS], settings.limits.remote_lookups_per_minute)
    try:
        parsed = parse_acct(handle)
        jrd = await services.fetcher.jrd(parsed)
        place = server_page(jrd, parsed, kind, target.uri, settings)
    except InvalidInput:
        return _form(request, kind, target, handle, NOT_AN_ADDRESS)
    except FetchTemporary:
        return _form(request, kind, target, handle, NO_ANSWER)
    except FederationError:
        return _form(request, kind, target, handle, NO_SUCH_ACCOUNT)
    raise web.HTTPSeeOther(URL(place, encoded=True))  # as encoded: nothing may be read differently there


def server_page(jrd: Jrd, handle: Handle, kind: str, uri: str, settings: Settings) -> Uri:
    """Where the visitor's own server does it: an intent, the OStatus page, or the address that Mastodon made usual.

    Raises `InvalidInput` where a template gives no http(s) URL.
    """
    template = next((jrd.intents[name] for name in KINDS[kind].intents if name in jrd.intents), "")
    values = {"object": uri, "uri": uri}
    for candidate in (template, jrd.subscribe_template):
        if candidate and (candidate.startswith("https:") or settings.federation.allow_http):
            return fill_template(candidate, values)
    # The server may live elsewhere than the handle (DISC-06); its own actor URL says where.
    origin = origin_of(jrd.self_href) if jrd.self_href else f"https://{handle.host}"
    if origin.startswith("http:") and not settings.federation.allow_http:
        raise InvalidInput("that server is not reached by https", reason="uri_invalid")
    return fill_template(f"{origin}/authorize_interaction?uri={{uri}}", values)


def find_target(tx: Tx, ids: LocalIds, uri: str) -> Target:
    """What `uri` names here: a post, a reply in a thread, an author or the blog.

    Only what is public on this site: the form sends nobody to foreign addresses. Raises `NotFound`.
    """
    usable = maybe_uri(uri)
    if usable is None:
        raise NotFound("nothing to act on")
    actor = find_actor(tx, ids, usable)
    if actor is not None:
        return Target(actor.uri, actor.handle, actor.url)
    place = find_parent(tx, ids, usable)
    if place is None or not is_public(place.post):
        raise NotFound("nothing to act on")
    author = actors.by_id(tx, place.post.author_id)
    page = ids.post_page(author.username, place.post.slug)
    if place.reply is None:
        return Target(place.post.uri, page, page)
    if place.reply.state is not ReplyState.PUBLISHED or not place.reply.visibility.is_public:
        raise NotFound("nothing to act on")
    back = ids.reply_page(author.username, place.post.slug, place.reply.id)
    return Target(place.reply.uri, place.reply.url or place.reply.uri, back)


def asked_target(tx: Tx, ids: LocalIds, query: Mapping[str, str]) -> Target:
    """What `reply=ID` or `uri=` of a query names. Raises `NotFound`."""
    number = query.get("reply", "")
    if not number:
        return find_target(tx, ids, query.get("uri", ""))
    is_id = number.isascii() and number.isdigit() and len(number) < 20 and int(number) < 2**63
    reply = replies.by_id(tx, ReplyId(int(number))) if is_id else None
    if reply is None:
        raise NotFound("nothing to act on")
    return find_target(tx, ids, reply.uri)


def _blog_target(tx: Tx) -> Target:
    blog = actors.blog(tx)
    return Target(blog.uri, blog.handle, "/")


def _form(request: web.Request, kind: str, target: Target, handle: str = "", problem: str = "") -> web.Response:
    words = KINDS[kind]
    return render(
        request,
        "public/interact.html",
        kind=kind,
        uri=target.uri,
        target=target.shown,
        back=target.back,
        handle=handle,
        problem=gettext(problem) if problem else "",
        heading=gettext(words.heading),
        button=gettext(words.button),
    )


async def authorize_interaction(request: web.Request) -> web.Response:
    """/authorize_interaction?uri=: where our own authors' WebFinger sends them; to the thing, if it is here."""
    services = request.app[SERVICES]
    uri = request.query.get("uri", "").removeprefix("acct:")
    target = await services.db.read(find_target, services.ids, uri)
    raise web.HTTPSeeOther(target.back)
