"""Blocks that come many at once: looked at before anything happens, applied in one go, and taken back as one.

An import is a draft first. What it adds is marked in `blocks`, so undoing it touches nothing that anybody decided by
hand or that another list brought.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from fedblog.activitypub.block_lists import Entry, Problem
from fedblog.blog.ledger import AccountId
from fedblog.blog.model import ActorId
from fedblog.errors import Conflict, NotFound
from fedblog.storage import block_effects, hiding
from fedblog.storage.block_effects import Key
from fedblog.storage.moderation import domains_of
from fedblog.storage.rows import write_json
from fedblog.storage.tx import Row, Tx, chunks, marks

KEEP_DRAFTS = 90 * 86_400
_IMPORT = "id, list_id, account_id, title, state, known, problems, created_at, decided_at"
_HIDES = ("domain", "actor", "account")


@dataclass(frozen=True, slots=True)
class BlockImport:
    """A list as it came. `state`: draft, applied, undone, dropped; `known`: entries that were blocked already."""

    id: int
    list_id: int | None
    account_id: AccountId | None
    title: str
    state: str
    known: int
    problems: tuple[Problem, ...]
    created_at: int
    decided_at: int | None


@dataclass(frozen=True, slots=True)
class ImportRow:
    """What it would do. `act`: add a block, or remove one that the list names no more."""

    number: int
    act: str
    kind: str
    value: str
    reason: str
    chosen: bool

    @property
    def key(self) -> Key:
        """Which block."""
        return self.kind, self.value


@dataclass(frozen=True, slots=True)
class Applied:
    """What an import, or its undoing, came to."""

    added: int
    removed: int
    people: int


def draft(
    tx: Tx,
    title: str,
    entries: Iterable[Entry],
    problems: Iterable[Problem] = (),
    *,
    by: AccountId | None = None,
    list_id: int | None = None,
) -> int:
    """Keep a list to be looked at; its id. Nothing is blocked yet."""
    wanted = list(entries)
    new = _new(tx, wanted)
    gone = _gone(tx, list_id, wanted) if list_id is not None else []
    import_id = tx.new_id()
    tx.run(
        f"INSERT INTO block_imports ({_IMPORT}) VALUES ($1, $2, $3, $4, 'draft', $5, $6, $7, NULL)",
        import_id,
        list_id,
        by,
        title[:300],
        len(wanted) - len(new),
        write_json([(one.line, one.code, one.text) for one in problems]),
        tx.now,
    )
    acts: list[tuple[str, str, str, str, int | None]] = [("add", one.kind, one.value, one.reason, None) for one in new]
    acts += [("remove", kind, value, reason, source) for kind, value, reason, source in gone]
    tx.many(
        "INSERT INTO block_import_rows (import_id, number, act, kind, value, reason, chosen, from_import)"
        " VALUES ($1, $2, $3, $4, $5, $6, 0, $7)",
        [(import_id, number, *act) for number, act in enumerate(acts, 1)],
    )
    return import_id


def _new(tx: Tx, entries: list[Entry]) -> list[Entry]:
    """Those that nothing covers yet: neither the same block nor one of a domain above."""
    there = {(row[0], row[1]) for row in tx.all("SELECT kind, value FROM blocks")}
    handles = {
        f"{name}@{domain}".lower()
        for name, domain in tx.all(
            "SELECT a.username, a.domain FROM blocks b JOIN actors a ON a.uri = b.value WHERE b.kind = 'actor'"
        )
    }

    def is_covered(one: Entry) -> bool:
        if one.kind == "account":
            host = one.value.partition("@")[2]
            return (
                ("account", one.value) in there
                or one.value in handles
                or any(("domain", above) in there for above in domains_of(host))
            )
        wider = ("domain",) if one.kind == "domain" else ("domain", "limit")
        return any((kind, above) in there for above in domains_of(one.value) for kind in wider)

    return [one for one in entries if not is_covered(one)]


def _gone(tx: Tx, list_id: int, wanted: list[Entry]) -> list[tuple[str, str, str, int]]:
    """Blocks that came with this list and that it names no more."""
    named = {(one.kind, one.value) for one in wanted}
    rows = tx.all(
        "SELECT b.kind, b.value, b.reason, b.import_id, lower(a.username || '@' || a.domain) FROM blocks b"
        " JOIN block_imports i ON i.id = b.import_id LEFT JOIN actors a ON b.kind = 'actor' AND a.uri = b.value"
        " WHERE i.list_id = $1 ORDER BY b.kind, b.value",
        list_id,
    )
    return [
        (kind, value, reason, source)
        for kind, value, reason, source, handle in rows
        if (kind, value) not in named and ("account", handle) not in named
    ]


def get(tx: Tx, import_id: int) -> BlockImport:
    """One import. Raises `NotFound`."""
    row = tx.one(f"SELECT {_IMPORT} FROM block_imports WHERE id = $1", import_id)
    if row is None:
        raise NotFound("there is no such import of blocks")
    return _read(row)


def _read(row: Row) -> BlockImport:
    id_, list_id, account_id, title, state, known, problems, created_at, decided_at = row
    found = tuple(Problem(*one) for one in json.loads(problems))
    return BlockImport(id_, list_id, account_id, title, state, known, found, created_at, decided_at)


def imports(tx: Tx, limit: int = 50) -> list[BlockImport]:
    """Imports, drafts first, then the newest; those that came to nothing are left out."""
    rows = tx.all(
        f"SELECT {_IMPORT} FROM block_imports WHERE state <> 'dropped'"
        " ORDER BY CASE WHEN state = 'draft' THEN 0 ELSE 1 END, id DESC LIMIT $1",
        limit,
    )
    return [_read(row) for row in rows]


def rows(tx: Tx, import_id: int, *, chosen_only: bool = False) -> list[ImportRow]:
    """What an import would do, or (`chosen_only`) did."""
    which = " AND chosen = 1" if chosen_only else ""
    found = tx.all(
        f"SELECT number, act, kind, value, reason, chosen FROM block_import_rows WHERE import_id = $1{which}"
        " ORDER BY number",
        import_id,
    )
    return [
        ImportRow(number, act, kind, value, reason, bool(chosen)) for number, act, kind, value, reason, chosen in found
    ]


def apply(tx: Tx, import_id: int, numbers: Collection[int] | None = None) -> Applied:
    """Do the rows with these numbers (None: all). Raises `NotFound`, `Conflict` where it is no draft any more."""
    tx.lock_all()
    if get(tx, import_id).state != "draft":
        raise Conflict("this list was decided about already", reason="list_decided")
    chosen = [row for row in rows(tx, import_id) if numbers is None or row.number in numbers]
    for some in chunks(row.number for row in chosen):
        where = f"import_id = $1 AND number IN ({marks(len(some), 2)})"
        tx.run(f"UPDATE block_import_rows SET chosen = 1 WHERE {where}", import_id, *some)
    added = [row for row in chosen if row.act == "add"]
    removed = [row for row in chosen if row.act == "remove"]
    people = _block(tx, [(*row.key, row.reason, import_id) for row in added], keep_follows=import_id)
    people += _unblock(tx, [row.key for row in removed])
    _decided(tx, import_id, "applied")
    return Applied(len(added), len(removed), people)


def undo(tx: Tx, import_id: int) -> Applied:
    """Take back what an import did, and nothing else: what it blocked is heard and shows again, follows that it ended
    are there again, and what it unblocked is blocked. Raises `NotFound`, `Conflict` where it does not stand."""
    tx.lock_all()
    if get(tx, import_id).state != "applied":
        raise Conflict("there is nothing of this list to take back", reason="list_decided")
    added = [(row[0], row[1]) for row in tx.all("SELECT kind, value FROM blocks WHERE import_id = $1", import_id)]
    people = _unblock(tx, added)
    back = tx.all(
        "SELECT kind, value, reason, from_import FROM block_import_rows WHERE import_id = $1 AND act = 'remove'"
        " AND chosen = 1",
        import_id,
    )
    people += _block(tx, [(row[0], row[1], row[2], row[3]) for row in back], keep_follows=None)
    _follow_again(tx, import_id)
    _decided(tx, import_id, "undone")
    return Applied(len(back), len(added), people)


def drop(tx: Tx, import_id: int) -> None:
    """Nothing of it is wanted. Raises `NotFound`, `Conflict` where it is no draft."""
    get(tx, import_id)
    dropped = "UPDATE block_imports SET state = 'dropped', decided_at = $1 WHERE id = $2 AND state = 'draft'"
    if not tx.run(dropped, tx.now, import_id):
        raise Conflict("this list was decided about already", reason="list_decided")


def _decided(tx: Tx, import_id: int, state: str) -> None:
    tx.run("UPDATE block_imports SET state = $1, decided_at = $2 WHERE id = $3", state, tx.now, import_id)


def _block(tx: Tx, blocks: list[tuple[str, str, str, int | None]], *, keep_follows: int | None) -> int:
    """Put blocks (kind, value, reason, import) in place; how many people were here. `keep_follows`: for whose undoing
    the follows that end are kept."""
    tx.many(
        f"INSERT INTO blocks (kind, value, reason, created_at, import_id) VALUES ($1, $2, $3, {tx.now}, $4)"
        " ON CONFLICT (kind, value) DO NOTHING",
        blocks,
    )
    reached = block_effects.reach(tx, {(kind, value) for kind, value, _, _ in blocks if kind in _HIDES})
    _know_by_id(tx, reached.by_key)
    for some in chunks(reached.everybody):
        places = marks(len(some), 1)
        if keep_follows is not None:
            tx.run(
                "INSERT INTO block_import_follows (import_id, actor_id, target_id, state, follow_uri, follow_json,"
                f" created_at) SELECT {keep_follows}, actor_id, target_id, state, follow_uri, follow_json, created_at"
                f" FROM followers WHERE actor_id IN ({places})",
                *some,
            )
        tx.run(f"DELETE FROM followers WHERE actor_id IN ({places})", *some)
    for actor_id in sorted(reached.by_id):
        hiding.hide_all_of(tx, actor_id)
    return len(reached.everybody)


def _know_by_id(tx: Tx, found: dict[Key, list[ActorId]]) -> None:
    """Blocks by handle of people who are known here become blocks of their ids."""
    for (kind, value), ids in found.items():
        if kind != "account":
            continue
        tx.run(
            "INSERT INTO blocks (kind, value, reason, created_at, import_id)"
            " SELECT 'actor', a.uri, b.reason, b.created_at, b.import_id FROM blocks b, actors a"
            f" WHERE b.kind = 'account' AND b.value = $1 AND a.id IN ({marks(len(ids), 2)})"
            " ON CONFLICT (kind, value) DO NOTHING",
            value,
            *ids,
        )
        tx.run("DELETE FROM blocks WHERE kind = 'account' AND value = $1", value)


def _unblock(tx: Tx, keys: list[Key]) -> int:
    """Take blocks away; how many people are heard again."""
    tx.many("DELETE FROM blocks WHERE kind = $1 AND value = $2", keys)
    reached = block_effects.reach(tx, {key for key in keys if key[0] in _HIDES})
    for actor_id in sorted(reached.by_id):
        hiding.show_unless_away(tx, actor_id)
    return len(reached.everybody)


def _follow_again(tx: Tx, import_id: int) -> None:
    """Their servers were never told that the follow ended; who is blocked otherwise, blocks us, or is gone stays
    away."""
    kept = {
        row[0]: (row[1], row[2])
        for row in tx.all(
            "SELECT f.actor_id, a.uri, a.domain FROM block_import_follows f JOIN actors a ON a.id = f.actor_id"
            " WHERE f.import_id = $1 AND a.deleted_at IS NULL",
            import_id,
        )
    }
    there = {(row[0], row[1]) for row in tx.all("SELECT kind, value FROM blocks")}
    back = [
        actor_id
        for actor_id, (uri, domain) in kept.items()
        if ("actor", uri) not in there
        and not any(("domain", above) in there for host in (_host(uri), domain) for above in domains_of(host))
    ]
    for some in chunks(back):
        tx.run(
            "INSERT INTO followers (actor_id, target_id, state, follow_uri, follow_json, created_at)"
            " SELECT actor_id, target_id, state, follow_uri, follow_json, created_at FROM block_import_follows"
            f" WHERE import_id = $1 AND actor_id IN ({marks(len(some), 2)})"
            " AND NOT EXISTS (SELECT 1 FROM blocked_by y WHERE y.actor_id = block_import_follows.actor_id"
            " AND y.target_id = block_import_follows.target_id)"
            " ON CONFLICT (target_id, actor_id) DO NOTHING",
            import_id,
            *some,
        )
    tx.run("DELETE FROM block_import_follows WHERE import_id = $1", import_id)


def _host(uri: str) -> str:
    return uri.split("/", 3)[2].lower()


def prune(tx: Tx, before: int) -> None:
    """Forget drafts that nobody decided about, what was dropped or undone, and follows that ended so long ago."""
    # Of lists that are read again they say what is not wanted, and stay.
    tx.run("DELETE FROM block_imports WHERE state <> 'applied' AND list_id IS NULL AND created_at < $1", before)
    tx.run(
        "DELETE FROM block_import_follows WHERE import_id IN (SELECT id FROM block_imports WHERE decided_at < $1)",
        before,
    )
