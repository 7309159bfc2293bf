"""What visitors and proxies can be made to say, and what a page must not say any more."""

from __future__ import annotations

from pathlib import Path

import pytest
from multidict import CIMultiDict

from fedblog.blog.model import PostId, Writing
from fedblog.storage import replies
from tests.live import live_app
from tests.web.desk import Desk


async def test_a_proxy_that_adds_a_line_of_its_own_is_heard(tmp_path: Path) -> None:
    """HAProxy adds its own X-Forwarded-For below the one that the asker made up: the last line counts."""
    limits, server = {"inbox_per_minute": 3}, {"trusted_proxies": ["127.0.0.0/8"]}
    async with live_app(tmp_path, limits=limits, server=server) as live:
        statuses = []
        for number in range(5):
            headers = CIMultiDict([("X-Forwarded-For", f"203.0.113.{number}"), ("X-Forwarded-For", "198.51.100.9")])
            statuses.append((await live.request("POST", "/inbox", data=b"{}", headers=headers)).status)
        assert statuses == [415, 415, 415, 429, 429]


@pytest.mark.proves("SEC-085")
async def test_whose_reply_was_removed_is_not_told(desk: Desk) -> None:
    """The placeholder stands for nobody, in labels for screen readers too."""
    post = await desk.write_post("anna")
    removed = await desk.reply(post, await desk.stranger("wanda"))
    await desk.reply(post, await desk.stranger("mia"), parent=removed)
    await desk.parts.db.write(replies.remove, removed.id)
    page = await desk.browser().get(f"/@anna/{post.slug}")
    assert page.status == 200
    assert "This reply was removed" in page.text
    assert "Mia" in page.text
    assert "wanda" not in page.text.lower()
    assert (await desk.parts.db.read(replies.thread, PostId(post.id)))[0].reply.id == removed.id


@pytest.mark.proves("SEC-086")
async def test_COL_01_what_was_edited_away_is_not_to_be_had_any_more(desk: Desk) -> None:
    """An activity's address doesn't keep the first version of a text that was changed."""
    post = await desk.write_post("anna", source="The first words.")
    parts, account = desk.parts, await desk.account("anna")
    told = []
    for words in ("The second words.", "The last words."):
        text = await parts.publisher.compose(Writing(title=post.title, source=words), look_up=False)
        await parts.publisher.edit(post.id, text, editor_id=account.actor_id)
    browser = desk.browser(Accept="application/activity+json")
    for activity in await desk.sent():
        if activity.type in ("Create", "Update"):
            page = await browser.get(activity.uri)
            told.append((activity.type, page.status, "last words" in page.text))
            assert "first words" not in page.text
            assert "second words" not in page.text
            if activity.type == "Create":  # a proof would be one of the old words
                assert '"proof"' not in page.text
    assert ("Create", 200, True) in told
    assert ("Update", 200, True) in told
    assert ("Update", 404, False) in told
