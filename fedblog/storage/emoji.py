"""Custom emoji: where the pictures lie that rows name by their keys (see `blog/emoji.py`)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from fedblog.blog.emoji import Emoji, named
from fedblog.storage import moderation
from fedblog.storage.rows import write_json
from fedblog.storage.tx import Tx, chunks, marks


class Source(NamedTuple):
    """Where a picture lies. `public`: something that everybody may read names it."""

    url: str
    public: bool


def keep(tx: Tx, found: Iterable[Emoji], *, public: bool) -> None:
    """Remember them; what is public once stays so."""
    rows = sorted((one.key, one.url, one.host, int(public)) for one in found)
    if rows:
        tx.many(
            "INSERT INTO emoji (key, url, host, public) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (key) DO UPDATE SET public = 1 WHERE emoji.public = 0 AND excluded.public = 1",
            rows,
        )


def row_text(tx: Tx, found: tuple[Emoji, ...], *, public: bool) -> str:
    """`keep`, and what the row that names them holds."""
    if not found:
        return "[]"
    keep(tx, found, public=public)
    return write_json(named(found))


def source(tx: Tx, key: str) -> Source | None:
    """Where the picture of a key lies; None where nobody named it, or only a server that is blocked."""
    row = tx.one("SELECT url, host, public FROM emoji WHERE key = $1", key)
    if row is None or moderation.is_blocked(tx, actor_uri="", host=row[1]):
        return None
    return Source(row[0], bool(row[2]))


def forget_unused(tx: Tx) -> int:
    """Drop what no row names any more; how many there were."""
    used = set[str]()
    for table in ("replies", "actors"):
        for (text,) in tx.all(f"SELECT emoji FROM {table} WHERE emoji <> '[]'"):
            used.update(key for _, key in json.loads(text))
    used.update(row[0] for row in tx.all("SELECT DISTINCT emoji_key FROM reactions WHERE emoji_key <> ''"))
    unused = [key for (key,) in tx.all("SELECT key FROM emoji") if key not in used]
    for some in chunks(unused):
        tx.run(f"DELETE FROM emoji WHERE key IN ({marks(len(some))})", *some)
    return len(unused)
