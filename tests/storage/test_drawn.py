"""Which rows of a page count as changed, and when drawn rows may still be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fedblog.blog.model import ActorId, PostId, ReactionKind, Reply, ReplyId, ReplyState
from fedblog.storage import actors, drawn, posts, reactions, replies
from fedblog.storage.database import Database
from fedblog.storage.tx import Tx
from tests.storage.support import add_post, new_reply, profile

Change = Callable[[Tx, PostId, ReplyId, ActorId], object]


def add_reply(tx: Tx, actor_id: ActorId, post_id: PostId, parent: ReplyId | None = None) -> Reply:
    """A reply to the post, or to another one."""
    return replies.add(tx, new_reply(actor_id, ""), post_id=None if parent else post_id, parent_id=parent)


def _edit(tx: Tx, _post: PostId, first: ReplyId, bob: ActorId) -> object:
    return replies.update_remote(tx, first, new_reply(bob, "", content_html="<p>other</p>"))


def _like(tx: Tx, _post: PostId, first: ReplyId, bob: ActorId) -> object:
    return reactions.add(tx, kind=ReactionKind.LIKE, actor_id=bob, reply_id=first, activity_uri="https://a.example/1")


def _rename(tx: Tx, _post: PostId, _first: ReplyId, _bob: ActorId) -> object:
    return actors.upsert_remote(tx, replace(profile(), name="Robert"))


# What each change makes of: the first reply's row, the second's, all of them.
CHANGES: dict[str, tuple[Change, tuple[bool, bool, bool]]] = {
    "edit": (_edit, (True, False, False)),
    "like of a reply": (_like, (True, False, False)),
    "counts": (lambda tx, _p, first, _b: replies.set_remote_counts(tx, first, 3, 4), (True, False, False)),
    "poll": (lambda tx, _p, first, _b: replies.set_options(tx, first, (("a", 1),)), (True, False, False)),
    "hidden": (lambda tx, _p, first, _b: replies.set_state(tx, first, ReplyState.HIDDEN, ""), (True, False, False)),
    "another reply": (lambda tx, post, _f, bob: add_reply(tx, bob, post), (False, False, False)),
    "removed": (lambda tx, _p, first, _b: replies.remove(tx, first), (False, False, True)),
    "renamed": (_rename, (False, False, True)),
    "comments closed": (lambda tx, post, _f, _b: posts.set_comments_open(tx, post, False), (False, False, True)),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_marks_the_rows_that_it_touches(db: Database, name: str) -> None:
    change, expected = CHANGES[name]

    def work(tx: Tx) -> tuple[bool, bool, bool]:
        bob = actors.upsert_remote(tx, profile()).id
        post = add_post(tx).id
        first, second = (add_reply(tx, bob, post).id for _ in range(2))
        version = posts.thread_version(tx, post)
        change(tx, post, first, bob)
        assert posts.thread_version(tx, post) > version
        changed: dict[int, int] = dict(tx.all("SELECT id, changed FROM replies WHERE post_id = $1", post))
        return changed[first] > version, changed[second] > version, drawn.redrawn(tx, post) > version

    assert await db.write(work) == expected


async def test_what_is_kept_comes_back_while_it_fits(db: Database) -> None:
    def work(tx: Tx) -> None:
        bob = actors.upsert_remote(tx, profile()).id
        post = add_post(tx).id
        first = add_reply(tx, bob, post).id
        version = posts.thread_version(tx, post)
        drawn.store(tx, post, "recipe", version, drawn.pack(b"two rows"))
        assert drawn.load(tx, post, "recipe") == drawn.Kept(version, b"two rows", version)
        assert drawn.load(tx, post, "another recipe") is None
        drawn.store(tx, post, "recipe", version - 1, drawn.pack(b"older"))
        add_reply(tx, bob, post)
        assert drawn.load(tx, post, "recipe") == drawn.Kept(version, b"two rows", version + 1)
        replies.remove(tx, first)
        assert tx.all("SELECT 1 FROM drawn_pages") == []
        drawn.store(tx, post, "recipe", version + 1, drawn.pack(b"with what was removed"))
        assert drawn.load(tx, post, "recipe") is None
        posts.bump(tx, post)
        drawn.store(tx, post, "recipe", posts.thread_version(tx, post), drawn.pack(b"new"))
        assert drawn.load(tx, post, "recipe") is not None

    await db.write(work)


async def test_the_outline_is_what_everybody_may_see_in_tree_order(db: Database) -> None:
    def work(tx: Tx) -> tuple[list[ReplyId], list[ReplyId]]:
        bob = actors.upsert_remote(tx, profile()).id
        post = add_post(tx).id
        first, second, third = (add_reply(tx, bob, post) for _ in range(3))
        below = add_reply(tx, bob, post, first.id)
        replies.set_state(tx, second.id, ReplyState.HIDDEN, "")
        found = drawn.outline(tx, post, 10)
        assert [one.parent_id for one in found] == [None, first.id, None]
        assert [one.depth for one in found] == [1, 2, 1]
        return [one.id for one in found], [first.id, below.id, third.id]

    found, expected = await db.write(work)
    assert found == expected
