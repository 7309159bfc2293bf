"""How far a post has got, in words."""

from __future__ import annotations

from fedblog.blog.ledger import DeliveryCounts
from fedblog.web.filters import counted


def progress_words(counts: DeliveryCounts) -> str:
    """`Delivered to 214 of 220 servers`."""
    if counts.total == 0:
        return "No other server to tell yet"
    if not counts.waiting and not counts.failed:
        return f"Delivered to {counted(counts.total, 'server')}"
    words = f"Delivered to {counts.delivered:,} of {counted(counts.total, 'server')}"
    return words if counts.waiting else f"{words}; {counts.failed:,} could not be reached"
