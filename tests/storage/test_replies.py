"""The reply tree: places, orphans, removals, moderation, and a count that is what the page shows."""

from __future__ import annotations

import asyncio
import random
import threading
import zlib

import pytest

from fedblog.blog.model import (
    ActorId,
    Attachment,
    NewReply,
    Post,
    PostId,
    ReactionKind,
    Reply,
    ReplyId,
    ReplyState,
    Visibility,
)
from fedblog.errors import Conflict, NotFound
from fedblog.storage import actors, branches, posts, reactions, replies, rows, sources, tombstones
from fedblog.storage.database import Database, Tx
from tests.storage.support import START, Clock, add_author, add_post, new_reply, profile


@pytest.fixture
async def post(db: Database) -> Post:
    return await db.write(add_post)


@pytest.fixture
async def bob(db: Database) -> ActorId:
    return (await db.write(actors.upsert_remote, profile())).id


async def answer(db: Database, bob: ActorId, to: Post | Reply, **changes: object) -> Reply:
    new = new_reply(bob, to.uri, **changes)
    if isinstance(to, Post):
        return await db.write(replies.add, new, post_id=to.id, parent_id=None)
    return await db.write(replies.add, new, post_id=None, parent_id=to.id)


async def shown(db: Database, post: Post) -> list[ReplyId]:
    return [row.reply.id for row in await db.read(replies.thread, post.id)]


async def count(db: Database, post: Post) -> int:
    found = await db.read(posts.by_id, post.id)
    assert found is not None
    return found.reply_count


def test_sources_are_read_in_every_form_that_was_ever_written() -> None:
    """With the shared words since 2026, as a plain zlib stream before."""
    for document in (b"{}", b'{"type":"Note","content":"<p>\\u00e4</p>"}' * 50, bytes(range(256))):
        assert sources.unpack(sources.pack(document)) == document
        assert sources.unpack(zlib.compress(document, 3)) == document
    # Made when this form was new: it must stay readable.
    kept = bytes.fromhex("018387052c3ba1a5ba5a00")
    assert sources.unpack(kept) == b'{"type":"Note","sensitive":false}'


async def test_a_thread_comes_in_tree_order_with_actors(db: Database, post: Post, bob: ActorId) -> None:
    first = await answer(db, bob, post, published_at=START + 10)
    second = await answer(db, bob, post, published_at=START + 20)
    below = await answer(db, bob, first, published_at=START + 30)
    earlier = await answer(db, bob, post, published_at=START + 5)
    rows = await db.read(replies.thread, post.id)
    assert [row.reply.id for row in rows] == [earlier.id, first.id, below.id, second.id]
    assert [row.reply.depth for row in rows] == [1, 1, 2, 1]
    assert {row.actor.handle for row in rows} == {"@bob@remote.example"}
    assert rows[2].reply.parent_id == first.id
    assert rows[2].reply.shown
    assert await count(db, post) == 4


async def test_every_field_comes_back(db: Database, post: Post, bob: ActorId) -> None:
    new = new_reply(
        bob,
        post.uri,
        name="Title",
        content_warning="cw",
        language="de",
        context="https://remote.example/ctx",
        attachments=(Attachment("https://remote.example/a.png", "image/png", "ein “Bild”"),),
        remote_likes=2**40,
        remote_announces=-5,
        reason="why",
        content_html="<p>'\"\\ 🦣</p>",
        original=b"\x00\xff" * 5_000,
    )
    reply = await db.write(replies.add, new, post_id=post.id, parent_id=None)
    assert reply.in_reply_to == "", "what the tree says is not said again"
    for name in ("uri", "url", "actor_id", "visibility", "local", "type", "name", "content_html"):
        assert getattr(reply, name) == getattr(new, name)
    for name in ("source", "content_warning", "language", "published_at", "context", "attachments", "reason"):
        assert getattr(reply, name) == getattr(new, name)
    assert (reply.remote_likes, reply.remote_announces) == (2**31 - 1, 0)
    assert reply.received_at == START
    assert await db.read(sources.original, reply.id) == new.original
    assert await db.read(replies.by_uri, new.uri) == reply


async def test_INB_05_the_same_reply_twice_is_one(db: Database, post: Post, bob: ActorId) -> None:
    new = new_reply(bob, post.uri)
    first = await db.write(replies.add, new, post_id=post.id, parent_id=None)
    version = await db.read(posts.thread_version, post.id)
    assert await db.write(replies.add, new, post_id=post.id, parent_id=None) == first
    assert await count(db, post) == 1
    assert await db.read(posts.thread_version, post.id) == version


async def test_an_unknown_parent_id_is_refused(db: Database, bob: ActorId) -> None:
    with pytest.raises(NotFound):
        await db.write(replies.add, new_reply(bob, "x"), post_id=None, parent_id=ReplyId(5))


async def test_INB_15_an_orphan_is_hidden_until_its_parent_comes(db: Database, post: Post, bob: ActorId) -> None:
    parent = new_reply(bob, post.uri)
    child = new_reply(bob, parent.uri)
    grandchild = new_reply(bob, child.uri, state=ReplyState.HELD, reason="hold_first")
    orphan = await db.write(replies.add, child, post_id=None, parent_id=None)
    below = await db.write(replies.add, grandchild, post_id=None, parent_id=orphan.id)
    assert orphan.state is below.state is ReplyState.ORPHAN
    assert orphan.post_id is None
    assert await shown(db, post) == []
    assert [each.id for each in await db.read(branches.waiting_orphans, parent.uri)] == [orphan.id]
    arrived = await db.write(replies.add, parent, post_id=post.id, parent_id=None)
    assert await shown(db, post) == [arrived.id, orphan.id]
    assert await count(db, post) == 2
    held = await db.read(replies.by_id, below.id)
    assert held is not None
    assert (held.state, held.parent_id, held.depth, held.reason) == (ReplyState.HELD, orphan.id, 3, "hold_first")


async def test_a_state_decided_for_an_orphan_holds_later(db: Database, post: Post, bob: ActorId) -> None:
    parent = new_reply(bob, post.uri)
    orphan = await db.write(replies.add, new_reply(bob, parent.uri), post_id=None, parent_id=None)
    waiting = await db.write(replies.set_state, orphan.id, ReplyState.HIDDEN, "spam")
    assert waiting.state is ReplyState.ORPHAN
    await db.write(replies.add, parent, post_id=post.id, parent_id=None)
    hidden = await db.read(replies.by_id, orphan.id)
    assert hidden is not None
    assert (hidden.state, hidden.reason) == (ReplyState.HIDDEN, "spam")


async def test_INB_15_orphans_die(db: Database, post: Post, bob: ActorId, clock: Clock) -> None:
    old = await db.write(replies.add, new_reply(bob, "https://x.example/1"), post_id=None, parent_id=None)
    await db.write(
        reactions.add, kind=ReactionKind.LIKE, actor_id=bob, reply_id=old.id, activity_uri="https://x.example/l"
    )
    clock.forward(100)
    young = await db.write(replies.add, new_reply(bob, "https://x.example/1"), post_id=None, parent_id=None)
    assert await db.write(branches.drop_orphans, START + 50) == 1
    assert await db.read(replies.by_id, old.id) is None
    assert await db.read(replies.by_id, young.id) is not None


def build_chain(bob: ActorId, post: Post, length: int) -> list[NewReply]:
    chain: list[NewReply] = []
    for number in range(length):
        above = chain[-1].uri if chain else post.uri
        chain.append(new_reply(bob, above, published_at=START + number, original=b""))
    return chain


def add_some(tx: Tx, some: list[NewReply], post: Post) -> None:
    for new in some:
        replies.add(tx, new, post_id=post.id if new.in_reply_to == post.uri else None, parent_id=None)


async def add_all(db: Database, some: list[NewReply], post: Post) -> None:
    """Not in one transaction: PostgreSQL keeps each old version of the post's row until it ends."""
    for start in range(0, len(some), 100):
        await db.write(add_some, some[start : start + 100], post)


@pytest.mark.parametrize("act", ["answer", "remove"])
async def test_INB_15_what_happens_to_an_orphan_while_it_finds_its_place(
    db: Database, post: Post, bob: ActorId, act: str
) -> None:
    """Two levels below what comes: an answer of that moment finds its place too, a deleted one is counted nowhere."""
    top = new_reply(bob, post.uri)
    middle = new_reply(bob, top.uri)
    low = new_reply(bob, middle.uri)
    await db.write(replies.add, middle, post_id=None, parent_id=None)
    if act == "remove":
        waiting = await db.write(replies.add, low, post_id=None, parent_id=None)
    placed, other_is_done = threading.Event(), threading.Event()

    def comes(tx: Tx) -> None:
        replies.add(tx, top, post_id=post.id, parent_id=None)
        placed.set()
        other_is_done.wait(0.3)  # it should wait for this one; on SQLite it does anyway

    async def meanwhile() -> None:
        await asyncio.to_thread(placed.wait)
        if act == "answer":
            await db.write(replies.add, low, post_id=None, parent_id=None)
        else:
            await db.write(replies.remove, waiting.id)
        other_is_done.set()

    await asyncio.gather(db.write(comes), meanwhile())
    found = await db.read(replies.by_uri, low.uri)
    assert found is not None
    assert (found.post_id, found.state) == (
        post.id,
        ReplyState.PUBLISHED if act == "answer" else ReplyState.REMOVED,
    )
    assert await count(db, post) == len(await shown(db, post)) == (3 if act == "answer" else 2)


@pytest.mark.parametrize("order", ["down", "up", "mixed"])
@pytest.mark.proves("SEC-055")
async def test_INB_15_a_chain_of_2000_in_any_order_is_the_same_tree(
    db: Database, post: Post, bob: ActorId, order: str
) -> None:
    chain = build_chain(bob, post, 2_000)
    arrival = list(chain)
    if order == "up":
        arrival.reverse()
    if order == "mixed":
        random.Random(7).shuffle(arrival)
    await add_all(db, arrival, post)
    rows = await db.read(replies.thread, post.id)
    assert [row.reply.uri for row in rows] == [new.uri for new in chain]
    assert [row.reply.depth for row in rows] == list(range(1, 2_001))
    assert [row.reply.parent_id for row in rows] == [None, *(row.reply.id for row in rows[:-1])]
    assert await count(db, post) == 2_000
    middle = rows[1_000].reply
    await db.write(replies.set_state, middle.id, ReplyState.HIDDEN, "")
    assert await count(db, post) == 1_000
    await db.write(replies.set_state, middle.id, ReplyState.PUBLISHED, "")
    assert await count(db, post) == 2_000
    assert len(await db.read(branches.branch_actors, rows[-1].reply.id)) == 1


async def test_a_thread_5000_wide_is_read_in_pages(db: Database, post: Post, bob: ActorId) -> None:
    some = [new_reply(bob, post.uri, published_at=START + number % 97, original=b"") for number in range(5_000)]
    await add_all(db, some, post)
    whole = await db.read(replies.thread, post.id)
    assert len(whole) == await count(db, post) == 5_000
    paths = [row.reply.path for row in whole]
    assert paths == sorted(paths, key=str.encode)
    pages: list[ReplyId] = []
    after = ""
    while page := await db.read(replies.thread, post.id, after_path=after, limit=900):
        pages += [row.reply.id for row in page]
        after = page[-1].reply.path
    assert pages == [row.reply.id for row in whole]


async def test_INB_19_a_removed_reply_leaves_a_placeholder_while_it_has_answers(
    db: Database, post: Post, bob: ActorId
) -> None:
    top = await answer(db, bob, post)
    middle = await answer(db, bob, top)
    leaf = await answer(db, bob, middle)
    await db.write(replies.remove, top.id)
    await db.write(replies.remove, middle.id)
    assert await shown(db, post) == [top.id, middle.id, leaf.id]
    assert await count(db, post) == 1
    emptied = await db.read(replies.by_id, top.id)
    assert emptied is not None
    assert (emptied.state, emptied.content_html, emptied.attachments) == (ReplyState.REMOVED, "", ())
    assert await db.read(sources.original, top.id) is None
    stone = await db.read(tombstones.get, top.uri)
    assert stone is not None
    assert (stone.former_type, stone.actor_uri, stone.local) == ("Note", "", False), "whose it was is settled"
    await db.write(replies.remove, leaf.id)
    assert await shown(db, post) == []
    assert await count(db, post) == 0
    late = await answer(db, bob, middle)
    assert await shown(db, post) == [top.id, middle.id, late.id]
    await db.write(replies.remove, top.id)
    assert await shown(db, post) == [top.id, middle.id, late.id]


@pytest.mark.proves("SEC-088")
async def test_INB_19_a_create_after_the_delete_changes_nothing(db: Database, post: Post, bob: ActorId) -> None:
    new = new_reply(bob, post.uri)
    reply = await db.write(replies.add, new, post_id=post.id, parent_id=None)
    await db.write(replies.remove, reply.id)
    assert (await db.write(replies.add, new, post_id=post.id, parent_id=None)).state is ReplyState.REMOVED
    assert (await db.write(replies.update_remote, reply.id, new)).content_html == ""
    assert await shown(db, post) == []
    with pytest.raises(Conflict):
        await db.write(replies.set_state, reply.id, ReplyState.PUBLISHED, "")


async def test_a_removed_orphan_goes_altogether(db: Database, bob: ActorId) -> None:
    orphan = await db.write(replies.add, new_reply(bob, "https://x.example/1"), post_id=None, parent_id=None)
    await db.write(replies.remove, orphan.id)
    assert await db.read(replies.by_id, orphan.id) is None
    assert await db.read(tombstones.get, orphan.uri) is not None


@pytest.mark.parametrize("state", [ReplyState.HELD, ReplyState.HIDDEN])
async def test_a_closed_branch_is_not_shown_until_it_is_opened(
    db: Database, post: Post, bob: ActorId, state: ReplyState
) -> None:
    top = await answer(db, bob, post, state=state)
    child = await answer(db, bob, top)
    gone = await answer(db, bob, child)
    leaf = await answer(db, bob, gone)
    await db.write(replies.remove, gone.id)
    assert await shown(db, post) == []
    assert await count(db, post) == 0
    studio = [row.reply.id for row in await db.read(replies.thread, post.id, public_only=False)]
    assert studio == [top.id, child.id, gone.id, leaf.id]
    await db.write(replies.set_state, top.id, ReplyState.PUBLISHED, "")
    assert await shown(db, post) == [top.id, child.id, gone.id, leaf.id]
    assert await count(db, post) == 3
    await db.write(replies.set_state, child.id, state, "")
    assert await shown(db, post) == [top.id]
    assert await count(db, post) == 1


@pytest.mark.parametrize("visibility", [Visibility.FOLLOWERS, Visibility.DIRECT])
@pytest.mark.proves("SEC-082")
async def test_VIS_04_private_replies_and_what_hangs_below_them_never_show(
    db: Database, post: Post, bob: ActorId, visibility: Visibility
) -> None:
    letter = await answer(db, bob, post, visibility=visibility)
    below = await answer(db, bob, letter)
    assert await shown(db, post) == []
    assert await count(db, post) == 0
    assert await db.read(replies.public_uris, post.id, limit=10) == []
    assert await db.read(replies.children_uris, post_id=post.id, limit=10) == []
    assert await db.read(replies.children_uris, parent_id=letter.id, limit=10) == []
    assert await db.read(replies.recent_public, post.id, 10) == []
    assert await db.read(replies.count_public) == 0
    await db.write(replies.remove, letter.id)
    assert await shown(db, post) == []
    studio = [row.reply.id for row in await db.read(replies.thread, post.id, public_only=False)]
    assert studio == [letter.id, below.id]


@pytest.mark.proves("SEC-089")
async def test_INB_18_an_edit_narrows_the_audience_at_once_and_never_widens_it(
    db: Database, post: Post, bob: ActorId
) -> None:
    new = new_reply(bob, post.uri)
    reply = await db.write(replies.add, new, post_id=post.id, parent_id=None)
    await answer(db, bob, reply)
    private = new_reply(bob, post.uri, visibility=Visibility.DIRECT, edited_at=START + 10_000)
    assert (await db.write(replies.update_remote, reply.id, private)).visibility is Visibility.DIRECT
    assert await shown(db, post) == []
    assert await count(db, post) == 0
    public = new_reply(bob, post.uri, visibility=Visibility.PUBLIC, edited_at=START + 20_000)
    assert (await db.write(replies.update_remote, reply.id, public)).visibility is Visibility.DIRECT


async def test_INB_16_INB_17_the_newer_edit_wins(db: Database, post: Post, bob: ActorId) -> None:
    reply = await answer(db, bob, post, published_at=START)
    newer = new_reply(bob, post.uri, content_html="<p>newer</p>", edited_at=START + 200, remote_likes=3)
    edited = await db.write(replies.update_remote, reply.id, newer)
    assert (edited.content_html, edited.edited_at, edited.remote_likes) == ("<p>newer</p>", START + 200, 3)
    older = new_reply(bob, post.uri, content_html="<p>older</p>", edited_at=START + 100)
    assert (await db.write(replies.update_remote, reply.id, older)).content_html == "<p>newer</p>"
    counts = new_reply(bob, post.uri, content_html="<p>newer</p>", edited_at=None, remote_likes=9)
    unmarked = await db.write(replies.update_remote, reply.id, counts)
    assert (unmarked.edited_at, unmarked.remote_likes) == (START + 200, 9)
    undated = new_reply(bob, post.uri, content_html="<p>by receipt</p>", edited_at=None)
    assert (await db.write(replies.update_remote, reply.id, undated)).content_html == "<p>by receipt</p>"


async def test_an_edit_keeps_the_moderators_word(db: Database, post: Post, bob: ActorId) -> None:
    reply = await answer(db, bob, post)
    await db.write(replies.set_state, reply.id, ReplyState.HIDDEN, "spam")
    edited = await db.write(replies.update_remote, reply.id, new_reply(bob, post.uri, edited_at=START + 10_000))
    assert (edited.state, edited.reason) == (ReplyState.HIDDEN, "spam")


async def test_remote_counts_change_the_page_only_when_they_change(db: Database, post: Post, bob: ActorId) -> None:
    reply = await answer(db, bob, post)
    version = await db.read(posts.thread_version, post.id)
    assert await db.write(replies.set_remote_counts, reply.id, 4, 1)
    assert not await db.write(replies.set_remote_counts, reply.id, 4, 1)
    assert await db.read(posts.thread_version, post.id) == version + 1


async def test_lists_for_collections_feeds_and_conversations(db: Database, post: Post, bob: ActorId) -> None:
    alice = await db.read(actors.by_local_name, "ALICE")
    assert alice is not None
    top = await answer(db, bob, post, published_at=START + 50)
    own = await answer(db, alice.id, top, local=True, published_at=START + 60, uri="https://blog.example/ap/notes/1")
    letter = await answer(db, bob, post, visibility=Visibility.DIRECT)
    held = await answer(db, bob, post, state=ReplyState.HELD)
    assert await db.read(replies.public_uris, post.id, limit=10) == [(top.id, top.uri), (own.id, own.uri)]
    assert await db.read(replies.public_uris, post.id, after=top.id, limit=10) == [(own.id, own.uri)]
    assert await db.read(replies.children_uris, post_id=post.id, limit=10) == [(top.id, top.uri)]
    assert await db.read(replies.children_uris, parent_id=top.id, local=True, limit=10) == [(own.id, own.uri)]
    assert await db.read(replies.children_uris, parent_id=top.id, local=False, limit=10) == []
    assert await db.read(replies.count_children, parent_id=top.id) == 1
    assert [row.reply.id for row in await db.read(replies.recent_public, post.id, 10)] == [own.id, top.id]
    recent = await db.read(replies.recent, limit=10, author_id=alice.id)
    assert [row.reply.id for row, _ in recent] == [held.id, letter.id, top.id]
    assert recent[0][1] == await db.read(posts.by_id, post.id)
    assert [row.reply.id for row, _ in await db.read(replies.recent, before_id=letter.id, limit=10)] == [top.id]
    assert await db.read(replies.recent, limit=10, author_id=bob) == []
    assert await db.read(replies.count_held) == await db.read(replies.count_held, alice.id) == 1
    assert await db.read(replies.count_public) == 2
    above = await db.read(branches.branch_actors, own.id)
    assert [actor.id for actor in above] == [alice.id, bob]
    await db.write(replies.mark_seen, [top.id])
    seen = await db.read(replies.by_id, top.id)
    assert seen is not None
    assert seen.seen


async def test_parents_and_orphans_written_at_once_find_each_other(db: Database, post: Post, bob: ActorId) -> None:
    chain = build_chain(bob, post, 40)
    await asyncio.gather(*(db.write(add_some, [new], post) for new in reversed(chain)))
    assert [row.reply.uri for row in await db.read(replies.thread, post.id)] == [new.uri for new in chain]


async def test_INB_19_a_deleted_actor_takes_everything_along(db: Database, post: Post, bob: ActorId) -> None:
    carol = await db.write(actors.upsert_remote, profile("carol"))
    top = await answer(db, bob, post)
    below = await answer(db, carol.id, top)
    await answer(db, bob, below)
    await db.write(
        reactions.add, kind=ReactionKind.LIKE, actor_id=bob, post_id=post.id, activity_uri="https://r.example/1"
    )
    await db.write(actors.mark_deleted, bob)
    assert await shown(db, post) == [top.id, below.id]
    found = await db.read(posts.by_id, post.id)
    assert found is not None
    assert (found.reply_count, found.like_count) == (1, 0)
    with pytest.raises(Conflict):
        await db.write(actors.mark_deleted, (await db.write(add_author, "dora")).id)


async def test_threads_do_not_mix(db: Database, post: Post, bob: ActorId) -> None:
    other = await db.write(add_post, slug="other")
    mine, theirs = await answer(db, bob, post), await answer(db, bob, other)
    assert await shown(db, post) == [mine.id]
    assert await shown(db, other) == [theirs.id]
    assert await db.read(replies.thread, PostId(1)) == []


async def test_addresses_are_kept_once_and_read_whole(db: Database, post: Post, bob: ActorId) -> None:
    """What an id says already is not stored beside it."""
    base = "https://far.example/notes/"
    pages = ["https://far.example/@ana/1", f"{base}2", "https://elsewhere.example/3", "", "https://far.example.net/5"]
    above: Post | Reply = post
    for number, page in enumerate(pages, 1):
        above = await answer(db, bob, above, uri=f"{base}{number}", url=page, published_at=START + number)
        assert above.url == page
    assert (
        rows.read_url(f"{base}7", rows.write_url(f"{base}7", "https://far.example/p/17")) == "https://far.example/p/17"
    )
    kept = await db.read(lambda tx: tx.all("SELECT url, in_reply_to FROM replies ORDER BY published_at"))
    assert kept == [(url, "") for url in ("~/@ana/", "=", "https://elsewhere.example/3", "", pages[-1])]
    told = [row.reply.in_reply_to for row in await db.read(replies.recent_public, post.id, 3)]
    assert told == [f"{base}4", f"{base}3", f"{base}2"]
