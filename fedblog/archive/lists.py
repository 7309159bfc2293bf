"""Followers and blocks as Mastodon exports and imports them (CSV)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from fedblog.blog.ledger import Block

FOLLOWERS_HEAD = "Account address\r\n"
DOMAINS_HEAD = ("#domain", "#severity", "#reject_media", "#reject_reports", "#public_comment", "#obfuscate")


def row(*cells: str) -> str:
    """One line."""
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def blocked_domains(blocks: Iterable[Block]) -> str:
    """Blocked servers, as an admin of Mastodon imports them; reasons stay here, they are nobody's business."""
    lines = [row(*DOMAINS_HEAD)]
    lines += [row(block.value, "suspend", "false", "false", "", "false") for block in blocks if block.kind == "domain"]
    return "".join(lines)


def blocked_accounts(handles: Iterable[str]) -> str:
    """Blocked people, one a line without a head: `name@host`, or the id where the name isn't known."""
    return "".join(row(handle) for handle in handles)
