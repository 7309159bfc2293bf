"""Writing, saving, publishing and taking back posts, without scripts."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from fedblog.blog.model import PostStatus
from fedblog.storage import deliveries, expansion, followers, lanes, listing, posts
from tests.web.desk import BASE, Browser, Desk, Page

FORM = {"title": "On bread", "source": "Flour and *water*.", "comments_open": "1", "visibility": "public"}


async def sent(desk: Desk) -> list[str]:
    """Types of all activities that were queued, oldest first."""
    return [activity.type for activity in await desk.sent()]


async def write(browser: Browser, path: str = "/studio/posts/new", **fields: str) -> Page:
    """The editor's form, as it stands on its page, with some fields changed."""
    page = await browser.get(path)
    assert page.status == 200, page.text
    form = {"csrf": page.csrf, "version": page.value("version"), **FORM, **fields}
    return await browser.post(path, form)


def post_id(page: Page) -> int:
    """The post that a redirect leads to."""
    found = re.match(r"/studio/posts/(\d+)", page.location)
    assert found, (page.status, page.text)
    return int(found[1])


async def test_a_draft_is_saved_and_stays_at_home(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    saved = await write(anna, action="save")
    page = await anna.follow(saved)
    assert "Draft saved." in page.text
    assert page.value("title") == "On bread"
    assert page.area("source") == "Flour and *water*."
    assert await sent(desk) == []
    assert (await desk.browser().get("/@anna/on-bread")).status == 404


async def test_publishing_queues_the_create_and_shows_the_page(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    published = await write(anna, action="publish")
    page = await anna.follow(published)
    assert "Published. It is on its way to your followers." in page.text
    assert "Update" in page.text
    assert await sent(desk) == ["Create", "Announce"]
    public = await desk.browser().get("/@anna/on-bread")
    assert public.status == 200
    assert "Flour and <em>water</em>." in public.text


async def test_an_update_sends_an_update_and_marks_the_post_as_edited(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    number = post_id(await write(anna, action="publish"))
    desk.clock.now += 60
    page = await anna.follow(await write(anna, f"/studio/posts/{number}", source="Only water.", action="save"))
    assert "Updated." in page.text
    assert await sent(desk) == ["Create", "Announce", "Update"]
    assert "Only water." in (await desk.browser().get("/@anna/on-bread")).text


async def test_preview_shows_the_text_and_stores_nothing(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    page = await write(anna, action="preview", source="**bold** <script>alert(1)</script>")
    assert page.status == 200
    assert "<strong>bold</strong>" in page.text
    assert "<script>alert" not in page.text
    assert page.area("source") == "**bold** <script>alert(1)</script>"
    assert await desk.parts.db.read(listing.list_of_author, None, None) == []


async def test_the_live_preview_answers_the_html_alone(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    page = await anna.send("/studio/preview", {"source": "*so*"})
    assert page.text.strip() == "<p><em>so</em></p>"
    assert (await desk.browser().post("/studio/preview", {"source": "*so*"})).status == 401


async def test_two_people_saving_one_post_both_keep_their_text(desk: Desk) -> None:
    anna, olga = await desk.logged_in("anna"), await desk.logged_in("olga")
    path = f"/studio/posts/{post_id(await write(anna, action='save'))}"
    first, second = await anna.get(path), await olga.get(path)
    base = {**FORM, "action": "save"}
    await anna.post(path, {**base, "csrf": first.csrf, "version": first.value("version"), "source": "Text of Anna"})
    late = await olga.post(path, {**base, "csrf": second.csrf, "version": second.value("version"), "source": "Olga's"})
    assert late.status == 409
    assert "Text of Anna" in late.text
    assert late.area("source") == "Olga's"
    again = {**base, "csrf": late.csrf, "version": late.value("version"), "source": "Both"}
    assert (await olga.post(path, again)).status == 303
    history = (await anna.get(f"{path}/revisions")).text
    assert history.count('class="line-title"') == 3


async def test_autosave_answers_json_and_never_touches_what_is_published(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    form = {**FORM, "action": "autosave", "version": "0", "csrf": (await anna.get("/studio/posts/new")).csrf}
    made = json.loads((await anna.post("/studio/posts/new", form, Accept="application/json")).text)
    assert made["version"] == 1
    path = f"/studio/posts/{made['id']}"
    again = await anna.post(path, {**form, "version": "1", "source": "More"}, Accept="application/json")
    assert json.loads(again.text)["version"] == 2
    stale = await anna.post(path, {**form, "version": "1"}, Accept="application/json")
    assert stale.status == 409
    await write(anna, path, action="publish")
    current = (await anna.get(path)).value("version")
    late = await anna.post(path, {**form, "version": current, "source": "Oops"}, Accept="application/json")
    assert late.status == 409
    assert "Oops" not in (await desk.browser().get("/@anna/on-bread")).text


async def test_an_untitled_draft_is_kept_under_its_first_words(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    page = await anna.follow(await write(anna, title="", source="Once upon a time", action="save"))
    assert page.value("title") == "Once upon a time"
    refused = await write(anna, title="", source="Once upon a time", action="publish")
    assert refused.status == 400
    assert refused.area("source") == "Once upon a time"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image_url", "javascript:alert(1)"),
        ("image_url", "https://x.example/a b"),
        ("language", "not a language"),
        ("summary", "x" * 501),
    ],
)
async def test_a_mistake_in_one_field_is_named_and_nothing_is_lost(desk: Desk, field: str, value: str) -> None:
    anna = await desk.logged_in("anna")
    page = await write(anna, action="publish", **{field: value})
    assert page.status == 400
    assert 'role="alert"' in page.text
    assert page.area("source") == FORM["source"]
    assert await sent(desk) == []


async def test_pictures_without_a_description_are_asked_about_once(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    asked = await write(anna, action="publish", source="![](https://pics.example/a.png)")
    assert asked.status == 200
    assert "A picture has no description." in asked.text
    assert await sent(desk) == []
    found = re.search(r'data-post="(\d+)"', asked.text)
    assert found
    path = f"/studio/posts/{found[1]}"
    form = {**FORM, "csrf": asked.csrf, "version": asked.value("version"), "sure": asked.value("sure")}
    assert (
        await anna.post(path, {**form, "action": "publish", "source": "![](https://pics.example/a.png)"})
    ).status == 303
    assert await sent(desk) == ["Create", "Announce"]


async def test_unpublish_asks_first_and_publishing_again_gives_a_new_id(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    number = post_id(await write(anna, action="publish"))
    path = f"/studio/posts/{number}"
    before = (await desk.parts.db.read(listing.list_of_author, None, PostStatus.PUBLISHED))[0]
    ask = await anna.get(f"{path}/unpublish")
    assert "Unpublish “On bread”?" in ask.text
    page = await anna.follow(await anna.post(f"{path}/unpublish", {"csrf": ask.csrf}))
    assert "Publish as new" in page.text
    assert "never take back an id" in page.text
    assert (await desk.browser().get("/@anna/on-bread")).status in (404, 410)
    await write(anna, path, action="publish")
    after = (await desk.parts.db.read(listing.list_of_author, None, PostStatus.PUBLISHED))[0]
    assert after.uri != before.uri
    assert await sent(desk) == ["Create", "Announce", "Delete", "Create", "Announce"]


async def test_delete_asks_first_and_is_for_good(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    path = f"/studio/posts/{post_id(await write(anna, action='publish'))}"
    assert (await anna.get(f"{path}/delete")).status == 200
    assert (await anna.get(path)).status == 200
    await anna.send(f"{path}/delete")
    assert (await anna.get(path)).status == 404
    assert (await sent(desk))[-1] == "Delete"


async def test_an_earlier_version_opens_in_the_editor_and_changes_nothing_yet(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    path = f"/studio/posts/{post_id(await write(anna, source='First line', action='publish'))}"
    await write(anna, path, source="Second line", action="save")
    version = await anna.get(f"{path}/revisions/1")
    assert "<del>First</del> line" in version.text
    assert "<ins>Second</ins> line" in version.text
    editor = await anna.get(f"{path}?restore=1")
    assert editor.area("source") == "First line"
    assert "Second line" in (await desk.browser().get("/@anna/on-bread")).text
    assert (await anna.get(f"{path}?restore=99")).status == 404


async def test_the_list_has_tabs_and_a_search(desk: Desk) -> None:
    await desk.write_post("anna", "On bread")
    await desk.write_post("anna", "100% rye", publish=False)
    anna = await desk.logged_in("anna")
    assert "On bread" not in (await anna.get("/studio/posts?status=draft")).text
    assert "100% rye" in (await anna.get("/studio/posts?status=draft")).text
    found = (await anna.get("/studio/posts?q=0%25+R")).text
    assert "100% rye" in found
    assert "On bread" not in found
    assert "<b>" not in (await anna.get("/studio/posts?q=%3Cb%3Ex")).text


async def test_what_could_not_be_delivered_can_be_sent_again(desk: Desk) -> None:
    account, mia = await desk.account("anna"), await desk.stranger()
    await desk.parts.db.write(
        followers.add,
        actor_id=mia.id,
        target_id=account.actor_id,
        state="accepted",
        follow_uri="https://far.example/f",
        follow_json="{}",
    )
    post = await desk.write_post("anna")
    for activity in await desk.sent():
        await desk.parts.db.write(expansion.expand, activity.id)
    claimed = await desk.parts.db.write(lanes.claim, lanes=10, per_lane=10, lease_seconds=60)
    await desk.parts.db.write(deliveries.fail, claimed.lanes[0].deliveries[0].id, status=410, error="gone")
    anna = await desk.logged_in("anna")
    page = await anna.get(f"/studio/posts/{post.id}")
    assert "Delivered to 0 of 1 server; 1 could not be reached" in page.text
    assert "<strong>far.example</strong> There is no such inbox any more. We have given up." in page.text
    told = json.loads((await anna.get(f"/studio/posts/{post.id}/delivery")).text)
    words = "There is no such inbox any more. We have given up."
    assert told["servers"] == [{"host": "far.example", "words": words}]
    again = await anna.follow(await anna.send(f"/studio/posts/{post.id}/retry"))
    assert "Another try is on its way." in again.text
    assert "could not be reached" not in again.text


async def test_progress_is_told_in_words(desk: Desk) -> None:
    post = await desk.write_post("anna")
    anna = await desk.logged_in("anna")
    state = json.loads((await anna.get(f"/studio/posts/{post.id}/delivery")).text)
    assert state == {
        "delivered": 0,
        "waiting": 0,
        "failed": 0,
        "words": "No other server to tell yet",
        "servers": [],
        "settled": False,
    }
    desk.clock.now += 61
    assert json.loads((await anna.get(f"/studio/posts/{post.id}/delivery")).text)["settled"]


PLACES = ("", "/delivery", "/unpublish", "/delete", "/revisions", "/revisions/1", "?restore=1")


@pytest.mark.proves("SEC-090", "SEC-119")
async def test_authors_neither_see_nor_touch_the_posts_of_others(desk: Desk) -> None:
    draft = await desk.write_post("anna", "Secret plan", publish=False)
    bert = await desk.logged_in("bert")
    assert "Secret plan" not in (await bert.get("/studio/posts")).text
    assert "Secret plan" not in (await bert.get("/studio")).text
    for place in PLACES:
        assert (await bert.get(f"/studio/posts/{draft.id}{place}")).status == 404
    for place, form in (
        ("", {**FORM, "action": "publish"}),
        ("/unpublish", {}),
        ("/delete", {}),
        ("/answer", {"source": "x"}),
        ("/retry", {}),
    ):
        assert (await bert.send(f"/studio/posts/{draft.id}{place}", form)).status == 404
    stored = await desk.parts.db.read(posts.by_id, draft.id)
    assert stored == draft


async def test_editors_look_after_everybodys_posts(desk: Desk) -> None:
    draft = await desk.write_post("anna", "Secret plan", publish=False)
    edda = await desk.logged_in("edda")
    assert "Secret plan" in (await edda.get("/studio/posts")).text
    assert (await write(edda, f"/studio/posts/{draft.id}", action="publish")).status == 303
    assert (await desk.browser().get("/@anna/on-bread")).status == 200


@pytest.mark.parametrize("odd", ["0", "abc", "9" * 30, "-1", "1.5", "%00", "١"])
@pytest.mark.proves("SEC-102")
async def test_odd_numbers_in_addresses_are_simply_not_found(desk: Desk, odd: str) -> None:
    anna = await desk.logged_in("anna")
    assert (await anna.get(f"/studio/posts/{odd}")).status == 404


async def test_every_screen_needs_a_log_in(desk: Desk) -> None:
    browser = desk.browser()
    for resource in desk.app.router.resources():
        path = resource.canonical
        if not path.startswith("/studio"):
            continue
        path = path.replace("{id}", "1").replace("{number}", "1")
        methods = {route.method for route in resource}
        if "GET" in methods:
            page = await browser.get(path)
            assert page.status == 303
            assert page.location.startswith("/login?next=")
        if "POST" in methods:
            assert (await browser.post(path, {"csrf": "x"})).status == 401
            assert (await browser.post(path, {}, Origin="https://evil.example")).status == 403


@pytest.mark.proves("SEC-118")
async def test_studio_pages_are_strict_small_and_not_kept(desk: Desk) -> None:
    await desk.write_post("olga")
    olga = await desk.logged_in("olga")
    for path in (
        "",
        "/posts",
        "/posts/new",
        "/conversations",
        "/followers",
        "/profile",
        "/account",
        "/blocks",
        "/people",
    ):
        page = await olga.get(f"/studio{path}")
        assert page.status == 200, (path, page.text)
        assert "no-store" in page.headers["Cache-Control"]
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        assert len(page.text) < 30_000
        assert not re.search(r"<[^>]+\s(on\w+|style)=", page.text)
        assert not re.search(r"<script(?![^>]*\ssrc=)", page.text)
        assert BASE not in re.sub(r'href="[^"]*"', "", page.text)


async def test_an_older_post_is_boosted_again_after_a_question(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    post = await desk.write_post("anna")
    path = f"/studio/posts/{post.id}"
    assert "/boost" not in (await anna.get(path)).text, "it came out just now"
    assert (await anna.send(f"{path}/boost", on=path)).location.endswith("done=boosted_lately")
    desk.clock.now += 86_400
    assert f"{path}/boost" in (await anna.get(path)).text
    assert "Boost “On bread” again?" in (await anna.get(f"{path}/boost")).text
    page = await anna.send(f"{path}/boost", on=path)
    assert "on its way to your followers once more" in (await anna.follow(page)).text
    assert [one.type for one in await desk.sent()][-2:] == ["Announce", "Announce"]


@pytest.mark.parametrize("later", [False, True])
async def test_a_form_that_is_sent_twice_publishes_once(desk: Desk, later: bool) -> None:
    """Pressed twice without scripts, or sent again because no answer came: each answer is that it is out."""
    anna = await desk.logged_in("anna")
    token = (await anna.get("/studio/posts/new")).csrf
    draft = await desk.write_post("anna", "Waited", publish=False)
    when = {"action": "schedule", "publish_at": "2030-01-01T10:00", "zone": "UTC"} if later else {"action": "publish"}
    for path, title, version in (("new", "Fresh", 0), (str(draft.id), "Waited", draft.version)):
        form = {"csrf": token, "title": title, "source": "Words.", "version": str(version), "sure": "1", **when}
        pages = await asyncio.gather(*(anna.post(f"/studio/posts/{path}", form) for _ in range(3)))
        pages.append(await anna.post(f"/studio/posts/{path}", form))
        assert [page.status for page in pages] == [303] * 4, title
        assert len({page.location.partition("?")[0] for page in pages}) == 1, title
    titles = await desk.parts.db.read(lambda tx: tx.all("SELECT title FROM posts ORDER BY title"))
    assert titles == [("Fresh",), ("Waited",)]
    kinds = await desk.parts.db.read(lambda tx: tx.all("SELECT type FROM outgoing"))
    assert [kind for (kind,) in kinds].count("Create") == (0 if later else 2)
    desk.clock.now += 61
    form = {"csrf": token, "title": "Fresh", "source": "Words.", "version": "0", "sure": "1", "action": "publish"}
    assert (await anna.post("/studio/posts/new", form)).status == 303
    assert len(await desk.parts.db.read(lambda tx: tx.all("SELECT 1 FROM posts WHERE title = 'Fresh'"))) == 2
