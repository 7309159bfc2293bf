"""Followers synchronisation (FEP-8fcf): other servers tell whom of ours they count as followers; we set them right.

None of our actors follows anybody. Where another server lists one all the same (a lost Undo, a restored database), it
gets the Undo (again), so that it stops sending.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from fedblog.activitypub import serialise
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.normalise import read_collection
from fedblog.activitypub.urls import Uri, maybe_uri, same_id, same_origin
from fedblog.blog.ledger import ActivityId
from fedblog.blog.model import Actor
from fedblog.federation.context import Effect
from fedblog.federation.fetcher import Fetcher
from fedblog.federation.outbox import Outbox
from fedblog.federation.places import find_actor
from fedblog.federation.reasons import Outcome
from fedblog.signatures.digest import followers_digest
from fedblog.signatures.model import Claim, SignedRequest
from fedblog.storage import actors, jobs, synchronisation
from fedblog.storage.database import Database, Tx
from fedblog.storage.outgoing import Audience

log = logging.getLogger(__name__)

KIND = "synchronise_followers"
MAX_ITEMS = 500
_HEADER = synchronisation.HEADER.lower()
_PAUSE = 60  # let what is under way arrive first
_PARAMETER = re.compile(r'(\w+)="([^"\\]{0,2048})"')
_NOBODY = followers_digest(())


def with_synchronisation(effect: Effect, sender: Actor, request: SignedRequest, claims: tuple[Claim, ...]) -> Effect:
    """The effect of an activity, and a look at the sender's followers where its header says that we differ."""
    url = disputed(request, claims, sender)
    if url is None:
        return effect

    def act(tx: Tx) -> Outcome:
        outcome = effect(tx)
        jobs.add(tx, KIND, sender.uri, {"actor": sender.uri, "url": url}, tx.now + _PAUSE)
        return outcome

    return act


def disputed(request: SignedRequest, claims: tuple[Claim, ...], sender: Actor) -> Uri | None:
    """Where the sender lists its followers of our host, if its digest is not ours.

    The header counts only under a signature, for the sender's own collection, on the sender's own server.
    """
    if not any(_HEADER in claim.covered for claim in claims):
        return None
    values = [value for name, value in request.headers if name.lower() == _HEADER]
    if len(values) != 1:
        return None
    told = dict(_PARAMETER.findall(values[0][:8192]))
    url, collection = maybe_uri(told.get("url")), maybe_uri(told.get("collectionId"))
    if url is None or collection is None or not sender.followers_uri or not same_id(collection, sender.followers_uri):
        return None
    if not same_origin(url, sender.uri) or told.get("digest", "").lower() == _NOBODY:
        return None
    return url


class FollowersSync:
    """The job `synchronise_followers`: ask the sender whom it counts, and take back what is not so."""

    def __init__(self, db: Database, fetcher: Fetcher, ids: LocalIds) -> None:
        self._db, self._fetcher, self._ids = db, fetcher, ids

    async def __call__(self, payload: dict[str, Any]) -> None:
        """`payload` holds the `actor` and the `url` of its partial collection. Raises as `Fetcher.document` does."""
        fetched = await self._fetcher.document(Uri(str(payload["url"])), pages=False)
        listed = read_collection(fetched.doc).items[:MAX_ITEMS]
        uris = [item if isinstance(item, str) else str(item.get("id", "")) for item in listed]
        undone = await self._db.write(self._take_back, str(payload["actor"]), uris)
        if undone:
            log.info("%s counted %s of ours as followers: told otherwise", payload["actor"], undone)

    def _take_back(self, tx: Tx, followed_uri: str, uris: list[str]) -> int:
        followed = actors.by_uri(tx, followed_uri)
        if followed is None or followed.local:
            return 0
        ours = {actor.id: actor for uri in uris if (actor := find_actor(tx, self._ids, uri)) is not None}
        authors = [actor for actor in ours.values() if actor.local == "author"]
        for author in authors:
            self._send_undo(tx, author, followed)
        return len(authors)

    def _send_undo(self, tx: Tx, author: Actor, followed: Actor) -> None:
        """Of a Follow that we know nothing of: peers compare actor and object (INB-22)."""
        follow_uri = self._ids.activity(ActivityId(tx.new_id()))
        follow = serialise.follow(followed.uri, actor=author, activity_id=follow_uri)
        Outbox(self._ids, {}).add(
            tx,
            lambda uri: serialise.undo(follow, activity_id=uri),
            actor=author,
            object_uri=followed.uri,
            audience=Audience(personal=(followed.id,)),
            public=False,
        )
