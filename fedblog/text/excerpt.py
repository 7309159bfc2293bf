"""Short plain text out of an article."""

from __future__ import annotations

import math
import re
from functools import lru_cache

from fedblog.text.plain import text_of

WORDS_A_MINUTE = 230
_NO_PROSE = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "pre", "table", "figcaption", "img"}) | frozenset(
    {".footnotes", ".footnote-ref", ".footnotes-sep"}
)
# An end of a sentence: not "z. B. so" or "3.5", but "so. Then", "so.” Then" and the CJK stops, which need no blank.
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s+[^\sa-z]|\s*$)|[。！？]+[」』”）]*")


@lru_cache(maxsize=64)  # lists and pages ask again and again for those of the same few posts
def excerpt(html: str, limit: int = 300) -> str:
    """Plain text of at most `limit` characters from the start of an article, on one line.

    Headings, code, tables, pictures and footnotes are left out. A longer text ends with a whole sentence if that keeps
    at least a third of `limit`, otherwise between two words with "…".
    """
    text = " ".join(text_of(html, without=_NO_PROSE).split())
    if len(text) <= limit:
        return text
    ends = [found.end() for found in _SENTENCE_END.finditer(text[: limit + 2]) if limit // 3 <= found.end() <= limit]
    if ends:
        return text[: ends[-1]]
    room = max(limit - 1, 0)
    border = room if text[room : room + 1] == " " else text.rfind(" ", 0, room + 1)
    kept = text[:border] if border > 0 else text[:room]
    return kept.rstrip(" ,;:–—-") + "…"


def reading_minutes(word_count: int) -> int:
    """Minutes to read so many words, at least one."""
    return max(1, math.ceil(word_count / WORDS_A_MINUTE))
