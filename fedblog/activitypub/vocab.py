"""ActivityStreams as read from others: frozen, foreign and not trusted.

Nothing here is cleaned or checked for origin. `normalise.py` makes these out of raw JSON, `represent.py` turns them
into the records of `blog/model.py`. URLs are plain `str`: only `urls.parse_uri` makes something that can be dialled.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fedblog.records import record

Json = dict[str, Any]

ACTOR_TYPES = frozenset({"Person", "Group", "Application", "Service", "Organization"})
# What may show as a comment (INB-13).
REPLY_TYPES = frozenset({"Note", "Article", "Page", "Question", "Video", "Audio", "Image", "Event"})
# Private by their kind, whatever their audience says.
CHAT_TYPES = frozenset({"ChatMessage", "EncryptedMessage"})
COLLECTION_TYPES = frozenset({"Collection", "OrderedCollection", "CollectionPage", "OrderedCollectionPage"})
# What the inbox acts on (INB-09); everything else is acknowledged and counted.
ACTIVITY_TYPES = frozenset(
    {
        "Create",
        "Update",
        "Delete",
        "Follow",
        "Accept",
        "Reject",
        "Like",
        "EmojiReact",
        "Dislike",
        "Announce",
        "Undo",
        "Block",
        "Flag",
        "Move",
        "Add",
        "Remove",
        "QuoteRequest",
    }
)


@dataclass(frozen=True, slots=True)
class KeyDocument:
    """A public key as an actor lists it: `pem` (publicKeyPem) or `multibase` (publicKeyMultibase) is set."""

    id: str
    owner: str
    pem: str | None
    multibase: str | None


@dataclass(frozen=True, slots=True)
class ActorDocument:
    """An actor document. `partial`: no inbox, or stripped to its key: it must not overwrite a fuller one (ACT-15)."""

    id: str
    type: str  # one of ACTOR_TYPES, else "actor"
    preferred_username: str
    webfinger: str  # FEP-2c59, "" if absent
    name: str
    summary: str  # HTML
    url: str  # http(s) page, "" if none
    icon_url: str
    image_url: str
    inbox: str
    shared_inbox: str
    outbox: str
    followers: str
    following: str
    featured: str
    manually_approves: bool
    indexable: bool
    suspended: bool
    fields: tuple[tuple[str, str], ...]  # name, value (HTML)
    also_known_as: tuple[str, ...]
    moved_to: str
    public_keys: tuple[KeyDocument, ...]
    implements: tuple[str, ...]  # FEP-844e, hrefs
    published: object
    partial: bool
    tags: tuple[Tag, ...] = ()


@record(frozen=True, slots=True)
class Tag:
    """An entry of `tag`: Mention, Hashtag, Emoji, Link …"""

    type: str
    name: str
    href: str
    icon_url: str


@record(frozen=True, slots=True)
class AttachmentDocument:
    """An entry of `attachment`."""

    type: str
    url: str
    media_type: str
    name: str
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class PollOption:
    """A choice of a Question and how many chose it (None: not told)."""

    name: str
    count: int | None


@record(frozen=True, slots=True)
class Note:
    """A Note, Article, Question … or any other object with an id."""

    id: str
    type: str
    attributed_to: tuple[str, ...]  # ids; a Person comes before a Group (PeerTube)
    in_reply_to: tuple[str, ...]
    content: str
    content_language: str  # BCP 47, "" if not told
    media_type: str  # of content; "" means text/html
    name: str
    summary: str
    sensitive: bool
    url: str  # http(s) page, "" if none
    published: object  # as sent
    updated: object
    to: tuple[str, ...]
    cc: tuple[str, ...]
    direct_message: bool
    context: str
    tags: tuple[Tag, ...]
    attachments: tuple[AttachmentDocument, ...]
    likes_total: int | None
    shares_total: int | None
    replies: object  # collection, id or None, as sent
    quote: str  # id of what it quotes, "" if nothing
    options: tuple[PollOption, ...]
    is_vote: bool  # a poll vote: never a comment
    raw: Json = field(repr=False)

    @property
    def mentions(self) -> tuple[str, ...]:
        """Hrefs of the Mention tags."""
        return tuple(tag.href for tag in self.tags if tag.type == "Mention" and tag.href)

    @property
    def is_reply_type(self) -> bool:
        """Whether its type may show as a comment (INB-13) and it is no poll vote."""
        return self.type in REPLY_TYPES and not self.is_vote


@record(frozen=True, slots=True)
class Activity:
    """An activity. `objects` holds all of `object`; `object_id` and `object` describe the first of them."""

    id: str | None
    type: str  # the first known one
    actor: str
    object_id: str | None
    object: Json | None  # when embedded
    objects: tuple[str | Json, ...]
    target: str | None
    instrument: str | None  # QuoteRequest
    result: str | None  # Accept of a request for approval
    to: tuple[str, ...]
    cc: tuple[str, ...]
    content: str
    tags: tuple[Tag, ...]
    published: Any
    raw: Json = field(repr=False)


@dataclass(frozen=True, slots=True)
class CollectionDocument:
    """A collection or one page of it. `next` is only set when it is on the collection's own origin (COL-06)."""

    id: str
    type: str
    total: int | None
    items: tuple[str | Json, ...]
    first: str | None
    first_page: CollectionDocument | None  # when it is embedded
    next: str | None
    part_of: str | None
