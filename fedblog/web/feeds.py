"""Feeds as values and as text: Atom (RFC 4287, thread counts by RFC 4685), RSS 2.0, JSON Feed 1.1.

Always well-formed: templates escape, and characters that XML has no place for are dropped here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from fedblog.text.dates import iso

Format = Literal["atom", "rss", "json"]
MEDIA_TYPES: dict[Format, str] = {
    "atom": "application/atom+xml; charset=utf-8",
    "rss": "application/rss+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}
_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One post or reply; times are Unix seconds. `comments_url` is "" where there is no conversation of its own."""

    id: str
    url: str
    title: str
    html: str
    summary: str
    language: str
    author: str
    author_url: str
    published: int
    updated: int
    tags: tuple[str, ...] = ()
    image: str = ""
    comments: int = 0
    comments_url: str = ""
    comments_feed: str = ""
    in_reply_to: str = ""
    in_reply_to_url: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A list of entries, newest first. `id` stays the same for ever; `url` is the page it belongs to; `hub` tells
    subscribers of changes (WebSub)."""

    id: str
    title: str
    subtitle: str
    url: str
    self_url: str
    language: str
    updated: int
    entries: tuple[Entry, ...]
    hub: str = ""


def clean(feed: Feed) -> Feed:
    """The feed without characters that XML 1.0 does not allow."""
    entries = tuple(replace(entry, **_clean_fields(entry)) for entry in feed.entries)
    return replace(feed, **_clean_fields(feed), entries=entries)


def _clean_fields(value: Feed | Entry) -> dict[str, Any]:
    found = {field.name: getattr(value, field.name) for field in fields(value)}
    return {name: _NOT_XML.sub("", text) for name, text in found.items() if isinstance(text, str)}


def json_feed(feed: Feed) -> str:
    """JSON Feed 1.1."""
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "description": feed.subtitle,
        "home_page_url": feed.url,
        "feed_url": feed.self_url,
        "language": feed.language,
        "hubs": [{"type": "WebSub", "url": feed.hub}] if feed.hub else "",
        "items": [_json_item(entry) for entry in feed.entries],
    }
    return json.dumps({key: value for key, value in document.items() if value != ""}, ensure_ascii=False)


def _json_item(entry: Entry) -> dict[str, Any]:
    item = {
        "id": entry.id,
        "url": entry.url,
        "title": entry.title,
        "content_html": entry.html,
        "summary": entry.summary,
        "image": entry.image,
        "date_published": iso(entry.published),
        "date_modified": iso(entry.updated),
        "authors": [{"name": entry.author, "url": entry.author_url}],
        "tags": list(entry.tags),
        "language": entry.language,
    }
    return {key: value for key, value in item.items() if value not in ("", [])}
