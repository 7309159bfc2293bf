"""The inbox: takes an activity from the wire to its effect, or says why not.

Parse strictly, refuse cheaply, authenticate, validate, read, check origins, hand over to the handler, then write the
effect, the check for duplicates and the log row as one unit. 202 is answered after that unit is durable (INB-03).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from fedblog.activitypub import wire
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.normalise import has_forbidden_keyword, read_activity
from fedblog.activitypub.urls import Uri, host_of, maybe_uri, same_id, same_origin, without_fragment
from fedblog.activitypub.validate import validate_activity
from fedblog.activitypub.vocab import Activity
from fedblog.blog.model import Actor
from fedblog.config import Settings
from fedblog.errors import (
    DialRefused,
    FedblogError,
    FetchFailed,
    FetchGone,
    FetchTemporary,
    Refused,
    StorageUnavailable,
)
from fedblog.federation import taken
from fedblog.federation.authenticate import RETRY_AFTER, Authenticator
from fedblog.federation.context import Context, Effect, NeedsNetwork, Trust, ignored
from fedblog.federation.familiar import Familiar, Outdated
from fedblog.federation.fetcher import Budget
from fedblog.federation.forward import with_forwarding
from fedblog.federation.handlers import HANDLERS
from fedblog.federation.keyring import KeyRefused, Keyring
from fedblog.federation.places import find_actor
from fedblog.federation.reasons import Outcome
from fedblog.federation.resolver import Resolver
from fedblog.federation.synchronise import with_synchronisation
from fedblog.federation.taken import Arrival, Seen
from fedblog.records import record
from fedblog.signatures.model import Claim, SignedRequest
from fedblog.signatures.verify import read_claims
from fedblog.storage import actors, moderation
from fedblog.storage import inbox as inbox_log
from fedblog.storage.acquaintances import Acquaintance
from fedblog.storage.database import Database, Tx

log = logging.getLogger(__name__)

MAX_FETCHES = 20  # caused by one activity (INB-34)
# What is known by its actor and object, so that it may come without an id (INB-06).
_MAY_LACK_ID = frozenset(
    {
        "Follow",
        "Like",
        "EmojiReact",
        "Dislike",
        "Announce",
        "Undo",
        "Block",
        "Flag",
        "Accept",
        "Reject",
        "Add",
        "Remove",
    }
)
_REACTIONS = frozenset({"Like", "EmojiReact", "Dislike"})
_KEYED_BY_OBJECT = frozenset({"Create", "Update", "Delete"})


@record(frozen=True, slots=True)
class Receipt:
    """What is answered: 202, and the reason code of what came of it (for the log, not for the sender)."""

    status: int
    reason: str


class Inbox:
    """Takes what other servers send. One object serves the shared inbox and every actor's own (INB-01)."""

    def __init__(
        self,
        db: Database,
        keyring: Keyring,
        resolver: Resolver,
        settings: Settings,
        ids: LocalIds,
        clock: Callable[[], float],
    ) -> None:
        self._db, self._resolver, self._settings, self._ids, self._clock = db, resolver, settings, ids, clock
        self._authenticator = Authenticator(db, keyring)
        self._familiar = Familiar(db, clock)

    async def receive(
        self, request: SignedRequest, *, content_type: str, recipient: str | None = None, address: str = ""
    ) -> Receipt:
        """Take one POST. `recipient` is the id of the local actor whose inbox it was, None for the shared one;
        `address` the sender's network address, for the log.

        Every decision leaves one row in the inbox log. Raises `Refused` (4xx, or 503 with `retry_after`) and
        `StorageUnavailable`; nothing was changed then.
        """
        seen = Seen()
        try:
            return await self._take(request, content_type, recipient, seen)
        except StorageUnavailable:
            raise
        except Refused as exc:
            refused = exc
        except FetchTemporary as exc:
            refused = _later("another server that is needed for this can't be reached now", exc.reason, exc.retry_after)
        except FedblogError as exc:
            refused = Refused(str(exc), reason=exc.reason, status=exc.status if 400 <= exc.status < 500 else 401)
        except Exception as exc:
            log.exception("an activity of type %r from %s failed in itself", seen.type, seen.host)
            refused = _later("this can't be taken now", "internal", None)
            refused.__cause__ = exc
        detail = f"{refused} (from {address})" if address else str(refused)
        await self._db.write(taken.log, seen, refused.status, refused.reason, detail)
        raise refused

    async def _take(self, request: SignedRequest, content_type: str, recipient: str | None, seen: Seen) -> Receipt:
        if not wire.is_inbox_type(content_type):
            raise Refused("send application/activity+json", reason="content_type", status=415)
        now = self._clock()
        doc, unreadable = _parse(request.body)
        _read(seen, doc)
        claims = read_claims(request, now=now)
        if unreadable is not None:
            raise unreadable
        if recipient is not None and await self._db.read(find_actor, self._ids, recipient) is None:
            raise Refused("there is no such actor here", reason="recipient_unknown", status=404)
        if has_forbidden_keyword(doc, request.body):
            await self._authenticator.trust(read_activity(doc), claims, now=now)
            return await self._settle(None, seen, ignored(Outcome.FORBIDDEN_KEYWORD))
        activity = self._check_ids(read_activity(doc), seen)
        known = self._familiar.recognise(activity, claims, now=now)
        if known is not None:
            try:
                return await self._take_from(known, activity, request, claims, seen, recipient or "", now)
            except Outdated:
                self._familiar.forget(known)
            except (NeedsNetwork, Refused):
                pass  # only a yes counts here
        return await self._decide(activity, request, claims, seen, recipient or "", now)

    async def _take_from(
        self,
        known: Acquaintance,
        activity: Activity,
        request: SignedRequest,
        claims: tuple[Claim, ...],
        seen: Seen,
        recipient: str,
        now: float,
    ) -> Receipt:
        """The short way, for somebody whose key and profile are remembered: one write, and no reads before it. Raises
        `Outdated` or `NeedsNetwork` where the long way must be gone; nothing was changed then."""
        validate_activity(activity.raw)
        context = self._context(now, Trust.SIGNED, recipient, offline=True)
        effect = await self._handle(context, activity, known.actor)
        effect = with_forwarding(effect, context, activity, known.actor, request.body)
        effect = with_synchronisation(effect, known.actor, request, claims)
        outcome = await self._db.together(taken.take_together, Arrival(known, activity, seen, effect))
        if outcome is None:
            raise Outdated
        return Receipt(202, outcome)

    def _context(self, now: float, trust: Trust, recipient: str, *, offline: bool = False) -> Context:
        return Context(
            self._db,
            self._resolver,
            self._ids,
            self._settings,
            Budget(MAX_FETCHES),
            int(now),
            trust,
            recipient,
            offline,
        )

    async def _decide(
        self,
        activity: Activity,
        request: SignedRequest,
        claims: tuple[Claim, ...],
        seen: Seen,
        recipient: str,
        now: float,
    ) -> Receipt:
        known = None
        if activity.type == "Delete" and activity.object_id and same_id(activity.object_id, activity.actor):
            if (outcome := await self._db.write(_take_farewell, activity.actor, seen)) is not None:
                return Receipt(202, outcome)
            known = await self._db.read(actors.by_uri, activity.actor)
        else:
            await self._refuse_blocked(seen)
        try:
            trust = await self._authenticator.trust(activity, claims, now=now)
        except KeyRefused as exc:
            # The key went with its actor: its own 410 is as good as its signature (KEY-10).
            gone = known is not None and exc.http_status == 410 and _all_belong(claims, known.uri)
            if known is None or not gone or not await self._is_gone(known):
                raise
            trust = Trust.SIGNED
        key = taken.key_of(activity)
        if key is not None and await self._db.read(inbox_log.was_received, *key):
            return await self._settle(None, seen, ignored(Outcome.DUPLICATE))
        validate_activity(activity.raw)
        context = self._context(now, trust, recipient)
        sender = known or await self._sender(activity, context)
        if sender.uri != seen.actor_uri:  # another spelling of the id that the actor's own server gives
            seen.actor_uri = sender.uri
            await self._refuse_blocked(seen)
        effect = await self._handle(context, activity, sender)
        effect = with_forwarding(effect, context, activity, sender, request.body)
        # What somebody else tells uses up no id: the actor itself may be about to say it, and is to be heard then.
        own = activity if trust is Trust.SIGNED else None
        receipt = await self._settle(own, seen, with_synchronisation(effect, sender, request, claims))
        if trust is Trust.SIGNED:
            with suppress(StorageUnavailable):  # it was taken and is kept: remembering serves the next one's speed
                await self._familiar.remember(activity, claims)
        return receipt

    async def _handle(self, context: Context, activity: Activity, sender: Actor) -> Effect:
        handler = HANDLERS.get(activity.type)
        if handler is None:
            return ignored(Outcome.TYPE_NOT_HANDLED)
        try:
            return await handler(context, activity, sender)
        except FetchTemporary:
            raise
        except FetchFailed as exc:
            log.info("%s by %s needs what can't be had: %s", activity.type, activity.actor, exc)
            return ignored(Outcome.OBJECT_UNFETCHABLE)

    async def _sender(self, activity: Activity, context: Context) -> Actor:
        try:
            return await self._resolver.actor(Uri(activity.actor), budget=context.budget)
        except FetchTemporary:
            raise
        except (FetchGone, DialRefused, FetchFailed) as exc:
            raise Refused("the actor can't be fetched", reason="actor_unfetchable", status=401) from exc

    async def _is_gone(self, actor: Actor) -> bool:
        """Whether the actor itself answers 410: below its URL stand deleted posts too, and anybody may name one."""
        try:
            await self._resolver.actor(Uri(actor.uri), refresh=True)
        except FetchTemporary:
            raise
        except FetchGone as exc:
            return exc.http_status == 410
        except FetchFailed:
            pass
        return False

    def _check_ids(self, activity: Activity, seen: Seen) -> Activity:
        """The activity's id is on the actor's own host (INB-06), and the actor is not one of ours.

        A foreign id is refused wherever an activity is remembered by it. Reactions are remembered by actor and object
        and what we don't handle not at all: there a foreign id (bridges make them) is left out.
        """
        actor = maybe_uri(activity.actor)
        if actor is None:
            raise Refused("the actor is no usable URL", reason="actor_invalid")
        seen.actor_uri, seen.type, seen.host = actor, activity.type, host_of(actor)
        if self._ids.is_local(actor):
            raise Refused("actors of this server don't write to its inbox", reason="actor_is_local", status=401)
        if activity.id is None:
            needs = activity.type not in _MAY_LACK_ID
            if needs and (activity.type not in _KEYED_BY_OBJECT or activity.object_id is None):
                raise Refused("the activity has no id", reason="id_missing")
            return activity
        usable = maybe_uri(activity.id)
        if usable is None:
            raise Refused("the activity's id is no usable URL", reason="id_invalid")
        seen.activity_uri = usable
        if same_origin(usable, actor):
            return activity
        if activity.type in _REACTIONS or activity.type not in HANDLERS:
            return replace(activity, id=None)
        raise Refused("the activity's id is not on the actor's server", reason="id_elsewhere", status=403)

    async def _refuse_blocked(self, seen: Seen) -> None:
        await self._db.read(_check_blocked, seen)

    async def _settle(self, activity: Activity | None, seen: Seen, effect: Effect) -> Receipt:
        outcome = await self._db.write(taken.settle, activity, seen, effect)
        return Receipt(202, outcome)


def _check_blocked(tx: Tx, seen: Seen) -> None:
    if moderation.is_blocked(tx, actor_uri=seen.actor_uri, host=seen.host):
        raise Refused("the sender is blocked here", reason="blocked", status=403)


def _take_farewell(tx: Tx, actor_uri: str, seen: Seen) -> Outcome | None:
    """The end of somebody whom nobody here knows (KEY-09): nothing is fetched, and all is done in one unit, since they
    come by the ten thousand when a large server ends. None for somebody who is known: that is to be believed first.
    """
    _check_blocked(tx, seen)
    if actors.by_uri(tx, actor_uri) is not None:
        return None
    taken.log(tx, seen, 202, Outcome.ACTOR_UNKNOWN, "")
    return Outcome.ACTOR_UNKNOWN


def _read(seen: Seen, doc: dict[str, object]) -> None:
    """What the document claims, before anything is believed."""
    seen.activity_uri = _short(doc.get("id"))
    seen.type = _short(doc.get("type"))
    seen.actor_uri = _short(doc.get("actor"))
    usable = maybe_uri(seen.actor_uri)
    seen.host = host_of(usable) if usable else ""


def _parse(body: bytes) -> tuple[dict[str, object], Refused | None]:
    try:
        return wire.parse_object(body), None
    except Refused as exc:
        return {}, exc


def _short(value: object) -> str:
    """A claimed id, type or actor as text for the log, cut."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("id")
    return value[:500] if isinstance(value, str) else ""


def _all_belong(claims: tuple[Claim, ...], actor_uri: str) -> bool:
    """Whether all keys that signed are, by their ids, this actor's."""
    return all(
        same_id(without_fragment(claim.key_id), actor_uri) or claim.key_id.startswith(f"{actor_uri}/")
        for claim in claims
    )


def _later(message: str, reason: str, retry_after: int | None) -> Refused:
    return Refused(message, reason=reason, status=503, retry_after=retry_after or RETRY_AFTER)
