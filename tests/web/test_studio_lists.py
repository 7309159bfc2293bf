"""The list of posts: tabs, filters, acts on several; how far each post has got, and why somebody lacks it."""

from __future__ import annotations

import re
from typing import Any

from fedblog.blog.model import Post, PostStatus, Visibility, Writing
from fedblog.storage import deliveries, expansion, followers, lanes, moderation, outgoing, posts
from fedblog.storage.database import Tx
from tests.web.desk import Browser, Desk, Page


async def send(browser: Browser, act: str, chosen: list[Post], **more: Any) -> Page:
    """Act on posts by the list's form."""
    token = (await browser.get("/studio/account")).csrf
    form = [("csrf", token), ("act", act), *(("post", str(post.id)) for post in chosen), *more.items()]
    return await browser.post("/studio/posts/bulk", form)  # type: ignore[arg-type]


async def state(desk: Desk, post: Post) -> Post:
    """What a post is now."""
    found = await desk.parts.db.read(posts.by_id, post.id)
    assert found is not None
    return found


async def test_tabs_filters_and_words_find_posts(desk: Desk) -> None:
    out = await desk.write_post("anna", "Bread", source="Flour and *water*.", tags=("Baking",))
    draft = await desk.write_post("anna", "Butter", publish=False)
    planned = await desk.write_post("anna", "Salt", publish=False)
    await desk.parts.publisher.schedule(planned.id, int(desk.clock.now) + 3_600)
    gone = await desk.write_post("anna", "Yeast", publish=False)
    await desk.parts.publisher.trash(gone.id)
    await desk.write_post("bert", "Stones")
    olga = await desk.logged_in("olga")
    for query, wanted in (
        ("", {"Bread", "Butter", "Salt", "Stones"}),
        ("status=draft", {"Butter"}),
        ("status=scheduled", {"Salt"}),
        ("status=published", {"Bread", "Stones"}),
        ("status=trash", {"Yeast"}),
        ("author=anna&status=published", {"Bread"}),
        ("tag=baking", {"Bread"}),
        ("q=WATER", {"Bread"}),
        ("q=%25", set()),
        ("status=nonsense&page=99999999", set()),
    ):
        page = await olga.get(f"/studio/posts?{query}")
        found = set(re.findall(r'cell-title"><a href="/studio/posts/\d+">([^<]+)<', page.text))
        assert found == wanted, query
    page = await olga.get("/studio/posts?author=anna")
    tabs = dict(re.findall(r'>(\w+) <span class="faint">(\d+)</span></a>', page.text))
    assert tabs == {"All": "3", "Drafts": "1", "Scheduled": "1", "Published": "1", "Trash": "1"}
    anna = await desk.logged_in("anna")
    assert "Stones" not in (await anna.get("/studio/posts?author=bert")).text
    assert (await state(desk, draft)).status is PostStatus.DRAFT
    assert out.uri


async def test_acts_on_several_posts_are_asked_or_taken_back(desk: Desk) -> None:
    one = await desk.write_post("anna", "One", publish=False)
    two = await desk.write_post("anna", "Two", publish=False)
    three = await desk.write_post("anna", "Three")
    theirs = await desk.write_post("bert", "Theirs", publish=False)
    anna = await desk.logged_in("anna")
    # The trash: at once, with a way back; what is published and what is another's stays.
    page = await anna.follow(await send(anna, "trash", [one, two, three, theirs]))
    assert "Done with 2 posts. 2 were left as they are." in page.text
    assert [(await state(desk, post)).trashed_at is not None for post in (one, two, three, theirs)] == [
        True,
        True,
        False,
        False,
    ]
    fields = re.search(r'class="undo".*?</form>', page.text, re.DOTALL)
    assert fields is not None
    assert 'value="restore"' in fields[0]
    await send(anna, "restore", [one, two])
    assert (await state(desk, one)).trashed_at is None
    # Tags: silently, and only where they were missing.
    sent = len(await desk.sent())
    page = await anna.follow(await send(anna, "tag", [one, three], tag="#Baking"))
    assert (await state(desk, three)).tags == ("Baking",)
    assert (await state(desk, three)).edited_at is None
    assert len(await desk.sent()) == sent
    assert "Done with 0 posts." in (await anna.follow(await send(anna, "tag", [one], tag="baking"))).text
    await send(anna, "untag", [one, three], tag="baking")
    assert (await state(desk, three)).tags == ()
    # What reaches other servers is asked first.
    for act, words in (("publish", "Publish 2 posts?"), ("unpublish", "Unpublish 2 posts?"), ("delete", "for good?")):
        asked = await send(anna, act, [one, two])
        assert asked.status == 200
        assert words in asked.text
    assert (await state(desk, one)).status is PostStatus.DRAFT
    await send(anna, "publish", [one, two], sure="1")
    assert [activity.type for activity in (await desk.sent())[sent:]].count("Create") == 2
    await send(anna, "unpublish", [two], sure="1")
    assert (await state(desk, two)).status is PostStatus.UNPUBLISHED
    await send(anna, "delete", [one, two, theirs], sure="1")
    assert (await state(desk, one)).status is PostStatus.DELETED
    assert (await state(desk, theirs)).status is PostStatus.DRAFT
    for act, chosen in (("", [three]), ("trash", []), ("tag", [three])):
        assert "Nothing was done" in (await anna.follow(await send(anna, act, chosen))).text
    for act, chosen in (("explode", [three]), ("trash", [three] * 101)):
        assert (await send(anna, act, chosen)).status == 400
    away = await send(anna, "tag", [three], tag="x", back="https://evil.example/")
    assert away.location.startswith("/studio/posts?")
    assert (await anna.post("/studio/posts/bulk", {"act": "trash", "post": str(three.id)})).status == 403


async def _follow(desk: Desk, name: str, host: str) -> Any:
    actor, account = await desk.stranger(name, host), await desk.account("anna")
    await desk.parts.db.write(
        followers.add,
        actor_id=actor.id,
        target_id=account.actor_id,
        state="accepted",
        follow_uri=f"{actor.uri}/follow",
        follow_json="{}",
    )
    return actor


async def test_the_author_sees_who_has_a_post_and_why_others_lack_it(desk: Desk) -> None:
    for name, host in (("mia", "good.example"), ("bob", "down.example"), ("cleo", "gone.example")):
        await _follow(desk, name, host)
    post = await desk.write_post("anna", "On bread")

    def go(tx: Tx) -> None:
        for activity in outgoing.unexpanded(tx, 100):
            expansion.expand(tx, activity)
        claimed = lanes.claim(tx, lanes=50, per_lane=9, lease_seconds=60)
        for one in (delivery for lane in claimed.lanes for delivery in lane.deliveries):
            if one.host == "good.example":
                deliveries.succeed(tx, [one.id], 202)
            elif one.host == "down.example":
                deliveries.retry(tx, one.id, due_at=tx.now + 600, status=503, error="busy")
                deliveries.host_failed(tx, one.host, open_until=tx.now + 600)
            else:
                deliveries.fail(tx, one.id, status=410, error="<script>")

    await desk.parts.db.write(go)
    late = await _follow(desk, "late", "late.example")
    await desk.parts.db.write(
        lambda tx: tx.run("UPDATE followers SET created_at = $1 WHERE actor_id = $2", tx.now + 99, late.id)
    )
    await desk.stranger("reader", "else.example")
    blocked = await desk.stranger("foe", "foe.example")
    await desk.parts.db.write(moderation.block, "actor", blocked.uri, "")
    anna = await desk.logged_in("anna")
    listed = await anna.get("/studio/posts")
    assert "1 of 3 servers have it" in listed.text
    page = await anna.get(f"/studio/posts/{post.id}/reach")
    for words in (
        "The server is in trouble (it answered 503). Next try:",
        "There is no such inbox any more.",
        "Followers without it</dt><dd>2",
    ):
        assert words in page.text, words
    assert "down.example" not in (await anna.get(f"/studio/posts/{post.id}/reach?show=done")).text.split("<table")[1]
    for handle, words in (
        ("@mia@good.example", "good.example took it on"),
        ("bob@down.example", "has not taken it yet"),
        ("@cleo@gone.example", "did not take it"),
        ("@late@late.example", "after this post came out"),
        ("@reader@else.example", "does not follow you"),
        ("@foe@foe.example", "one of you blocks the other"),
        ("@nobody@far.example", "is not known here"),
        ("not an address", "Write the address as"),
        ("<b>@x", "Write the address as"),
    ):
        answer = await anna.get(f"/studio/posts/{post.id}/reach?who={handle.replace('@', '%40').replace(' ', '+')}")
        assert words in answer.text, (handle, words)
        again = "again now</button></p>" in answer.text
        assert again == (handle in ("bob@down.example", "@cleo@gone.example")), handle
    token = page.csrf
    assert (await anna.post(f"/studio/posts/{post.id}/reach", {"csrf": token, "host": "gone.example"})).status == 303
    due = await desk.parts.db.read(
        lambda tx: tx.all("SELECT host, state, due_at <= $1 FROM deliveries WHERE object_uri = $2", tx.now, post.uri)
    )
    by_host = {host: (kept, bool(ready)) for host, kept, ready in due}
    assert by_host["gone.example"] == ("waiting", True)
    assert by_host["down.example"] == ("waiting", False)
    await anna.post(f"/studio/posts/{post.id}/reach", {"csrf": token})
    ready = await desk.parts.db.write(lanes.claim, lanes=50, per_lane=9, lease_seconds=60)
    sent = {lane.host.host for lane in ready.lanes if lane.deliveries[0].object_uri == post.uri}
    assert sent == {"gone.example", "down.example"}
    bert = await desk.logged_in("bert")
    assert (await bert.get(f"/studio/posts/{post.id}/reach")).status == 404
    quiet = await desk.write_post("anna", "Quiet", visibility=Visibility.PUBLIC, publish=False)
    assert "No other server to tell yet" in (await anna.get(f"/studio/posts/{quiet.id}/reach")).text


async def test_versions_are_compared_and_put_back_as_new_ones(desk: Desk) -> None:
    post = await desk.write_post("anna", "On bread", source="The old <i>loaf</i>.\n\nStays.", tags=("Baking",))
    account = await desk.account("anna")
    text = await desk.parts.publisher.compose(
        Writing(title="On cake", source="The new loaf.\n\nStays.", tags=("Baking",))
    )
    await desk.parts.publisher.edit(post.id, text, editor_id=account.actor_id)
    anna = await desk.logged_in("anna")
    here = f"/studio/posts/{post.id}/revisions"
    page = await anna.get(f"{here}/1")
    assert "<del>bread</del><ins>cake</ins>" in page.text
    assert "<del>" in page.text.split('class="compare-changed"')[1]
    assert "<i>loaf" not in page.text
    assert "Title and text are the same in both." in (await anna.get(f"{here}/2?with=2")).text
    assert "Version 2" in (await anna.get(f"{here}/1?with=2")).text
    for path in (f"{here}/9", f"{here}/1?with=9", f"{here}/9/restore"):
        assert (await anna.get(path)).status == 404
    asked = await anna.get(f"{here}/1/restore")
    assert "<p>The old " in asked.text  # as readers will see it
    sent = len(await desk.sent())
    version = asked.value("version")
    back = await anna.post(f"{here}/1/restore", {"csrf": asked.csrf, "version": version})
    assert back.status == 303
    found = await state(desk, post)
    assert (found.title, found.tags) == ("On bread", ("Baking",))
    assert found.source.startswith("The old")
    assert [activity.type for activity in (await desk.sent())[sent:]] == ["Update"]
    listed = await anna.follow(back)
    assert "Version 1 put back" in listed.text
    assert "Version 3" in listed.text
    # Somebody saved meanwhile: nothing is overwritten.
    late = await anna.post(f"{here}/2/restore", {"csrf": asked.csrf, "version": version})
    assert late.status == 409
    assert "Somebody saved this post meanwhile." in late.text
    assert (await state(desk, post)).title == "On bread"
    fresh = late.value("version")
    sent = len(await desk.sent())
    assert (await anna.post(f"{here}/2/restore", {"csrf": asked.csrf, "version": fresh, "silent": "1"})).status == 303
    assert (await state(desk, post)).title == "On cake"
    assert len(await desk.sent()) == sent
    bert = await desk.logged_in("bert")
    assert (await bert.get(f"{here}/1/restore")).status == 404
