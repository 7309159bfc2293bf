"""Lists of blocks elsewhere that are read again and again: each time, what changed waits as a draft."""

from __future__ import annotations

from dataclasses import dataclass

from fedblog.activitypub.block_lists import BlockList
from fedblog.errors import Conflict, NotFound
from fedblog.storage import block_lists, jobs
from fedblog.storage.tx import Tx

KIND = "read_block_list"
EVERY = 86_400
AGAIN_AFTER = 6 * 3_600
MOST = 20
_LIST = "id, url, created_at, read_at, error"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A list that is read at its address; `read_at`: when that worked last."""

    id: int
    url: str
    created_at: int
    read_at: int | None
    error: str


def subscriptions(tx: Tx) -> list[Subscription]:
    """All of them, the oldest first."""
    return [Subscription(*row) for row in tx.all(f"SELECT {_LIST} FROM block_lists ORDER BY id")]


def get(tx: Tx, list_id: int) -> Subscription:
    """One. Raises `NotFound`."""
    row = tx.one(f"SELECT {_LIST} FROM block_lists WHERE id = $1", list_id)
    if row is None:
        raise NotFound("there is no such list of blocks")
    return Subscription(*row)


def subscribe(tx: Tx, url: str) -> Subscription:
    """Read a list from now on, at once for the first time. Raises `Conflict` for one too many."""
    known = tx.value("SELECT id FROM block_lists WHERE url = $1", url)
    if known is None and len(subscriptions(tx)) >= MOST:
        raise Conflict(f"at most {MOST} lists can be read", reason="too_many_lists")
    list_id = known if known is not None else tx.new_id()
    if known is None:
        tx.run("INSERT INTO block_lists (id, url, created_at, read_at, error) VALUES ($1, $2, $3, NULL, '')",
               list_id, url, tx.now)  # fmt: skip
    read_soon(tx, list_id)
    return get(tx, list_id)


def read_soon(tx: Tx, list_id: int) -> None:
    """Read it now. Raises `NotFound`."""
    get(tx, list_id)
    jobs.add(tx, KIND, str(list_id), {"list": list_id}, tx.now)


def unsubscribe(tx: Tx, list_id: int) -> None:
    """Read it no more; what it brought stays until that is undone. Raises `NotFound`."""
    get(tx, list_id)
    jobs.drop(tx, KIND, str(list_id))
    tx.run("DELETE FROM block_imports WHERE list_id = $1 AND state = 'draft'", list_id)
    tx.run("DELETE FROM block_lists WHERE id = $1", list_id)


def failed(tx: Tx, list_id: int, error: str) -> None:
    """It could not be read; it is tried again in some hours."""
    if tx.run("UPDATE block_lists SET error = $1 WHERE id = $2", error[:300], list_id):
        _plan(tx, list_id, tx.now + AGAIN_AFTER)


def read(tx: Tx, list_id: int, found: BlockList) -> int | None:
    """What the list says now, against what is blocked here: the draft that waits, None where nothing is new. Of what
    was left out or dropped before, nothing is asked again."""
    row = tx.one("UPDATE block_lists SET read_at = $1, error = '' WHERE id = $2 RETURNING url", tx.now, list_id)
    if row is None:
        return None
    _plan(tx, list_id, tx.now + EVERY)
    made = block_lists.draft(tx, str(row[0]), found.entries, found.problems, list_id=list_id)
    _leave_out(tx, made, _declined(tx, list_id))
    asked = {(row.act, *row.key) for row in block_lists.rows(tx, made)}
    waiting = tx.value(
        "SELECT id FROM block_imports WHERE list_id = $1 AND state = 'draft' AND id <> $2", list_id, made
    )
    if waiting is not None and asked == {(row.act, *row.key) for row in block_lists.rows(tx, waiting)}:
        tx.run("DELETE FROM block_imports WHERE id = $1", made)  # somebody may be looking at the one that waits
        return int(waiting) if asked else None
    tx.run("DELETE FROM block_imports WHERE id = $1", waiting)
    if not asked:
        tx.run("DELETE FROM block_imports WHERE id = $1", made)
        return None
    return made


def _declined(tx: Tx, list_id: int) -> frozenset[tuple[str, str, str]]:
    rows = tx.all(
        "SELECT r.act, r.kind, r.value FROM block_import_rows r JOIN block_imports i ON i.id = r.import_id"
        " WHERE i.list_id = $1 AND (i.state IN ('dropped', 'undone') OR (i.state = 'applied' AND r.chosen = 0))",
        list_id,
    )
    return frozenset((act, kind, value) for act, kind, value in rows)


def _leave_out(tx: Tx, import_id: int, declined: frozenset[tuple[str, str, str]]) -> None:
    found = [row.number for row in block_lists.rows(tx, import_id) if (row.act, *row.key) in declined]
    tx.many(
        "DELETE FROM block_import_rows WHERE import_id = $1 AND number = $2", [(import_id, number) for number in found]
    )


def _plan(tx: Tx, list_id: int, at: int) -> None:
    # The row of the job that runs just now goes first: what ends it must not take the next one along.
    jobs.drop(tx, KIND, str(list_id))
    jobs.add(tx, KIND, str(list_id), {"list": list_id}, at)
