"""What may be dialled: an allow-list of global unicast addresses, asked for the very address a socket goes to.

Names are not judged, addresses are: a list of bad names always has a hole (SECURITY 62-69). The check sits in three
places that no request can avoid: `check_uri` before anything happens (literal addresses, odd number forms, our own
host), `GuardedResolver` for what DNS says, and `last_look` at the address that is dialled in that very step, so that
the checked one is dialled even if a name changes its mind (DNS rebinding). Any port is allowed: peers run on odd ones.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from fedblog.activitypub.urls import Uri, host_of, parse_uri
from fedblog.errors import ConfigError, DialRefused, InvalidInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""A name to the addresses that DNS has for it; raises `OSError`."""

# IANA special-purpose registry, multicast and reserved space: 18 networks, everything else is global unicast.
_IPV4_SPECIAL = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT, cloud metadata
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link local, cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_IPV4_EDGES = [edge for net in _IPV4_SPECIAL for edge in (int(net.network_address), int(net.broadcast_address) + 1)]
_IPV6_GLOBAL = ipaddress.IPv6Network("2000::/3")
_IPV6_SPECIAL = tuple(
    ipaddress.IPv6Network(net)
    for net in (
        "2001::/23",  # IETF protocol assignments: Teredo, benchmarks, AMT, AS112, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 carries an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# What inet_aton and WHATWG URL parsers read as an IPv4 address: the last label is a number in some base.
_NUMBER_LABEL = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
_REMEMBERED = 2_048
_DNS_SECONDS = 5.0
_DNS_THREADS = 32


class Guard:
    """Says which URLs and addresses may be dialled.

    `allow_networks` opens more than the public internet, `allow_http` lets plain http through, `own_hosts` are our own
    host[:port] names, which nobody can make us ask (SECURITY 28). Raises `ConfigError` for what is no network.
    """

    def __init__(
        self,
        allow_networks: Sequence[str] = (),
        allow_http: bool = False,
        *,
        own_hosts: Collection[str] = (),
    ) -> None:
        self.allow_http = allow_http
        self._own_hosts = frozenset(host.lower() for host in own_hosts)
        try:
            self._allowed = tuple(ipaddress.ip_network(net, strict=False) for net in allow_networks)
        except ValueError as exc:
            raise ConfigError(
                f'federation.allow_networks: {exc}; write networks such as "10.1.0.0/16" or "fd00::/8"'
            ) from None
        # A host is looked at with each request. Only that it passed is remembered.
        self._check_authority = lru_cache(_REMEMBERED)(self._check_authority_once)

    def check_uri(self, uri: Uri) -> None:
        """Refuses what can be refused without asking DNS. Raises `DialRefused`."""
        try:
            scheme = parse_uri(uri).partition(":")[0].lower()
            authority = host_of(uri)
        except (InvalidInput, ValueError):
            raise DialRefused("not a usable URL") from None
        if scheme == "http" and not self.allow_http:
            raise DialRefused("only https is dialled")
        self._check_authority(authority)

    def _check_authority_once(self, authority: str) -> None:
        if authority in self._own_hosts:
            raise DialRefused("this blog does not ask itself")
        self.check_host(_bare_host(authority))

    def check_host(self, host: str) -> None:
        """Refuses a literal address that is not allowed and every odd way to write one. Raises `DialRefused`."""
        host = host.lower().removesuffix(".")
        if is_localhost(host):
            self.check_address("127.0.0.1")
        elif ":" in host or _NUMBER_LABEL.match(host.rpartition(".")[2]):
            self.check_address(host)

    def check_address(self, ip: str) -> None:
        """Refuses an address that is not global unicast and in no allowed network. Raises `DialRefused`."""
        address = _parse(ip)
        if address is None:
            raise DialRefused(f"{ip} is no address in its plain form")
        if not self.permits(address):
            raise DialRefused(f"{ip} is not on the public internet (federation.allow_networks opens more)")

    def permits(self, address: Address) -> bool:
        """Whether that address may be dialled."""
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
            return False
        return is_global_unicast(address) or any(address in net for net in self._allowed)

    def open_socket(self, addr_info: tuple[Any, ...]) -> socket.socket:
        """aiohttp's socket factory: the last look, at the address that is about to be dialled.

        Raises `PermissionError`, which connecting treats as a failed address.
        """
        family, kind, proto, _, sockaddr = addr_info
        self.last_look(str(sockaddr[0]))
        return socket.socket(family=family, type=kind, proto=proto)

    def last_look(self, ip: str) -> None:
        """At the address that is dialled in this very moment. Raises `PermissionError`."""
        try:
            self.check_address(ip)
        except DialRefused as exc:
            raise PermissionError(str(exc)) from exc


class GuardedResolver(AbstractResolver):
    """Names to addresses that the guard permits; `localhost` and what ends so is loopback without DNS (RFC 6761)."""

    def __init__(self, guard: Guard, lookup: Lookup | None = None) -> None:
        self._guard = guard
        self._lookup = lookup or self._ask_system
        self._threads: ThreadPoolExecutor | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All permitted addresses. Raises `OSError` where there is none in DNS, `DialRefused` where none is allowed."""
        name = host.lower().removesuffix(".")
        self._guard.check_host(name)
        if is_localhost(name):
            found: Sequence[str] = ("127.0.0.1",)
        elif _parse(name) is not None:
            found = (name,)
        else:
            async with asyncio.timeout(_DNS_SECONDS):
                found = await self._lookup(name)
        if not found:
            raise OSError(f"{name} has no address")
        permitted = [address for address in map(_parse, found) if address is not None and self._guard.permits(address)]
        if not permitted:
            raise DialRefused(f"{name} is at {', '.join(found[:4])}, which is not on the public internet")
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in permitted
        ]

    async def close(self) -> None:
        """Lets the look-up threads go."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def _ask_system(self, name: str) -> list[str]:
        """getaddrinfo in threads of its own: a name server that hangs must not hold up anything else."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="dns")
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _getaddrinfo, name)
        return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def is_global_unicast(address: Address) -> bool:
    """Whether an address belongs to the public internet, by allow-list: IPv6 only inside 2000::/3 (SECURITY 65)."""
    if isinstance(address, ipaddress.IPv4Address):
        # An odd place is inside of a network, an even one between two.
        return bisect_right(_IPV4_EDGES, int(address)) % 2 == 0
    return address in _IPV6_GLOBAL and not any(address in net for net in _IPV6_SPECIAL)


def is_localhost(host: str) -> bool:
    """`localhost` and every name below it (RFC 6761 §6.3)."""
    return host == "localhost" or host.endswith(".localhost")


def _bare_host(authority: str) -> str:
    """The host of host[:port], without the brackets of an IPv6 address."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]


def _getaddrinfo(name: str) -> list[tuple[Any, ...]]:
    return list(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))


@lru_cache(_REMEMBERED)
def _parse(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
