"""Lists of blocks as Mastodon writes and reads them (CSV): servers with a severity, or accounts.

Servers: `#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate`, as an admin exports them, or one
name a line, as a person does. Accounts: `Account address`, then `name@server`
(https://docs.joinmastodon.org/user/moving/#export; app/models/admin/import.rb).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fedblog.activitypub.discovery import parse_acct
from fedblog.activitypub.urls import host_of, maybe_uri
from fedblog.blog.ledger import Block
from fedblog.errors import InvalidInput

MAX_LINES = 20_000
MAX_PROBLEMS = 200
_REASON = 300
_SHOWN = 80
DOMAINS_HEAD = ("#domain", "#severity", "#reject_media", "#reject_reports", "#public_comment", "#obfuscate")
SEVERITIES = {"domain": "suspend", "limit": "silence"}
# Where a country's registry gives names out a level lower.
_REGISTRY = re.compile(r"(?:ac|co|com|edu|gob|gouv|gov|govt|mil|ne|net|nom|or|org)\.[a-z]{2}")
_SEVERITIES = {"": "domain", "suspend": "domain", "silence": "limit", "limit": "limit"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One block: `kind` domain (with all below it), limit (replies from there are held) or account (`name@host`)."""

    kind: str
    value: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that can't be used. `code`: obfuscated, no_server, no_account, top_level, severity, nothing, own."""

    line: int
    code: str
    text: str


@dataclass(slots=True)
class BlockList:
    """What a list says, each entry once."""

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_block_list(text: str, *, own: Iterable[str] = ()) -> BlockList:
    """The entries of a list, and the lines that are of no use here; `own`: host names of this blog, never blocked.

    Raises `InvalidInput` (reason `list_unreadable`, `list_too_long`, `list_empty`) for what is no list at all.
    """
    if "\0" in text:
        raise InvalidInput("this is no list: it holds bytes that no text has", reason="list_unreadable")
    found, seen, ours = BlockList(), set[tuple[str, str]](), frozenset(own)
    columns: Mapping[str, int] | None = None
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text.removeprefix("\ufeff"))), 1):
            cells = [cell.strip() for cell in cells]
            if number > MAX_LINES:
                raise InvalidInput(f"a list has at most {MAX_LINES:,} lines", reason="list_too_long")
            if not any(cells):
                continue
            if columns is None:
                columns = _head(cells)
                if columns:
                    continue
            if not cells[0].startswith("#"):  # a comment
                _take(found, seen, _read(cells, columns or {}, ours), number, cells[0])
    except csv.Error as exc:
        raise InvalidInput(f"this list can't be read: {exc}", reason="list_unreadable") from exc
    if not found.entries and not found.problems:
        raise InvalidInput("there is nothing in this list", reason="list_empty")
    return found


def _head(cells: list[str]) -> Mapping[str, int]:
    """Columns by name; empty where the first line is an entry already."""
    names = {cell.lstrip("#").strip().lower(): place for place, cell in enumerate(cells)}
    return names if "domain" in names or "account address" in names else {}


def _read(cells: list[str], columns: Mapping[str, int], ours: frozenset[str]) -> Entry | str:
    """The entry, or the code of what is wrong with it."""

    def cell(name: str) -> str:
        place = columns.get(name)
        return cells[place] if place is not None and place < len(cells) else ""

    value = cell("account address") or cell("domain") if columns else cells[0]
    if "@" in value:
        return _account(value, ours)
    if "*" in value.removeprefix("*.") or "?" in value:
        return "obfuscated"
    severity = (cell("severity") or "").lower()
    if severity == "noop":
        return "nothing"
    if severity not in _SEVERITIES:
        return "severity"
    host = domain_name(value)
    if host is None:
        return "no_server"
    reason = " ".join(cell("public_comment").split())[:_REASON]
    return _too_wide(host, ours) or Entry(_SEVERITIES[severity], host, reason)


def _too_wide(host: str, ours: Iterable[str]) -> str:
    """The code of what is wrong with blocking a host with all below it; "" for nothing."""
    if is_registry(host):
        return "top_level"
    return "own" if is_or_holds(host, ours) else ""


def is_registry(host: str) -> bool:
    """Whether everybody has names below that one: `com`, `co.uk`."""
    name = host.partition(":")[0]
    return not host.startswith("[") and ("." not in name or _REGISTRY.fullmatch(name) is not None)


def is_or_holds(host: str, names: Iterable[str]) -> bool:
    """Whether it is one of these names (with their ports), or one that they lie below."""
    return any(own == host or own.partition(":")[0].endswith(f".{host}") for own in names)


def domain_name(text: str) -> str | None:
    """A server's name as blocks keep it: ASCII, small, without `*.` before or a dot behind; None for anything else."""
    name = text.strip().lower().removeprefix("*.").removesuffix(".")
    uri = maybe_uri(f"https://{name}/") if name and not set(name) & set("/?#@ ") else None
    return host_of(uri) if uri is not None else None


def _account(value: str, ours: frozenset[str]) -> Entry | str:
    try:
        handle = parse_acct(value)
    except InvalidInput:
        return "no_account"
    return "own" if handle.host in ours else Entry("account", f"{handle.name}@{handle.host}".lower())


def _take(found: BlockList, seen: set[tuple[str, str]], read: Entry | str, line: int, text: str) -> None:
    if isinstance(read, str):
        if len(found.problems) < MAX_PROBLEMS:
            found.problems.append(Problem(line, read, text[:_SHOWN]))
    elif (read.kind, read.value) not in seen:
        seen.add((read.kind, read.value))
        found.entries.append(read)


def blocked_domains(blocks: Iterable[Block]) -> str:
    """Blocked servers, as an admin of Mastodon imports them; reasons stay here, they are nobody's business. Where
    replies are held, that is Mastodon's `silence`."""
    wanted = [block for block in blocks if block.kind in SEVERITIES]
    return _table(DOMAINS_HEAD, ((one.value, SEVERITIES[one.kind], "false", "false", "", "false") for one in wanted))


def blocked_accounts(handles: Iterable[str]) -> str:
    """Blocked people, one a line: `name@host`, or the id where the name isn't known."""
    return _table(("Account address",), ((handle,) for handle in handles))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()
