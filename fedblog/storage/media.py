"""Uploaded pictures: what there is, whose it is, where it is used. The files themselves lie on disk."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import NamedTuple

from fedblog.blog.ledger import Media, MediaId, NewMedia
from fedblog.blog.model import ActorId, PostId, PostText
from fedblog.errors import Conflict, NotFound
from fedblog.storage.rows import write_json
from fedblog.storage.tx import Row, Tx, chunks, marks

_COLUMNS = "m.id, m.name, m.kind, m.owner_id, m.alt, m.filename, m.width, m.height, m.widths, m.blurhash, m.bytes"
_MEDIA = f"{_COLUMNS}, m.created_at"
_ADDRESS = re.compile(r"/media/([aph][0-9a-f]{20})(?:-[0-9]{1,4}\.webp|\.jpg)")


class Use(NamedTuple):
    """A post that shows a picture."""

    media_id: MediaId
    post_id: PostId
    author_id: ActorId
    title: str


def names_in(*texts: str) -> list[str]:
    """The names of our pictures whose addresses stand in the texts, each once, in order."""
    return list(dict.fromkeys(name for text in texts for name in _ADDRESS.findall(text)))


def add(tx: Tx, new: NewMedia, *, most_bytes: int) -> Media:
    """Keep a picture; where the owner has the same one already, that one (its files are not the new ones).

    Raises `Conflict` (`media_full`) when all pictures together would be more than `most_bytes`.
    """
    tx.lock("media")
    known = by_source(tx, new.owner_id, new.kind, new.source_hash)
    if known is not None:
        return known
    if total_bytes(tx) + new.bytes > most_bytes:
        raise Conflict("there is no room for more pictures (media.max_total_bytes)", reason="media_full")
    media_id = MediaId(tx.new_id())
    tx.run(
        "INSERT INTO media (id, name, kind, owner_id, alt, filename, source_hash, width, height, widths, blurhash,"
        " bytes, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        media_id,
        new.name,
        new.kind,
        new.owner_id,
        new.alt,
        new.filename,
        new.source_hash,
        new.width,
        new.height,
        write_json(new.widths),
        new.blurhash,
        new.bytes,
        tx.now,
    )
    return by_id(tx, media_id)


def by_source(tx: Tx, owner_id: ActorId, kind: str, source_hash: str) -> Media | None:
    """The picture that this very upload became."""
    return _first(
        tx.one(
            f"SELECT {_MEDIA} FROM media m WHERE m.owner_id = $1 AND m.kind = $2 AND m.source_hash = $3",
            owner_id,
            kind,
            source_hash,
        )
    )


def by_id(tx: Tx, media_id: MediaId, *, owner_id: ActorId | None = None) -> Media:
    """A picture; with `owner_id`, of that owner only. Raises `NotFound`."""
    found = _first(tx.one(f"SELECT {_MEDIA} FROM media m WHERE m.id = $1", media_id))
    if found is None or owner_id not in (None, found.owner_id):
        raise NotFound("there is no such picture")
    return found


def by_names(tx: Tx, names: Collection[str]) -> dict[str, Media]:
    """Pictures by name; unknown ones are left out."""
    found = {}
    for some in chunks(dict.fromkeys(names)):
        for row in tx.all(f"SELECT {_MEDIA} FROM media m WHERE m.name IN ({marks(len(some))})", *some):
            found[row[1]] = _read(row)
    return found


def page(tx: Tx, *, owner_id: ActorId | None, before: MediaId | None, limit: int) -> list[Media]:
    """Pictures of an owner (None: of everybody), newest first, those before `before`."""
    where, params = ["m.id < $1"], list[object]([before if before is not None else 2**63 - 1])
    if owner_id is not None:
        where.append("m.owner_id = $2")
        params.append(owner_id)
    params.append(limit)
    rows = tx.all(
        f"SELECT {_MEDIA} FROM media m WHERE {' AND '.join(where)} ORDER BY m.id DESC LIMIT ${len(params)}", *params
    )
    return [_read(row) for row in rows]


def search(
    tx: Tx, *, owner_id: ActorId | None, words: str = "", only: str = "", before: MediaId | None, limit: int
) -> list[Media]:
    """Like `page`, of pictures whose name or description holds `words`; `only` the `unused` or the `undescribed`."""
    where, params = ["m.id < $1"], list[object]([before if before is not None else 2**63 - 1])
    if owner_id is not None:
        params.append(owner_id)
        where.append(f"m.owner_id = ${len(params)}")
    if words:
        params.append("%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%")
        like = f"LIKE lower(${len(params)}) ESCAPE '\\'"
        where.append(f"(lower(m.filename) {like} OR lower(m.alt) {like})")
    if only == "undescribed":
        where.append("m.kind = 'p' AND m.alt = ''")
    shown: set[str] = set()
    if only == "unused":
        where.append(
            "m.kind = 'p' AND NOT EXISTS (SELECT 1 FROM media_uses u JOIN posts p ON p.id = u.post_id"
            " WHERE u.media_id = m.id AND p.status <> 'deleted')"
        )
        shown = _shown_elsewhere(tx)
    params.append(limit + len(shown))
    rows = tx.all(
        f"SELECT {_MEDIA} FROM media m WHERE {' AND '.join(where)} ORDER BY m.id DESC LIMIT ${len(params)}", *params
    )
    return [found for found in map(_read, rows) if found.name not in shown][:limit]


def _shown_elsewhere(tx: Tx) -> set[str]:
    """Names of pictures that answers and profiles show."""
    answers = tx.all("SELECT source FROM replies WHERE local = 1 AND state <> 'removed' AND source LIKE '%/media/%'")
    profiles = tx.all("SELECT icon_url, image_url, summary_source FROM actors WHERE local <> ''")
    return set(names_in(*(text for row in (*answers, *profiles) for text in row)))


def total_bytes(tx: Tx, owner_id: ActorId | None = None) -> int:
    """Bytes of all files, or of one owner's."""
    if owner_id is None:
        return int(tx.value("SELECT coalesce(sum(bytes), 0) FROM media"))
    return int(tx.value("SELECT coalesce(sum(bytes), 0) FROM media WHERE owner_id = $1", owner_id))


def set_alt(tx: Tx, media_id: MediaId, alt: str) -> None:
    """The description that is offered wherever the picture is put next."""
    tx.run("UPDATE media SET alt = $1 WHERE id = $2", alt, media_id)


def note_uses(tx: Tx, post_id: PostId, text: PostText | None) -> None:
    """Which pictures a post shows from now on; None: none any more."""
    tx.run("DELETE FROM media_uses WHERE post_id = $1", post_id)
    names = names_in(text.source, text.content_html, text.image_url) if text is not None else []
    known = by_names(tx, names) if names else {}
    tx.many(
        "INSERT INTO media_uses (media_id, post_id) VALUES ($1, $2)", [(media.id, post_id) for media in known.values()]
    )


def uses(tx: Tx, media_ids: Collection[MediaId]) -> list[Use]:
    """The posts that show any of these pictures."""
    found = []
    for some in chunks(media_ids):
        rows = tx.all(
            "SELECT u.media_id, p.id, p.author_id, p.title FROM media_uses u JOIN posts p ON p.id = u.post_id"
            f" WHERE u.media_id IN ({marks(len(some))}) AND p.status <> 'deleted' ORDER BY p.id DESC",
            *some,
        )
        found += [Use(*row) for row in rows]
    return found


def worn(tx: Tx, names: Collection[str]) -> set[str]:
    """Those of these names that are somebody's picture or header on their profile."""
    rows = tx.all("SELECT icon_url, image_url, summary_source FROM actors WHERE local <> ''")
    return set(names) & set(names_in(*(text for row in rows for text in row)))


def remove(tx: Tx, media_id: MediaId) -> Media:
    """Forget a picture. Raises `NotFound`, or `Conflict` (`media_in_use`) while anything shows it."""
    tx.lock("media")
    media = by_id(tx, media_id)
    answered = tx.value(
        "SELECT count(*) FROM replies WHERE local = 1 AND state <> 'removed' AND source LIKE $1", f"%{media.name}%"
    )
    if answered or uses(tx, [media_id]) or worn(tx, [media.name]):
        raise Conflict("this picture is in use; take it out there first", reason="media_in_use")
    tx.run("DELETE FROM media WHERE id = $1", media_id)
    return media


def _first(row: Row | None) -> Media | None:
    return _read(row) if row is not None else None


def _read(row: Row) -> Media:
    return Media(
        id=MediaId(row[0]),
        name=row[1],
        kind=row[2],
        owner_id=ActorId(row[3]),
        alt=row[4],
        filename=row[5],
        width=row[6],
        height=row[7],
        widths=tuple(json.loads(row[8])),
        blurhash=row[9],
        bytes=row[10],
        created_at=row[11],
    )
