"""WordPress' export (WXR 1.0 to 1.2), item by item: posts, pages, tags and comments with their nesting."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from fedblog.archive.entries import Comment, Entry, Skipped
from fedblog.archive.paragraphs import paragraphs, shortcodes
from fedblog.archive.xml_reader import Element, children
from fedblog.errors import InvalidInput
from fedblog.text.dates import parse_http_datetime

MAX_COMMENTS = 200_000
_WP = re.compile(r"^\{http://wordpress\.org/export/1\.[0-2]/\}?")
_EXCERPT = re.compile(r"^\{http://wordpress\.org/export/1\.[0-2]/excerpt/\}?encoded$")
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_DATE = re.compile(r"^(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2}):(\d{2})$")
_QUIET_TYPES = frozenset({"attachment", "nav_menu_item", "revision", "custom_css", "wp_global_styles", "wp_navigation"})
_OUT = frozenset({"publish", "inherit", "static"})
_NOT_SPOKEN = frozenset({"spam", "trash", "post-trashed"})


def read_wxr(file: BinaryIO) -> Iterator[Entry | Skipped]:
    """Everything in the file, in its order, never all at once.

    Raises `InvalidInput` (with the line) for what is no WXR, broken XML, or XML with entities of its own.
    """
    site, version, found = "", "", False
    for element in children(file, "channel"):
        name = _name(element)
        if name == "wp:wxr_version":
            version = element.text.strip()
        elif element.name == "link" or name == "wp:base_blog_url":
            site = element.text.strip() or site
        elif element.name == "item":
            found = True
            yield _item(element, site)
    if not version and not found:
        raise InvalidInput("this is XML, but no WordPress export (WXR)")


def _name(element: Element) -> str:
    return _WP.sub("wp:", element.name)


def _parts(element: Element) -> dict[str, str]:
    """The text of each child by name, the first of each."""
    found: dict[str, str] = {}
    for child in element.children:
        name = "excerpt" if _EXCERPT.match(child.name) else _name(child)
        found.setdefault(name, child.text)
    return found


def _item(item: Element, site: str) -> Entry | Skipped:
    parts = _parts(item)
    kind, status = parts.get("wp:post_type", "post").strip() or "post", parts.get("wp:status", "").strip()
    place = f"line {item.line}"
    if kind not in ("post", "page"):
        return Skipped(place, kind[:60], quiet=kind in _QUIET_TYPES)
    if status in ("trash", "auto-draft"):
        return Skipped(place, f"{kind} in status {status}")
    title = " ".join(parts.get("title", "").split())
    content = parts.get(_CONTENT, "")
    if not title and not content.strip():
        return Skipped(place, f"empty {kind}")
    warnings = [f"the shortcode [{name}] stays as text" for name in shortcodes(content)]
    hidden = bool(parts.get("wp:post_password", "").strip())
    if hidden or status == "private":
        warnings.append("it was not open to everybody, so it becomes a draft")
    published_at, unsure = _date(parts, "wp:post_date_gmt", "wp:post_date", parts.get("pubDate", ""))
    if unsure:
        warnings.append(unsure)
    draft = status not in _OUT or hidden
    comments, left_out = _comments(item)
    warnings += left_out
    return Entry(
        key=_key(parts, site, item.line),
        place=place,
        title=title,
        slug=unquote(parts.get("wp:post_name", "")).strip(),
        source=paragraphs(content),
        source_type="text/html",
        author=parts.get(_CREATOR, "").strip(),
        summary=" ".join(parts.get("excerpt", "").split()),
        url=_web(parts.get("link", "")) or _web(site),
        tags=_tags(item),
        published_at=published_at,
        edited_at=_edited(parts, published_at),
        draft=draft,
        kind=kind,
        comments_open=parts.get("wp:comment_status", "open").strip() != "closed",
        paths=_paths(parts, site),
        comments=tuple(comments),
        warnings=tuple(warnings),
    )


def _key(parts: dict[str, str], site: str, line: int) -> str:
    number = parts.get("wp:post_id", "").strip()
    named = parts.get("guid", "").strip() or parts.get("link", "").strip()
    what = f"{site}\n{number}" if number and site else named or f"{site}\n{line}\n{parts.get('title', '')}"
    return "wxr:" + hashlib.sha256(what.encode()).hexdigest()


def _web(url: str) -> str:
    url = url.strip()
    return url if url.startswith(("https://", "http://")) and len(url) < 2000 else ""


def _date(parts: dict[str, str], gmt: str, local: str, rss: str = "") -> tuple[int | None, str]:
    """Unix seconds, and a warning where it had to be guessed. WordPress writes zeros for "no date"."""
    found = _moment(parts.get(gmt, ""))
    if found is not None:
        return found, ""
    if (from_rss := parse_http_datetime(rss)) is not None and from_rss > 0:
        return from_rss, ""
    if (found := _moment(parts.get(local, ""))) is not None:
        return found, "its date has no time zone; it is taken as UTC"
    return None, "it has no readable date"


def _moment(text: str) -> int | None:
    match = _DATE.match(text.strip())
    if match is None:
        return None
    try:
        seconds = int(datetime(*(int(part) for part in match.groups()), tzinfo=UTC).timestamp())  # type: ignore[misc,arg-type]
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def _edited(parts: dict[str, str], published_at: int | None) -> int | None:
    edited = _moment(parts.get("wp:post_modified_gmt", ""))
    return edited if edited is not None and published_at is not None and edited > published_at else None


def _tags(item: Element) -> tuple[str, ...]:
    """Tags and categories, but for the category that every post without one has."""
    found: dict[str, str] = {}
    for child in item.all("category"):
        kind, name = child.attributes.get("domain", ""), " ".join(child.text.split())
        if kind in ("post_tag", "tag", "category") and name and child.attributes.get("nicename") != "uncategorized":
            found.setdefault(name.casefold(), name)
    return tuple(found.values())


def _paths(parts: dict[str, str], site: str) -> tuple[str, ...]:
    """Where it was found: the path of its link, and `/?p=NUMBER`."""
    host = urlsplit(_web(site)).hostname
    found = []
    link = urlsplit(_web(parts.get("link", "")))
    if link.path.strip("/") and (host is None or link.hostname == host):
        found.append(link.path)
    number = parts.get("wp:post_id", "").strip()
    if number.isdigit():
        found.append(f"/?p={int(number)}")
    return tuple(found)


def _comments(item: Element) -> tuple[list[Comment], list[str]]:
    """Those that people wrote and nobody threw away; others are counted in words."""
    kept: list[Comment] = []
    left_out: dict[str, int] = {}
    for child in item.children:
        if _name(child) != "wp:comment":
            continue
        parts = _parts(child)
        kind, approved = parts.get("wp:comment_type", "").strip(), parts.get("wp:comment_approved", "1").strip()
        if kind not in ("", "comment"):
            left_out[kind[:40]] = left_out.get(kind[:40], 0) + 1
        elif approved in _NOT_SPOKEN:
            left_out[approved] = left_out.get(approved, 0) + 1
        elif len(kept) >= MAX_COMMENTS:
            left_out["more than can be taken"] = left_out.get("more than can be taken", 0) + 1
        else:
            kept.append(_comment(child, parts, held=approved not in ("1", "approve", "approved")))
    return kept, [f"{number} comments left out: {why}" for why, number in left_out.items()]


def _comment(element: Element, parts: dict[str, str], *, held: bool) -> Comment:
    published_at, _ = _date(parts, "wp:comment_date_gmt", "wp:comment_date")
    parent = parts.get("wp:comment_parent", "").strip()
    return Comment(
        id=parts.get("wp:comment_id", "").strip(),
        parent="" if parent == "0" else parent,
        author=" ".join(parts.get("wp:comment_author", "").split()),
        author_url=_web(parts.get("wp:comment_author_url", "")),
        content_html=paragraphs(parts.get("wp:comment_content", "")),
        published_at=published_at,
        held=held,
        line=element.line,
    )
