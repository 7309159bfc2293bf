"""The search page: what it finds, what it never shows, and that anything may be typed into it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from fedblog.blog.model import Visibility
from fedblog.web.assets import pack_css
from tests.live import Live, live_app
from tests.samples import make_author, make_person, make_post, make_reply
from tests.web.test_pages import HOSTILE, parse


async def test_finding_posts_and_replies(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id, "Tea at dawn", source="The *kettle* sings.", tags=("Tea",))
    await make_post(live.services, account.actor_id, "Hidden", source="kettle", visibility=Visibility.UNLISTED)
    await make_post(live.services, account.actor_id, "Spiders", source="kettle of spiders", content_warning="bugs")
    bo = await make_person(live.services, indexable=True)
    await make_reply(live.services, bo, "<p>My kettle &lt;b&gt; whistles</p>", post=post)
    await make_reply(live.services, await make_person(live.services, "Shy"), "<p>kettle, shyly</p>", post=post)
    await live.services.indexer.catch_up()

    page = await live.get("/search?q=kettle")
    parse(page.text)
    assert "3 results" in page.text
    assert "The <mark>kettle</mark> sings." in page.text
    assert "My <mark>kettle</mark> &lt;b&gt; whistles" in page.text
    assert "Bo Berg on “Tea at dawn”" in page.text
    assert f'href="{live.base_url}/@ana/{post.slug}?reply=' in page.text
    assert "Hidden" not in page.text
    assert "shyly" not in page.text
    assert "bugs" in page.text
    assert "of spiders" not in page.text
    assert '<meta name="robots" content="noindex, follow">' in page.text
    assert "no-cache" in page.headers["Cache-Control"]
    assert "1 result" in (await live.get("/search?q=kettle&in=replies")).text
    assert "<mark>Tea</mark> at dawn" in (await live.get("/search?q=tea")).text

    empty = (await live.get("/search")).text
    parse(empty)
    assert "autofocus" in empty
    assert "#Tea" in empty
    nothing = (await live.get("/search?q=zzz")).text
    assert "Nothing was found" in nothing
    assert "#Tea" in nothing
    for query in (HOSTILE, "!!", '"', "-x", "a" * 5000, "\x00", "%", "🍵", "(", "kettle AND"):
        answer = await live.get(f"/search?q={quote(query)}")
        assert answer.status == 200, query
        parse(answer.text)
        assert "<script>alert" not in answer.text
    for bad in ("page=0", "page=x", "page=99", "page=2", "page=²"):
        assert (await live.get(f"/search?q=kettle&{bad}")).status == 404, bad


async def test_pages_of_results_and_a_limit(tmp_path: Path) -> None:
    async with live_app(tmp_path, limits={"searches_per_minute": 3}) as live:
        account = await make_author(live.services)
        for number in range(12):
            await make_post(live.services, account.actor_id, f"Tea {number}")
        await live.services.indexer.catch_up()
        first = (await live.get("/search?q=tea")).text
        assert '<a class="button" rel="next" href="/search?q=tea&amp;page=2">More results</a>' in first
        second = (await live.get("/search?q=tea&page=2")).text
        assert '<a class="button" rel="prev" href="/search?q=tea">Better matches</a>' in second
        assert second.count('class="found-title"') == 2
        assert (await live.get("/search?q=tea")).status == 200
        assert (await live.get("/search?q=tea")).status == 429


def test_stylesheets_are_packed() -> None:
    assert pack_css("a > b , c { color : red; /* no;\n */ margin: 0 auto; }\n") == "a>b,c{color :red;margin:0 auto}"
