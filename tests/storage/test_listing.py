"""Lists without texts on both engines: months, neighbours, series, pages, and whose pages a change touches."""

from __future__ import annotations

from typing import Any

from fedblog.blog.model import PostKind, Visibility
from fedblog.storage import history, listing, posts
from fedblog.storage.database import Database, Event
from tests.storage.support import Clock, add_post, text

DAY = 86_400


async def published(db: Database, at: int, **changes: Any) -> Any:
    post = await db.write(add_post, **changes)
    await db.write(lambda tx: tx.run("UPDATE posts SET published_at = $1 WHERE id = $2", at, post.id))
    return await db.read(posts.get, post.id)


async def test_months_addresses_and_spans(db: Database) -> None:
    january, march = 1_735_689_600, 1_740_787_200  # 2025-01-01 and 2025-03-01, 00:00 UTC
    await published(db, january - 1, title="Last second of 2024")
    await published(db, january, title="First second of 2025")
    await published(db, march, title="March")
    await published(db, march, title="Unlisted", visibility=Visibility.UNLISTED)
    await published(db, march, title="About", kind=PostKind.PAGE)
    assert await db.read(listing.months) == [(2025, 3, 1), (2025, 1, 1), (2024, 12, 1)]
    found = await db.read(listing.between, january, march, 10)
    assert [one.title for one in found] == ["First second of 2025"]
    assert (await db.read(listing.count_addresses))[0] == 4
    addresses = await db.read(listing.addresses, offset=1, limit=2)
    assert [one.title for one in addresses] == ["First second of 2025", "March"]


async def test_neighbours_and_series(db: Database) -> None:
    first = await published(db, 10 * DAY, title="A", series="A Boat", series_position=2)
    second = await published(db, 20 * DAY, title="B")
    third = await published(db, 30 * DAY, title="C", series="A Boat", series_position=1)
    fourth = await published(db, 40 * DAY, title="D", series="A boat")
    older, newer = await db.read(listing.neighbours, second)
    assert (older and older.title, newer and newer.title) == ("A", "C")
    assert await db.read(listing.neighbours, first) == (None, await titled(db, second))
    parts = await db.read(listing.series, "a-boat")
    assert [part.title for part in parts] == ["C", "A", "D"]
    assert await db.read(listing.series_name, "a-boat") == "A boat"
    assert [(slug, count) for slug, _, count in await db.read(listing.all_series)] == [("a-boat", 3)]
    assert await db.read(listing.around, third) == sorted([first.id, second.id, fourth.id])
    assert [post.title for post in await db.read(listing.list_public, series="a-boat", limit=9)] == ["D", "C", "A"]


async def titled(db: Database, post: Any) -> listing.Titled:
    return next(one for one in await db.read(listing.addresses, offset=0, limit=99) if one.id == post.id)


async def test_pages_that_name_a_post_change_with_it(db: Database, clock: Clock) -> None:
    first = await published(db, 10 * DAY, title="A")
    told: list[Event] = []
    db.add_listener(told.append)

    async def version() -> int:
        return await db.read(posts.thread_version, first.id)

    before = await version()
    second = await published(db, 20 * DAY, title="B")
    assert await version() == before + 1
    same = text(title="B", slug=second.slug, content_html="<p>new</p>")
    await db.write(posts.save_text, second.id, same, editor_id=second.author_id, expected_version=None)
    assert await version() == before + 1
    renamed = text(title="New name", slug=second.slug)
    await db.write(posts.save_text, second.id, renamed, editor_id=second.author_id, expected_version=None)
    assert await version() > before + 1
    before = await version()
    await db.write(posts.delete, second.id)
    assert await version() == before + 1
    told.clear()
    await db.write(add_post, title="About", kind=PostKind.PAGE)
    assert Event("settings", 0) in told
    assert [page.title for page in await db.read(listing.pages)] == ["About"]


async def test_pinned_posts_of_everybody(db: Database) -> None:
    post = await published(db, 10 * DAY, title="A")
    await published(db, 20 * DAY, title="B")
    await db.write(posts.set_pinned, post.id, 5)
    assert [one.id for one in await db.read(listing.pinned)] == [post.id]
    assert await db.read(listing.pinned, post.author_id) == await db.read(listing.pinned)


async def test_a_history_tells_only_what_was_published(db: Database, clock: Clock) -> None:
    async def save(title: str, post: Any, **changes: Any) -> None:
        clock.forward(60)
        changed = text(title=title, slug=post.slug, show_history=True, **changes)
        await db.write(posts.save_text, post.id, changed, editor_id=post.author_id, expected_version=None)

    async def told() -> list[str]:
        return [one.title for one in await db.read(history.published, await db.read(posts.get, draft.id))]

    known = await db.write(add_post)
    draft = await db.write(
        posts.create_draft, text(title="secret"), author_id=known.author_id, editor_id=known.author_id
    )
    await save("first", draft)
    clock.forward(60)
    await db.write(posts.publish, draft.id, lambda post_id, number: f"https://blog.example/{post_id}-{number}")
    await save("second", draft)
    assert await told() == ["second", "first"]
    await db.write(posts.unpublish, draft.id)
    await save("between", draft)
    clock.forward(60)
    await db.write(posts.publish, draft.id, lambda post_id, number: f"https://blog.example/{post_id}-{number}")
    await save("third", draft)
    assert await told() == []  # nothing says when it came out again
    hidden = text(title="x", slug=draft.slug)
    await db.write(posts.save_text, draft.id, hidden, editor_id=draft.author_id, expected_version=None)
    assert await told() == []
