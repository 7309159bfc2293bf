"""Our actors as documents: Person, Group and Application (PROTOCOL B)."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.multikey import read_pem
from fedblog.activitypub.pictures import media_type_of_url
from fedblog.activitypub.urls import maybe_uri
from fedblog.activitypub.vocab import Json
from fedblog.blog.model import Actor
from fedblog.config import Settings
from fedblog.text.dates import iso

TYPES = {"author": "Person", "blog": "Group", "instance": "Application"}
_KEY_PARTS = ("id", "type", "preferredUsername", "publicKey", "assertionMethod")
# FEP-844e: what our inbox verifies.
_RFC9421 = {"href": "https://datatracker.ietf.org/doc/html/rfc9421", "name": "RFC-9421: HTTP Message Signatures"}
_RFC9421_ED25519 = {
    "href": "https://datatracker.ietf.org/doc/html/rfc9421#name-eddsa-using-curve-edwards25",
    "name": "RFC-9421 signatures using the Ed25519 algorithm",
}


def actor_document(actor: Actor, *, ids: LocalIds, settings: Settings, keys: Sequence[tuple[str, str, str]]) -> Json:
    """A local actor's document, without `@context`.

    `keys` holds (key id, "rsa" | "ed25519", SPKI PEM); RSA goes to `publicKey`, Ed25519 to `assertionMethod`
    (ACT-07, ACT-09). `actor.fields` are plain text or a URL; URLs become `rel="me"` links (ACT-04).
    """
    document: Json = {
        "id": actor.uri,
        "type": TYPES[actor.local],
        "preferredUsername": actor.username,
        "webfinger": f"{actor.username}@{actor.domain}",
        "name": actor.display_name,
        "summary": actor.summary_html,
        "url": actor.url,
        "published": iso(actor.created_at),
        "inbox": actor.inbox,
        "outbox": ids.outbox(actor.uri),
        "followers": actor.followers_uri,
        "following": ids.following(actor.uri),
        "featured": ids.featured(actor.uri),
        "endpoints": {"sharedInbox": actor.shared_inbox or ids.shared_inbox()},
        "manuallyApprovesFollowers": actor.manually_approves,
        "discoverable": actor.local != "instance",
        "indexable": actor.local != "instance",
        "attachment": [_field(name, value) for name, value in actor.fields],
        "tag": [],
        "generator": _generator(ids),
    }
    if actor.local != "instance":
        document["attributionDomains"] = [settings.authority]
    if actor.also_known_as:
        document["alsoKnownAs"] = list(actor.also_known_as)
    if actor.moved_to:
        document["movedTo"] = actor.moved_to
    for key, url in (("icon", actor.icon_url), ("image", actor.image_url)):
        if url:
            document[key] = {"type": "Image", "mediaType": media_type_of_url(url), "url": url}
    return {**document, **_keys(actor, keys)}


def key_document(document: Json) -> Json:
    """The part of an actor document that everybody may read under authorized fetch: who it is and its keys.

    Without an inbox, so that readers take it for the thin document that it is (ACT-15, as GoToSocial does).
    """
    return {name: document[name] for name in _KEY_PARTS if name in document}


def _generator(ids: LocalIds) -> Json:
    """Which signatures we understand, so that peers may use them (DISC-17, FEP-844e)."""
    return {"type": "Application", "id": ids.instance(), "implements": [_RFC9421, _RFC9421_ED25519]}


def _field(name: str, value: str) -> Json:
    shown = escape(value)
    if maybe_uri(value):
        text = escape(value.partition("://")[2].removesuffix("/"))
        shown = f'<a href="{shown}" rel="me nofollow noopener" target="_blank">{text}</a>'
    return {"type": "PropertyValue", "name": name, "value": shown}


def _keys(actor: Actor, keys: Sequence[tuple[str, str, str]]) -> Json:
    found: Json = {}
    for key_id, algorithm, pem in keys:
        if algorithm == "rsa" and "publicKey" not in found:
            found["publicKey"] = {"id": key_id, "owner": actor.uri, "publicKeyPem": pem}
        elif algorithm in ("rsa", "ed25519"):  # an RSA key that signs no more is still listed for a week (ACT-11)
            multikey = {"type": "Multikey", "controller": actor.uri, "publicKeyMultibase": read_pem(pem).multibase}
            found.setdefault("assertionMethod", []).append({"id": key_id, **multikey})
    return found
