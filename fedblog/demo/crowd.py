"""The simulated fediverse: one listener, six server names, a dozen people with keys of their own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from aiohttp import web

from fedblog.demo.mastodon_api import MastodonApi
from fedblog.demo.peer_actor import PeerActor, make_key
from fedblog.demo.people import PLACES, RESIDENTS, VISITOR, Place, Resident
from fedblog.demo.server import Arrived, DemoServer
from fedblog.signatures.keys import PrivateKey


class Crowd:
    """Everybody elsewhere. An async context manager: inside, the servers answer."""

    def __init__(
        self,
        listener: socket.socket,
        *,
        arrived: Arrived,
        places: Sequence[Place] = PLACES,
        residents: Sequence[Resident] = RESIDENTS,
    ) -> None:
        """`listener` is a bound loopback socket; `arrived` is told of each activity that one of the servers took."""
        self.port = int(listener.getsockname()[1])
        self.servers = {place.host: DemoServer(place, arrived=arrived) for place in places}
        self._listener = listener
        self._residents = residents
        self._runner: web.AppRunner | None = None
        self._homes: dict[str, tuple[DemoServer, PeerActor]] = {}

    async def __aenter__(self) -> Self:
        """Makes everybody's keys (RSA in threads: it takes a while) and starts to answer."""
        keys = await make_keys(self._residents)
        for host, server in self.servers.items():
            server.open_at(f"http://{host}:{self.port}")
        for resident in self._residents:
            self._move_in(resident, keys[resident.username])
        app = web.Application(client_max_size=2 * 1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self._dispatch)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        for server in self.servers.values():
            await server.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    def find(self, username: str) -> tuple[DemoServer, PeerActor]:
        """Somebody and the server they live on. Raises `KeyError`."""
        return self._homes[username]

    def home_of(self, uri: str) -> DemoServer | None:
        """The server that a URL belongs to; None for one elsewhere."""
        return next((server for server in self.servers.values() if uri.startswith(f"{server.base_url}/")), None)

    def _move_in(self, resident: Resident, key: PrivateKey) -> None:
        server = self.servers[resident.host]
        actor = server.add_person(
            resident.username, name=resident.name, key=key, summary=f"<p>{resident.bio}</p>", type="Person"
        )
        server.schemes_of[resident.username] = resident.scheme
        self._homes[resident.username] = (server, actor)
        if resident.username == VISITOR:
            server.api = MastodonApi(server, actor)

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        server = self.servers.get(request.host.partition(":")[0].lower())
        if server is None:
            return web.Response(status=421, text="no simulated server has that name\n")
        return await server.handle(request)


async def make_keys(residents: Sequence[Resident]) -> Mapping[str, PrivateKey]:
    """A key pair for each person, made in threads."""
    made = await asyncio.gather(*(asyncio.to_thread(make_key, resident.key_type) for resident in residents))
    return {resident.username: key for resident, key in zip(residents, made, strict=True)}
