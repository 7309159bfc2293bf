"""Who says it? The signature over the request, the proof inside the document, or nobody we may believe.

The signature binds a key to an actor, not to a host: the key's owner must be the activity's own `actor` (KEY-04).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fedblog.activitypub.urls import Uri, host_of, same_id
from fedblog.activitypub.vocab import Activity
from fedblog.errors import FetchFailed, FetchTemporary, InvalidInput, Refused
from fedblog.federation.context import Trust
from fedblog.federation.keyring import Keyring
from fedblog.signatures.keys import PublicKey
from fedblog.signatures.model import Claim, Reason, SignatureRefused
from fedblog.signatures.proofs import proof_key_id, verify_proof
from fedblog.signatures.verify import check_claim
from fedblog.storage import moderation
from fedblog.storage.database import Database

# What a server may bring on behalf of others, when it can be asked for at its origin (INB-27).
_FORWARDED_TYPES = frozenset({"Create", "Update", "Delete"})
RETRY_AFTER = 120


class Authenticator:
    """Checks claims with the keys of their owners."""

    def __init__(self, db: Database, keyring: Keyring) -> None:
        self._db, self._keyring = db, keyring

    async def trust(self, activity: Activity, claims: tuple[Claim, ...], *, now: float) -> Trust:
        """How far the activity may be believed. Raises `SignatureRefused`, or `Refused` with 403 or 503."""
        for claim in claims:
            await self._refuse_blocked(claim)
        if not is_brought(activity):
            await self._check_any(claims, Uri(activity.actor))
            return Trust.SIGNED
        try:
            await self._check_any(claims, Uri(activity.actor))
        except SignatureRefused as own_failure:
            await self._check_bringer(claims, own_failure)
            return await self._trust_of_brought(activity, own_failure, now=now)
        return Trust.SIGNED

    async def signer(self, claims: tuple[Claim, ...]) -> Uri:
        """The actor whose key made one of the signatures. Raises as `trust` does."""
        for claim in claims:
            await self._refuse_blocked(claim)
        return await self._check_any(claims, None)

    async def _check_any(self, claims: tuple[Claim, ...], actor: Uri | None) -> Uri:
        """Any one good signature is enough (SIG-13); its key's owner. The first refusal is the one that is told."""
        first: SignatureRefused | None = None
        for claim in claims:
            try:
                return await self._check(claim, actor)
            except SignatureRefused as exc:
                first = first or exc
        raise first or SignatureRefused(Reason.SIGNATURE_MISSING)

    async def _check(self, claim: Claim, actor: Uri | None) -> Uri:
        key = await self._key(claim.key_id, actor)
        try:
            check_claim(claim, key)
        except SignatureRefused:
            # It may have been rotated: one fresh look, bounded by the keyring (KEY-05).
            key = await self._key(claim.key_id, actor, fresh=True)
            check_claim(claim, key)
        return key.owner

    async def _key(self, key_id: Uri, actor: Uri | None, *, fresh: bool = False) -> PublicKey:
        try:
            return await self._keyring.key(key_id, actor_uri=actor, fresh=fresh)
        except FetchTemporary as exc:
            raise Refused(
                "the key's server can't be reached now",
                reason="key_unreachable",
                status=503,
                retry_after=exc.retry_after or RETRY_AFTER,
            ) from exc
        except (FetchFailed, InvalidInput) as exc:
            raise SignatureRefused(Reason.KEY_ID_INVALID, str(exc)) from exc

    async def _check_bringer(self, claims: tuple[Claim, ...], own_failure: SignatureRefused) -> None:
        """The request must be validly signed by somebody; the reason told is about the actor's own key."""
        try:
            await self._check_any(claims, None)
        except SignatureRefused:
            raise own_failure from None

    async def _trust_of_brought(self, activity: Activity, own_failure: SignatureRefused, *, now: float) -> Trust:
        try:
            await self._check_proof(activity, now=now)
        except SignatureRefused as exc:
            if activity.type not in _FORWARDED_TYPES:
                raise exc if proof_key_id(activity.raw) else own_failure from None
            return Trust.HEARSAY
        return Trust.SIGNED

    async def _check_proof(self, activity: Activity, *, now: float) -> None:
        key_id = proof_key_id(activity.raw)
        if key_id is None:
            raise SignatureRefused(Reason.PROOF_MISSING)
        key = await self._key(key_id, Uri(activity.actor))
        if not same_id(key.owner, activity.actor):
            raise SignatureRefused(Reason.PROOF_KEY_MISMATCH)
        verify_proof(activity.raw, key, now=now)

    async def _refuse_blocked(self, claim: Claim) -> None:
        """Before anything is asked of that server (KEY-11)."""
        if await self._db.read(moderation.is_blocked, actor_uri="", host=host_of(claim.key_id)):
            raise Refused("this server is blocked here", reason="blocked", status=403)


def is_brought(activity: Activity) -> bool:
    """Whether it carries what servers add that pass on others' activities; a bare one must be the actor's own."""
    doc: Mapping[str, Any] = activity.raw
    return isinstance(doc.get("signature"), dict) or proof_key_id(doc) is not None
