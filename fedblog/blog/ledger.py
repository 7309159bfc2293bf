"""The records that the house keeps for its own work: keys, accounts, pictures, what is on its way, what was decided.

What readers see (posts, replies, the people behind them) is in `model`. Times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from fedblog.blog.emoji import Emoji, Named
from fedblog.blog.model import ActorId, ReplyId, Role

AccountId = NewType("AccountId", int)
ActivityId = NewType("ActivityId", int)
MediaId = NewType("MediaId", int)


@dataclass(frozen=True, slots=True)
class LocalKey:
    """A key pair of a local actor; `private_pem` is opened (it lies sealed in the database)."""

    key_id: str
    actor_id: ActorId
    algorithm: str  # rsa | ed25519
    public_pem: str
    private_pem: str


@dataclass(frozen=True, slots=True)
class RemoteKey:
    """A public key that a remote actor document lists."""

    key_id: str
    actor_uri: str
    algorithm: str
    public_pem: str
    fetched_at: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What a remote actor document says, read leniently and cleaned (ACT-14): what `storage/actors.py` keeps."""

    uri: str
    type: str
    username: str
    domain: str
    name: str
    summary_html: str
    url: str
    icon_url: str
    image_url: str
    inbox: str
    shared_inbox: str
    followers_uri: str
    manually_approves: bool
    fields: tuple[tuple[str, str], ...]
    suspended: bool
    keys: tuple[RemoteKey, ...]
    indexable: bool = False
    emoji: Named = ()  # that its name calls
    pictures: tuple[Emoji, ...] = ()  # where those lie, as far as the document says


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can log in; `actor_id` is the Person they write as."""

    id: AccountId
    username: str
    email: str
    password_hash: str
    role: Role
    actor_id: ActorId
    created_at: int
    disabled_at: int | None


@dataclass(frozen=True, slots=True)
class OneTimeCodes:
    """The secret that an account's authenticator app was given, sealed; None in `confirmed_at`: not in use yet."""

    sealed: bytes
    created_at: int
    confirmed_at: int | None


@dataclass(frozen=True, slots=True)
class Passkey:
    """A key pair in somebody's phone, computer or password manager (WebAuthn); we know its public half."""

    id: int
    account_id: AccountId
    credential_id: str  # base64url
    public_key: bytes  # COSE
    sign_count: int
    name: str
    created_at: int
    used_at: int | None


@dataclass(frozen=True, slots=True)
class Session:
    """A log-in on one device, with its account."""

    id_hash: str
    account: Account
    created_at: int
    last_seen_at: int
    expires_at: int
    user_agent: str


@dataclass(frozen=True, slots=True)
class Media:
    """A picture that an author uploaded. `width` × `height` is its largest file; `widths` are its WebP variants."""

    id: MediaId
    name: str
    kind: str  # p(icture) | a(vatar) | h(eader)
    owner_id: ActorId
    alt: str
    filename: str  # what it was called at home; shown to its owner only
    width: int
    height: int
    widths: tuple[int, ...]
    blurhash: str
    bytes: int  # of all its files
    created_at: int


@dataclass(frozen=True, slots=True)
class NewMedia:
    """An uploaded picture on its way into storage; its files lie on disk already."""

    name: str
    kind: str
    owner_id: ActorId
    alt: str
    filename: str
    source_hash: str  # SHA-256 of the upload: the same picture is kept once
    width: int
    height: int
    widths: tuple[int, ...]
    blurhash: str
    bytes: int


@dataclass(frozen=True, slots=True)
class OutgoingActivity:
    """An activity of ours, kept before anything is sent. `audience` says who gets it (see storage/outgoing.py)."""

    id: ActivityId
    uri: str
    actor_id: ActorId
    type: str
    object_uri: str
    body: bytes
    public: bool
    created_at: int
    expanded_at: int | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One activity for one inbox."""

    id: int
    activity_id: ActivityId
    actor_id: ActorId
    object_uri: str
    inbox: str
    host: str
    body: bytes
    attempts: int
    first_try_at: int | None


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """How far one activity (or all of one post) has got, in inboxes."""

    delivered: int
    waiting: int
    failed: int

    @property
    def total(self) -> int:
        """All inboxes it goes to."""
        return self.delivered + self.waiting + self.failed


@dataclass(frozen=True, slots=True)
class ServerDelivery:
    """How one server takes a post, as long as it hasn't taken it: `state` is waiting or failed."""

    host: str
    state: str
    attempts: int
    last_status: int | None
    last_error: str
    due_at: int


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A delivery that was given up, for the author who may send it again."""

    id: int
    object_uri: str
    type: str
    inbox: str
    host: str
    attempts: int
    last_status: int | None
    last_error: str
    done_at: int


@dataclass(frozen=True, slots=True)
class HostState:
    """How a host took what we sent. `open_until`: the breaker; `scheme`: the signature that worked, "" if unknown."""

    host: str
    failures: int
    failing_since: int | None
    open_until: int
    last_success_at: int | None
    scheme: str
    scheme_at: int


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do later that needs another server first."""

    id: int
    kind: str
    key: str
    payload: str  # JSON
    attempts: int
    due_at: int


@dataclass(frozen=True, slots=True)
class Block:
    """An actor (`kind` actor, value its URI) or a domain with its subdomains that is not heard."""

    kind: str
    value: str
    reason: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Report:
    """A Flag from another server (INB-30): what was reported, never shown with the reporter in public."""

    id: int
    activity_uri: str
    reporter_uri: str
    objects: tuple[str, ...]
    content: str
    created_at: int
    resolved_at: int | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody of the blog decided about a reply: `kind` is approve, hide or spam. `account_id` is None where the
    account is gone, or the decision came from a command."""

    id: int
    reply_id: ReplyId
    account_id: AccountId | None
    kind: str
    before_state: str
    before_reason: str
    before_standing: int
    created_at: int
    undone_at: int | None


@dataclass(frozen=True, slots=True)
class InboxLogEntry:
    """One decision of the inbox, for the admin who asks why."""

    id: int
    received_at: int
    activity_uri: str
    type: str
    actor_uri: str
    host: str
    status: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An id that was deleted: ours answers 410, a remote one is not taken again (INB-19)."""

    uri: str
    former_type: str
    actor_uri: str
    deleted_at: int
    local: bool
