"""The editor without scripts: settings, checks, plans, views from elsewhere, conflicts that lose no words."""

from __future__ import annotations

import json
import re
import time

import pytest
from aiohttp import FormData
from multidict import MultiDict

from fedblog.blog.model import HoldPolicy, Post, PostId, PostKind, PostStatus, Writing
from fedblog.storage import listing, posts
from fedblog.web.studio.describing import undescribed, with_descriptions
from fedblog.web.studio.forms import Form
from fedblog.web.studio.timing import field_value, find_zone, read_time, time_words
from tests.web.desk import NOW, Browser, Desk, Page
from tests.web.test_studio_posts import post_id, sent, write

SETTINGS = {
    "tags": "bread, #Flour rye",
    "kind": "local",
    "series": "Baking",
    "series_position": "3",
    "canonical_url": "https://old.example/bread",
    "history": "public",
    "hold": "all",
    "close_after_days": "14",
}


async def stored(desk: Desk, page: Page) -> Post:
    return await desk.parts.db.read(posts.get, PostId(post_id(page)))


async def autosave(browser: Browser, path: str, version: str, source: str) -> Page:
    """As the script does it."""
    form = {"title": "On bread", "source": source, "action": "autosave", "version": version}
    form["csrf"] = (await browser.get(path)).csrf
    return await browser.post(path, form, Accept="application/json")


async def test_every_setting_is_kept_and_shown_again(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    saved = await write(anna, action="save", source="Flour and #water #ryebread.", **SETTINGS)
    post = await stored(desk, saved)
    assert post.tags == ("bread", "Flour", "rye", "water", "ryebread")
    assert (post.kind, post.federated, post.hold_policy) == (PostKind.POST, False, HoldPolicy.ALL)
    assert (post.series, post.series_position, post.close_after_days, post.show_history) == ("Baking", 3, 14, True)
    page = await anna.follow(saved)
    assert page.value("tags") == "bread, Flour, rye"
    assert page.value("canonical_url") == "https://old.example/bread"
    assert '<option value="local" selected>' in page.text
    again = await write(
        anna, f"/studio/posts/{post.id}", action="save", source="Flour and #water #ryebread.", **SETTINGS
    )
    assert (await stored(desk, again)).tags == post.tags


async def test_a_page_is_on_the_site_and_nowhere_else(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    page = await anna.follow(await write(anna, action="publish", kind="page", title="About"))
    assert "no other server is told" in page.text
    assert "Servers" not in re.sub(r"<select.*?</select>", "", page.text, flags=re.DOTALL)
    assert await sent(desk) == []
    public = await desk.browser().get("/@anna/about")
    assert public.status == 200
    assert "activity+json" not in public.text
    assert (await desk.browser(Accept="application/activity+json").get("/@anna/about")).status == 404
    assert "/@anna/about" not in (await desk.browser().get("/feed.atom")).text


async def test_a_silent_update_tells_nobody_and_a_reason_is_kept(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    path = f"/studio/posts/{post_id(await write(anna, action='publish'))}"
    page = await anna.follow(await write(anna, path, source="Typo", action="save", tell="silent", note="A typo"))
    assert "No other server is told." in page.text
    assert await sent(desk) == ["Create", "Announce"]
    await write(anna, path, source="New", action="save", tell="update", note="A new end")
    assert await sent(desk) == ["Create", "Announce", "Update"]
    history = await desk.parts.db.read(posts.revisions, PostId(int(path.rpartition("/")[2])))
    assert [one.note for one in history][:2] == ["A new end", "A typo"]


async def test_a_post_is_planned_changed_and_taken_back(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    plan = {"action": "schedule", "publish_at": "2027-06-01T08:30", "zone": "Europe/Berlin"}
    page = await anna.follow(await write(anna, **plan))
    path = page.path.partition("?")[0]
    assert "Planned." in page.text
    assert "Goes out on 1 June 2027, 08:30 (Europe/Berlin)" in page.text
    assert page.value("publish_at") == "2027-06-01T08:30"
    post = (await desk.parts.db.read(listing.list_of_author, None, PostStatus.DRAFT))[0]
    assert post.scheduled_at == 1_811_831_400
    back = await anna.follow(await write(anna, path, action="unschedule"))
    assert "It is a draft again" in back.text
    desk.clock.now = float(post.scheduled_at)
    await desk.parts.jobs.drain()
    assert await sent(desk) == []
    again = await write(
        await desk.logged_in("anna"), path, action="schedule", publish_at="2027-06-01T08:31", zone="UTC"
    )
    desk.clock.now = 1_811_831_400.0 + 7_260
    await desk.parts.jobs.drain()
    assert again.status == 303
    assert await sent(desk) == ["Create", "Announce"]


@pytest.mark.parametrize(
    ("when", "zone", "words"),
    [
        ("", "UTC", "Choose a day and a time"),
        ("soon", "UTC", "Choose a day and a time"),
        ("2020-01-01T08:00", "UTC", "That time is over already"),
        ("2999-01-01T08:00", "UTC", "more than ten years"),
        ("2027-06-01T08:00", "../../etc/passwd", "A time zone is written as"),
        ("2027-06-01T08:00", "Europe", "A time zone is written as"),
    ],
)
async def test_a_plan_that_cannot_be_is_said_in_words_and_nothing_is_lost(
    desk: Desk, when: str, zone: str, words: str
) -> None:
    anna = await desk.logged_in("anna")
    page = await write(anna, action="schedule", publish_at=when, zone=zone)
    assert page.status == 400
    assert words in page.text
    assert page.area("source") == "Flour and *water*."
    assert await desk.parts.db.read(listing.list_of_author, None, None) == []


def test_times_and_zones() -> None:
    winter = read_time("2027-12-24T08:00", "America/New_York", now=NOW)
    assert time_words(winter, "America/New_York") == "24 December 2027, 08:00 (America/New_York)"
    assert field_value(winter, "UTC") == "2027-12-24T13:00"
    assert find_zone("Mars/Olympus") is None


async def test_what_may_be_wrong_is_listed_with_links_and_nothing_is_blocked(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    fields = {"source": "# One\n\n### Three\n\nWords", "summary": "A lede", "content_warning": ""}
    asked = await write(anna, action="publish", **fields)
    assert asked.status == 200
    assert '<a href="#summary" data-opens>This summary would fold the post on GoToSocial' in asked.text
    assert "The headings leave out a level" in asked.text
    assert await sent(desk) == []
    number = re.search(r'data-post="(\d+)"', asked.text)
    assert number
    path = f"/studio/posts/{number[1]}"
    form = {**fields, "title": "T", "csrf": asked.csrf, "version": asked.value("version"), "sure": "1"}
    assert (await anna.post(path, {**form, "action": "publish"})).status == 303
    assert await sent(desk) == ["Create", "Announce"]


async def test_a_planned_post_is_checked_too_and_keeps_its_time(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    plan = {"action": "schedule", "publish_at": "2027-06-01T08:30", "zone": "Europe/Berlin", "summary": "A lede"}
    asked = await write(anna, **plan)
    assert "Yes, plan it" in asked.text
    assert (asked.value("publish_at"), asked.value("zone")) == ("2027-06-01T08:30", "Europe/Berlin")


@pytest.mark.parametrize(
    ("look", "words"),
    [
        ("mastodon", "Mastodon shows the title"),
        ("gotosocial", "<summary>On bread</summary>"),
        ("pleroma", "<em>water</em>"),
        ("misskey", "【On bread】"),
        ("lemmy", "!blog@blog.example"),
        ("feed", "Feed readers show the whole text."),
        ("card", "look-result"),
    ],
)
async def test_the_text_as_others_will_see_it_with_scripts_and_without(desk: Desk, look: str, words: str) -> None:
    anna = await desk.logged_in("anna")
    page = await write(anna, action="preview", look=look)
    assert words in page.text
    assert page.area("source") == "Flour and *water*."
    part = await anna.send("/studio/preview", {"title": "On bread", "source": "Flour and *water*.", "look": look})
    assert words in part.text
    assert "<html" not in part.text
    hostile = await anna.send(
        "/studio/preview",
        {"title": "<script>alert(1)</script>", "source": "<script>alert(2)</script>", "summary": "<b>", "look": look},
    )
    assert "<script>" not in hostile.text
    assert await desk.parts.db.read(listing.list_of_author, None, None) == []


async def test_nobody_previews_as_somebody_else(desk: Desk) -> None:
    post = await desk.write_post("anna")
    bert = await desk.logged_in("bert")
    form = {"title": "x", "source": "y", "look": "mastodon", "post": str(post.id)}
    assert (await bert.send("/studio/preview", form)).status == 404


async def test_two_tabs_lose_no_words(desk: Desk) -> None:
    """The second tab is told, sees what differs, and may put both together, keep its own, or drop it."""
    anna, olga = await desk.logged_in("anna"), await desk.logged_in("olga")
    text = "One\n\nTwo\n\nThree"
    path = f"/studio/posts/{post_id(await write(anna, action='save', source=text))}"
    first = await autosave(anna, path, "1", "ONE\n\nTwo\n\nThree")
    assert json.loads(first.text)["version"] == 2
    late = await autosave(olga, path, "1", "One\n\nTwo\n\nThree, and four")
    told = json.loads(late.text)
    assert (late.status, told["error"]) == (409, "conflict")
    assert "Anna saved this post meanwhile" in told["html"]
    assert "<del>ONE</del>" in told["html"]
    assert "<ins>Three, and four</ins>" in told["html"]
    assert "both changes fit together" in told["html"]
    form = {
        "csrf": (await olga.get(path)).csrf,
        "title": "On bread",
        "source": "One\n\nTwo\n\nThree, and four",
        "version": "1",
        "base": "1",
        "seen": "2",
    }
    merged = await olga.post(path, {**form, "action": "merge"})
    assert merged.area("source") == "ONE\n\nTwo\n\nThree, and four"
    assert merged.value("version") == "2"
    kept = await olga.post(path, {**form, "action": "keep"})
    assert kept.status == 303
    assert (await anna.get(path)).area("source") == "One\n\nTwo\n\nThree, and four"
    # A third text came in between: keeping is based on what was seen, not on whatever there is.
    again = await olga.post(path, {**form, "action": "keep"})
    assert again.status == 409
    history = await desk.parts.db.read(posts.revisions, PostId(int(path.rpartition("/")[2])))
    assert "ONE\n\nTwo\n\nThree" in [one.source for one in history]


async def test_a_draft_is_shown_to_whoever_has_its_link(desk: Desk) -> None:
    anna, bert, visitor = await desk.logged_in("anna"), await desk.logged_in("bert"), desk.browser()
    path = f"/studio/posts/{post_id(await write(anna, action='save'))}"
    assert (await bert.send(f"{path}/share", {"do": "open"})).status == 404
    page = await anna.follow(await anna.send(f"{path}/share", {"do": "open"}))
    link = re.search(r'value="http://blog.example(/draft/\d+/[\w-]{20,})"', page.text)
    assert link
    seen = await visitor.get(link[1])
    assert (seen.status, "<em>water</em>" in seen.text) == (200, True)
    assert seen.headers["Cache-Control"] == "private, no-store"
    assert "noindex" in seen.headers["X-Robots-Tag"]
    assert (await visitor.get(link[1][:-1] + "A")).status == 404
    assert (await visitor.get("/draft/99999999999999999999/x")).status == 404
    await anna.send(f"{path}/share", {"do": "close"})
    assert (await visitor.get(link[1])).status == 404
    page = await anna.follow(await anna.send(f"{path}/share", {"do": "open"}))
    link = re.search(r'value="http://blog.example(/draft/[^"]+)"', page.text)
    assert link
    await write(anna, path, action="publish")
    assert (await visitor.get(link[1])).status == 404


async def test_a_draft_goes_to_the_trash_and_comes_back(desk: Desk) -> None:
    anna, bert = await desk.logged_in("anna"), await desk.logged_in("bert")
    path = f"/studio/posts/{post_id(await write(anna, action='save'))}"
    assert "Move “On bread” to the trash?" in (await anna.get(f"{path}/delete")).text
    assert (await bert.send(f"{path}/trash")).status == 404
    await anna.send(f"{path}/trash")
    assert "On bread" not in (await anna.get("/studio/posts")).text
    page = await anna.get(path)
    assert "This draft is in the trash." in page.text
    assert "Delete “On bread”?" in (await anna.get(f"{path}/delete")).text
    assert "Back among your drafts." in (await anna.follow(await anna.send(f"{path}/untrash"))).text


async def test_what_is_published_stays_a_post(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    path = f"/studio/posts/{post_id(await write(anna, action='publish'))}"
    page = await write(anna, path, action="save", kind="page")
    assert page.status == 409
    assert "unpublish it first" in page.text
    assert await sent(desk) == ["Create", "Announce"]
    planned = await write(anna, path, action="schedule", publish_at="2027-06-01T08:30", zone="UTC")
    assert planned.status == 409
    assert await sent(desk) == ["Create", "Announce"]


async def test_unpublish_says_what_cannot_be_undone(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    path = f"/studio/posts/{post_id(await write(anna, action='publish'))}"
    assert "can never come back in the fediverse" in (await anna.get(f"{path}/unpublish")).text


async def test_the_question_before_a_post_goes_out_takes_descriptions(desk: Desk) -> None:
    """What is typed there goes into the text, whatever it holds; code that looks like a picture is left alone."""
    anna = await desk.logged_in("anna")
    source = (
        "![](/media/a.webp)\n\n![ ](https://far.example/b.png 'B')\n\n`![](/media/code.webp)`\n\n![Seen](/media/c.webp)"
    )
    asked = await write(anna, source=source, action="publish")
    assert "Publish it like this?" in asked.text
    assert re.findall(r'name="alt_of" value="([^"]+)"', asked.text) == ["/media/a.webp", "https://far.example/b.png"]
    number = re.search(r'data-post="(\d+)"', asked.text)
    assert number
    form = FormData()
    fields = {"title": "T", "source": source, "csrf": asked.csrf, "version": asked.value("version"), "sure": "1"}
    for name, value in {**fields, "action": "publish"}.items():
        form.add_field(name, value)
    for url, words in (("/media/a.webp", "A [round] loaf\\\n"), ("https://far.example/b.png", "")):
        form.add_field("alt_of", url)
        form.add_field("alt", words)
    assert (await anna.post(f"/studio/posts/{number[1]}", form)).status == 303  # type: ignore[arg-type]
    post = await desk.parts.db.read(posts.get, PostId(int(number[1])))
    assert post.source == source.replace("![](/media/a.webp)", "![A \\[round\\] loaf\\\\](/media/a.webp)", 1)
    assert 'alt="A [round] loaf\\"' in post.content_html


def test_descriptions_go_into_the_text_and_not_into_its_code() -> None:
    shown = "![](/a.png) and `![](/a.png)`"
    writing = Writing(title="A", source=f"```\n![](/a.png)\n```\n{shown}")
    assert undescribed(writing) == ["/a.png"]
    form = Form(MultiDict({"alt_of": "/a.png", "alt": "A [cat]"}))
    assert with_descriptions(writing, form).source == (
        "```\n![](/a.png)\n```\n" + shown.replace("![]", "![A \\[cat\\]]", 1)
    )
    begun = time.process_time()
    assert undescribed(Writing(title="A", source="`" * 200_000 + "![](/b.png)")) == ["/b.png"]
    assert time.process_time() - begun < 1
