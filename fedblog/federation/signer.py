"""Signs outgoing requests with our actors' keys: at the moment of sending, for every attempt anew (OUT-01).

RSA takes a quarter of a millisecond of CPU outside the interpreter's lock, so signing happens in threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial

from fedblog.activitypub.urls import Uri
from fedblog.blog.model import ActorId
from fedblog.errors import ConfigError
from fedblog.federation.bounded import Bounded
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.keys import PrivateKey, private_from_pem
from fedblog.signatures.model import Scheme as Scheme  # callers name it beside the signer
from fedblog.signatures.rfc9421 import sign_rfc9421
from fedblog.storage import keys
from fedblog.storage.database import Database
from fedblog.storage.seal import Sealer

# Another process may have given an actor a new key.
_KEY_SECONDS = 300
_MAX_KEYS = 1_000


class Signer:
    """Headers with a signature by one of our actors. `executor` None means the loop's own threads."""

    def __init__(self, db: Database, sealer: Sealer, executor: Executor | None, clock: Callable[[], float]) -> None:
        self._db, self._sealer, self._executor, self._clock = db, sealer, executor, clock
        self._keys: Bounded[ActorId, PrivateKey] = Bounded(_MAX_KEYS, clock)

    async def headers(
        self,
        method: str,
        uri: Uri,
        body: bytes | None,
        *,
        actor_id: ActorId,
        scheme: Scheme,
        with_query: bool = True,
        components: Sequence[str] = (),
    ) -> dict[str, str]:
        """Host, Date, digest and signature headers for this request, now.

        `with_query=False` leaves the query out of what is signed (OUT-05, cavage only); `components` are extra ones
        that an `Accept-Signature` asked for (RFC 9421 only). Raises `ConfigError` where the actor has no RSA key.
        """
        key = await self._key(actor_id)
        now = self._clock()
        if scheme == "rfc9421":
            sign = partial(sign_rfc9421, method=method, url=uri, body=body, key=key, now=now, components=components)
        else:
            sign = partial(sign_cavage, method=method, url=uri, body=body, key=key, now=now, with_query=with_query)
        return await asyncio.get_running_loop().run_in_executor(self._executor, sign)

    def forget(self, actor_id: ActorId) -> None:
        """The actor has a new key."""
        self._keys.drop(actor_id)

    async def _key(self, actor_id: ActorId) -> PrivateKey:
        key = self._keys.get(actor_id)
        if key is None:
            # RSA: the one kind that every peer can verify (OUT-09).
            found = [k for k in await self._db.read(keys.local_keys, actor_id, self._sealer) if k.algorithm == "rsa"]
            if not found:
                raise ConfigError(f"actor {actor_id} has no RSA key to sign with: run `fedblog doctor`")
            key = private_from_pem(found[0].private_pem, Uri(found[0].key_id))
            self._keys.put(actor_id, key, _KEY_SECONDS)
        return key
