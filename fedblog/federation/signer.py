"""Signs outgoing requests with our actors' keys: at the moment of sending, for every attempt anew (OUT-01).

RSA takes a quarter of a millisecond of CPU outside the interpreter's lock, so signing happens in threads; what goes out
together is signed together, since each hop to a thread costs as much as a fifth of a signature. The threads do nothing
else: whatever they did under the lock, the event loop would wait for, after each signature.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor

from fedblog.activitypub.urls import Uri
from fedblog.blog.model import ActorId
from fedblog.errors import ConfigError
from fedblog.federation.bounded import Bounded
from fedblog.federation.knocks import Scheme as Scheme  # callers name it beside the signer
from fedblog.records import record
from fedblog.signatures.cavage import prepare_cavage
from fedblog.signatures.keys import PrivateKey, private_from_pem
from fedblog.signatures.model import Unsealed
from fedblog.signatures.rfc9421 import prepare_rfc9421
from fedblog.storage import keys
from fedblog.storage.database import Database
from fedblog.storage.seal import Sealer

# Another process may have given an actor a new key.
_KEY_SECONDS = 300
_MAX_KEYS = 1_000


@record(frozen=True, slots=True)
class Unsigned:
    """A request that is to be signed; see `Signer.headers`."""

    method: str
    uri: Uri
    body: bytes | None
    actor_id: ActorId
    scheme: Scheme
    with_query: bool = True
    components: Sequence[str] = ()
    extra: Mapping[str, str] | None = None

    @property
    def algorithm(self) -> str:
        """The kind of key that the scheme needs."""
        return "ed25519" if self.scheme == "rfc9421-ed25519" else "rsa"


def _prepare(request: Unsigned, key: PrivateKey, now: float) -> Unsealed:
    if request.scheme == "cavage":
        return prepare_cavage(
            method=request.method,
            url=request.uri,
            body=request.body,
            key=key,
            now=now,
            with_query=request.with_query,
            extra=request.extra,
        )
    return prepare_rfc9421(
        method=request.method,
        url=request.uri,
        body=request.body,
        key=key,
        now=now,
        components=request.components,
        extra=request.extra,
    )


def _sign_each(bases: Sequence[tuple[PrivateKey, bytes]]) -> list[bytes]:
    return [key.sign(base) for key, base in bases]


class Signer:
    """Headers with a signature by one of our actors. `executor` None means the loop's own threads."""

    def __init__(self, db: Database, sealer: Sealer, executor: Executor | None, clock: Callable[[], float]) -> None:
        self._db, self._sealer, self._executor, self._clock = db, sealer, executor, clock
        self._keys: Bounded[tuple[ActorId, str], PrivateKey] = Bounded(_MAX_KEYS, clock)

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
        extra: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Host, Date, digest and signature headers for this request, now.

        `with_query=False` leaves the query out of what is signed (OUT-05, cavage only); `components` are extra ones
        that an `Accept-Signature` asked for (RFC 9421 only); `extra` headers are sent and signed too. Raises
        `ConfigError` where the actor has no such key.
        """
        (signed,) = await self.sign_all([Unsigned(method, uri, body, actor_id, scheme, with_query, components, extra)])
        return signed

    async def sign_all(self, requests: Sequence[Unsigned]) -> list[dict[str, str]]:
        """The same for several requests in one hop to a thread; their headers in this order."""
        keyed = [(request, await self._key(request.actor_id, request.algorithm)) for request in requests]
        now = self._clock()
        made = [_prepare(request, key, now) for request, key in keyed]
        bases = [(key, one.base) for (_, key), one in zip(keyed, made, strict=True)]
        signatures = await asyncio.get_running_loop().run_in_executor(self._executor, _sign_each, bases)
        return [one.sealed(signature) for one, signature in zip(made, signatures, strict=True)]

    def forget(self, actor_id: ActorId) -> None:
        """The actor has a new key."""
        for algorithm in ("rsa", "ed25519"):
            self._keys.drop((actor_id, algorithm))

    async def _key(self, actor_id: ActorId, algorithm: str) -> PrivateKey:
        """RSA is the one kind that every peer can verify, so every actor must have it (OUT-09)."""
        key = self._keys.get((actor_id, algorithm))
        if key is None:
            listed = await self._db.read(keys.local_keys, actor_id, self._sealer)
            found = [one for one in listed if one.algorithm == algorithm]
            if not found and algorithm != "rsa":
                return await self._key(actor_id, "rsa")
            if not found:
                raise ConfigError(f"actor {actor_id} has no RSA key to sign with: run `fedblog doctor`")
            # What the sealer opened is what we wrote: testing primes again would hold up every reader for 36 ms, as
            # often as lanes ask before the first one has its answer.
            key = private_from_pem(found[0].private_pem, Uri(found[0].key_id), check=False)
            self._keys.put((actor_id, algorithm), key, _KEY_SECONDS)
        return key
