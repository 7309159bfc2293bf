"""Keeping what an actor document says: one way for the keyring and the resolver."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable

from fedblog.activitypub.discovery import parse_acct
from fedblog.activitypub.represent import profile_of
from fedblog.activitypub.urls import Uri, host_of, same_id, same_origin
from fedblog.activitypub.vocab import ActorDocument, KeyDocument
from fedblog.blog.ledger import Profile
from fedblog.blog.model import Actor
from fedblog.errors import InvalidInput
from fedblog.federation.budget import Budget
from fedblog.federation.fetcher import Fetcher
from fedblog.federation.knocks import SCHEME_SECONDS
from fedblog.federation.webfinger import confirmed_domain
from fedblog.storage import actors, hosts, keys
from fedblog.storage.database import Database

# FEP-844e: what an actor's server names that verifies Ed25519 over HTTP (OUT-09).
ED25519 = "https://datatracker.ietf.org/doc/html/rfc9421#name-eddsa-using-curve-edwards25"

log = logging.getLogger(__name__)


async def keep_actor(
    fetcher: Fetcher,
    db: Database,
    clock: Callable[[], float],
    document: ActorDocument,
    *,
    budget: Budget | None = None,
) -> Actor | None:
    """Stores a fetched actor document and gives the actor as it is now known.

    A thinner document never overwrites a fuller one: without an inbox it brings new keys to an actor that is known,
    and None for one that isn't (ACT-15). The handle's domain is the id's host, or the one the document claims if that
    one's WebFinger says so too (DISC-06).
    """
    known = await db.read(actors.by_uri, document.id)
    if known is not None and known.local:
        return known
    if document.partial and known is None:
        return None
    domain = await _domain(fetcher, document, known, budget)
    # A hostile biography takes a while to clean: off the loop.
    profile = await asyncio.to_thread(profile_of, document, domain=domain, now=int(clock()))
    own_ids = {key.id for key in own_keys(document)}
    profile = dataclasses.replace(profile, keys=tuple(key for key in profile.keys if key.key_id in own_ids))
    if known is not None:
        await _note_new_keys(db, profile)
        if document.partial:
            profile = _only_keys(known, profile)
    if document.inbox and ED25519 in document.implements and same_origin(document.inbox, document.id):
        await db.write(hosts.offer_scheme, host_of(document.inbox), "rfc9421-ed25519", memory_seconds=SCHEME_SECONDS)
    return await db.write(actors.upsert_remote, profile)


def own_keys(document: ActorDocument) -> list[KeyDocument]:
    """The listed keys that may count as the actor's: of its own origin, and naming nobody else as owner (KEY-02)."""
    return [
        key
        for key in document.public_keys
        if same_origin(key.id, document.id) and (not key.owner or same_id(key.owner, document.id))
    ]


async def _note_new_keys(db: Database, profile: Profile) -> None:
    """All keys at once are new: a rotation, or a domain that was sold (SECURITY 48). The admin's log says so."""
    before = {key.public_pem for key in await db.read(keys.actor_keys, profile.uri)}
    if before and before.isdisjoint(key.public_pem for key in profile.keys):
        log.warning("%s has other keys than before", profile.uri)


async def _domain(fetcher: Fetcher, document: ActorDocument, known: Actor | None, budget: Budget | None) -> str:
    host = host_of(document.id)
    try:
        claimed = parse_acct(document.webfinger).host if document.webfinger else host
    except InvalidInput:
        return host
    if claimed == host or (known is not None and known.domain == claimed):
        return claimed
    return await confirmed_domain(fetcher, document.webfinger, Uri(document.id), budget=budget) or host


def _only_keys(known: Actor, thin: Profile) -> Profile:
    """What we know already, with the keys of the thinner document."""
    kept = {
        field.name: getattr(known, field.name)
        for field in dataclasses.fields(Profile)
        if field.name not in ("suspended", "keys", "pictures")
    }
    return Profile(**kept, suspended=known.suspended_at is not None, keys=thin.keys)
