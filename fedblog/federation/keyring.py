"""The public keys of others: who signs with which key, asked of the owner, and asked rarely.

A key belongs to the actor document that lists it, and an actor document to the URL it was fetched from (KEY-02 to
KEY-04). What was learnt is kept in the database; in memory stay only short notes, all of them bounded and expiring.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fedblog.activitypub.normalise import read_actor, read_key
from fedblog.activitypub.urls import Uri, host_of, maybe_uri, same_id, same_origin, without_fragment
from fedblog.activitypub.vocab import KeyDocument
from fedblog.blog.ledger import RemoteKey
from fedblog.errors import DialRefused, FetchFailed, FetchGone, FetchTemporary, InvalidInput, Refused
from fedblog.federation.bounded import Bounded
from fedblog.federation.budget import Budget
from fedblog.federation.client import ConnectFailed
from fedblog.federation.fetcher import FetchedDocument, Fetcher
from fedblog.federation.profiles import keep_actor, own_keys
from fedblog.signatures.keys import InvalidKey, PublicKey, parse_multibase, parse_public_pem
from fedblog.signatures.model import Reason, SignatureRefused
from fedblog.storage import keys
from fedblog.storage.database import Database, Tx

KEY_SECONDS = 60  # between two fetches of one key document, whatever came of the first (SECURITY 74)
HOST_SECONDS = 300  # without a question to a host that could not be reached (KEY-07)
REQUESTS_A_KEY = 8
KEY_DEADLINE = 10.0  # seconds for all of it: the sender waits for its answer meanwhile
_PARSED_SECONDS = 3_600
_MAX_NOTES = 2_000


class KeyRefused(SignatureRefused):
    """A key that can't be used: 401. `reason` says why, `http_status` is the key server's answer if it was 404 or 410.

    Reasons: `key_id_refused`, `key_gone`, `key_unfetchable`, `key_not_listed`, `key_owner_mismatch`, `key_invalid`.
    """

    def __init__(self, reason: str, detail: str, *, http_status: int | None = None) -> None:
        super().__init__(Reason.KEY_ID_INVALID, detail)
        self.reason = reason
        self.http_status = http_status


@dataclass(frozen=True, slots=True)
class _Owner:
    """An actor with the usable keys that its own document lists."""

    uri: Uri
    keys: tuple[PublicKey, ...]


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a key could not be had; made into a new exception for each who asks."""

    reason: str
    detail: str
    http_status: int | None = None
    retry_after: int | None = None

    def error(self) -> Refused:
        if self.retry_after is not None:
            return Refused(self.detail, reason=self.reason, status=503, retry_after=self.retry_after)
        return KeyRefused(self.reason, self.detail, http_status=self.http_status)


class Keyring:
    """Keys by their id. `clock` gives Unix seconds."""

    def __init__(self, fetcher: Fetcher, db: Database, clock: Callable[[], float]) -> None:
        self._fetcher, self._db, self._clock = fetcher, db, clock
        self._parsed: Bounded[tuple[str, str], PublicKey] = Bounded(_MAX_NOTES, clock)
        self._asked: Bounded[Uri, _Owner | _Failure] = Bounded(_MAX_NOTES, clock)
        self._forced: Bounded[Uri, bool] = Bounded(_MAX_NOTES, clock)
        self._stopped: Bounded[str, bool] = Bounded(_MAX_NOTES, clock)
        self._under_way: dict[Uri, asyncio.Task[_Owner | _Failure]] = {}

    async def key(self, key_id: Uri, *, actor_uri: Uri | None, fresh: bool = False) -> PublicKey:
        """The key with that id, if it is `actor_uri`'s (None: anybody's; look at its `owner`).

        `fresh` asks its server again although the key is known, at most once a minute (KEY-05). Raises `KeyRefused`
        (a `SignatureRefused`, 401), or `Refused` with 503 and `retry_after` where its server can't be asked now.
        """
        document = without_fragment(key_id)
        try:
            self._fetcher.client.guard.check_uri(document)
        except DialRefused as exc:
            raise KeyRefused("key_id_refused", str(exc)) from exc
        if actor_uri is not None and not same_origin(document, actor_uri):
            # It could never be listed as the actor's (KEY-02): no reason to ask a third server for anybody.
            raise KeyRefused("key_owner_mismatch", "the key is on another server than the actor")
        forced = fresh and self._forced.get(document) is None
        if not forced:
            stored = await self._stored(key_id, actor_uri)
            if stored is not None:
                return stored
        return _pick(await self._ask(document, forced=forced), key_id, actor_uri)

    async def _stored(self, key_id: Uri, actor_uri: Uri | None) -> PublicKey | None:
        """From the database. A row that names another owner is passed over, not believed: its server decides."""
        found = await self._db.read(_find_key, key_id, actor_uri)
        if found is None or (actor_uri is not None and not same_id(found.actor_uri, actor_uri)):
            return None
        place = (found.key_id, found.public_pem)
        key = self._parsed.get(place)
        if key is None:
            try:
                key = parse_public_pem(found.public_pem, Uri(found.key_id), Uri(found.actor_uri))
            except InvalidKey:
                return None
            self._parsed.put(place, key, _PARSED_SECONDS)
        return key

    async def _ask(self, document: Uri, *, forced: bool) -> _Owner:
        """Asks the key's server, or remembers what it said within the last minute; all who wait share one question."""
        if forced:
            self._forced.put(document, True, KEY_SECONDS)
        outcome = None if forced else self._asked.get(document)
        if outcome is None:
            task = self._under_way.get(document)
            if task is None:
                task = asyncio.create_task(self._resolve(document), name=f"key {document}")
                self._under_way[document] = task
                task.add_done_callback(lambda done: self._ended(document, done))
            outcome = await asyncio.shield(task)
        if isinstance(outcome, _Failure):
            raise outcome.error()
        return outcome

    def _ended(self, document: Uri, task: asyncio.Task[_Owner | _Failure]) -> None:
        del self._under_way[document]
        if not task.cancelled():
            task.exception()  # seen, even if all who waited have left

    async def _resolve(self, document: Uri) -> _Owner | _Failure:
        try:
            async with asyncio.timeout(KEY_DEADLINE):
                outcome: _Owner | _Failure = await self._owner(document)
        except TimeoutError:
            self._stopped.put(host_of(document), True, HOST_SECONDS)
            outcome = _Failure("key_unreachable", f"{host_of(document)} took too long", retry_after=HOST_SECONDS)
        except FetchGone as exc:
            outcome = _Failure("key_gone", str(exc), http_status=exc.http_status)
        except FetchTemporary as exc:
            outcome = _Failure("key_unreachable", str(exc), retry_after=exc.retry_after or KEY_SECONDS)
        except (FetchFailed, Refused, InvalidInput) as exc:
            outcome = _Failure("key_unfetchable", str(exc))
        self._asked.put(document, outcome, KEY_SECONDS)
        return outcome

    async def _owner(self, document: Uri) -> _Owner:
        """The actor that a key document belongs to, stored, with the keys it lists (KEY-02)."""
        budget = Budget(REQUESTS_A_KEY)
        fetched = await self._document(document, budget)
        alone = read_key(fetched.doc)
        if alone is not None:
            owner = maybe_uri(alone.owner)
            if owner is None:
                raise FetchFailed(f"{document} is a key without an owner")
            fetched = await self._document(without_fragment(owner), budget)
        actor = read_actor(fetched.doc)
        await keep_actor(self._fetcher, self._db, self._clock, actor, budget=budget)
        return _Owner(Uri(actor.id), tuple(_usable(own_keys(actor), Uri(actor.id))))

    async def _document(self, uri: Uri, budget: Budget) -> FetchedDocument:
        host = host_of(uri)
        if self._stopped.get(host):
            wait = self._stopped.seconds_left(host)
            raise FetchTemporary(f"{host} could not be reached a moment ago", retry_after=wait)
        try:
            return await self._fetcher.document(uri, budget=budget, pages=False)
        except ConnectFailed as exc:
            self._stopped.put(host, True, HOST_SECONDS)
            raise FetchTemporary(str(exc), retry_after=HOST_SECONDS) from exc


def _find_key(tx: Tx, key_id: Uri, actor_uri: Uri | None) -> RemoteKey | None:
    found = keys.remote_key(tx, key_id, actor_uri)
    if found is None and "#" not in key_id:  # the bare actor id as keyId (KEY-01)
        of_actor = keys.actor_keys(tx, key_id)
        found = next((key for key in of_actor if key.algorithm == "rsa"), of_actor[0] if of_actor else None)
    return found


def _usable(listed: Sequence[KeyDocument], owner: Uri) -> list[PublicKey]:
    """The entries that can be read; bad ones are skipped (KEY-08)."""
    found = []
    for entry in listed:
        try:
            key_id = Uri(entry.id)
            if entry.pem is not None:
                found.append(parse_public_pem(entry.pem, key_id, owner))
            else:
                found.append(parse_multibase(entry.multibase or "", key_id, owner))
        except InvalidKey:
            continue
    return found


def _pick(owner: _Owner, key_id: Uri, actor_uri: Uri | None) -> PublicKey:
    if actor_uri is not None and not same_id(owner.uri, actor_uri):
        raise KeyRefused("key_owner_mismatch", "the key belongs to somebody else")
    for key in owner.keys:
        if same_id(key.key_id, key_id):
            return key
    if same_id(owner.uri, key_id) and owner.keys:
        return next((key for key in owner.keys if key.algorithm == "rsa"), owner.keys[0])
    raise KeyRefused("key_not_listed", "its owner lists no usable key with this id")
