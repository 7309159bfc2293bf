"""The people of a simulated server: who they are, their keys, and the actor documents real software would serve."""

from __future__ import annotations

import dataclasses
import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from fedblog.activitypub.urls import Uri
from fedblog.signatures.keys import PrivateKey, generate_ed25519, generate_rsa

Style = Literal["mastodon", "gotosocial", "misskey", "pleroma", "lemmy", "wordpress"]
KeyType = Literal["rsa", "ed25519"]

AS_CONTEXT = "https://www.w3.org/ns/activitystreams"
SECURITY_CONTEXT = "https://w3id.org/security/v1"
MULTIKEY_CONTEXT = "https://w3id.org/security/multikey/v1"

# Where each kind of software puts an actor and its key (KEY-01).
_ACTOR_PATHS: dict[Style, str] = {
    "mastodon": "/users/{name}",
    "gotosocial": "/users/{name}",
    "misskey": "/users/9{name}",
    "pleroma": "/users/{name}",
    "lemmy": "/u/{name}",
    "wordpress": "/?author={number}",
}
_KEY_SUFFIXES: dict[Style, str] = {
    "mastodon": "#main-key",
    "gotosocial": "/main-key",
    "misskey": "#main-key",
    "pleroma": "#main-key",
    "lemmy": "#main-key",
    "wordpress": "#main-key",
}
SOFTWARE: dict[Style, tuple[str, str]] = {
    "mastodon": ("mastodon", "4.6.2"),
    "gotosocial": ("gotosocial", "0.20.1"),
    "misskey": ("misskey", "2026.3.1"),
    "pleroma": ("akkoma", "3.15.2"),
    "lemmy": ("lemmy", "1.0.0"),
    "wordpress": ("wordpress", "6.9"),
}


@dataclass
class PeerActor:
    """Somebody on a simulated server. `extra` is merged over the document, a None value takes a property away."""

    base_url: str
    username: str
    name: str
    key: PrivateKey
    type: str = "Person"
    style: Style = "mastodon"
    summary: str = ""
    icon: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    old_keys: list[PrivateKey] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def host(self) -> str:
        """host[:port] of the server."""
        return self.base_url.partition("://")[2]

    @property
    def path(self) -> str:
        """Path of the actor document."""
        return actor_path(self.style, self.username, self.type)

    @property
    def id(self) -> Uri:
        """The actor's id."""
        return Uri(self.base_url + self.path)

    @property
    def collections(self) -> str:
        """What the inbox and the actor's collections lie under; WordPress keeps them away from its query ids."""
        if self.style == "wordpress":
            return f"{self.base_url}/wp-json/activitypub/1.0/actors/{_number(self.username)}"
        return self.id

    @property
    def inbox(self) -> str:
        """The personal inbox."""
        return f"{self.collections}/inbox"

    @property
    def followers(self) -> str:
        """The followers collection."""
        return f"{self.collections}/followers"

    @property
    def url(self) -> str:
        """The profile page."""
        if self.style == "lemmy":
            return f"{self.base_url}/u/{self.username}"
        if self.style == "wordpress":
            return f"{self.base_url}/author/{self.username}/"
        return f"{self.base_url}/@{self.username}"

    @property
    def handle(self) -> str:
        """`@name@host`."""
        return f"@{self.username}@{self.host}"

    @property
    def key_path(self) -> str:
        """Path of a key document of its own; "" where the key lives inside the actor document."""
        return f"{self.path}/main-key" if self.style == "gotosocial" else ""

    def document(self) -> dict[str, Any]:
        """The whole actor document."""
        doc: dict[str, Any] = {
            "@context": [AS_CONTEXT, SECURITY_CONTEXT],
            "id": self.id,
            "type": self.type,
            "preferredUsername": self.username,
            "name": self.name,
            "summary": self.summary,
            "url": self.url,
            "inbox": self.inbox,
            "outbox": f"{self.collections}/outbox",
            "followers": self.followers,
            "following": f"{self.collections}/following",
            "manuallyApprovesFollowers": False,
            "discoverable": True,
            "published": "2024-05-01T00:00:00Z",
            "endpoints": {"sharedInbox": f"{self.base_url}/inbox"},
            **self._keys(),
            **self._software_extras(),
        }
        if self.icon:
            doc["icon"] = {"type": "Image", "mediaType": "image/png", "url": self.icon}
        doc.update(self.extra)
        return {name: value for name, value in doc.items() if value is not None}

    def key_stub(self) -> dict[str, Any]:
        """What GoToSocial answers at the key's own URL: an actor with little but its key."""
        return {
            "@context": [AS_CONTEXT, SECURITY_CONTEXT],
            "id": self.id,
            "type": self.type,
            "preferredUsername": self.username,
            **self._keys(),
        }

    def rotate_key(self, key: PrivateKey | None = None) -> PrivateKey:
        """Takes a new key under the same id and returns it; the old one is kept in `old_keys` for forgeries."""
        self.old_keys.append(self.key)
        fresh = key or make_key(self.key.algorithm)
        self.key = dataclasses.replace(fresh, key_id=self.key.key_id)
        return self.key

    def next_number(self) -> int:
        """A number for the id of the next object or activity."""
        return next(self.numbers)

    def _keys(self) -> dict[str, Any]:
        public = self.key.public
        if public.algorithm == "rsa":
            return {"publicKey": {"id": public.key_id, "owner": self.id, "publicKeyPem": public.pem}}
        multikey = {
            "id": public.key_id,
            "type": "Multikey",
            "controller": self.id,
            "publicKeyMultibase": public.multibase,
        }
        return {"@context": [AS_CONTEXT, SECURITY_CONTEXT, MULTIKEY_CONTEXT], "assertionMethod": [multikey]}

    def _software_extras(self) -> dict[str, Any]:
        if self.style == "misskey":
            return {"sharedInbox": f"{self.base_url}/inbox", "isCat": False, "tag": [], "summary": self.summary or None}
        if self.style == "pleroma":
            return {"capabilities": {"acceptsChatMessages": True}, "tag": [], "attachment": []}
        if self.style in ("lemmy", "wordpress"):
            return {"attachment": [], "tag": []}
        return {"featured": f"{self.id}/collections/featured", "attachment": [], "tag": []}


def actor_path(style: Style, username: str, actor_type: str = "Person") -> str:
    """Path of an actor document; a server's own Application lives at /actor."""
    return (
        "/actor" if actor_type == "Application" else _ACTOR_PATHS[style].format(name=username, number=_number(username))
    )


def _number(username: str) -> int:
    """A small number for software that numbers its people."""
    return zlib.crc32(username.encode()) % 9_000 + 1_000


def key_id_of(actor_id: str, style: Style, key_type: KeyType) -> Uri:
    """The id that software of that style gives a key."""
    return Uri(actor_id + (_KEY_SUFFIXES[style] if key_type == "rsa" else "#ed25519-key"))


def make_key(key_type: KeyType) -> PrivateKey:
    """A new key pair without a proper id yet; RSA takes some 100 ms."""
    makers: dict[KeyType, Callable[[Uri], PrivateKey]] = {"rsa": generate_rsa, "ed25519": generate_ed25519}
    return makers[key_type](Uri("https://unnamed.invalid/#main-key"))
