"""Ids that move from one blog to another, and people elsewhere as an archive tells of them."""

from __future__ import annotations

from dataclasses import dataclass

from fedblog.activitypub.urls import host_of, maybe_uri, same_origin
from fedblog.archive.records import PersonRecord
from fedblog.blog.model import Actor
from fedblog.storage import actors, archive, hiding, moderation
from fedblog.storage.database import Tx


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where: what becomes of ids."""

    old: str  # base URL of the archive's blog
    new: str

    @property
    def stays(self) -> bool:
        """Whether the ids stay."""
        return self.old == self.new

    def imported(self, uri: str) -> str:
        """The id of something that only ever was in the blog itself."""
        return self.new + uri.removeprefix(self.old)

    def is_old_own(self, uri: str) -> bool:
        """Whether the archive's blog made this id."""
        return uri.startswith(f"{self.old}/")

    def is_own(self, uri: str) -> bool:
        """Whether an id lies here, whoever made it."""
        return uri.startswith(f"{self.new}/") or uri == self.new


def put_person(tx: Tx, person: PersonRecord, *, our_domains: tuple[str, ...]) -> Actor:
    """A remote actor as the archive tells, unless it is known here already; it never looks like one of ours."""
    domain = person.domain if person.domain not in our_domains else host_of(person.uri)
    shared = maybe_uri(person.shared_inbox)
    own, inbox = maybe_uri(person.uri), maybe_uri(person.inbox)
    reached = own is not None and inbox is not None and same_origin(own, inbox)
    return archive.put_person(
        tx,
        uri=person.uri,
        type=person.type[:40] or "Person",
        username=person.username,
        domain=domain or host_of(person.uri),
        name=person.name,
        url=maybe_uri(person.url) or "",
        icon_url=maybe_uri(person.icon_url) or "",
        inbox=inbox if reached and inbox is not None else "",
        shared_inbox=shared if own is not None and shared is not None and same_origin(own, shared) else "",
        followers_uri=maybe_uri(person.followers_uri) or "",
    )


def keep_blocked_away(tx: Tx, uri: str) -> None:
    """Whoever is blocked here shows no more by way of a file than by way of the inbox."""
    known, actor = maybe_uri(uri), actors.by_uri(tx, uri)
    if known is None or actor is None or actor.local:
        return
    if moderation.is_blocked(tx, actor_uri=known, host=host_of(known)):
        hiding.hide_all_of(tx, actor.id)
    elif actor.suspended_at is not None:
        hiding.hide_all_of(tx, actor.id, hiding.GONE)
