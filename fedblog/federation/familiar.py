"""Who was here a moment ago: their key and their profile, kept in memory so that nothing has to be read for them.

This memory only ever says yes, and what it says is looked at again by the transaction that acts on it
(`acquaintances.still_holds`). Whatever it can't say yes to goes the long way, as if it did not exist: an unknown key, a
signature that doesn't fit (the key may have been rotated, KEY-05), a profile that is due for a fetch, more than one
signature, and everything that needs another server.
"""

from __future__ import annotations

from collections.abc import Callable

from fedblog.activitypub.urls import Uri
from fedblog.activitypub.vocab import Activity
from fedblog.federation.authenticate import is_brought
from fedblog.federation.bounded import Bounded
from fedblog.federation.resolver import FRESH_SECONDS
from fedblog.signatures.keys import InvalidKey, PublicKey, parse_public_pem
from fedblog.signatures.model import Claim, SignatureRefused
from fedblog.signatures.verify import check_claim
from fedblog.storage import acquaintances
from fedblog.storage.acquaintances import Acquaintance
from fedblog.storage.database import Database

MAX_FAMILIAR = 2_000
SECONDS = 3_600.0
# What they send is decided without asking anybody: nothing but the sender and our own threads matters.
_TYPES = frozenset({"Create", "Like", "EmojiReact", "Dislike"})

_Place = tuple[str, str]


class Outdated(Exception):
    """What was remembered of a sender is not so any more; nothing was changed."""


class Familiar:
    """Senders by key id and actor. `clock` gives Unix seconds."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db, self._clock = db, clock
        self._known: Bounded[_Place, tuple[Acquaintance, PublicKey]] = Bounded(MAX_FAMILIAR, clock)

    def recognise(self, activity: Activity, claims: tuple[Claim, ...], *, now: float) -> Acquaintance | None:
        """The sender of an activity with a good signature by a key that was seen before."""
        if activity.type not in _TYPES or len(claims) != 1 or is_brought(activity):
            return None
        place = (claims[0].key_id, activity.actor)
        found = self._known.get(place)
        if found is None:
            return None
        known, key = found
        if not 0 <= now - known.actor.fetched_at < FRESH_SECONDS:
            return None
        try:
            check_claim(claims[0], key)
        except SignatureRefused:
            self._known.drop(place)
            return None
        return known

    def forget(self, known: Acquaintance) -> None:
        """It was not so any more."""
        self._known.drop((known.key.key_id, known.actor.uri))

    async def remember(self, activity: Activity, claims: tuple[Claim, ...]) -> None:
        """Somebody was believed by their own signature: next time there is no need to look."""
        if activity.type not in _TYPES or len(claims) != 1 or is_brought(activity):
            return
        known = await self._db.read(acquaintances.find, claims[0].key_id, activity.actor)
        if known is None:
            return
        try:
            key = parse_public_pem(known.key.public_pem, Uri(known.key.key_id), Uri(known.actor.uri))
            check_claim(claims[0], key)
        except (InvalidKey, SignatureRefused):
            return
        self._known.put((known.key.key_id, known.actor.uri), (known, key), SECONDS)
