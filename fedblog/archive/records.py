"""The lines of our own archive, as typed records: what is not of this shape is refused before anything is stored.

One thread is one file of JSON lines: its post first, then people, replies (parents before children) and reactions as
they come. Lines instead of one document, so that neither writer nor reader ever holds a whole thread. Times are Unix
seconds; ids are text, since they are longer than the numbers that many JSON readers keep exactly.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

FORMAT = 1
MAX_LINE = 8 * 1024 * 1024

Id = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,18}$")]
Time = Annotated[int, msgspec.Meta(ge=0, le=2**40)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
# No text that we write holds NUL, and PostgreSQL keeps none.
Text = Annotated[str, msgspec.Meta(max_length=4_000_000, pattern="^[^\0]*$")]
Line = Annotated[str, msgspec.Meta(max_length=4096, pattern="^[^\0]*$")]


class Mention(msgspec.Struct, frozen=True):
    """Somebody whom a post names: `acct` is NAME@HOST."""

    uri: Line
    acct: Line
    url: Line
    username: Line


class PostRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="post"):
    """A post as its author wrote it. HTML is not read back: it is made anew from the source."""

    id: Id
    uri: Line
    author: Name
    slug: Line
    title: Line
    source: Text
    source_type: str
    content_html: str
    summary: Line
    content_warning: Line
    language: Line
    image_url: Line
    image_alt: Line
    pictures: bool
    tags: tuple[Line, ...]
    mentions: tuple[Mention, ...]
    status: str
    visibility: str
    comments_open: bool
    reply_policy: str
    quote_policy: str
    created_at: Time
    published_at: Time | None
    edited_at: Time | None
    pinned_at: Time | None
    old_slugs: tuple[Line, ...]
    old_paths: tuple[Line, ...]
    replies: Count
    likes: Count
    boosts: Count
    # Later than the first archives, which don't have them.
    kind_of_post: str = "post"
    federated: bool = True
    series: Line = ""
    series_position: Annotated[int, msgspec.Meta(ge=0, le=9_999)] = 0
    canonical_url: Line = ""
    show_history: bool = False
    hold_policy: str = ""
    close_after_days: Annotated[int, msgspec.Meta(ge=0, le=3_650)] = 0


class PersonRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="person"):
    """Who replied or reacted. `local`: one of the blog's own; `imported`: known from a comment of another system."""

    uri: Line
    handle: Line
    username: Line
    domain: Line
    name: Line
    url: Line
    icon_url: Line
    type: Line
    inbox: Line
    shared_inbox: Line
    followers_uri: Line
    local: bool
    imported: bool


class MediaLink(msgspec.Struct, frozen=True, omit_defaults=True):
    """Media that came with a reply."""

    url: Line
    media_type: Line
    name: Line
    sensitive: bool = False


class ReplyRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="reply"):
    """A public reply, in tree order. `parent` is the URI of the reply above, "" for an answer to the post itself."""

    id: Id
    uri: Line
    url: Line
    person: Line
    author: Line
    parent: Line
    in_reply_to: Line
    depth: Count
    removed: bool
    local: bool
    imported: bool
    visibility: str
    type: Line
    name: Line
    content: Text
    source: Text
    content_warning: Line
    language: Line
    published_at: Time
    edited_at: Time | None
    context: Line
    attachments: tuple[MediaLink, ...]
    options: tuple[tuple[Line, Count], ...]
    likes: Count
    boosts: Count
    remote_likes: Count
    remote_boosts: Count


class ReactionRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="reaction"):
    """A public like or boost of the post (`reply` is "") or of a reply."""

    type: str
    person: Line
    reply: Line
    emoji: Line
    activity_uri: Line
    created_at: Time


class FollowerRecord(msgspec.Struct, frozen=True):
    """Somebody who follows an author or the blog, with where they are reached."""

    person: PersonRecord
    follow_uri: Line
    created_at: Time


class PictureRecord(msgspec.Struct, frozen=True):
    """An uploaded picture; its files lie beside the list."""

    id: Id
    name: Annotated[str, msgspec.Meta(pattern=r"^[aph][0-9a-f]{20}$")]
    kind: str
    owner: Name
    alt: Line
    filename: Line
    source_hash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    width: Annotated[int, msgspec.Meta(ge=1, le=20_000)]
    height: Annotated[int, msgspec.Meta(ge=1, le=20_000)]
    widths: tuple[Annotated[int, msgspec.Meta(ge=1, le=9_999)], ...]
    blurhash: Line
    bytes: Annotated[int, msgspec.Meta(ge=0, le=2**40)]
    created_at: Time


class BlockRecord(msgspec.Struct, frozen=True):
    """An actor or a domain that is not heard."""

    kind: str
    value: Line
    reason: Line


class AuthorRecord(msgspec.Struct, frozen=True):
    """An author whose posts are in the archive."""

    name: Name
    uri: Line


class About(msgspec.Struct, frozen=True):
    """Where the archive comes from, and what its lines look like."""

    format: int
    base_url: Line
    domain: Line
    authors: tuple[AuthorRecord, ...]
    drafts: bool


class Manifest(msgspec.Struct, frozen=True):
    """The part of manifest.yml that is read back. It is written as JSON, which is YAML as well (YAML 1.2 §1.3)."""

    fedblog: About


ThreadRecord = PostRecord | PersonRecord | ReplyRecord | ReactionRecord
