"""Pictures that hang on replies: who may see them, and which of those that were fetched have to go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fedblog.blog.model import ActorId, Attachment, PostId, Reply, ReplyId
from fedblog.storage import jobs
from fedblog.storage.rows import read_attachments
from fedblog.storage.tx import Tx, chunks, marks

KIND = "forget_media"


class Attached(NamedTuple):
    """What hangs on a reply. `public`: everybody may read the reply."""

    items: tuple[Attachment, ...]
    public: bool


def of_reply(tx: Tx, reply_id: ReplyId) -> Attached | None:
    """What hangs on a reply, whoever may see it; None where there is no such reply."""
    row = tx.one(
        "SELECT r.attachments, r.shown, r.state, p.status, p.visibility FROM replies r"
        " LEFT JOIN posts p ON p.id = r.post_id WHERE r.id = $1",
        reply_id,
    )
    if row is None:
        return None
    is_shown = row[1] == 1 and row[2] == "published"
    return Attached(read_attachments(row[0]), is_shown and row[3] == "published" and row[4] in ("public", "unlisted"))


def forget_soon(tx: Tx, before: Reply | None = None) -> None:
    """Plan to drop fetched pictures that must not be seen any more: of a reply that changed, nothing if it had none."""
    if before is None or before.attachments:
        jobs.ensure(tx, KIND, "", {}, tx.now)


def forget_soon_under(tx: Tx, post_id: PostId) -> None:
    """The same after a post went off the site."""
    if tx.one("SELECT 1 FROM replies WHERE post_id = $1 AND attachments <> '[]' LIMIT 1", post_id):
        jobs.ensure(tx, KIND, "", {}, tx.now)


def owners(tx: Tx, actor_id: ActorId) -> list[str]:
    """The replies of an actor that have something hanging on them, as their pictures are named by them."""
    rows = tx.all("SELECT id FROM replies WHERE actor_id = $1 AND attachments <> '[]'", actor_id)
    return [str(row[0]) for row in rows]


def may_stay(tx: Tx, ids: Iterable[int]) -> dict[int, tuple[Attachment, ...]]:
    """Of some replies, those whose pictures may be kept, with what hangs on them: none that is hidden or removed, or
    under a post that is gone."""
    found: dict[int, tuple[Attachment, ...]] = {}
    for some in chunks(dict.fromkeys(ids)):
        rows = tx.all(
            "SELECT r.id, r.attachments FROM replies r LEFT JOIN posts p ON p.id = r.post_id"
            f" WHERE r.id IN ({marks(len(some))}) AND r.state NOT IN ('hidden', 'removed')"
            " AND (p.id IS NULL OR p.status = 'published')",
            *some,
        )
        found.update((row[0], read_attachments(row[1])) for row in rows)
    return found
