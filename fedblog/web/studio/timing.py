"""Times that an author chooses, in a zone that is named: a form without scripts doesn't know it."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from aiohttp import web

from fedblog.errors import InvalidInput
from fedblog.web.filters import date_time
from fedblog.web.i18n import gettext

COOKIE = "zone"
MOST_AHEAD = 10 * 366 * 86_400


def find_zone(name: str) -> tzinfo | None:
    """A time zone by its IANA name (`Europe/Berlin`); None for anything else."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name) if 0 < len(name) <= 64 and name.isascii() and name.isprintable() else None
    except (KeyError, ValueError, OSError):
        return None


def zone_of(request: web.Request) -> str:
    """The zone that this browser named last; UTC where it named none."""
    name = request.cookies.get(COOKIE, "")
    return name if find_zone(name) is not None else "UTC"


def read_time(text: str, zone: str, *, now: int) -> int:
    """A time of an `<input type="datetime-local">` in a zone, as Unix seconds. Raises `InvalidInput` in words."""
    place = find_zone(zone)
    if place is None:
        raise InvalidInput(gettext("A time zone is written as Europe/Berlin or UTC."), reason="form_zone")
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            raise ValueError(text)
        at = int(moment.replace(tzinfo=place).timestamp())
    except (ValueError, OverflowError):
        raise InvalidInput(gettext("Choose a day and a time to publish."), reason="form_time") from None
    if at <= now:
        raise InvalidInput(gettext("That time is over already."), reason="form_time_over")
    if at > now + MOST_AHEAD:
        raise InvalidInput(gettext("That is more than ten years from now."), reason="form_time_far")
    return at


def time_words(at: int, zone: str) -> str:
    """`24 December 2026, 08:00 (Europe/Berlin)`."""
    offset = datetime.fromtimestamp(at, find_zone(zone) or UTC).utcoffset()
    return f"{date_time(at + int(offset.total_seconds() if offset else 0))} ({zone})"


def field_value(at: int, zone: str) -> str:
    """The time for an `<input type="datetime-local">`."""
    return datetime.fromtimestamp(at, find_zone(zone) or UTC).strftime("%Y-%m-%dT%H:%M")
