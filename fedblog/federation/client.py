"""The one HTTP client that talks to other servers: every fetch and every delivery goes through here, by the guard.

No cookies, no proxies from the environment, no redirects by the library; a deadline over everything, a cap on what is
read, few connections a host. TLS trusts the system's store (or `SSL_CERT_FILE`). GETs go through aiohttp's client,
POSTs over connections of their own (`lines.py`), which cost a quarter; so deliveries never wait behind slow fetches.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.http import HttpProcessingError, RawResponseMessage
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from fedblog import __version__
from fedblog.activitypub.urls import Uri, host_of, parse_uri, without_fragment
from fedblog.config import Settings
from fedblog.errors import DialRefused, FetchFailed, FetchTemporary, InvalidInput
from fedblog.federation.body import ACCEPT_ENCODING, read_body
from fedblog.federation.guard import Guard, GuardedResolver, Lookup
from fedblog.federation.lines import Connections, NotReached, door_of, request_head
from fedblog.records import record
from fedblog.signatures.headers import request_target

HeadersFor = Callable[[Uri], Awaitable[Mapping[str, str]]]

MAX_REDIRECTS = 5
MAX_BODY_BYTES = 1024 * 1024
MAX_POST_ANSWER_BYTES = 64 * 1024
GET_SECONDS = 8.0
POST_SECONDS = 10.0
CONNECT_SECONDS = 5.0
GETS_PER_HOST = 8
POSTS_PER_HOST = 2
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DNS_CACHE_SECONDS = 30
_POST_ANSWER_SECONDS = 1.0
_KEEP_SECONDS = 20.0


class ConnectFailed(FetchTemporary):
    """No answer at all: DNS, connecting, TLS or the deadline (KEY-07 counts these)."""

    reason = "connect_failed"


@record(frozen=True, slots=True)
class Response:
    """An answer: `url` is where it finally came from, `body` is decoded, `redirects` the number of hops before it."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    url: Uri
    redirects: int = 0

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return self.headers.get(name)

    @property
    def content_type(self) -> str:
        """The Content-Type as sent, "" where there is none."""
        return self.headers.get("Content-Type", "")


def user_agent(settings: Settings) -> str:
    """`fedblog/1.2.3 (+https://blog.example/; contact)` (OUT-07)."""
    return f"fedblog/{__version__} {settings.user_agent}"


class Client:
    """Dials only what the guard permits. Close it with `close`.

    `lookup` stands in for DNS in tests, `tls` for the system's trust store.
    """

    def __init__(
        self,
        guard: Guard,
        user_agent: str,
        *,
        connect_timeout: float = CONNECT_SECONDS,
        limit: int = 400,
        gets_per_host: int = GETS_PER_HOST,
        posts_per_host: int = POSTS_PER_HOST,
        lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.guard = guard
        self._user_agent = user_agent
        self._connect_timeout = connect_timeout
        self._limit = limit
        self._gets_per_host = gets_per_host
        self._resolver = GuardedResolver(guard, lookup)
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._lines = Connections(
            guard, self._resolver, self._trust, connect_timeout=connect_timeout, per_host=posts_per_host
        )

    async def get(
        self,
        uri: Uri,
        *,
        accept: str,
        headers_for: HeadersFor | None = None,
        max_bytes: int = MAX_BODY_BYTES,
        timeout: float = GET_SECONDS,  # noqa: ASYNC109 - one deadline over all hops
    ) -> Response:
        """Fetches a document; up to five redirects, each hop checked and signed for itself by `headers_for`.

        Answers of any status come back. Raises `DialRefused`, `ConnectFailed` (nothing came in time), `FetchFailed`
        (too long, redirect loop, from https to http).
        """
        with _failures_of(uri):
            async with asyncio.timeout(timeout):
                return await self._follow(without_fragment(uri), accept, headers_for, max_bytes)

    async def post(
        self,
        uri: Uri,
        body: bytes,
        headers: Mapping[str, str],
        timeout: float = POST_SECONDS,  # noqa: ASYNC109
    ) -> Response:
        """Sends bytes as they are; a redirect is an answer like any other (OUT-08), a long answer is cut.

        Raises `DialRefused` or `ConnectFailed`.
        """
        self.guard.check_uri(uri)
        door = door_of(uri)
        sent = {"Host": host_of(uri), "User-Agent": self._user_agent, "Accept-Encoding": ACCEPT_ENCODING, **headers}
        request = (request_head("POST", request_target(uri), sent, len(body)), body)
        keep = headers.get("Connection") != "close"
        with _failures_of(uri):
            async with asyncio.timeout(timeout):
                return await self._lines.ask(door, request, partial(_post_answer, uri), keep=keep)

    async def close(self) -> None:
        """Ends all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        self._lines.close()
        await self._resolver.close()

    async def _follow(self, uri: Uri, accept: str, headers_for: HeadersFor | None, max_bytes: int) -> Response:
        seen: set[str] = set()
        while True:
            self.guard.check_uri(uri)
            if uri in seen:
                raise FetchFailed(f"{uri} redirects in a circle", reason="redirect_loop")
            seen.add(uri)
            headers = {"Accept": accept, **(await headers_for(uri) if headers_for else {})}
            with _failures_of(uri):
                async with self._get(uri, headers) as answer:
                    location = answer.headers.get("Location")
                    if answer.status not in _REDIRECTS or location is None:
                        body = await _body(answer, max_bytes)
                        return Response(answer.status, answer.headers, body, uri, len(seen) - 1)
            if len(seen) > MAX_REDIRECTS:
                raise FetchFailed(f"{uri}: more than {MAX_REDIRECTS} redirects", reason="too_many_redirects")
            uri = _redirected(uri, location)

    def _get(self, uri: Uri, headers: Mapping[str, str]) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        sent = CIMultiDict({"User-Agent": self._user_agent, "Accept-Encoding": ACCEPT_ENCODING, **headers})
        return self._for_gets().request("GET", _wire_url(uri), headers=sent, allow_redirects=False)

    def _for_gets(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=self._resolver,
                socket_factory=self.guard.open_socket,
                ssl=self._trust(),
                limit=self._limit,
                limit_per_host=self._gets_per_host,
                ttl_dns_cache=_DNS_CACHE_SECONDS,
                keepalive_timeout=_KEEP_SECONDS,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                requote_redirect_url=False,
                skip_auto_headers=("Accept", "Content-Type"),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout),
            )
        return self._session

    def _trust(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


async def _body(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    """What came; of an error page as much as can be had, since its status is what counts."""
    encoding = answer.headers.get("Content-Encoding", "")
    try:
        return await read_body(answer.content, encoding, max_bytes, cut=answer.status >= 400)
    except FetchFailed:
        if answer.status < 400:
            raise
        return b""


async def _post_answer(uri: Uri, head: RawResponseMessage, stream: StreamReader) -> Response:
    """What a peer writes, or fails to write, behind its status can't undo that it took the delivery."""
    body = b""
    if not stream.at_eof():  # most answer with nothing but a status
        with contextlib.suppress(FetchFailed, aiohttp.ClientError, TimeoutError):
            async with asyncio.timeout(_POST_ANSWER_SECONDS):
                encoding = head.headers.get("Content-Encoding", "")
                body = await read_body(stream, encoding, MAX_POST_ANSWER_BYTES, cut=True)
    return Response(head.code, head.headers, body, uri)


def _redirected(uri: Uri, location: str) -> Uri:
    try:
        target = without_fragment(parse_uri(urljoin(uri, location)))
    except (InvalidInput, ValueError) as exc:
        raise FetchFailed(f"{uri} redirects to something that is no URL", reason="redirect_invalid") from exc
    if urlsplit(uri).scheme == "https" and urlsplit(target).scheme != "https":
        raise DialRefused(f"{uri} redirects from https to http")
    return target


def _wire_url(uri: Uri) -> URL:
    """The URL as aiohttp takes it: host in ASCII, path and query byte for byte, since they are signed."""
    target = request_target(uri)
    url = URL(f"{uri.partition(':')[0].lower()}://{host_of(uri)}{target}", encoded=True)
    if url.raw_path_qs != target.removesuffix("?"):
        raise DialRefused(f"{uri} can't be sent as it is written")
    return url


class _failures_of:  # noqa: N801 - it reads as what it does, and a generator would cost more than all the rest of it
    """What the library raises while a URL is asked for, as what callers handle: `DialRefused` and `ConnectFailed`."""

    __slots__ = ("_uri",)

    def __init__(self, uri: Uri) -> None:
        self._uri = uri

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, traceback: object) -> None:
        if exc is None or isinstance(exc, FetchFailed | FetchTemporary):
            return
        if isinstance(exc, aiohttp.ClientConnectorError | NotReached):
            refused = exc.os_error.__cause__
            if isinstance(refused, DialRefused):
                raise refused from exc
            raise ConnectFailed(f"{host_of(self._uri)} can't be reached: {_short(exc)}") from exc
        if isinstance(exc, TimeoutError) and not isinstance(exc, aiohttp.ClientError):
            raise ConnectFailed(f"{host_of(self._uri)} took too long") from exc
        if isinstance(exc, aiohttp.ClientError | HttpProcessingError | OSError):
            raise ConnectFailed(f"{host_of(self._uri)} gave no usable answer: {_short(exc)}") from exc


def _short(exc: BaseException) -> str:
    text = str(exc) or HTTPStatus.BAD_GATEWAY.phrase
    return text.splitlines()[0][:200]
