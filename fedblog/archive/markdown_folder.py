"""A folder of Markdown files with heads, as Jekyll, Hugo, Eleventy and others keep them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from fedblog.archive.entries import Entry, Skipped
from fedblog.archive.front_matter import Value, read_moment, split_head
from fedblog.errors import InvalidInput
from fedblog.text.markdown import MAX_SOURCE_BYTES

ENDINGS = (".md", ".markdown")
_DATED = re.compile(r"^(\d{4}-\d{2}-\d{2})-(.+)$")
_HEADING = re.compile(r"^#[ \t]+(.+?)[ \t]*#*$", re.MULTILINE)
_NO = frozenset({"false", "no", "off", "closed"})
_YES = frozenset({"true", "yes", "on"})


def read_folder(folder: Path) -> Iterator[Entry | Skipped]:
    """Every Markdown file below the folder, by name. Links are not followed; hidden files are not looked at."""
    for parent, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.lower().endswith(ENDINGS) or name.startswith("."):
                continue
            path = Path(parent) / name
            place = path.relative_to(folder).as_posix()
            yield _read(path, place)


def _read(path: Path, place: str) -> Entry | Skipped:
    if path.is_symlink() or not path.is_file():
        return Skipped(place, "a link, which is not followed")
    if path.stat().st_size > MAX_SOURCE_BYTES + 100_000:
        return Skipped(place, "longer than 1 MB")
    try:
        return read_markdown(path.read_bytes().decode("utf-8"), place)
    except UnicodeDecodeError:
        return Skipped(place, "no UTF-8 text")
    except InvalidInput as error:
        return Skipped(place, str(error))


def read_markdown(text: str, place: str) -> Entry:
    """One file; `place` is its path in the folder. Raises `InvalidInput` with the line of a head that can't be read."""
    head = split_head(text)
    values = head.values
    stem = place.rpartition("/")[2].rpartition(".")[0]
    if stem.lower() in ("index", "_index", "readme") and "/" in place:
        stem = place.split("/")[-2]
    dated = _DATED.match(stem)
    warnings = [f"line {line}: {words}" for line, words in head.warnings]
    written = _first(values, "date", "published", "created", "pubdate")
    published_at = read_moment(written) if written else read_moment(dated[1]) if dated else None
    if published_at is None:
        warnings.append(f"“{written}” is no date that can be read" if written else "it has no date")
    title, body = _title(values, head.text, dated[2] if dated else stem)
    is_html = _first(values, "format", "source_type").lower() in ("html", "text/html")
    return Entry(
        key=_key(_first(values, "uri"), place, written),
        place=place,
        title=title,
        slug=_first(values, "slug") or (dated[2] if dated else stem),
        source=body,
        source_type="text/html" if is_html else "text/markdown",
        author=_first(values, "author", "authors"),
        summary=" ".join(_first(values, "summary", "description", "excerpt").split()),
        content_warning=_first(values, "content_warning"),
        language=_first(values, "language", "lang"),
        tags=_tags(values),
        published_at=published_at,
        edited_at=_edited(values, published_at),
        draft=_is_draft(values),
        comments_open=_first(values, "comments").lower() not in _NO,
        kind="page" if "page" in (_first(values, "type").lower(), _first(values, "layout").lower()) else "post",
        series=_first(values, "series"),
        series_position=_number(_first(values, "series_position", "series_order", "part")),
        canonical_url=_first(values, "canonical_url", "canonicalurl", "canonical"),
        paths=_paths(values),
        warnings=tuple(warnings),
    )


def _key(uri: str, place: str, date: str) -> str:
    return f"uri:{uri}" if uri.startswith(("https://", "http://")) else f"markdown:{place}\n{date}"


def _first(values: dict[str, Value], *keys: str) -> str:
    for key in keys:
        value = values.get(key)
        if isinstance(value, list):
            value = value[0] if value else ""
        if value:
            return value
    return ""


def _title(values: dict[str, Value], text: str, stem: str) -> tuple[str, str]:
    """The title and the text without it: a first heading is the title where the head has none."""
    if title := _first(values, "title"):
        return " ".join(title.split()), text
    match = _HEADING.match(text)
    if match is not None:
        return " ".join(match[1].split()), text[match.end() :].lstrip("\n")
    return stem.replace("-", " ").replace("_", " ").strip().capitalize() or "Untitled", text


def _tags(values: dict[str, Value]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for key in ("tags", "tag", "categories", "category", "keywords"):
        value = values.get(key, [])
        # Jekyll takes "a b" as two tags, others "a, b".
        names = value if isinstance(value, list) else value.split(",") if "," in value else value.split()
        for name in names:
            if name.strip().lstrip("#"):
                found.setdefault(name.strip().casefold(), name.strip().lstrip("#"))
    return tuple(found.values())


def _is_draft(values: dict[str, Value]) -> bool:
    status = _first(values, "status").lower()
    return (
        _first(values, "draft").lower() in _YES
        or _first(values, "published").lower() in _NO
        or status in ("draft", "unpublished", "private", "pending")
    )


def _number(text: str) -> int:
    """A place in a series; 0 for none that can be used."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0


def _edited(values: dict[str, Value], published_at: int | None) -> int | None:
    edited = read_moment(_first(values, "updated", "lastmod", "modified", "last_modified_at"))
    return edited if edited is not None and published_at is not None and edited > published_at else None


def _paths(values: dict[str, Value]) -> tuple[str, ...]:
    """Where it was: `permalink`, `url`, and everything that redirected to it."""
    found = []
    for key in ("permalink", "url", "aliases", "redirect_from"):
        value = values.get(key, [])
        for one in value if isinstance(value, list) else [value]:
            path = urlsplit(one).path if one.startswith(("http://", "https://", "/")) else ""
            if path.strip("/") and ":" not in path:
                found.append(path)
    return tuple(dict.fromkeys(found))
