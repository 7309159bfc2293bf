"""Exports that are one JSON document: Ghost's (its labs page) and WriteFreely's or Write.as' (account, export)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

from fedblog.archive.entries import Entry, Skipped
from fedblog.archive.front_matter import read_moment
from fedblog.errors import InvalidInput

MAX_BYTES: Final = 512 * 1024 * 1024
_GHOST_URL: Final = "__GHOST_URL__"
_MILLISECONDS: Final = 100_000_000_000  # numbers above are milliseconds: as seconds they would be after the year 5000

Json = Mapping[str, Any]


def read_json(file: BinaryIO, site: str = "", *, now: float) -> Iterator[Entry | Skipped]:
    """Everything in the file. `site` is where it stood: against it links are made absolute. `now` parts what is out
    from what is planned.

    Raises `InvalidInput` for what is no JSON, too large, or neither of the two.
    """
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise InvalidInput("the file is larger than 512 MB")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"this is no JSON that can be read: {error}") from None
    site = site.rstrip("/")
    ghost = _ghost_tables(document)
    if ghost is not None:
        yield from _ghost(ghost, site)
    elif isinstance(document, dict) and ("collections" in document or "posts" in document) and "username" in document:
        yield from _writefreely(document, site, now)
    else:
        raise InvalidInput("this is JSON, but no export of Ghost or WriteFreely")


# -- Ghost


def _ghost_tables(document: Any) -> Json | None:
    """The tables, with `{"db": [...]}` around them or without; None for something else."""
    if isinstance(document, dict) and _rows(document, "db"):
        document = _rows(document, "db")[0]
    data = document.get("data") if isinstance(document, dict) and "meta" in document else None
    return data if isinstance(data, dict) and isinstance(data.get("posts"), list) else None


def _ghost(tables: Json, site: str) -> Iterator[Entry | Skipped]:
    tags = {
        _id(row, "id"): _text(row, "name") for row in _rows(tables, "tags") if _text(row, "visibility") != "internal"
    }
    users = {_id(row, "id"): _text(row, "slug") or _text(row, "name") for row in _rows(tables, "users")}
    alts = {_id(row, "post_id"): _text(row, "feature_image_alt") for row in _rows(tables, "posts_meta")}
    tagged = _joined(tables, "posts_tags", "tag_id")
    written = _joined(tables, "posts_authors", "author_id")
    for number, row in enumerate(_rows(tables, "posts"), 1):
        post = _id(row, "id")
        writers = [*written.get(post, []), _id(row, "author_id")]
        yield _ghost_post(
            row,
            place=f"post {number}",
            site=site,
            tags=[tags[tag] for tag in tagged.get(post, []) if tag in tags and not tags[tag].startswith("#")],
            author=next((users[writer] for writer in writers if writer in users), ""),
            alt=alts.get(post, ""),
        )


def _joined(tables: Json, table: str, column: str) -> dict[Any, list[Any]]:
    """What belongs to each post, in its order."""
    found: dict[Any, list[Any]] = {}
    rows = _rows(tables, table)
    for row in sorted(rows, key=lambda one: one["sort_order"] if isinstance(one.get("sort_order"), int) else 0):
        found.setdefault(_id(row, "post_id"), []).append(_id(row, column))
    return found


def _ghost_post(row: Json, *, place: str, site: str, tags: list[str], author: str, alt: str) -> Entry | Skipped:
    html, markdown = _text(row, "html"), _text(row, "markdown")
    title = " ".join(_text(row, "title").split())
    if not (html or markdown).strip():
        return Skipped(place, f"“{title[:60]}” has no text in the file" if title else "an empty post")
    published_at, edited_at = _moment(row.get("published_at")), _moment(row.get("updated_at"))
    slug, status = _text(row, "slug"), _text(row, "status")
    warnings = []
    open_to_all = _text(row, "visibility") in ("", "public")
    if not open_to_all:
        warnings.append("it was not open to everybody, so it becomes a draft")
    if published_at is None and status == "published":
        warnings.append("it has no readable date")
    source = html or markdown
    if _GHOST_URL in source and not site:
        warnings.append("it links to its old site, whose address is not in the file: say it with --old-site")
    cover = _text(row, "feature_image") or _text(row, "image")
    if cover and html:
        source = f'<figure><img src="{escape(cover)}" alt="{escape(alt)}"></figure>\n{source}'
    is_page = _text(row, "type") == "page" or row.get("page") in (1, True)
    return Entry(
        key=_key("ghost", _text(row, "uuid") or f"{site}\n{row.get('id')}\n{slug}"),
        place=place,
        title=title,
        slug=slug,
        source=source.replace(_GHOST_URL, site),
        source_type="text/html" if html else "text/markdown",
        author=author,
        summary=" ".join(_text(row, "custom_excerpt").split()),
        language=_text(row, "language").replace("_", "-").partition(".")[0],
        url=f"{site}/{slug}/" if site and slug else "",
        tags=tuple(dict.fromkeys(tags)),
        published_at=published_at,
        edited_at=edited_at
        if published_at is not None and edited_at is not None and edited_at > published_at
        else None,
        draft=status != "published" or not open_to_all,
        kind="page" if is_page else "post",
        canonical_url=_text(row, "canonical_url"),
        paths=(f"/{slug}/",) if slug else (),
        warnings=tuple(warnings),
    )


# -- WriteFreely


def _writefreely(document: Json, site: str, now: float) -> Iterator[Entry | Skipped]:
    author = _text(document, "username")
    for blog in _rows(document, "collections"):
        alias = _text(blog, "alias")
        for number, row in enumerate(_rows(blog, "posts"), 1):
            yield _writefreely_post(row, f"{alias}, post {number}", site, author, alias, now)
    for number, row in enumerate(_rows(document, "posts"), 1):
        yield _writefreely_post(row, f"draft {number}", site, author, "", now)


def _writefreely_post(row: Json, place: str, site: str, author: str, alias: str, now: float) -> Entry | Skipped:
    body, slug = _text(row, "body"), _text(row, "slug")
    if not body.strip():
        return Skipped(place, "an empty post")
    published_at, edited_at = _moment(row.get("created")), _moment(row.get("updated"))
    named = [tag for tag in row.get("tags") or [] if isinstance(tag, str)] if isinstance(row.get("tags"), list) else []
    later = published_at is not None and published_at > now
    return Entry(
        key=_key("writefreely", _text(row, "id") or f"{site}\n{alias}\n{slug}\n{published_at}"),
        place=place,
        title=" ".join(_text(row, "title").split()),
        slug=slug,
        source=body,
        source_type="text/markdown",
        author=author,
        language=_text(row, "language"),
        tags=tuple(dict.fromkeys(named)),
        published_at=published_at,
        edited_at=edited_at
        if published_at is not None and edited_at is not None and edited_at > published_at
        else None,
        draft=not alias or later,
        paths=tuple(dict.fromkeys((f"/{alias}/{slug}", f"/{slug}"))) if alias and slug else (),
        warnings=("it was to come out later, so it becomes a draft",) if later else (),
    )


# -- both


def _rows(table: Json, name: str) -> list[Json]:
    found = table.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _id(row: Json, name: str) -> str | int | None:
    value = row.get(name)
    return value if isinstance(value, str | int) else None


def _text(row: Json, name: str) -> str:
    """A field as text that can be stored; "" for anything else."""
    value = row.get(name)
    return value.replace("\0", "").encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _moment(value: Any) -> int | None:
    """Unix seconds of a date in words, or of milliseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        return read_moment(value)
    if not 0 < value < 1e15:
        return None
    return int(value / 1000 if value > _MILLISECONDS else value)


def _key(kind: str, name: str) -> str:
    return f"{kind}:" + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()


def check_site(url: str) -> str:
    """The address of an old site. Raises `InvalidInput` for what is none."""
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise InvalidInput(f"“{url}” is no address of a site: https://old.example")
    return url
