"""Search finds the same on both engines, and nothing that isn't public."""

from __future__ import annotations

from typing import Any

import pytest

from fedblog.blog.model import PostStatus, ReplyState, Visibility
from fedblog.storage import actors, listing, posts, replies, search
from fedblog.storage.database import Database
from fedblog.storage.indexer import Indexer
from fedblog.storage.tx import Tx
from fedblog.text.search import parse_query
from tests.storage.support import add_author, add_post, new_reply, profile, text


async def found(db: Database, query: str, **options: Any) -> list[str]:
    """Titles of posts and texts of replies, the best first."""
    hits, total = await db.read(search.find, parse_query(query), **{"limit": 20, **options})
    assert total >= len(hits)
    return [hit.row.reply.content_html if hit.row else hit.post.title for hit in hits]


def _fill(tx: Tx) -> None:
    alice = add_author(tx, "alice")
    bob = actors.upsert_remote(tx, profile(indexable=True))
    shy = actors.upsert_remote(tx, profile("shy", indexable=False))
    tea = add_post(
        tx, alice, title="Green tea", content_html="<p>About a café in Łódź, and 喝绿茶.</p>", tags=("Brewing",)
    )
    add_post(tx, alice, title="Bread", content_html="<p>With green tea, green butter.</p>")
    add_post(tx, alice, title="Secret tea", visibility=Visibility.UNLISTED)
    draft = posts.create_draft(tx, _draft_text(), author_id=alice.id, editor_id=alice.id)
    assert draft.status is PostStatus.DRAFT

    def reply(html: str, who: Any = bob, **changes: Any) -> None:
        new = new_reply(who.id, tea.uri, content_html=html, **changes)
        replies.add(tx, new, post_id=tea.id, parent_id=None)

    reply("<p>Walking to the harbour</p>")
    reply("<p>harbour, quietly</p>", visibility=Visibility.UNLISTED)
    reply("<p>harbour, in private</p>", visibility=Visibility.DIRECT)
    reply("<p>harbour, held</p>", state=ReplyState.HELD)
    reply("<p>harbour, not indexable</p>", who=shy)


def _draft_text() -> Any:

    return text(title="Draft about tea", slug="draft")


@pytest.fixture
async def filled(db: Database) -> Database:
    """Some posts, their replies, and an index of it."""
    await db.write(_fill)
    assert await Indexer(db).catch_up() == 4
    return db


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("green", ["Green tea", "Bread"]),  # the title weighs more
        ("GREEN Tea", ["Green tea", "Bread"]),
        ('"green tea"', ["Green tea", "Bread"]),
        ('"green butter"', ["Bread"]),
        ("tea -butter", ["Green tea"]),
        ("cafe lodz", ["Green tea"]),
        ("CAFÉ", ["Green tea"]),
        ("绿茶", ["Green tea"]),
        ("茶", ["Green tea"]),
        ("绿", ["Green tea"]),
        ("喝茶", []),
        ("brew", ["Green tea"]),
        ("harbour", ["<p>Walking to the harbour</p>"]),
        ("walk", ["<p>Walking to the harbour</p>"]),
        ("secret", []),
        ("draft", []),
        ("nothing", []),
        ("'; DROP TABLE posts; --", []),
    ],
)
async def test_LIFE_07_only_what_is_public_is_found(filled: Database, query: str, titles: list[str]) -> None:
    assert await found(filled, query) == titles


async def test_scopes_and_pages(filled: Database) -> None:
    assert await found(filled, "green", scope="replies") == []
    assert await found(filled, "harbour", scope="posts") == []
    assert await found(filled, "harbour", scope="replies") == ["<p>Walking to the harbour</p>"]
    assert await found(filled, "green", limit=1, offset=1) == ["Bread"]
    assert await found(filled, "green", limit=1, offset=2) == []


async def test_what_is_withdrawn_or_changed_is_not_found_any_more(filled: Database) -> None:
    hits, _ = await filled.read(search.find, parse_query("harbour"), limit=1)
    assert hits[0].row is not None
    await filled.write(replies.remove, hits[0].row.reply.id)
    assert await found(filled, "harbour") == []  # at once, before the index knows
    tea = hits[0].post
    await filled.write(posts.unpublish, tea.id)
    assert await found(filled, "lodz") == []
    assert await Indexer(filled).catch_up() == 2  # and its neighbour
    assert await filled.read(lambda tx: tx.value("SELECT count(*) FROM search_docs WHERE post_id = $1", tea.id)) == 0
    assert await filled.read(lambda tx: tx.value("SELECT count(*) FROM search_index")) == 1
    assert await Indexer(filled).catch_up() == 0


async def test_an_edit_is_found_by_its_new_words(filled: Database) -> None:
    hits, _ = await filled.read(search.find, parse_query("bread"), limit=1)
    post = hits[0].post

    changed = text(title="Rye", slug=post.slug, content_html="<p>Dark.</p>")
    await filled.write(posts.save_text, post.id, changed, editor_id=post.author_id, expected_version=None)
    await Indexer(filled).catch_up()
    assert await found(filled, "bread") == []
    assert await found(filled, "rye") == ["Rye"]


async def test_a_post_indexed_twice_is_found_once(filled: Database) -> None:
    await filled.write(lambda tx: tx.run("DELETE FROM search_state"))
    document = search.Document((await filled.read(listing.list_public, limit=1))[0].id, None, 0, "Bread", "", "green")
    await filled.write(search.store, [document])
    assert (await found(filled, "bread")).count("Bread") == 1
    await Indexer(filled).catch_up()
    assert await found(filled, "butter") == ["Bread"]


async def test_words_of_nothing_and_words_without_end_can_be_stored(db: Database) -> None:
    """Somebody's reply must not keep a post, and all after it, from being found (PostgreSQL refuses empty words, and
    more than a megabyte of them)."""
    bomb = " ".join(f"{number}\ufdfa\ufdfa\ufdfa\ufdfa" for number in range(20_000))

    def fill(tx: Tx) -> None:
        alice, bob = add_author(tx, "alice"), actors.upsert_remote(tx, profile(indexable=True))
        for number, html in enumerate(("\u0640 \u0640\u0640 fine", bomb)):
            post = add_post(tx, alice, title=f"Post {number}", content_html="<p>harbour</p>")
            new = new_reply(bob.id, post.uri, content_html=f"<p>{html}</p>", uri=f"https://remote.example/n/{number}")
            replies.add(tx, new, post_id=post.id, parent_id=None)

    await db.write(fill)
    await Indexer(db).catch_up()
    assert len(await found(db, "harbour")) == 2
    assert await found(db, "fine") == ["<p>\u0640 \u0640\u0640 fine</p>"]
    assert len(await found(db, "12\ufdfa\ufdfa\ufdfa\ufdfa")) == 1
    for query in ("\u0640", '"\u0640"', "fine -\u0640", "\ufc5e"):
        assert len(await found(db, query)) in (0, 1)
