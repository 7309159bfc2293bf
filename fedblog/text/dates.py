"""Times as the field writes them, to and from Unix seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

# What servers send for xsd:dateTime: a "T" or a blank, any number of fraction digits, "Z", "+00:00", "+0000" or none.
_AS2 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d{1,12})?)?\s?([Zz]|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)


def parse_as2_datetime(value: object, *, now: float) -> int | None:
    """`published` or `updated` of a remote object as Unix seconds (INB-36).

    None for what is unreadable, before 1970 or after `now`: the caller takes the time of receipt. A time without a
    zone is UTC; fractions are cut off; a leap second counts as the second before.
    """
    seconds = _seconds(value) if isinstance(value, str) and len(value) <= 64 else None
    return seconds if seconds is not None and 0 <= seconds <= now else None


@lru_cache(256)
def _seconds(value: str) -> int | None:
    """What comes at one time names few seconds."""
    found = _AS2.fullmatch(value.strip())
    if found is None:
        return None
    year, month, day, hour, minute = (int(part) for part in found.groups()[:5])
    second = 59 if found[6] == "60" and minute == 59 else int(found[6] or 0)
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=_zone(found[7]))
        return int(moment.timestamp())
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    if not text or text in {"Z", "z"}:
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    if minutes > 59:
        raise ValueError("no such offset")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def parse_http_datetime(value: object) -> int | None:
    """An HTTP date (RFC 9110 §5.6.7, obsolete forms too) as Unix seconds; it may lie ahead (`Retry-After`). None
    where it is unreadable."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        moment = parsedate_to_datetime(value)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def iso(ts: int) -> str:
    """Unix seconds -> "YYYY-MM-DDTHH:MM:SSZ", the one form we send (ART-10)."""
    return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc2822(ts: int) -> str:
    """Unix seconds -> "Mon, 02 Jan 2006 15:04:05 +0000" for RSS and mail."""
    return format_datetime(datetime.fromtimestamp(ts, UTC))


def http_date(ts: int) -> str:
    """Unix seconds -> IMF-fixdate "Mon, 02 Jan 2006 15:04:05 GMT" (RFC 9110)."""
    return format_datetime(datetime.fromtimestamp(ts, UTC), usegmt=True)
