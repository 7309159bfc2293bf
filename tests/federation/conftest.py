"""Shared by the federation tests: key pairs made once, scripted peers, a guard that may dial loopback."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import Style
from fedblog.federation.guard import Guard
from fedblog.signatures.keys import PrivateKey, generate_rsa

PeerMaker = Callable[..., Awaitable[PeerServer]]


@pytest.fixture(scope="session")
def rsa_keys() -> list[PrivateKey]:
    """Four RSA key pairs for the whole run; making one takes time. `add_person` gives them the ids they need."""
    return [generate_rsa(Uri("https://unnamed.invalid/#main-key")) for _ in range(4)]


@pytest.fixture
async def make_peer() -> AsyncIterator[PeerMaker]:
    """`await make_peer(name="a.localhost", style="mastodon")`: started peers, stopped after the test."""
    peers: list[PeerServer] = []

    async def make(name: str = "peer.localhost", style: Style = "mastodon", **started: object) -> PeerServer:
        peer = PeerServer(style=style)
        peers.append(peer)
        return await peer.start(name=name, **started)  # type: ignore[arg-type]

    yield make
    for peer in peers:
        await peer.stop()


@pytest.fixture
async def peer(make_peer: PeerMaker) -> PeerServer:
    """One peer under `peer.localhost`."""
    return await make_peer()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The address of every socket that a guard made: what was dialled."""
    dialled: list[str] = []
    real = Guard.open_socket

    def counted(self: Guard, addr_info: tuple[Any, ...]) -> socket.socket:
        made = real(self, addr_info)
        dialled.append(str(addr_info[4][0]))
        return made

    monkeypatch.setattr(Guard, "open_socket", counted)
    return dialled
