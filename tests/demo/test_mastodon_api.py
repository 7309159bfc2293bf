"""The simulated client API keeps to what Mastodon documents: who may ask, what PKCE demands, what a token may do."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from yarl import URL

from fedblog.demo.mastodon_api import MastodonApi
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_payloads import note
from fedblog.demo.peer_server import LoopbackResolver

BACK = "http://blog.localhost/signed-in"
SCOPES = "profile read:search write:statuses write:favourites"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


class Client:
    """What a browser does."""

    def __init__(self, peer: PeerServer, session: aiohttp.ClientSession) -> None:
        self.base, self.session = peer.base_url, session
        self.app: dict[str, str] = {}

    async def ask(self, method: str, path: str, *, token: str = "", **kwargs: Any) -> tuple[int, Any, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers.update(kwargs.pop("headers", {}))
        url = URL(self.base + path, encoded=True)
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **kwargs) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else text, answer.headers.copy()

    async def register(self) -> None:
        form = {"client_name": "Blog", "redirect_uris": BACK, "scopes": SCOPES}
        status, self.app, _ = await self.ask("POST", "/api/v1/apps", data=form)
        assert status == 200

    async def allow(self, decision: str = "allow", **changes: str) -> dict[str, str]:
        """What comes back in the redirect."""
        query = {
            "response_type": "code",
            "client_id": self.app["client_id"],
            "redirect_uri": BACK,
            "scope": SCOPES,
            "state": "s1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        status, _, headers = await self.ask("POST", "/oauth/authorize", data={**query, "decision": decision})
        if status != 302:
            return {"status": str(status)}
        place = urlsplit(headers["Location"])
        assert f"{place.scheme}://{place.netloc}{place.path}" == BACK
        return {name: values[0] for name, values in parse_qs(place.query).items()}

    async def token(self, code: str, **changes: str) -> tuple[int, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.app["client_id"],
            "client_secret": self.app["client_secret"],
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        status, body, _ = await self.ask("POST", "/oauth/token", data=form)
        return status, body


@pytest.fixture
async def peer() -> AsyncIterator[PeerServer]:
    async with PeerServer() as running:
        running.api = MastodonApi(running, running.add_person("mia"))
        yield running


@pytest.fixture
async def client(peer: PeerServer) -> AsyncIterator[Client]:
    connector = aiohttp.TCPConnector(resolver=LoopbackResolver())
    async with aiohttp.ClientSession(connector=connector) as session:
        made = Client(peer, session)
        await made.register()
        yield made


async def test_signing_in_needs_the_verifier_once(client: Client) -> None:
    assert (await client.allow("no"))["error"] == "access_denied"
    for wrong in ({"redirect_uri": "http://evil.localhost/"}, {"scope": "write"}, {"client_id": "x"}):
        assert (await client.allow(**wrong)) == {"status": "400"}
    code = (await client.allow())["code"]
    assert (await client.token(code, code_verifier="w" * 43))[0] == 400
    assert (await client.token(code))[0] == 400  # a code that was tried is over
    code = (await client.allow())["code"]
    assert (await client.token(code, client_secret="x"))[0] == 401
    status, body = await client.token(code)
    assert (status, body["token_type"]) == (200, "Bearer")
    assert (await client.token(code))[0] == 400
    token = body["access_token"]
    assert (await client.ask("GET", "/api/v1/accounts/verify_credentials", token=token))[1]["acct"] == "mia"
    end = {"client_id": client.app["client_id"], "client_secret": client.app["client_secret"], "token": token}
    assert (await client.ask("POST", "/oauth/revoke", data=end))[0] == 200
    assert (await client.ask("GET", "/api/v1/accounts/verify_credentials", token=token))[0] == 401


async def test_any_page_may_ask_but_not_without_a_token(client: Client, peer: PeerServer) -> None:
    for path in ("/api/v1/statuses", "/api/v2/search", "/oauth/token", "/oauth/revoke", "/api/v1/apps"):
        status, _, headers = await client.ask("OPTIONS", path)
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, "*")
        assert "Idempotency-Key" in headers["Access-Control-Allow-Headers"]
    assert (await client.ask("GET", "/api/v2/search?q=x"))[0] == 401
    _, _, headers = await client.ask("GET", "/oauth/authorize")
    assert "Access-Control-Allow-Origin" not in headers
    assert peer.inbox == []


async def test_a_status_is_posted_once_a_key(client: Client, peer: PeerServer) -> None:
    mia = peer.actors["/users/mia"]
    there = peer.publish(note(mia, None, "Hello"))
    _, body = await client.token((await client.allow())["code"])
    token = body["access_token"]
    _, found, _ = await client.ask("GET", f"/api/v2/search?q={there}&resolve=true", token=token)
    assert found["statuses"][0]["uri"] == there
    key = {"Idempotency-Key": "k1"}
    form = {"status": "Well said", "in_reply_to_id": found["statuses"][0]["id"], "visibility": "public"}
    first = await client.ask("POST", "/api/v1/statuses", token=token, json=form, headers=key)
    again = await client.ask("POST", "/api/v1/statuses", token=token, json=form, headers=key)
    assert first[0] == again[0] == 200
    assert first[1] == again[1]
    made = await peer.fetch_json(first[1]["uri"])
    assert (made["inReplyTo"], made["content"]) == (there, "<p>Well said</p>")
    too_long = {**form, "status": "x" * 501}
    assert (await client.ask("POST", "/api/v1/statuses", token=token, json=too_long))[0] == 422
    _, nothing, _ = await client.ask("GET", "/api/v2/search?q=http://nowhere.localhost:1/x&resolve=true", token=token)
    assert nothing["statuses"] == []
