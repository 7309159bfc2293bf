"""What may be dialled. SECURITY numbers are those of the list of known attacks."""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Sequence

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.errors import ConfigError, DialRefused
from fedblog.federation.client import Client
from fedblog.federation.guard import Guard, GuardedResolver, is_global_unicast

# Ways to write an address that must not be reached (SECURITY 62-66).
HOST_FORMS = [
    *("127.0.0.1", "127.0.0.2", "127.255.255.255", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1"),
    *("0x7f.1", "0177.0.0.1", "017700000001", "0177.1", "00000177.0.0.1", "127.0.0.01", "0x7F.0.0.1", "127.0.0.1."),
    *("0.0.0.0", "0", "0x0", "00", "0.1.2.3", "255.255.255.255", "4294967295", "0xffffffff", "037777777777"),
    *("10.0.0.1", "10.255.255.255", "167772161", "0xa000001", "012.0.0.1", "10.1", "172.16.0.1", "172.31.255.254"),
    *("192.168.0.1", "192.168.1", "3232235521", "0xc0a80001", "0300.0250.0.1", "169.254.169.254", "2852039166"),
    *("0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "100.64.0.1", "100.100.100.200", "100.127.255.255"),
    *("192.0.0.1", "192.0.0.192", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1"),
    *("198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]"),
    *("[::ffff:0:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:8.8.8.8]", "[64:ff9b::7f00:1]"),
    *("[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001::7f00:1]"),
    *("[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[2001:2::1]", "[2001:10::1]", "[2001:20::1]", "[2001:db8::1]"),
    *("[fc00::1]", "[fd00::1]", "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[fec0::1]"),
    *("[ff02::1]", "[ff0e::1]", "[100::1]", "[3fff::1]", "[5f00::1]", "[2620:4f:8000::1]", "[4000::1]", "[1fff::1]"),
    *("localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1.localhost", "①②⑦.⓪.⓪.①", "127。0。0。1"),
    *("１２７.0.0.1", "127.0.0.0x1", "1.2.3.4.5", "256.256.256.256", "0x", "08.8.8.8", "999999999999"),
]  # fmt: skip
# What `ipaddress.is_global` calls global and no peer is at.
PYTHON_LEAVES_OUT = [
    *("192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24", "224.0.0.0/4"),
]
PUBLIC = [
    *("8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "223.255.255.255", "11.0.0.1"),
    *("192.0.1.1", "198.17.255.255", "198.20.0.0", "2606:4700::1111", "2a00:1450::1", "2001:200::1", "3ffe::1"),
]
ODD_URLS = [
    *("ftp://example.org/", "file:///etc/passwd", "data:text/plain,x", "javascript:alert(1)", "gopher://example.org/"),
    *("https://user@example.org/", "https://user:pw@example.org/", "https://example.org@127.0.0.1/", "//example.org/"),
    *("https://", "https:///path", "https:example.org", "https:/example.org", "https://example.org:0/", "/relative"),
    *("https://example.org:99999/", "https://example.org:/", "https://exa mple.org/", "https://example.org/\r\nX: y"),
    *("https://example.org\\@127.0.0.1/", "https://[::1/", "https://]/", "https://example.org/\x00", "", "https://."),
    *("https://a..b/", "https://-/", "https://%31%32%37.0.0.1/", "https://127.0.0.1%23@example.org/"),
]  # fmt: skip


class Dials:
    """Stands in for DNS and counts: every name is a public address that must never be asked for here."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def __call__(self, name: str) -> Sequence[str]:
        self.names.append(name)
        return ["127.0.0.1"]


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_SEC_062_no_host_form_is_dialled(scheme: str, opened: list[str]) -> None:
    """More than 81 forms of hosts: each refused before DNS and before a socket."""
    dns = Dials()
    client = Client(Guard(allow_http=True), "test", lookup=dns)
    assert len(HOST_FORMS) > 81
    for host in HOST_FORMS:
        for port in ("", ":8080"):
            with pytest.raises(DialRefused):
                await client.get(Uri(f"{scheme}://{host}{port}/x"), accept="*/*")
            with pytest.raises(DialRefused):
                await client.post(Uri(f"{scheme}://{host}{port}/x"), b"{}", {})
    await client.close()
    assert (dns.names, opened) == ([], [])


async def test_SEC_019_SEC_062_odd_urls_are_not_dialled(opened: list[str]) -> None:
    """Other schemes, userinfo, line breaks, broken authorities."""
    dns = Dials()
    client = Client(Guard(allow_http=True), "test", lookup=dns)
    for url in ODD_URLS:
        with pytest.raises(DialRefused):
            await client.get(Uri(url), accept="*/*")
    await client.close()
    assert (dns.names, opened) == ([], [])


async def test_http_is_dialled_only_where_allowed() -> None:
    """https alone by default."""
    with pytest.raises(DialRefused, match="https"):
        Guard().check_uri(Uri("http://example.org/"))
    Guard(allow_http=True).check_uri(Uri("http://example.org:8080/"))
    Guard().check_uri(Uri("https://example.org:8443/"))


async def test_SEC_028_own_host_is_never_asked() -> None:
    """Any spelling of our own name."""
    guard = Guard(own_hosts=["blog.example", "blog.example:8443"])
    for url in (
        "https://blog.example/x",
        "https://BLOG.example./x",
        "https://blog.example:443/",
        "https://blog.example:8443",
    ):
        with pytest.raises(DialRefused):
            guard.check_uri(Uri(url))
    guard.check_uri(Uri("https://other.example/"))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    """The neighbours of the special networks are ordinary addresses."""
    Guard().check_address(address)


@pytest.mark.parametrize("host", [host.strip("[]") for host in HOST_FORMS])
def test_SEC_063_SEC_064_SEC_065_SEC_066_addresses_are_refused(host: str) -> None:
    """The same forms handed over as addresses, as a resolver would."""
    with pytest.raises(DialRefused):
        Guard().check_address(host)


def test_SEC_065_agrees_with_an_independent_table() -> None:
    """Random addresses and the edges of all special networks, against Python's registry and what it leaves out."""
    dice = random.Random(65)
    nets = [ipaddress.ip_network(net) for net in PYTHON_LEAVES_OUT]
    edges = [int(net[at]) + step for net in nets for at in (0, -1) for step in (-1, 0, 1)]
    for number in [*edges, *(dice.getrandbits(32) for _ in range(20_000))]:
        address = ipaddress.IPv4Address(number)
        left_out = any(address in net for net in nets)
        special = not address.is_global or address.is_multicast or address.is_reserved or left_out
        assert is_global_unicast(address) is not special, address
    for _ in range(20_000):
        six = ipaddress.IPv6Address(dice.getrandbits(128))
        in_three = six in ipaddress.ip_network("2000::/3")
        assert not is_global_unicast(six) or (in_three and six.is_global), six
        near = ipaddress.IPv6Address((0x2001 << 112) | dice.getrandbits(112))
        if int(near) >> 96 >= 0x20010200 and int(near) >> 96 != 0x20010DB8:
            assert is_global_unicast(near), near


def test_allow_networks_opens_what_it_names_only() -> None:
    """For intranets and tests."""
    guard = Guard(["127.0.0.0/8", "fd00:1::/32"])
    guard.check_address("127.0.0.1")
    guard.check_address("fd00:1::5")
    guard.check_host("anything.localhost")
    for address in ("10.0.0.1", "fd00:2::1", "::1", "::ffff:127.0.0.1"):
        with pytest.raises(DialRefused):
            guard.check_address(address)
    with pytest.raises(DialRefused):
        guard.check_host("127.1")


def test_a_bad_network_is_a_configuration_error() -> None:
    """The key is named."""
    with pytest.raises(ConfigError, match="allow_networks"):
        Guard(["10.0.0.0/33"])


async def test_localhost_is_loopback_without_dns() -> None:
    """RFC 6761: no question leaves the machine."""
    dns = Dials()
    resolver = GuardedResolver(Guard(["127.0.0.0/8"]), dns)
    for name in ("localhost", "peer.localhost", "PEER.localhost."):
        assert [found["host"] for found in await resolver.resolve(name, 80)] == ["127.0.0.1"]
    assert dns.names == []


async def test_only_permitted_addresses_of_a_name_are_used() -> None:
    """A private address beside a public one is left out; alone it is a refusal."""

    async def lookup(name: str) -> Sequence[str]:
        return {"mixed.example": ["10.0.0.1", "8.8.8.8", "::1"], "bad.example": ["10.0.0.1"]}.get(name, [])

    resolver = GuardedResolver(Guard(), lookup)
    assert [found["host"] for found in await resolver.resolve("mixed.example", 443)] == ["8.8.8.8"]
    with pytest.raises(DialRefused):
        await resolver.resolve("bad.example", 443)
    with pytest.raises(OSError, match="no address"):
        await resolver.resolve("nowhere.example", 443)


async def test_the_systems_resolver_is_asked_in_threads() -> None:
    """A literal address takes the way through getaddrinfo without leaving the machine."""
    resolver = GuardedResolver(Guard(["127.0.0.0/8"]))
    assert await resolver._ask_system("127.0.0.1") == ["127.0.0.1"]
    await resolver.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1"])
def test_SEC_069_the_socket_itself_is_guarded(address: str) -> None:
    """Even if a resolver lied, no socket is made for a refused address."""
    with pytest.raises(PermissionError):
        Guard().open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 80)))
