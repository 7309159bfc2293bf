"""A scripted remote server that speaks real HTTP on loopback: the demo's simulated fediverse, and every test's peer.

It serves actors, WebFinger, NodeInfo, objects and collections, records what is sent to it, verifies signatures with
the key that the sender serves, and can be told to lie, stall, redirect, rotate keys or insist on one signature scheme.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from fedblog.activitypub.urls import Uri
from fedblog.demo.mastodon_api import MastodonApi
from fedblog.demo.peer_actor import AS_CONTEXT, SOFTWARE, KeyType, PeerActor, Style, actor_path, key_id_of, make_key
from fedblog.demo.peer_payloads import tombstone
from fedblog.demo.peer_server import (
    ACTIVITY_JSON,
    Answer,
    LoopbackResolver,
    RawHandler,
    Received,
    Script,
    read_request,
    verify,
)
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.keys import PrivateKey
from fedblog.signatures.model import Scheme
from fedblog.signatures.rfc9421 import ACCEPT_SIGNATURE, sign_rfc9421

JRD = "application/jrd+json"
INTENTS = {"Object": "interact?uri={object}", "Follow": "interact?follow={object}"}  # FEP-3b86
_NODEINFO_REL = "http://nodeinfo.diaspora.software/ns/schema/2.0"


class PeerServer:
    """One simulated server under one host name.

    `schemes` are the signature schemes it knows, `strict` answers 401 to an inbox POST that doesn't verify, and
    `authorized_fetch` wants a signature on every GET except of its own Application. `requests` holds everything that
    arrived, `inbox` the POSTs alone. `objects` maps paths to (document, content type). An `api` lets people sign in.
    """

    def __init__(self, *, style: Style = "mastodon", clock: Callable[[], float] = time.time) -> None:
        self.style: Style = style
        self.clock = clock
        self.base_url = ""
        self.schemes: tuple[Scheme, ...] = ("cavage", "rfc9421")
        self.strict = True
        self.authorized_fetch = False
        self.intents = False
        self.requests: list[Received] = []
        self.inbox: list[Received] = []
        self.actors: dict[str, PeerActor] = {}
        self.objects: dict[str, tuple[dict[str, Any], str]] = {}
        self.script = Script()
        self.api: MastodonApi | None = None
        self._arrived = asyncio.Condition()
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    async def start(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "peer.localhost",
        tls: ssl.SSLContext | None = None,
    ) -> Self:
        """Listens; `name` goes into `base_url`, and so into all ids. Returns itself."""
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self.handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5, auto_decompress=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, ssl_context=tls).start()
        bound = self._runner.addresses[0][1]
        return self.open_at(f"{'https' if tls else 'http'}://{name}:{bound}")

    def open_at(self, base_url: str) -> Self:
        """Is reachable at `base_url` from now on; somebody else listens there and passes requests to `handle`."""
        self.base_url = base_url
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=LoopbackResolver(), use_dns_cache=False),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=20),
        )
        return self

    async def stop(self) -> None:
        """Ends everything, hanging answers too."""
        self._stopping.set()
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> PeerServer:
        return self if self._runner is not None else await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # People and things it serves

    def add_person(
        self,
        username: str,
        *,
        name: str = "",
        type: str = "Person",  # noqa: A002 - the property's name
        key_type: KeyType = "rsa",
        key: PrivateKey | None = None,
        style: Style | None = None,
        summary: str = "",
        icon: str = "",
        **extra: Any,
    ) -> PeerActor:
        """Somebody new with a key pair of their own; a given `key` takes the id it needs (making one takes time)."""
        chosen = style or self.style
        actor_id = self.base_url + actor_path(chosen, username, type)
        pair = key or make_key(key_type)
        pair = dataclasses.replace(pair, key_id=key_id_of(actor_id, chosen, pair.algorithm))
        actor = PeerActor(self.base_url, username, name, pair, type, chosen, summary, icon, extra)
        self.actors[actor.path] = actor
        return actor

    def publish(self, obj: dict[str, Any], *, at: str | None = None, content_type: str = ACTIVITY_JSON) -> str:
        """Serves an object at its own id, or under another path for a lie; returns the URL."""
        path = at or place_of(obj["id"])
        self.objects[path] = ({"@context": AS_CONTEXT, **obj}, content_type)
        return self.base_url + path

    def set_totals(self, object_id: str, **totals: int) -> None:
        """Sets `likes`, `shares` or `replies` totals of a published object, embedded and at the collection's URL."""
        path = place_of(object_id)
        document, content_type = self.objects[path]
        for name, total in totals.items():
            collection_id = (document.get(name) or {}).get("id") or f"{object_id}/{name}"
            collection = {"id": collection_id, "type": "Collection", "totalItems": total}
            document = {**document, name: collection}
            self.publish(collection)
        self.objects[path] = (document, content_type)

    def set_replies(self, object_id: str, ids: list[str]) -> None:
        """Serves the ids of the answers to an object as its `replies` collection."""
        page = {"type": "CollectionPage", "partOf": f"{object_id}/replies", "items": ids}
        self.publish({"id": f"{object_id}/replies", "type": "Collection", "totalItems": len(ids), "first": page})

    # What it can be told to do

    def answer(self, path: str, answer: Answer) -> None:
        """Scripts an answer for a path (without its query)."""
        self.script.add(path, answer)

    def gone(self, path: str, status: int = 410) -> None:
        """Answers 410 (or 404) with a Tombstone."""
        self.answer(path, Answer(status, tombstone(self.base_url + path)))

    def delay(self, path: str, seconds: float) -> None:
        """Answers late."""
        self.answer(path, Answer(delay=seconds))

    def hang(self, path: str) -> None:
        """Takes the request and never answers."""
        self.answer(path, Answer(hang=True))

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        """Sends the asker elsewhere."""
        self.answer(path, Answer(status, headers={"Location": to}))

    def raw(self, path: str, handler: RawHandler) -> None:
        """Leaves the answer to a handler: endless bodies, bombs and the like."""
        self.answer(path, Answer(handler=handler))

    def gets(self, path: str) -> int:
        """How many GETs that path had."""
        return sum(1 for seen in self.requests if seen.method == "GET" and seen.path == path)

    async def wait_for(
        self,
        want: str | Callable[[Received], bool],
        *,
        count: int = 1,
        timeout: float = 10.0,  # noqa: ASYNC109
    ) -> Received:
        """The `count`-th inbox POST of that type, or that the predicate takes; earlier ones count. Raises
        `TimeoutError` with what came instead."""

        def matching() -> list[Received]:
            return [seen for seen in self.inbox if (seen.type == want if isinstance(want, str) else want(seen))]

        async with self._arrived:
            try:
                await asyncio.wait_for(self._arrived.wait_for(lambda: len(matching()) >= count), timeout)
            except TimeoutError:
                came = [f"{seen.type} on {seen.path} ({seen.problem or 'fine'})" for seen in self.inbox]
                raise TimeoutError(f"{want!r} did not come to {self.base_url}; what came: {came}") from None
        return matching()[count - 1]

    # What it sends

    async def post_activity(
        self,
        actor: PeerActor,
        inbox_url: str,
        activity: dict[str, Any],
        scheme: Scheme | None = "cavage",
        *,
        key: PrivateKey | None = None,
        body: bytes | None = None,
        headers: dict[str, str | None] | None = None,
        now: float | None = None,
    ) -> tuple[int, bytes]:
        """Signs and sends; (status, body). `scheme` None leaves the signature out, `key` forges with another one,
        `headers` are changed after signing (None takes one away)."""
        data = json.dumps(activity).encode() if body is None else body
        sent = self._signed("POST", inbox_url, data, key or actor.key, scheme, now)
        for name, value in (headers or {}).items():
            sent.pop(name, None)
            if value is not None:
                sent[name] = value
        async with self._client.post(URL(inbox_url, encoded=True), data=data, headers=sent) as response:
            return response.status, await response.read()

    async def fetch(
        self,
        url: str,
        actor: PeerActor | None = None,
        *,
        scheme: Scheme = "cavage",
        accept: str = ACTIVITY_JSON,
    ) -> tuple[int, dict[str, str], bytes]:
        """GET, signed if an actor is given; (status, headers with lower-case names, body); no redirects."""
        headers = self._signed("GET", url, None, actor.key, scheme, None) if actor else {}
        headers["Accept"] = accept
        async with self._client.get(URL(url, encoded=True), headers=headers, allow_redirects=False) as response:
            return response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read()

    async def fetch_json(self, url: str) -> Any:
        """A document as parsed JSON. Raises `OSError` where it can't be had."""
        try:
            status, _, body = await self.fetch(url)
        except aiohttp.ClientError as exc:
            raise OSError(f"{url}: {exc}") from exc
        if status != 200:
            raise OSError(f"{url} answered {status}")
        try:
            return json.loads(body)
        except ValueError as exc:
            raise OSError(f"{url} is no JSON") from exc

    async def webfinger(self, handle: str, base_url: str = "") -> dict[str, Any]:
        """The JRD of `@name@host`, asked at `base_url` or at the host itself."""
        acct = handle.removeprefix("@")
        origin = base_url or f"{self.base_url.partition('://')[0]}://{acct.rpartition('@')[2]}"
        found = await self.fetch_json(f"{origin}/.well-known/webfinger?resource={quote(f'acct:{acct}', safe='')}")
        return dict(found)

    @property
    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the server was not started")
        return self._session

    def _signed(
        self, method: str, url: str, body: bytes | None, key: PrivateKey, scheme: Scheme | None, now: float | None
    ) -> dict[str, str]:
        when = self.clock() if now is None else now
        if scheme == "rfc9421":
            return sign_rfc9421(method=method, url=Uri(url), body=body, key=key, now=when)
        headers = sign_cavage(method=method, url=Uri(url), body=body, key=key, now=when)
        if scheme is None:
            headers.pop("Signature")
        return headers

    # What it answers

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers one request, and records it."""
        received = await read_request(request)
        if received.header("Signature") or received.header("Signature-Input"):
            await verify(received, base_url=self.base_url, now=self.clock(), fetch_json=self.fetch_json)
            if received.verified and received.scheme not in self.schemes:
                received.verified, received.problem = False, "scheme not known here"
        self.requests.append(received)
        is_api = self.api is not None and self.api.answers(received.path)
        scripted = None if is_api and received.method == "OPTIONS" else self.script.take(received.path)
        if received.method == "POST" and not is_api and (scripted is None or not scripted.hang):
            async with self._arrived:
                self.inbox.append(received)
                self._arrived.notify_all()
        if scripted is not None:
            answer = await self._scripted(scripted, request)
            if answer is not None:
                return answer
        if self.api is not None and self.api.answers(received.path):
            return await self.api.handle(request)
        return self._take(received) if received.method == "POST" else self._serve(request, received)

    async def _scripted(self, answer: Answer, request: web.Request) -> web.StreamResponse | None:
        if answer.hang:
            await self._stopping.wait()
        if answer.delay:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), answer.delay)
        if answer.handler is not None:
            return await answer.handler(request)
        return None if answer.status == 200 and answer.body is None else answer.response()

    def _take(self, received: Received) -> web.Response:
        if self.strict and not received.verified:
            return self._unauthorised(received.problem)
        return web.Response(status=202)

    def _unauthorised(self, problem: str) -> web.Response:
        headers = {} if "cavage" in self.schemes else {"Accept-Signature": ACCEPT_SIGNATURE}
        return web.json_response({"error": problem or "not signed"}, status=401, headers=headers)

    def _serve(self, request: web.Request, received: Received) -> web.Response:
        path = received.path
        if path.startswith(("/.well-known/", "/nodeinfo/")):
            return self._discovery(request)
        if self.authorized_fetch and path != "/actor" and not received.verified:
            return self._unauthorised(received.problem)
        found = self.objects.get(received.target) or self.objects.get(path)
        if found is not None:
            document, content_type = found
            return web.Response(body=json.dumps(document).encode(), headers={"Content-Type": content_type})
        for actor in self.actors.values():
            if actor.path in (path, received.target):
                return _activity_json(actor.document())
            if path == actor.key_path:
                return _activity_json(actor.key_stub())
            if path.startswith(place_of(actor.collections) + "/"):
                empty = {"@context": AS_CONTEXT, "id": self.base_url + path, "type": "OrderedCollection"}
                return _activity_json({**empty, "totalItems": 0, "orderedItems": []}, status=_collection_status(path))
        return web.json_response({"error": "Record not found"}, status=404)

    def _discovery(self, request: web.Request) -> web.Response:
        if request.path == "/.well-known/nodeinfo":
            links = [{"rel": _NODEINFO_REL, "href": f"{self.base_url}/nodeinfo/2.0"}]
            return web.json_response({"links": links})
        if request.path == "/nodeinfo/2.0":
            name, version = SOFTWARE[self.style]
            users = {"total": len(self.actors)}
            about = {"version": "2.0", "software": {"name": name, "version": version}, "usage": {"users": users}}
            return web.json_response({**about, "protocols": ["activitypub"], "openRegistrations": False})
        resource = request.query.get("resource", "")
        for actor in self.actors.values():
            if resource in (f"acct:{actor.username}@{actor.host}", actor.id, actor.url):
                return web.Response(body=json.dumps(self.jrd(actor)).encode(), headers={"Content-Type": JRD})
        return web.json_response({"error": "not found"}, status=404)

    def jrd(self, actor: PeerActor) -> dict[str, Any]:
        """The WebFinger answer for somebody here."""
        links = [
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": actor.url},
            {"rel": "self", "type": ACTIVITY_JSON, "href": actor.id},
            {
                "rel": "http://ostatus.org/schema/1.0/subscribe",
                "template": f"{self.base_url}/authorize_interaction?uri={{uri}}",
            },
        ]
        if self.intents:
            links += [
                {"rel": f"https://w3id.org/fep/3b86/{intent}", "template": f"{self.base_url}/{template}"}
                for intent, template in INTENTS.items()
            ]
        return {"subject": f"acct:{actor.username}@{actor.host}", "aliases": [actor.url, actor.id], "links": links}


def place_of(url: str) -> str:
    """Path of a URL with its query, if it has one: the key of `objects`."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _collection_status(path: str) -> int:
    return 200 if path.endswith(("/outbox", "/followers", "/following", "/featured")) else 404


def _activity_json(document: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(status=status, body=json.dumps(document).encode(), headers={"Content-Type": ACTIVITY_JSON})
