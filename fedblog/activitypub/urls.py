"""The only maker of `Uri`: an absolute http(s) URL that was looked at, safe to compare, store and hand to the guard.

A plain `str` can't be dialled: `federation/client.py` takes `Uri` only. Being a `Uri` says nothing about where the
host's address points; that is decided by `federation/guard.py` at connect time.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NewType
from urllib.parse import urlsplit

from fedblog.errors import InvalidInput

Uri = NewType("Uri", str)

MAX_URI_LENGTH = 2048
# Control characters, blanks and what WHATWG URL parsers repair differently: one reading only, or none (SECURITY 19).
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\"<>\\^`{|}\u2028\u2029\ufeff]")
_HOST = re.compile(r"^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$")
# What nearly all ids look like: queries and everything rare are left to `urlsplit`, and nothing is taken that it would
# not take. Group 1 is the host, group 2 the port, which is no scheme's own.
_PLAIN = re.compile(
    r"https?://((?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*+)"
    r"(?::((?!80\b|443\b)[1-9][0-9]{1,3}|[1-5][0-9]{4}))?(?:/[!#-;=?-\[\]_a-z~]*+)?\Z"
)
_MAX_HOST = 253
_IPV6 = re.compile(r"^[0-9a-f:.]+$")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# One activity names the same few ids dozens of times. Only usable URLs of common length are remembered.
_REMEMBERED = 4_096
_REMEMBERED_LENGTH = 300


def parse_uri(value: object) -> Uri:
    """A `Uri` out of foreign text; the text is kept byte for byte (ids are compared as strings).

    Raises `InvalidInput` (reason `uri_invalid`) for anything but http(s) with a host: other schemes, relative
    references, userinfo, control characters, a port out of range, over 2,048 characters.
    """
    if not isinstance(value, str):
        raise InvalidInput("not a URL", reason="uri_invalid")
    return _parse_short(value) if len(value) <= _REMEMBERED_LENGTH else _parse(value)


def _parse(value: str) -> Uri:
    plain = _PLAIN.match(value)
    if plain is not None and len(plain[1]) <= _MAX_HOST and len(value) <= MAX_URI_LENGTH:
        return Uri(value)
    if not value or len(value) > MAX_URI_LENGTH or _FORBIDDEN.search(value) or not value.isprintable():
        raise InvalidInput("not a usable URL", reason="uri_invalid")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise InvalidInput("not a usable URL", reason="uri_invalid") from exc
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc or port == 0:
        raise InvalidInput("not an http(s) URL", reason="uri_invalid")
    if parts.netloc.endswith(":") or not _host_is_plain(host):
        raise InvalidInput("not a usable host", reason="uri_invalid")
    return Uri(value)


_parse_short = lru_cache(_REMEMBERED)(_parse)


def maybe_uri(value: object) -> Uri | None:
    """`parse_uri`, or None where the value can't be used."""
    if not isinstance(value, str):
        return None
    try:
        return _parse_short(value) if len(value) <= _REMEMBERED_LENGTH else _parse(value)
    except InvalidInput:
        return None


def _host_is_plain(host: str) -> bool:
    if ":" in host:
        return bool(_IPV6.match(host))
    if len(host) > _MAX_HOST:  # what ASCII makes of it is longer still, and takes a while
        return False
    try:
        ascii_host = host.lower().encode("idna").decode() if not host.isascii() else host.lower()
    except UnicodeError:
        return False
    return len(ascii_host) <= _MAX_HOST and bool(_HOST.match(ascii_host.removesuffix(".")))


def host_of(uri: str) -> str:
    """Host of a `Uri`, lower case, in ASCII (IDNA), with the port when it is not the scheme's own: `a.example:8443`."""
    return _host_short(uri) if len(uri) <= _REMEMBERED_LENGTH else _host(uri)


def _host(uri: str) -> str:
    plain = _PLAIN.match(uri)
    if plain is not None:
        return plain[1] if plain[2] is None else f"{plain[1]}:{plain[2]}"
    parts = urlsplit(uri)
    host = (parts.hostname or "").removesuffix(".")
    if not host.isascii():
        host = host.encode("idna").decode()
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    return host if port is None or port == _DEFAULT_PORTS[parts.scheme] else f"{host}:{port}"


_host_short = lru_cache(_REMEMBERED)(_host)


def origin_of(uri: str) -> str:
    """Scheme and host, comparable: `https://a.example` (FEP-fe34)."""
    scheme = "https" if uri.startswith("https:") else urlsplit(uri).scheme
    return f"{scheme}://{host_of(uri)}"


def same_origin(one: str, other: str) -> bool:
    """Whether both belong to one origin (scheme, host, port); False where one of them is no usable URL."""
    start = one.find("/", 8) + 1
    if start and other.startswith(one[:start]):  # the same beginning up to the path
        return maybe_uri(one) is not None and maybe_uri(other) is not None
    first, second = maybe_uri(one), maybe_uri(other)
    return first is not None and second is not None and origin_of(first) == origin_of(second)


def same_site(one: str, other: str) -> bool:
    """Whether one URL's host is the other's or a subdomain of it, whatever the port: who runs one runs both."""
    start = one.find("/", 8) + 1
    if start and other.startswith(one[:start]) and maybe_uri(one) is not None:
        return True
    hosts = sorted(((urlsplit(uri).hostname or "").lower().removesuffix(".") for uri in (one, other)), key=len)
    return bool(hosts[0]) and (hosts[0] == hosts[1] or hosts[1].endswith(f".{hosts[0]}"))


def same_id(one: str, other: str) -> bool:
    """Whether two ids are the same: scheme and host without case, the rest byte for byte (KEY-04)."""
    if one == other:
        return True
    return same_origin(one, other) and _tail(one) == _tail(other)


def _tail(uri: str) -> tuple[str, str, str]:
    parts = urlsplit(uri)
    return parts.path or "/", parts.query, parts.fragment


def without_fragment(uri: Uri) -> Uri:
    """The document that holds a fragment id."""
    return Uri(uri.partition("#")[0])
