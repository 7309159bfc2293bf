"""What a simulated server records and answers: received requests, scripted answers, name look-ups on loopback."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from fedblog.activitypub.urls import Uri, parse_uri
from fedblog.errors import FedblogError, InvalidInput
from fedblog.signatures.keys import PublicKey, parse_multibase, parse_public_pem
from fedblog.signatures.model import Scheme, SignedRequest
from fedblog.signatures.verify import check_claim, read_claims

ACTIVITY_JSON = "application/activity+json"
RawHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FetchJson = Callable[[str], Awaitable[Any]]


@dataclass
class Received:
    """One request as it arrived. `verified` is None where it carried no signature."""

    method: str
    path: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    activity: dict[str, Any] = field(default_factory=dict)
    verified: bool | None = None
    scheme: Scheme | None = None
    key_id: str = ""
    problem: str = ""

    @property
    def type(self) -> str:
        """Type of the activity, "" where there is none."""
        return str(self.activity.get("type", ""))

    def header(self, name: str) -> str:
        """A header's value, "" where it is missing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass
class Answer:
    """A scripted answer for a path. `times` counts down; None means for ever. A `body` of None with status 200 goes
    on to the usual answer after the delay."""

    status: int = 200
    body: bytes | dict[str, Any] | None = None
    content_type: str = ACTIVITY_JSON
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    hang: bool = False
    times: int | None = None
    handler: RawHandler | None = None

    def response(self) -> web.Response:
        """The answer as it is written."""
        body = json.dumps(self.body).encode() if isinstance(self.body, dict) else self.body or b""
        headers = {"Content-Type": self.content_type, **self.headers} if body else self.headers
        return web.Response(status=self.status, body=body, headers=headers)


class Script:
    """Scripted answers by path, the first still valid one counts."""

    def __init__(self) -> None:
        self._answers: dict[str, list[Answer]] = {}

    def add(self, path: str, answer: Answer) -> None:
        """Puts an answer behind those that the path has."""
        self._answers.setdefault(path, []).append(answer)

    def clear(self, path: str) -> None:
        """Back to the usual answer."""
        self._answers.pop(path, None)

    def take(self, path: str) -> Answer | None:
        """The next answer for that path."""
        for answer in self._answers.get(path, []):
            if answer.times is None:
                return answer
            if answer.times > 0:
                answer.times -= 1
                return answer
        return None


class LoopbackResolver(AbstractResolver):
    """Every name is this machine: for simulated servers, which never leave it."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """127.0.0.1, whatever the name."""
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        """Nothing to close."""


async def read_request(request: web.Request) -> Received:
    """The request with its raw target, headers and bytes."""
    headers = tuple(
        (name.decode("ascii", "replace"), value.decode("utf-8", "surrogateescape"))
        for name, value in request.raw_headers
    )
    body = await request.read()
    received = Received(
        method=request.method,
        path=request.raw_path.partition("?")[0],
        target=request.raw_path,
        headers=headers,
        body=body,
    )
    try:
        parsed = json.loads(body) if body else {}
    except ValueError:
        parsed = {}
    received.activity = parsed if isinstance(parsed, dict) else {}
    return received


async def verify(received: Received, *, base_url: str, now: float, fetch_json: FetchJson) -> None:
    """Fills in `verified`, `scheme` and `key_id`: checks the signature with the key that its owner serves."""
    scheme, _, authority = base_url.partition("://")
    request = SignedRequest(
        received.method, received.target, received.headers, received.body, authority=authority, scheme=scheme
    )
    received.verified = False
    try:
        for claim in read_claims(request, now=now):
            received.scheme, received.key_id = claim.scheme, claim.key_id
            document = await fetch_json(claim.key_id.partition("#")[0])
            check_claim(claim, find_key(document, claim.key_id))
            received.verified = True
    except (TimeoutError, FedblogError, OSError) as exc:
        received.verified, received.problem = False, str(exc) or type(exc).__name__


def find_key(document: Any, key_id: str) -> PublicKey:
    """The key with that id in an actor document. Raises `InvalidInput` where it is not listed."""
    if not isinstance(document, dict):
        raise InvalidInput("no actor document")
    owner = parse_uri(document.get("id"))
    for entry in _listed(document.get("publicKey")) + _listed(document.get("assertionMethod")):
        if entry.get("id") != key_id:
            continue
        if "publicKeyPem" in entry:
            return parse_public_pem(entry["publicKeyPem"], Uri(key_id), owner)
        return parse_multibase(str(entry.get("publicKeyMultibase")), Uri(key_id), owner)
    raise InvalidInput(f"the actor lists no key {key_id}")


def _listed(value: Any) -> list[dict[str, Any]]:
    found = value if isinstance(value, list) else [value]
    return [entry for entry in found if isinstance(entry, dict)]
