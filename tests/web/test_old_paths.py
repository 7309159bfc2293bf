"""Where a post was before it was imported: those addresses redirect, and its comments show as what they are."""

from __future__ import annotations

from fedblog.archive.report import Report
from fedblog.archive.taking import Taker
from fedblog.archive.wxr_read import read_wxr
from fedblog.federation.setup import add_author
from tests.archive.test_wxr import item, note, wxr
from tests.live import Live


async def test_LIFE_01_old_addresses_redirect_and_imported_comments_say_so(live: Live) -> None:
    services = live.services
    await add_author(services.db, services.ids, services.sealer, services.settings, username="alice")
    file = wxr(item(7, note(1, text="From long ago", url="") + note(2, 1, author="Carol")))
    await Taker(services, Report()).take(read_wxr(file))
    page = f"{live.base_url}/@alice/title-7"
    for old in ("/2019/05/title-7/", "/2019/05/title-7", "/?p=7"):
        answer = await live.get(old)
        assert (answer.status, answer.headers["Location"]) == (301, page), old
    assert (await live.get("/2019/05/other/")).status == 404
    assert (await live.get("/?p=8")).status == 200
    assert (await live.get("/?p=evil")).status == 200
    assert (await live.request("POST", "/2019/05/title-7/")).status == 404
    shown = (await live.get("/@alice/title-7")).text
    assert "From long ago" in shown
    assert shown.count(">imported</span>") == 2
    assert "/ap/imported/" not in shown
    assert "@Bob@" not in shown
    feed = (await live.get("/@alice/title-7/comments.atom", accept="application/atom+xml")).text
    assert "<name>Bob</name>" in feed
    context = await live.get(f"/ap/posts/{await post_id(live)}/context", accept="application/activity+json")
    assert '"totalItems":1' in context.text.replace(" ", "")


async def post_id(live: Live) -> int:
    """The only post's number."""
    return int(await live.services.db.read(lambda tx: tx.value("SELECT id FROM posts")))
