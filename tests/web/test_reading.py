"""Archive, series, pages and the menu, pinned posts, neighbours, the public history."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from fedblog.blog.model import Post, PostKind, Writing
from fedblog.storage import posts
from tests.live import Live, live_app
from tests.samples import make_author, make_post
from tests.web.test_pages import parse


async def dated(live: Live, author: int, title: str, when: str, **more: Any) -> Post:
    """A post published on a day."""
    post = await make_post(live.services, author, title, **more)  # type: ignore[arg-type]
    at = int(time.mktime(time.strptime(f"{when} 12:00 UTC", "%Y-%m-%d %H:%M %Z"))) - time.timezone
    await live.services.db.write(lambda tx: tx.run("UPDATE posts SET published_at = $1 WHERE id = $2", at, post.id))
    return post


async def test_the_archive_by_year_and_month(live: Live) -> None:
    empty = await live.get("/archive")
    assert "Nothing published yet" in empty.text
    parse(empty.text)
    assert (await live.get("/archive/2020")).status == 404
    author = (await make_author(live.services)).actor_id
    await dated(live, author, "Old", "2024-12-31")
    await dated(live, author, "New <b>", "2025-03-01")
    await dated(live, author, "Newer", "2025-03-02")
    await make_post(live.services, author, "About", kind=PostKind.PAGE, federated=False)
    page = (await live.get("/archive")).text
    parse(page)
    assert page.index("Newer") < page.index("New &lt;b&gt;")
    assert "March 2025" in page
    assert "Old" not in page
    assert 'href="/archive/2024"' in page
    assert "About</a>" not in page.partition("<main")[2]
    month = (await live.get("/archive/2025/03")).text
    parse(month)
    assert "<h1>March 2025</h1>" in month
    assert "2 posts" in month
    assert "Old" in (await live.get("/archive/2024")).text
    for path in ("/archive/2025/13", "/archive/2025/04", "/archive/25", "/archive/0000"):
        assert (await live.get(path)).status == 404, path


async def test_a_series_its_parts_and_neighbours(live: Live) -> None:
    author = (await make_author(live.services)).actor_id
    series = {"series": "A Boat"}
    one = await dated(live, author, "Keel", "2025-01-01", **series, series_position=1)
    two = await dated(live, author, "Ribs", "2025-01-02", **series, series_position=2)
    page = (await live.get(f"/@ana/{one.slug}")).text
    parse(page)
    assert 'Part 1 of 2: <a href="/series/a-boat">A Boat</a>' in page
    assert '<link rel="next" href="/@ana/ribs">' in page
    assert "Before:" not in page
    assert '<a rel="next" href="/@ana/ribs"><span class="eyebrow">Next</span> Ribs</a>' in page
    await dated(live, author, "Sails", "2025-01-03", **series, series_position=3)
    assert "Part 1 of 3" in (await live.get(f"/@ana/{one.slug}")).text  # the kept page is made anew
    assert "Before: Keel" in (await live.get(f"/@ana/{two.slug}")).text
    listed = (await live.get("/series/a-boat")).text
    parse(listed)
    assert listed.index("Keel") < listed.index("Ribs") < listed.index("Sails")
    assert "3 parts" in listed
    archive = (await live.get("/archive")).text
    parse(archive)
    assert '<a href="/series/a-boat">A Boat</a> <span class="faint">3 parts</span>' in archive
    feed = await live.get("/series/a-boat/feed.atom")
    assert (feed.status, feed.text.count("<entry")) == (200, 3)
    assert "Series: A Boat" in (await live.get("/")).text
    await live.services.publisher.delete(two.id)
    assert "Part 1 of 2" in (await live.get(f"/@ana/{one.slug}")).text
    for path in ("/series/none", "/series/none/feed.rss"):
        assert (await live.get(path)).status == 404


async def test_pages_stand_in_the_menu_and_nowhere_else(live: Live) -> None:
    author = (await make_author(live.services)).actor_id
    post = await make_post(live.services, author, "A post")
    await live.get(f"/@ana/{post.slug}")
    about = await make_post(live.services, author, "About us", kind=PostKind.PAGE, federated=False)
    entry = '<a href="/@ana/about-us">About us</a>'
    for path in ("/search", "/", f"/@ana/{post.slug}", "/archive"):
        assert entry in (await live.get(path)).text, path
    home = (await live.get("/")).text
    assert "About us" not in home.partition("<main")[2]
    for path in ("/feed.atom", "/@ana/feed.json"):
        assert "About us" not in (await live.get(path)).text
    page = (await live.get("/@ana/about-us")).text
    parse(page)
    assert '<a href="/@ana/about-us" aria-current="page">About us</a>' in page
    for absent in ("Published by", "Leave a reply", "Be the first", 'rel="next"', "data-interact"):
        assert absent not in page, absent
    assert f"{live.base_url}/@ana/about-us" in (await live.get("/sitemap.xml")).text
    await live.services.publisher.delete(about.id)
    assert entry not in (await live.get(f"/@ana/{post.slug}")).text


async def test_pinned_posts_come_first_and_once(tmp_path: Path) -> None:
    async with live_app(tmp_path, blog={"posts_per_page": 2}) as live:
        author = (await make_author(live.services)).actor_id
        for number in range(4):
            post = await make_post(live.services, author, f"Post {number}")
            if number in (0, 3):
                await live.services.publisher.pin(post.id, True)
        for path in ("/", "/@ana"):
            page = (await live.get(path)).text
            parse(page)
            assert page.count("Pinned") == 2
            shown = [page.index(f">Post {number}</a>") for number in (3, 0, 2) if f">Post {number}</a>" in page]
            assert len(shown) == 3
            assert page.count(">Post 3</a>") == 1


async def test_the_history_of_a_post_is_shown_where_its_author_says_so(tmp_path: Path) -> None:
    late = [0.0]
    async with live_app(tmp_path, clock=lambda: time.time() + late[0]) as live:
        account = await make_author(live.services)
        post = await make_post(live.services, account.actor_id, "First", source="The *kettle* sings <b>.")
        publisher = live.services.publisher

        async def edit(title: str, source: str, note: str = "", **more: Any) -> None:
            late[0] += 60
            text = await publisher.compose(Writing(title=title, source=source, slug=post.slug, **more))
            await publisher.edit(post.id, text, editor_id=account.actor_id, note=note)

        await edit("First", "The *kettle* hums <b>.")
        path = f"/@ana/{post.slug}"
        assert (await live.get(f"{path}/history")).status == 404
        assert "/history" not in (await live.get(path)).text
        await edit("Second", "The *kettle* hums <b>.", note="A better title", show_history=True)
        assert f'<a href="{path}/history">' in (await live.get(path)).text
        page = (await live.get(f"{path}/history")).text
        parse(page)
        assert "<del>sings</del><ins>hums</ins> &lt;b&gt;." in page
        assert "<del>First</del><ins>Second</ins>" in page
        assert "A better title" in page
        assert "As it was first published." in page
        assert (await live.get("/@ANA/first/history")).headers["Location"] == f"{live.base_url}{path}/history"
        await live.services.db.write(posts.unpublish, post.id)
        assert (await live.get(f"{path}/history")).status == 404
