"""Who is asking, seen through the proxies that are trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from fedblog.errors import ConfigError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks out of `server.trusted_proxies`. Raises `ConfigError`."""
    try:
        return tuple(ipaddress.ip_network(text, strict=False) for text in texts)
    except ValueError as exc:
        raise ConfigError(f"server.trusted_proxies: {exc}; write networks, e.g. 10.0.0.0/8") from None


def client_address(peer: str | None, forwarded_for: str | None, trusted: Sequence[Network]) -> str:
    """The asker's address: the peer, or the last untrusted entry of `X-Forwarded-For` when the peer is a proxy of ours.

    The list is read from the right: everything left of the first stranger is the stranger's own claim (SECURITY 107).
    """
    address = peer or ""
    if not forwarded_for or not _is_trusted(address, trusted):
        return address
    for entry in reversed(forwarded_for[-2048:].split(",")):
        candidate = entry.strip().removeprefix("[").removesuffix("]")
        if not _is_address(candidate):
            return address
        address = candidate
        if not _is_trusted(candidate, trusted):
            return candidate
    return address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in trusted)
