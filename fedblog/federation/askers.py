"""Who asks us for a document? Authorized fetch: only servers that say who they are, and that we hear (NEG-07, COL-08).

The loop that two such servers could fall into ends at the instance actor: it is served to everybody (ACT-10).
"""

from __future__ import annotations

from collections.abc import Callable

from fedblog.activitypub.urls import Uri, host_of
from fedblog.config import Settings
from fedblog.errors import Refused
from fedblog.federation.authenticate import Authenticator
from fedblog.federation.keyring import Keyring
from fedblog.signatures.model import SignatureRefused, SignedRequest
from fedblog.signatures.verify import has_signature, read_claims
from fedblog.storage import moderation
from fedblog.storage.database import Database


class Askers:
    """Checks the signatures of GETs. `clock` gives Unix seconds."""

    def __init__(self, db: Database, keyring: Keyring, settings: Settings, clock: Callable[[], float]) -> None:
        self._db, self._clock = db, clock
        self._authenticator = Authenticator(db, keyring)
        self.must_sign = settings.federation.authorized_fetch

    async def identify(self, request: SignedRequest) -> Uri:
        """The actor whose key signed the request.

        Raises `SignatureRefused` (400, 401), or `Refused`: 403 for who is blocked, 503 where the key's server can't
        be asked now.
        """
        owner = await self._authenticator.signer(read_claims(request, now=self._clock()))
        await self._refuse_blocked(owner, host_of(owner))
        return owner

    async def admit(self, request: SignedRequest) -> None:
        """Lets the asker through, or raises as `identify` does.

        Without authorized fetch everybody may read; who signs and is blocked is refused all the same, by what the
        signature claims: no key is fetched for that.
        """
        if self.must_sign:
            await self.identify(request)
            return
        if not has_signature(request.headers):
            return
        try:
            claims = read_claims(request, now=self._clock())
        except SignatureRefused:
            return
        for claim in claims:
            await self._refuse_blocked(claim.key_id.partition("#")[0], host_of(claim.key_id))

    async def _refuse_blocked(self, actor_uri: str, host: str) -> None:
        if await self._db.read(moderation.is_blocked, actor_uri=actor_uri, host=host):
            raise Refused("this server is blocked here", reason="blocked", status=403)
