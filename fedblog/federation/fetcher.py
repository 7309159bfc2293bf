"""Fetches documents: signed by the instance actor, in the scheme the host takes, believed only at their own origin.

The one place that decides what an answer is worth: its content type (NEG-08), its final URL against its `id` (NEG-09),
its JSON. Everything that goes wrong is a `FetchFailed` or one of its kinds, with a reason code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fedblog.activitypub.discovery import Handle, Jrd
from fedblog.activitypub.normalise import has_forbidden_keyword
from fedblog.activitypub.urls import Uri, host_of, maybe_uri, same_id, same_origin, without_fragment
from fedblog.activitypub.wire import ACCEPT, is_activity_type, parse_object
from fedblog.blog.model import ActorId
from fedblog.errors import FetchFailed, FetchGone, FetchTemporary, Refused
from fedblog.federation import webfinger
from fedblog.federation.budget import Budget as Budget
from fedblog.federation.client import Client, ConnectFailed, Response
from fedblog.federation.knocks import Knock, is_news, knocks_for, next_knocks, preferred
from fedblog.federation.links import alternate_in_header, alternate_in_html
from fedblog.federation.outcome import retry_after_seconds
from fedblog.federation.signer import Signer
from fedblog.storage import actors, deliveries
from fedblog.storage.database import Database

DOCUMENT_SECONDS = 8.0  # for all knocks and hops together (SECURITY 71)
_KNOCK_AGAIN = frozenset({400, 401})
_TEMPORARY = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """A JSON document whose `id` is where it was fetched from: `url` is that place, `body` the bytes."""

    doc: dict[str, object]
    url: Uri
    body: bytes


class Fetcher:
    """Signed fetches (OUT-01 to OUT-08). `clock` gives Unix seconds."""

    def __init__(self, client: Client, signer: Signer, db: Database, clock: Callable[[], float]) -> None:
        self.client = client
        self._signer, self._db, self._clock = signer, db, clock
        self._instance_id: ActorId | None = None

    async def document(
        self,
        uri: Uri,
        *,
        budget: Budget | None = None,
        actor_id: ActorId | None = None,
        pages: bool = True,
    ) -> FetchedDocument:
        """The ActivityStreams document that `uri` leads to, from its own origin.

        Signed by the instance actor, or by `actor_id` for what is addressed to one author (OUT-06). An HTML page is
        taken as a pointer to its alternate, once, if `pages`. Where the document's `id` is another URL of the same
        origin, that is fetched, once. Callers compare `doc["id"]` with what they wanted.

        Raises `FetchGone` (404, 410), `FetchTemporary` (time-outs, 408, 425, 429, 5xx), `DialRefused`, and
        `FetchFailed` with reason `http_…`, `content_type`, `json_…`, `id_missing`, `id_elsewhere`, `budget_spent` and
        those of the client.
        """
        try:
            async with asyncio.timeout(DOCUMENT_SECONDS):
                return await self._document(uri, budget, actor_id, pages)
        except TimeoutError as exc:
            raise ConnectFailed(f"{host_of(uri)} took too long") from exc

    async def _document(
        self, uri: Uri, budget: Budget | None, actor_id: ActorId | None, pages: bool
    ) -> FetchedDocument:
        response = await self._get(uri, budget, actor_id)
        if pages and (page := _alternate(response)) is not None:
            response = await self._get(page, budget, actor_id)
        fetched = _read(response)
        declared = _declared_id(fetched)
        if same_id(declared, fetched.url):
            return fetched
        if not same_origin(declared, fetched.url):
            raise FetchFailed(f"{fetched.url} serves the id of another server", reason="id_elsewhere")
        again = _read(await self._get(declared, budget, actor_id))
        if not (same_id(_declared_id(again), declared) and same_id(again.url, declared)):
            raise FetchFailed(f"{declared} is not to be had under its own id", reason="id_elsewhere")
        return again

    async def hints(self, uri: Uri, *, budget: Budget | None = None) -> FetchedDocument:
        """A document that is only a list of places to look at (a collection, a page of one): plain JSON will do and
        its `id` is not compared, but it comes from the host that was asked. Raises as `document` does."""
        try:
            async with asyncio.timeout(DOCUMENT_SECONDS):
                response = await self._get(uri, budget, None)
        except TimeoutError as exc:
            raise ConnectFailed(f"{host_of(uri)} took too long") from exc
        if not same_origin(response.url, uri):
            raise FetchFailed(f"{uri} leads to another server", reason="id_elsewhere")
        return _read(response, plain_json=True)

    async def plain(self, uri: Uri, *, accept: str, budget: Budget | None = None) -> Response:
        """An unsigned GET for WebFinger, host-meta and NodeInfo; raises as `document` does, whatever the type."""

        async def count(_: Uri) -> Mapping[str, str]:
            if budget is not None:
                budget.spend()
            return {}

        response = await self.client.get(uri, accept=accept, headers_for=count)
        self._check_status(response)
        return response

    async def jrd(self, handle: Handle, *, budget: Budget | None = None) -> Jrd:
        """What `@name@host`'s own domain says about it (DISC-07); see `webfinger.jrd`."""
        return await webfinger.jrd(self, handle, budget=budget)

    async def webfinger_actor(self, handle: Handle, *, budget: Budget | None = None) -> Uri:
        """The id of the actor that a handle means; see `webfinger.webfinger_actor`."""
        return await webfinger.webfinger_actor(self, handle, budget=budget)

    @property
    def allow_http(self) -> bool:
        """Whether plain http may be tried."""
        return self.client.guard.allow_http

    async def _get(self, uri: Uri, budget: Budget | None, actor_id: ActorId | None) -> Response:
        """Knocks until the door opens; remembers for the host which knock it was."""
        uri = without_fragment(uri)
        signing = actor_id or await self._instance()
        host, now = await self._db.read(deliveries.host_state, host_of(uri)), self._clock()
        knock, *left = knocks_for(uri, preferred(host, now=now))
        response = await self._knock(uri, knock, budget, signing)
        while response.status in _KNOCK_AGAIN and (
            left := next_knocks(knock, left, response.header("Accept-Signature"))
        ):
            knock, *left = left
            response = await self._knock(uri, knock, budget, signing)
            if response.status < 300 and is_news(host, knock.scheme, now=now):
                await self._db.write(deliveries.set_scheme, host_of(response.url), knock.scheme)
        self._check_status(response)
        return response

    async def _knock(self, uri: Uri, knock: Knock, budget: Budget | None, actor_id: ActorId) -> Response:
        async def headers_for(hop: Uri) -> Mapping[str, str]:
            if budget is not None:
                budget.spend()
            return await self._signer.headers(
                "GET",
                hop,
                None,
                actor_id=actor_id,
                scheme=knock.scheme,
                with_query=knock.with_query,
                components=knock.components,
            )

        return await self.client.get(uri, accept=ACCEPT, headers_for=headers_for)

    async def _instance(self) -> ActorId:
        if self._instance_id is None:
            self._instance_id = (await self._db.read(actors.instance)).id
        return self._instance_id

    def _check_status(self, response: Response) -> None:
        status = response.status
        if 200 <= status < 300:
            return
        if status in (404, 410):
            raise FetchGone(f"{response.url} answered {status}", http_status=status)
        if status in _TEMPORARY or status >= 500:
            wait = retry_after_seconds(response.header("Retry-After"), now=self._clock())
            raise FetchTemporary(f"{response.url} answered {status}", retry_after=wait)
        raise FetchFailed(f"{response.url} answered {status}", reason=f"http_{status}")


def _alternate(response: Response) -> Uri | None:
    """Where an HTML page says that its ActivityStreams document is (DISC-12)."""
    if response.content_type.partition(";")[0].strip().lower() not in ("text/html", "application/xhtml+xml"):
        return None
    found = alternate_in_header(response.headers.getall("Link", []), response.url)
    return found or alternate_in_html(response.body, response.url)


def _read(response: Response, *, plain_json: bool = False) -> FetchedDocument:
    is_json = response.content_type.partition(";")[0].strip().lower() == "application/json"
    if not (is_activity_type(response.content_type) or (plain_json and is_json)):
        kind = response.content_type[:80] or "nothing"
        raise FetchFailed(f"{response.url} is {kind!r}, not an ActivityStreams document", reason="content_type")
    try:
        doc = parse_object(response.body)
    except Refused as exc:
        raise FetchFailed(f"{response.url}: {exc}", reason=exc.reason) from exc
    if has_forbidden_keyword(doc):
        raise FetchFailed(f"{response.url} uses @graph, @included or @reverse", reason="forbidden_keyword")
    return FetchedDocument(doc, response.url, response.body)


def _declared_id(fetched: FetchedDocument) -> Uri:
    declared = maybe_uri(fetched.doc.get("id"))
    if declared is None:
        raise FetchFailed(f"{fetched.url} has no usable id", reason="id_missing")
    return declared
