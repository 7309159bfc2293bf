"""Ids and page URLs of everything local, and the way back from a URL to what it names.

Object ids live under `/ap/` and never hold a slug: they are for ever (PROTOCOL ART-01). Pages have readable URLs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from fedblog.activitypub.urls import Uri, host_of, maybe_uri, origin_of, parse_uri, same_origin

CollectionName = Literal["replies", "likes", "shares", "context"]
TargetKind = Literal["actor", "instance", "post", "note", "activity", "profile_page", "post_page"]

MAX_ID = 2**63 - 1
_ACTOR_PATH = re.compile(r"/ap/actors/([A-Za-z0-9_.-]{1,64})")
_POST_PATH = re.compile(r"/ap/posts/([1-9][0-9]{0,18})(?:-([1-9][0-9]{0,5}))?")
_NOTE_PATH = re.compile(r"/ap/notes/([1-9][0-9]{0,18})")
_ACTIVITY_PATH = re.compile(r"/ap/activities/([1-9][0-9]{0,18})")
_PAGE_PATH = re.compile(r"/@([A-Za-z0-9_.-]{1,64})(?:/([^/]{1,300}))?/?")
_REPLY_FRAGMENT = re.compile(r"reply-([1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class LocalTarget:
    """What a local URL names.

    `name` is the actor's for actors and pages, `slug` a post page's, `id` the number of a post, note or activity,
    `publication` the n of the post's nth publication.
    """

    kind: TargetKind
    name: str = ""
    slug: str = ""
    id: int | None = None
    publication: int = 1


class LocalIds:
    """Maker and reader of local ids; `base_url` is scheme and host without a trailing slash."""

    def __init__(self, base_url: str) -> None:
        self.base_url: Uri = parse_uri(base_url.rstrip("/"))
        self.origin: str = origin_of(self.base_url)
        self._beginning = f"{self.base_url}/"
        self._host = host_of(self.base_url)

    def actor(self, name: str) -> Uri:
        """Id of an author or of the blog actor."""
        return self._uri(f"/ap/actors/{quote(name, safe='')}")

    def instance(self) -> Uri:
        """Id of the actor that signs fetches."""
        return self._uri("/ap/instance")

    def inbox(self, actor_uri: str) -> Uri:
        """An actor's own inbox."""
        return Uri(f"{actor_uri}/inbox")

    def outbox(self, actor_uri: str) -> Uri:
        """An actor's outbox."""
        return Uri(f"{actor_uri}/outbox")

    def followers(self, actor_uri: str) -> Uri:
        """An actor's followers collection."""
        return Uri(f"{actor_uri}/followers")

    def following(self, actor_uri: str) -> Uri:
        """An actor's following collection."""
        return Uri(f"{actor_uri}/following")

    def featured(self, actor_uri: str) -> Uri:
        """An actor's collection of pinned posts."""
        return Uri(f"{actor_uri}/featured")

    def shared_inbox(self) -> Uri:
        """The inbox that all actors share."""
        return self._uri("/inbox")

    def main_key(self, actor_uri: str) -> Uri:
        """Id of an actor's RSA key."""
        return Uri(f"{actor_uri}#main-key")

    def ed25519_key(self, actor_uri: str) -> Uri:
        """Id of an actor's Ed25519 key."""
        return Uri(f"{actor_uri}#ed25519-key")

    def post(self, post_id: int, publication: int = 1) -> Uri:
        """Id of a post; a withdrawn id never returns, so the second publication has another one."""
        suffix = "" if publication == 1 else f"-{publication}"
        return self._uri(f"/ap/posts/{post_id}{suffix}")

    def note(self, reply_id: int) -> Uri:
        """Id of an answer of ours in a thread."""
        return self._uri(f"/ap/notes/{reply_id}")

    def quote(self, quote_id: int) -> Uri:
        """Id of our authorization of a quote (FEP-044f)."""
        return self._uri(f"/ap/quotes/{quote_id}")

    def activity(self, activity_id: int) -> Uri:
        """Id of an activity of ours."""
        return self._uri(f"/ap/activities/{activity_id}")

    def collection(self, object_uri: str, name: CollectionName) -> Uri:
        """A collection that belongs to a post or note."""
        return Uri(f"{object_uri}/{name}")

    def profile_page(self, name: str) -> Uri:
        """The page of an author or of the blog actor."""
        return self._uri(f"/@{quote(name, safe='')}")

    def post_page(self, name: str, slug: str) -> Uri:
        """The page of a post."""
        return self._uri(f"/@{quote(name, safe='')}/{quote(slug, safe='')}")

    def reply_page(self, name: str, slug: str, reply_id: int) -> Uri:
        """Where a reply shows on its post's page, on whichever part of a long conversation it is."""
        return Uri(f"{self.post_page(name, slug)}?reply={reply_id}#reply-{reply_id}")

    def tag_page(self, tag: str) -> Uri:
        """The page of a tag, given without its `#`."""
        return self._uri(f"/tag/{quote(tag, safe='')}")

    def is_local(self, uri: str) -> bool:
        """Whether a URL has our scheme, host and port; False for what is no usable URL."""
        usable = maybe_uri(uri)
        if usable is None:
            return False
        if usable.startswith(self._beginning):
            return True
        return host_of(usable) == self._host and same_origin(usable, self.base_url)

    def parse(self, uri: str) -> LocalTarget | None:
        """What one of our ids or page URLs names (INB-14); None for foreign URLs and unknown paths.

        A query is ignored, so is a fragment, but for `#reply-ID` on a post's page: that is the note. Whether the
        thing exists is not known here.
        """
        if not self.is_local(uri):
            return None
        parts = urlsplit(uri)
        if parts.path.startswith("/ap/"):
            return _object_target(parts.path)
        return _page_target(parts.path, parts.fragment)

    def _uri(self, path: str) -> Uri:
        return Uri(f"{self.base_url}{path}")


def _object_target(path: str) -> LocalTarget | None:
    if path == "/ap/instance":
        return LocalTarget("instance")
    if match := _ACTOR_PATH.fullmatch(path):
        return LocalTarget("actor", name=match[1])
    if match := _POST_PATH.fullmatch(path):
        return _numbered("post", match[1], int(match[2] or 1))
    if match := _NOTE_PATH.fullmatch(path):
        return _numbered("note", match[1])
    if match := _ACTIVITY_PATH.fullmatch(path):
        return _numbered("activity", match[1])
    return None


def _numbered(kind: TargetKind, digits: str, publication: int = 1) -> LocalTarget | None:
    number = int(digits)
    return LocalTarget(kind, id=number, publication=publication) if number <= MAX_ID else None


def _page_target(path: str, fragment: str) -> LocalTarget | None:
    match = _PAGE_PATH.fullmatch(unquote(path, errors="replace"))
    if match is None:
        return None
    name, slug = match[1], match[2]
    if slug is None:
        return LocalTarget("profile_page", name=name)
    if reply := _REPLY_FRAGMENT.fullmatch(fragment):
        return _numbered("note", reply[1])
    return LocalTarget("post_page", name=name, slug=slug)
