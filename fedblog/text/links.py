"""Which links may stand, and whether the text of a link tells the truth about where it leads."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import SplitResult, urljoin, urlsplit

MAX_LINK_LENGTH = 4096

_BROWSER_IGNORES = re.compile(r"[\t\n\r]")
_SCHEME = re.compile(r"^([a-zA-Z][a-zA-Z0-9+.-]*):")
_HOST = re.compile(r"^(?:[\w-]+(?:\.[\w-]+)*\.?|[0-9a-f:.]+)$")
_WITH_SCHEME = re.compile(r"https?:[\\/]*([^\s/\\?#:@]+)", re.IGNORECASE)
_MENTION_OR_TAG = re.compile(r"^(?:@[\w.-]+(?:@[\w.:-]+)?|[#＃][^\s/:]+)$")
_LEADING_SIGNS = re.compile(r"^\W+")
_BARE_HOST = re.compile(r"^((?:[\w-]+\.)+[^\W\d_][\w-]+)\.?(?![\w.-])")


def safe_link(value: str, schemes: frozenset[str] = frozenset({"http", "https", "mailto"})) -> str | None:
    """An absolute link as it may be shown, or None.

    Refused: other schemes, relative references, user names before the host ("https://bank.example@evil.example"),
    back slashes in the authority (browsers and URL libraries read them differently), no host, over 4,096 characters.
    """
    value = _BROWSER_IGNORES.sub("", value.strip()).replace(" ", "%20")
    found = _SCHEME.match(value)
    if not found or len(value) > MAX_LINK_LENGTH or found[1].lower() not in schemes:
        return None
    if found[1].lower() in {"http", "https"} and _split(value) is None:
        return None
    return value


def absolute_link(value: str, base_url: str, schemes: frozenset[str]) -> str | None:
    """`value` resolved against `base_url` (RFC 3986), or None where it can't be shown."""
    try:
        return safe_link(urljoin(base_url, _BROWSER_IGNORES.sub("", value.strip())), schemes)
    except ValueError:
        return None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or len(host) > 253 or "@" in parts.netloc or not _HOST.match(host):
        return None
    return parts


def link_host(url: str) -> str:
    """The host of a safe http(s) link in its ASCII form, lower case; "" for other links."""
    parts = _split(url) if _SCHEME.match(url) and not url.lower().startswith("mailto:") else None
    return _ascii_host(parts.hostname or "") if parts else ""


def _ascii_host(host: str) -> str:
    host = host.lower().rstrip(".")
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii") if len(host) <= 253 else host
    except UnicodeError:
        return host


def _same_host(written: str, host: str) -> bool:
    return _ascii_host(written).removeprefix("www.") == host.removeprefix("www.")


def _as_seen(text: str) -> str:
    """Text as an eye takes it: compatibility forms folded, invisible format characters gone."""
    folded = unicodedata.normalize("NFKC", text).replace("\u3002", ".")  # IDNA takes this stop for a dot, NFKC doesn't
    return "".join(c for c in folded if unicodedata.category(c) != "Cf").strip()


def names_another_host(text: str, url: str) -> bool:
    """Whether the text of a link names a host that the link does not lead to (SECURITY 98).

    A text that starts with the real host is honest whatever follows. @mentions and #hashtags are not judged: a
    WebFinger name and the server behind it may rightly differ.
    """
    host = link_host(url)
    seen = _as_seen(text)
    if not host or _MENTION_OR_TAG.match(seen):
        return False
    if seen.lower().startswith(host) and not re.match(r"[\w.-]", seen[len(host) : len(host) + 1]):
        return False
    seen = _LEADING_SIGNS.sub("", seen)
    bare = _BARE_HOST.match(seen)
    if bare and _same_host(bare[1], host):
        return False
    if bare and (bare.end() == len(seen) or not re.search(r"\s", seen) or seen[bare.end()] in "/@\\"):
        return True
    schemed = _WITH_SCHEME.search(seen)
    if schemed is None:
        return False
    if seen[schemed.end() : schemed.end() + 1] == "@":
        return True
    return not _same_host(schemed[1], host)


def is_shortened(full: str, shown: str, url: str) -> bool:
    """Whether a text whose parts are hidden is just the link itself, its host still shown (Mastodon's short form)."""
    host = link_host(url)
    if not host or not shown:
        return False
    first = re.match(r"[^\s/\\?#:@]+", shown)
    return full.strip().rstrip("/") == url.rstrip("/") and first is not None and _same_host(first[0], host)
