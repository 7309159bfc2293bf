"""Other servers, any number of them, on one loopback port."""

from __future__ import annotations

import json
import re
from typing import Any

from aiohttp import web

from fedblog.activitypub.urls import Uri
from fedblog.signatures.keys import PrivateKey

LOOPBACK = ".localhost"  # names that lead to this machine without DNS (RFC 6761)
ACTIVITY_JSON = "application/activity+json"
_ORIGIN = re.compile(r"https?://([A-Za-z0-9_.-]+)(?::\d+)?(?=[/?#\"\s<]|$)")
_NOT_SERVERS = frozenset({"www.w3.org", "w3id.org", "joinmastodon.org", "schema.org", "purl.org", "ostatus.org"})


def _bare(authority: str) -> str:
    """The name that tests use for a host."""
    return authority.partition(":")[0].lower().removesuffix(LOOPBACK)


class World:
    """Other servers. `documents` maps (host, path with query) to (status, document)."""

    def __init__(self, key: PrivateKey) -> None:
        self.key = key
        self.port = 0
        self.documents: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        self.seen: list[tuple[str, str]] = []
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen on loopback."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    def url(self, host: str, path: str = "") -> str:
        """A URL on one of the servers."""
        return f"http://{host.removesuffix(LOOPBACK)}{LOOPBACK}:{self.port}{path}"

    def localise(self, document: Any) -> Any:
        """The document with every server in it moved here; our own and the namespaces stay."""
        if isinstance(document, dict):
            return {key: self.localise(value) for key, value in document.items()}
        if isinstance(document, list):
            return [self.localise(value) for value in document]
        return _ORIGIN.sub(self._moved, document) if isinstance(document, str) else document

    def _moved(self, match: re.Match[str]) -> str:
        host = match[1]
        host = host.removesuffix(LOOPBACK)
        return match[0] if host in _NOT_SERVERS or host == "blog.example" else self.url(host)

    def serve(self, document: dict[str, Any], *, at: str | None = None, status: int = 200) -> str:
        """Serve a document at its id, or elsewhere for a lie."""
        url = at or str(document["id"])
        self.documents[self._place(url)] = (status, {"@context": "https://www.w3.org/ns/activitystreams", **document})
        return url

    def gone(self, url: str, status: int = 410) -> None:
        """Answer that something is not there any more."""
        self.documents[self._place(url)] = (status, {"id": url, "type": "Tombstone"})

    def fetches(self, url: str) -> int:
        """How often a URL was asked for."""
        return self.seen.count(self._place(url))

    def person(self, url: str, kind: str = "Person", /, **extra: Any) -> str:
        """Serve an actor at `url`, with the world's one key under its own key id; returns the id."""
        url = url.partition("#")[0]
        name = re.sub(r"[^A-Za-z0-9_]", "", url.rstrip("/").rpartition("/")[2]) or "someone"
        document = {
            "id": url,
            "type": kind,
            "preferredUsername": name[:60],
            "name": name.title(),
            "inbox": f"{url}/inbox",
            "outbox": f"{url}/outbox",
            "followers": f"{url}/followers",
            "publicKey": {"id": f"{url}#main-key", "owner": url, "publicKeyPem": self.key.public.pem},
            **extra,
        }
        self.serve(document)
        return url

    def key_of(self, actor: str) -> PrivateKey:
        """The key under the id that this actor lists."""
        return PrivateKey(Uri(f"{actor}#main-key"), "rsa", self.key.key)

    @staticmethod
    def _place(url: str) -> tuple[str, str]:
        rest = url.partition("#")[0].partition("://")[2]
        authority, _, path = rest.partition("/")
        authority, _, query = authority.partition("?")
        return _bare(authority), f"/{path}" + (f"?{query}" if query else "")

    async def _answer(self, request: web.Request) -> web.Response:
        place = (_bare(request.host), request.raw_path)
        self.seen.append(place)
        status, document = self.documents.get(place, (404, {"error": "not found"}))
        return web.Response(status=status, body=json.dumps(document).encode(), content_type=ACTIVITY_JSON)
