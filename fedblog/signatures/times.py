"""Dates of signatures: HTTP dates in and out, and the window in which a signature counts (SIG-16)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache

from fedblog.signatures.model import Reason, SignatureRefused

MAX_AGE = 12 * 3600
MAX_SKEW = 3600

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FIXDATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{1,2}) ("
    + "|".join(_MONTHS)
    + r") ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) (?:GMT|UTC|[+-]0000)\Z"
)
_SECONDS = re.compile(r"[0-9]{1,15}\Z")


def http_date(now: float) -> str:
    """IMF-fixdate in GMT (RFC 9110 §5.6.7)."""
    return _date_of(int(now))


@lru_cache(4)  # what goes out in one second has one date
def _date_of(second: int) -> str:
    return formatdate(second, usegmt=True)


@lru_cache(256)
def parse_http_date(value: str) -> int:
    """Unix seconds of an IMF-fixdate; the only form that peers send. Raises `SignatureRefused` (401)."""
    match = _FIXDATE.match(value)
    if match is None:
        raise SignatureRefused(Reason.DATE_UNPARSABLE)
    day, month, year, hour, minute, second = match.groups()
    try:
        when = datetime(
            int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC
        )
    except ValueError as exc:
        raise SignatureRefused(Reason.DATE_UNPARSABLE) from exc
    return int(when.timestamp())


def parse_seconds(value: str) -> int:
    """Unix seconds out of plain digits, as (created) and (expires) have them. Raises `SignatureRefused` (401)."""
    if _SECONDS.match(value) is None:
        raise SignatureRefused(Reason.DATE_UNPARSABLE)
    return int(value)


def check_window(created: int | None, expires: int | None, now: float) -> None:
    """Not over 12 h old, not over 1 h ahead, `expires` not passed. Raises `SignatureRefused` (401)."""
    if created is not None:
        if now - created > MAX_AGE:
            raise SignatureRefused(Reason.TOO_OLD)
        if created - now > MAX_SKEW:
            raise SignatureRefused(Reason.IN_FUTURE)
    if expires is not None and expires < now:
        raise SignatureRefused(Reason.EXPIRED)
