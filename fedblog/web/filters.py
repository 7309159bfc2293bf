"""Small words and numbers for people: what templates need beyond Jinja's own filters."""

from __future__ import annotations

import hashlib
import re
import time
import unicodedata
from datetime import UTC, datetime
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from fedblog.activitypub.pictures import media_type_of_url
from fedblog.blog.emoji import NAME as EMOJI_NAME
from fedblog.blog.model import Reply
from fedblog.text.dates import rfc2822
from fedblog.text.mentions import fold_leading_mentions
from fedblog.web.i18n import ENGLISH, PSEUDO, current, grouped

HUES = 12
_ENGLISH = (ENGLISH, PSEUDO)
_CALLED = re.compile(f":{EMOJI_NAME.pattern}:")
# Mastodon's and GoToSocial's page of a status, which tells its id; `uriOf` in static/talk/form.js reads it likewise.
_MASTODON_PAGE = re.compile(r"(https?://[^/]+)/@([^/@?#]+)/(?:statuses/)?([^/?#]+)")


def long_date(timestamp: int) -> str:
    """`14 March 2026` (UTC)."""
    if current() not in _ENGLISH:
        return _foreign_date(timestamp, "long")
    moment = time.gmtime(timestamp)
    return f"{moment.tm_mday} {time.strftime('%B %Y', moment)}"


def short_date(timestamp: int) -> str:
    """`14 Mar 2026` (UTC)."""
    if current() not in _ENGLISH:
        return _foreign_date(timestamp, "medium")
    moment = time.gmtime(timestamp)
    return f"{moment.tm_mday} {time.strftime('%b %Y', moment)}"


def day_month(timestamp: int) -> str:
    """`14 Mar` (UTC)."""
    if current() not in _ENGLISH:
        return _foreign_skeleton(timestamp, "MMMd")
    moment = time.gmtime(timestamp)
    return f"{moment.tm_mday} {time.strftime('%b', moment)}"


def month_year(timestamp: int) -> str:
    """`March 2026` (UTC)."""
    if current() not in _ENGLISH:
        return _foreign_skeleton(timestamp, "yMMMM")
    return time.strftime("%B %Y", time.gmtime(timestamp))


def short_time(timestamp: int) -> str:
    """`14 Mar 2026, 09:05` (UTC)."""
    if current() not in _ENGLISH:
        return _with_time(_foreign_date(timestamp, "medium"), timestamp)
    moment = time.gmtime(timestamp)
    return f"{moment.tm_mday} {time.strftime('%b %Y, %H:%M', moment)}"


def date_time(timestamp: int) -> str:
    """`14 March 2026, 09:05` (UTC)."""
    return _with_time(long_date(timestamp), timestamp)


def _with_time(date: str, timestamp: int) -> str:
    comma = {"ar": "، ", "ja": " "}.get(current(), ", ")
    return f"{date}{comma}{time.strftime('%H:%M', time.gmtime(timestamp))}"


def _foreign_date(timestamp: int, length: str) -> str:
    from babel.dates import format_date  # takes a while to load; English needs none of it

    return format_date(datetime.fromtimestamp(timestamp, UTC), length, locale=current())


def _foreign_skeleton(timestamp: int, skeleton: str) -> str:
    from babel.dates import format_skeleton

    return str(format_skeleton(skeleton, datetime.fromtimestamp(timestamp, UTC), locale=current()))


def iso_time(timestamp: int) -> str:
    """`2026-03-14T09:05:00Z`, for `<time datetime>`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(timestamp))


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 reply`, `2,310 replies`."""
    return f"{grouped(number)} {one if number == 1 else many or one + 's'}"


def initials(name: str) -> str:
    """One or two letters that stand for a person: `Ana Lima` → `AL`, `@bob` → `B`, `:cat: Mia` → `M`."""
    plain = _CALLED.sub(" ", name) if name.count(":") > 1 else name
    words = ["".join(char for char in word if char.isalnum()) for word in (plain if plain.strip() else name).split()]
    letters = [unicodedata.normalize("NFC", word[0]).upper()[:1] for word in words if word]
    return "".join(letters[:1] + letters[1:][-1:]) or "?"


def hue(text: str) -> int:
    """A number below `HUES` that stays the same for the same text: picks the colour of an avatar."""
    return hashlib.blake2s(text.encode("utf-8", "replace"), digest_size=1).digest()[0] % HUES


def host(url: str) -> str:
    """The host of a URL, as shown to people."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def web_url(url: str) -> str:
    """The URL where it is http(s), else "": the last look before a foreign link is written (SECURITY 93)."""
    return url if url.startswith(("https://", "http://")) else ""


def uri_hint(reply: Reply) -> str:
    """The id of a reply where scripts can't tell it from the address of its page, else ""."""
    page = "" if reply.local or reply.imported else web_url(reply.url or reply.uri)
    found = _MASTODON_PAGE.fullmatch(page)
    told = f"{found[1]}/users/{found[2]}/statuses/{found[3]}" if found else page
    return "" if told == reply.uri else reply.uri


def bdi(name: str) -> Markup:
    """A name inside a sentence of ours, whatever its direction of writing."""
    return Markup(f"<bdi>{escape(name)}</bdi>")  # noqa: S704 - the name is escaped


def name_link(href: str, name: str) -> Markup:
    """As `bdi`, as a link to a place on our pages."""
    return Markup(f'<a href="{escape(href)}"><bdi>{escape(name)}</bdi></a>')  # noqa: S704 - both are escaped


FILTERS = {
    "image_type": media_type_of_url,
    "long_date": long_date,
    "day_month": day_month,
    "month_year": month_year,
    "date_time": date_time,
    "short_time": short_time,
    "iso_time": iso_time,
    "counted": counted,
    "grouped": grouped,
    "initials": initials,
    "hue": hue,
    "host": host,
    "web_url": web_url,
    "rfc2822": rfc2822,
    "uri_hint": uri_hint,
    "fold_mentions": fold_leading_mentions,
}
