"""What other servers ask before anything else: WebFinger, host-meta, NodeInfo."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

import fedblog
from fedblog import __version__
from fedblog.activitypub import discovery
from fedblog.activitypub.ids import LocalIds
from fedblog.blog.model import Actor
from fedblog.config import Settings
from fedblog.errors import Gone, InvalidInput, NotFound
from fedblog.storage import accounts, actors, listing, replies
from fedblog.storage.database import Tx
from fedblog.web.conditional import conditional
from fedblog.web.keys import SERVICES, SETTINGS

JRD = "application/jrd+json"
FEDERATION_PATH = "/FEDERATION.md"


def add_routes(router: web.UrlDispatcher) -> None:
    """/.well-known/… and /nodeinfo/…"""
    router.add_get("/.well-known/webfinger", webfinger)
    router.add_get("/.well-known/host-meta", host_meta)
    router.add_get("/.well-known/host-meta.json", host_meta_json)
    router.add_get("/.well-known/nodeinfo", nodeinfo_links)
    router.add_get("/.well-known/change-password", change_password)
    router.add_get(FEDERATION_PATH, federation_document)
    router.add_get("/nodeinfo/{version:2\\.[01]}", nodeinfo)


async def webfinger(request: web.Request) -> web.Response:
    """Who is behind a handle, actor id or profile URL (DISC-01..03)."""
    resource = request.query.get("resource", "")
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    if not resource:
        raise InvalidInput("the `resource` parameter is missing", reason="resource_missing")
    if resource.rstrip("/") == settings.base_url:
        document = discovery.origin_jrd(settings.base_url)  # DISC-11
    else:
        actor = await services.db.read(_find, services.ids, settings, resource)
        document = discovery.webfinger_jrd(actor, ids=services.ids, settings=settings)
    body = json.dumps(document, ensure_ascii=False)
    return conditional(request, body.encode(), JRD)


def _find(tx: Tx, ids: LocalIds, settings: Settings, resource: str) -> Actor:
    actor = _named(tx, ids, settings, resource)
    if actor is None:
        raise NotFound("nobody here has that name")
    if actor.deleted_at is not None:
        raise Gone("this account was deleted")
    return actor


def _named(tx: Tx, ids: LocalIds, settings: Settings, resource: str) -> Actor | None:
    name = discovery.local_name(resource, ids=ids, settings=settings)
    if name is None:
        return None
    return actors.instance(tx) if name.lower() == settings.domain else actors.by_local_name(tx, name)


async def host_meta(request: web.Request) -> web.Response:
    """Where WebFinger is, as XRD (DISC-08)."""
    body = discovery.host_meta_xml(request.app[SETTINGS].base_url)
    return conditional(request, body.encode(), "application/xrd+xml; charset=utf-8")


async def host_meta_json(request: web.Request) -> web.Response:
    """The same as JSON."""
    body = json.dumps(discovery.host_meta_json(request.app[SETTINGS].base_url))
    return conditional(request, body.encode(), JRD)


async def nodeinfo_links(request: web.Request) -> web.Response:
    """Where the NodeInfo documents are (DISC-09, DISC-10)."""
    body = json.dumps(discovery.nodeinfo_links(request.app[SETTINGS].base_url))
    return conditional(request, body.encode(), JRD)


async def nodeinfo(request: web.Request) -> web.Response:
    """What kind of server this is, in numbers."""
    version: discovery.NodeinfoVersion = "2.0" if request.match_info["version"] == "2.0" else "2.1"
    usage = await request.app[SERVICES].db.read(_usage)
    document = discovery.nodeinfo(
        version=version,
        software_version=__version__,
        users_total=usage.users,
        users_active_month=usage.active_month,
        users_active_halfyear=usage.active_halfyear,
        posts=usage.posts,
        comments=usage.comments,
        metadata={"federationDocument": f"{request.app[SETTINGS].base_url}{FEDERATION_PATH}"},
    )
    return conditional(request, json.dumps(document).encode(), discovery.nodeinfo_content_type(version))


@dataclass(frozen=True, slots=True)
class _Usage:
    users: int
    active_month: int
    active_halfyear: int
    posts: int
    comments: int


def _usage(tx: Tx) -> _Usage:
    """Somebody is active who published something in that time."""
    users = [account for account in accounts.all(tx) if account.disabled_at is None]
    newest = {account.id: listing.list_public(tx, author_id=account.actor_id, limit=1) for account in users}

    def active(days: int) -> int:
        since = tx.now - days * 86400
        return sum(1 for found in newest.values() if found and (found[0].published_at or 0) >= since)

    return _Usage(len(users), active(30), active(180), listing.count_public(tx), replies.count_public(tx))


async def federation_document(request: web.Request) -> web.Response:
    """How this program behaves towards other servers (FEP-67ff): FEDERATION.md of this very version."""
    return conditional(request, _federation_document(), "text/markdown; charset=utf-8")


@functools.cache
def _federation_document() -> bytes:
    """Beside the package's modules when it is installed, above them in a checkout."""
    package = Path(fedblog.__file__).parent
    found = next(place for place in (package, package.parent) if (place / "FEDERATION.md").is_file())
    return (found / "FEDERATION.md").read_bytes()


async def change_password(request: web.Request) -> web.Response:
    """Where password managers send people (W3C change-password-url)."""
    raise web.HTTPFound("/studio/account")
