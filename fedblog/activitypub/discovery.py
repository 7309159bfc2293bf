"""WebFinger, host-meta and NodeInfo: made for our actors, read from others (PROTOCOL A).

Sources: RFC 7033 (WebFinger), RFC 6415 (host-meta), NodeInfo 2.0/2.1, FEP-f1d5, FEP-2677, FEP-3b86.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote
from xml.sax.saxutils import quoteattr

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.pictures import media_type_of_url
from fedblog.activitypub.urls import Uri, host_of, maybe_uri, parse_uri
from fedblog.activitypub.values import one_or_many
from fedblog.activitypub.vocab import Json
from fedblog.activitypub.wire import ACTIVITY_JSON, is_activity_type
from fedblog.blog.model import Actor
from fedblog.config import Settings
from fedblog.errors import InvalidInput, Refused

REL_PROFILE_PAGE = "http://webfinger.net/rel/profile-page"
REL_AVATAR = "http://webfinger.net/rel/avatar"
REL_SUBSCRIBE = "http://ostatus.org/schema/1.0/subscribe"
REL_INTENT = "https://w3id.org/fep/3b86/"
REL_SERVICE = "https://www.w3.org/ns/activitystreams#Service"
REL_APPLICATION = "https://www.w3.org/ns/activitystreams#Application"
NODEINFO_SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/"
SUBSCRIBE_PATH = "/authorize_interaction?uri={uri}"
# FEP-3b86, what an author can do here for other sites' buttons: see an object in its thread, begin a post.
# There is no Follow (our authors follow nobody), and no template takes `on-success`: nothing sends people elsewhere.
INTENT_PATHS = {
    "Object": "/authorize_interaction?uri={object}",
    "Create": "/studio/posts/new?title={name}&content={content}",
}
MAX_LINKS = 100

NodeinfoVersion = Literal["2.0", "2.1"]

_NAME = re.compile(r"[A-Za-z0-9_.~+-]{1,64}")
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Handle:
    """`name@host`; host in lower case, ASCII, with its port if it is not 443."""

    name: str
    host: str

    @property
    def acct(self) -> str:
        """As a WebFinger resource: `acct:name@host`."""
        return f"acct:{self.name}@{self.host}"


@dataclass(frozen=True, slots=True)
class Jrd:
    """What another server's WebFinger says; "" for what it doesn't. `intents` are FEP-3b86 templates by activity."""

    subject: str
    aliases: tuple[str, ...]
    self_href: str
    profile_page: str
    subscribe_template: str
    intents: dict[str, str]

    @property
    def handle(self) -> Handle | None:
        """The subject as a handle, if it is one."""
        try:
            return parse_acct(self.subject)
        except InvalidInput:
            return None


def parse_acct(text: str) -> Handle:
    """A handle out of `@name@host`, `acct:name@host` or `name@host`; the host may have a port.

    Raises `InvalidInput` (reason `handle_invalid`).
    """
    name, at, host = text.strip().removeprefix("acct:").removeprefix("@").partition("@")
    url = maybe_uri(f"https://{host}/") if at and not re.search(r"[/?#@]", host) else None
    if url is None or not _NAME.fullmatch(name):
        raise InvalidInput("write a handle like @name@server.example", reason="handle_invalid")
    return Handle(name, host_of(url))


def local_name(resource: str, *, ids: LocalIds, settings: Settings) -> str | None:
    """The user name that a WebFinger `resource` means (DISC-02): a handle, an actor id or a profile page of ours.

    None for foreign hosts and other URLs; the spelling is the asker's, so compare without case. The instance actor's
    name is the domain. Raises `InvalidInput` (reason `resource_invalid`) for what is neither (DISC-03).
    """
    text = resource.strip()
    if "://" not in text and "%" in text:
        text = unquote(text)
    if "://" in text:
        target = ids.parse(parse_uri(text))
        if target is None or target.kind not in ("actor", "instance", "profile_page"):
            return None
        return target.name or settings.domain
    try:
        handle = parse_acct(text)
    except InvalidInput:
        raise InvalidInput("resource must be acct:name@host or a URL", reason="resource_invalid") from None
    return handle.name if handle.host in (settings.domain, settings.authority) else None


def webfinger_jrd(actor: Actor, *, ids: LocalIds, settings: Settings) -> Json:
    """The JRD of one of our actors (DISC-01, DISC-04, DISC-05)."""
    links: list[Json] = [
        {"rel": "self", "type": ACTIVITY_JSON, "href": actor.uri},
        {"rel": REL_PROFILE_PAGE, "type": "text/html", "href": actor.url},
    ]
    if actor.icon_url:
        links.append({"rel": REL_AVATAR, "type": media_type_of_url(actor.icon_url), "href": actor.icon_url})
    if actor.local != "instance":
        links.append({"rel": REL_SUBSCRIBE, "template": f"{ids.base_url}{SUBSCRIBE_PATH}"})
    if actor.local == "author":
        intents = ((name, f"{ids.base_url}{path}") for name, path in INTENT_PATHS.items())
        links.extend({"rel": f"{REL_INTENT}{name}", "template": template} for name, template in intents)
    aliases = list(dict.fromkeys([actor.url, actor.uri]))
    return {"subject": f"acct:{actor.username}@{settings.domain}", "aliases": aliases, "links": links}


def origin_jrd(base_url: str) -> Json:
    """The JRD of the server itself: which actor is the server's own (DISC-11, FEP-d556)."""
    instance = LocalIds(base_url).instance()
    link = {"rel": REL_SERVICE, "type": ACTIVITY_JSON, "href": instance}
    return {"subject": f"{base_url}/", "aliases": [instance], "links": [link]}


def read_jrd(doc: object) -> Jrd:
    """Another server's JRD; unknown and unusable links are left out.

    Whether the subject's host confirms is for the caller to ask (DISC-07). Raises `Refused` (400, `jrd_invalid`) for
    what is no JSON object.
    """
    if not isinstance(doc, dict):
        raise Refused("WebFinger answered something else than a JRD", reason="jrd_invalid")
    links = [link for link in one_or_many(doc.get("links"))[:MAX_LINKS] if isinstance(link, dict)]
    subject = doc.get("subject")
    return Jrd(
        subject=subject if isinstance(subject, str) else "",
        aliases=tuple(item for item in one_or_many(doc.get("aliases"))[:MAX_LINKS] if isinstance(item, str)),
        self_href=next((_href(link) for link in links if _is_self(link) and _href(link)), ""),
        profile_page=next((_href(link) for link in links if link.get("rel") == REL_PROFILE_PAGE), ""),
        subscribe_template=next((_template(link) for link in links if link.get("rel") == REL_SUBSCRIBE), ""),
        intents=_intents(links),
    )


def fill_template(template: str, values: Mapping[str, str]) -> Uri:
    """A URL out of a template: values percent-encoded, unknown placeholders emptied (DISC-15, FEP-3b86 §3.2).

    Raises `InvalidInput` (reason `uri_invalid`) where that gives no http(s) URL.
    """
    return parse_uri(_PLACEHOLDER.sub(lambda match: quote(values.get(match[1], ""), safe=""), template))


def host_meta_xml(base_url: str) -> str:
    """`/.well-known/host-meta` as XRD (DISC-08)."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="lrdd" type="application/jrd+json" template={quoteattr(_lrdd(base_url))}/>\n'
        "</XRD>\n"
    )


def host_meta_json(base_url: str) -> Json:
    """`/.well-known/host-meta.json` (DISC-08)."""
    return {"links": [{"rel": "lrdd", "type": "application/jrd+json", "template": _lrdd(base_url)}]}


def nodeinfo_links(base_url: str) -> Json:
    """`/.well-known/nodeinfo`: both versions, and the instance actor (DISC-09, DISC-10)."""
    versions = [
        {"rel": f"{NODEINFO_SCHEMA}{version}", "href": f"{base_url}/nodeinfo/{version}"} for version in ("2.1", "2.0")
    ]
    return {"links": [*versions, {"rel": REL_APPLICATION, "href": LocalIds(base_url).instance()}]}


def nodeinfo(
    *,
    version: NodeinfoVersion,
    software_version: str,
    users_total: int,
    users_active_month: int,
    users_active_halfyear: int,
    posts: int,
    comments: int,
    metadata: Json | None = None,
) -> Json:
    """The NodeInfo document in one of its versions (DISC-09)."""
    return {
        "version": version,
        "software": {"name": "fedblog", "version": software_version},
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": False,
        "usage": {
            "users": {
                "total": users_total,
                "activeMonth": users_active_month,
                "activeHalfyear": users_active_halfyear,
            },
            "localPosts": posts,
            "localComments": comments,
        },
        "metadata": metadata or {},
    }


def nodeinfo_content_type(version: NodeinfoVersion) -> str:
    """The media type that a NodeInfo document is served as."""
    return f'application/json; profile="{NODEINFO_SCHEMA}{version}#"'


def _lrdd(base_url: str) -> str:
    return f"{base_url}/.well-known/webfinger?resource={{uri}}"


def _is_self(link: Json) -> bool:
    kind = link.get("type")
    return link.get("rel") == "self" and isinstance(kind, str) and is_activity_type(kind)


def _href(link: Json) -> str:
    return maybe_uri(link.get("href")) or ""


def _template(link: Json) -> str:
    """A template that fills to an http(s) URL, as it was sent; else ""."""
    template = link.get("template")
    if not isinstance(template, str) or not template.startswith(("https://", "http://")):
        return ""
    host_part = template.partition("://")[2].partition("/")[0]
    return template if maybe_uri(_PLACEHOLDER.sub("", template)) and "{" not in host_part else ""


def _intents(links: list[Json]) -> dict[str, str]:
    found: dict[str, str] = {}
    for link in links:
        rel = link.get("rel")
        if isinstance(rel, str) and rel.startswith(REL_INTENT) and (template := _template(link)):
            found.setdefault(rel.removeprefix(REL_INTENT), template)
    return found
