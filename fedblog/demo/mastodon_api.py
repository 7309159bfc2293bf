"""The part of Mastodon's client API that answering from another page needs, for a simulated server.

As documented at docs.joinmastodon.org: any origin may ask `/api/*`, `/oauth/token`, `/oauth/revoke` and the server's
metadata; apps register themselves; people say yes on a page; PKCE with S256. What is posted really goes out, signed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import html
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer_actor import PeerActor

SCOPES = ("read", "read:search", "profile", "write", "write:statuses", "write:favourites")
METADATA = "/.well-known/oauth-authorization-server"
_MENTION = re.compile(r"@[A-Za-z0-9_]+@[A-Za-z0-9.:-]*[A-Za-z0-9]")
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, PATCH, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
}


class Home(Protocol):
    """What the API needs of the server that it belongs to: a `PeerServer`."""

    base_url: str

    def publish(self, obj: dict[str, Any], /) -> str: ...
    async def fetch_json(self, url: str, /) -> Any: ...
    async def webfinger(self, handle: str, /, base_url: str = ...) -> dict[str, Any]: ...
    async def post_activity(
        self, actor: PeerActor, inbox_url: str, activity: dict[str, Any], /
    ) -> tuple[int, bytes]: ...


@dataclass
class _App:
    name: str
    secret: str
    redirect_uri: str
    scopes: frozenset[str]


@dataclass
class _Grant:
    client_id: str
    scopes: frozenset[str]
    challenge: str


@dataclass
class MastodonApi:
    """The API of one server, whose only user is `person`. `cors` False: an old server that lets no other page ask it.

    `forge_state` changes the `state` on the way back. `tokens` are those that still work, `issued` all there ever were.
    """

    server: Home
    person: PeerActor
    cors: bool = True
    forge_state: bool = False
    tokens: dict[str, frozenset[str]] = field(default_factory=dict)
    issued: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    apps: dict[str, _App] = field(default_factory=dict)
    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)
    _grants: dict[str, _Grant] = field(default_factory=dict)
    _keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    _sending: set[asyncio.Task[None]] = field(default_factory=set)

    def answers(self, path: str) -> bool:
        """Whether a path belongs to the API."""
        return path.startswith(("/api/", "/oauth/")) or path == METADATA

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if request.path == "/oauth/authorize":
            return await (self._decide(request) if request.method == "POST" else self._ask(request))
        response = web.Response(status=204) if request.method == "OPTIONS" else await self._route(request)
        if self.cors:
            response.headers.update(_CORS)
        return response

    async def _route(self, request: web.Request) -> web.Response:
        path, method = request.path, request.method
        if path == METADATA:
            return web.json_response({"issuer": self.server.base_url, "scopes_supported": list(SCOPES)})
        values = await _values(request)
        if (method, path) == ("POST", "/api/v1/apps"):
            return self._register(values)
        if (method, path) == ("POST", "/oauth/token"):
            return self._exchange(values)
        if (method, path) == ("POST", "/oauth/revoke"):
            return self._revoke(values)
        scopes = self.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if scopes is None:
            return _error(401, "The access token is invalid")
        needed = "read:search" if path == "/api/v2/search" else "write:favourites" if "favourite" in path else ""
        needed = "write:statuses" if method == "POST" and not needed else needed or "profile"
        if needed not in scopes:
            return _error(403, "This action is outside the authorized scopes")
        return await self._act(request, values)

    async def _act(self, request: web.Request, values: Mapping[str, str]) -> web.Response:
        path = request.path
        if path == "/api/v1/accounts/verify_credentials":
            return web.json_response({"id": "1", "username": self.person.username, "acct": self.person.username})
        if path == "/api/v2/search":
            return await self._search(request.query)
        if path == "/api/v1/statuses":
            return await self._post(values, request.headers.get("Idempotency-Key", ""))
        found = re.fullmatch(r"/api/v1/statuses/([^/]+)/(favourite|reblog)", path)
        status = self.statuses.get(found[1]) if found else None
        if found is None or status is None:
            return _error(404, "Record not found")
        say = payloads.like if found[2] == "favourite" else payloads.announce
        self._send(say(self.person, status["uri"]), [status["author"]])
        return web.json_response({**status, "favourited": found[2] == "favourite"})

    # Signing in

    def _register(self, values: Mapping[str, str]) -> web.Response:
        scopes = frozenset(values.get("scopes", "read").split())
        if not values.get("client_name") or not values.get("redirect_uris") or not scopes <= set(SCOPES):
            return _error(422, "Validation failed")
        client_id, secret = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.apps[client_id] = _App(values["client_name"], secret, values["redirect_uris"], scopes)
        made = {"id": str(len(self.apps)), "name": values["client_name"], "redirect_uri": values["redirect_uris"]}
        return web.json_response({**made, "client_id": client_id, "client_secret": secret})

    def _fits(self, values: Mapping[str, str]) -> bool:
        app = self.apps.get(values.get("client_id", ""))
        return (
            app is not None
            and values.get("redirect_uri") == app.redirect_uri
            and frozenset(values.get("scope", "read").split()) <= app.scopes
            and values.get("response_type") == "code"
            and values.get("code_challenge_method", "S256") == "S256"
        )

    async def _ask(self, request: web.Request) -> web.Response:
        if not self._fits(request.query):
            return web.Response(status=400, text="The client or the redirect URI is not known here.\n")
        app = self.apps[request.query["client_id"]]
        fields = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in request.query.items()
        )
        page = (
            f"<!doctype html><html lang=en><title>Authorization required</title><h1>{html.escape(app.name)} asks</h1>"
            f"<p>You are {html.escape(self.person.handle)}. It would like to: {html.escape(request.query['scope'])}</p>"
            f'<form method="post" action="/oauth/authorize">{fields}'
            '<button name="decision" value="allow">Authorize</button> <button name="decision">Deny</button></form>'
        )
        return web.Response(text=page, content_type="text/html")

    async def _decide(self, request: web.Request) -> web.Response:
        values = await _values(request)
        if not self._fits(values):
            return web.Response(status=400, text="The client or the redirect URI is not known here.\n")
        answer = {"error": "access_denied", "error_description": "The resource owner denied the request."}
        if values.get("decision") == "allow":
            code = secrets.token_urlsafe(24)
            scopes = frozenset(values["scope"].split())
            self._grants[code] = _Grant(values["client_id"], scopes, values.get("code_challenge", ""))
            self.codes.append(code)
            answer = {"code": code}
        state = values.get("state", "")
        answer["state"] = f"{state[:-4]}ABCD" if self.forge_state else state
        where = f"{values['redirect_uri']}?{urlencode(answer)}"
        return web.Response(status=302, headers={"Location": where})

    def _exchange(self, values: Mapping[str, str]) -> web.Response:
        app = self.apps.get(values.get("client_id", ""))
        if app is None or values.get("client_secret") != app.secret:
            return _error(401, "invalid_client")
        grant = self._grants.pop(values.get("code", ""), None)
        digest = hashlib.sha256(values.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        is_meant = grant is not None and grant.client_id == values["client_id"] and grant.challenge == challenge
        if grant is None or not is_meant or values.get("redirect_uri") != app.redirect_uri:
            return _error(400, "invalid_grant")
        token = secrets.token_urlsafe(32)
        self.tokens[token] = grant.scopes
        self.issued.append(token)
        body = {"access_token": token, "token_type": "Bearer", "scope": " ".join(sorted(grant.scopes))}
        return web.json_response(body)

    def _revoke(self, values: Mapping[str, str]) -> web.Response:
        app = self.apps.get(values.get("client_id", ""))
        if app is None or values.get("client_secret") != app.secret:
            return _error(403, "unauthorized_client")
        self.tokens.pop(values.get("token", ""), None)
        return web.json_response({})

    # Doing things

    async def _search(self, query: Mapping[str, str]) -> web.Response:
        found: list[dict[str, Any]] = []
        try:
            thing = await self.server.fetch_json(query.get("q", "")) if query.get("resolve") == "true" else {}
        except OSError:
            thing = {}
        if isinstance(thing, dict) and thing.get("id") and thing.get("attributedTo"):
            number = str(len(self.statuses) + 1000)
            url = thing.get("url") if isinstance(thing.get("url"), str) else thing["id"]
            author = thing["attributedTo"]
            author = author[0] if isinstance(author, list) else author
            status = {"id": number, "uri": thing["id"], "url": url, "author": author}
            self.statuses[number] = status
            found.append(status)
        return web.json_response({"accounts": [], "statuses": found, "hashtags": []})

    async def _post(self, values: Mapping[str, str], key: str) -> web.Response:
        if key and key in self._keys:
            return web.json_response(self._keys[key])
        parent = self.statuses.get(str(values.get("in_reply_to_id", "")))
        if parent is None:
            return _error(404, "The post you are trying to reply to does not appear to exist.")
        if not values.get("status", "").strip() or len(values["status"]) > 500:
            return _error(422, "Validation failed: Text character limit of 500 exceeded")
        mentions = [(uri, name) for name in _MENTION.findall(values["status"]) if (uri := await self._uri_of(name))]
        content = self._html(values["status"], mentions)
        note = payloads.note(self.person, parent["uri"], content, mentions=mentions)
        note["contentMap"] = {values.get("language") or "en": content}
        self.server.publish(note)
        made = {"id": note["id"].rpartition("/")[2], "uri": note["id"], "url": note["url"], "author": self.person.id}
        self.statuses[made["id"]] = made
        self._keys[key] = made
        self._send(payloads.create(self.person, note), [uri for uri, _ in mentions])
        return web.json_response(made)

    async def _uri_of(self, handle: str) -> str:
        host = handle.rpartition("@")[2]
        try:
            jrd = await self.server.webfinger(handle, base_url=self.server.base_url.partition("://")[0] + f"://{host}")
        except OSError:
            return ""
        return next((link["href"] for link in jrd.get("links", []) if link.get("rel") == "self"), "")

    def _html(self, text: str, mentions: list[tuple[str, str]]) -> str:
        shown = html.escape(text, quote=False)
        for uri, name in mentions:
            link = f'<a href="{html.escape(uri)}" class="u-url mention">@<span>{name.split("@")[1]}</span></a>'
            shown = shown.replace(name, f'<span class="h-card">{link}</span>', 1)
        return f"<p>{shown}</p>"

    def _send(self, activity: dict[str, Any], people: list[str]) -> None:
        """As servers do: after the answer, to the inboxes of all who are meant."""

        async def deliver() -> None:
            inboxes = set()
            for uri in people:
                actor = await self.server.fetch_json(uri)
                inboxes.add((actor.get("endpoints") or {}).get("sharedInbox") or actor["inbox"])
            for inbox in sorted(inboxes):
                await self.server.post_activity(self.person, inbox, activity)

        task = asyncio.create_task(deliver())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)


async def _values(request: web.Request) -> dict[str, str]:
    """The fields of a form or of a JSON object."""
    body = await request.read()
    if request.content_type == "application/json":
        found = json.loads(body)
        return {str(key): str(value) for key, value in found.items()}
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def _error(status: int, words: str) -> web.Response:
    return web.json_response({"error": words}, status=status)
