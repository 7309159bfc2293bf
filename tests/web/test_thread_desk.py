"""What the author sees in the conversation on the page, and decides there; nobody else sees any of it."""

from __future__ import annotations

import re

from fedblog.blog.model import ReplyState, Visibility
from fedblog.storage import replies
from tests.web.desk import Desk


async def test_the_author_decides_about_replies_on_the_page(desk: Desk) -> None:
    post = await desk.write_post("anna")
    mia, path = await desk.stranger(), f"/@anna/{post.slug}"
    shown = await desk.reply(post, mia, "Well said.")
    held = await desk.reply(post, mia, "Waits here.", state=ReplyState.HELD)
    below = await desk.reply(post, mia, "Below it.", parent=held)
    await desk.reply(post, mia, "Between us.", visibility=Visibility.DIRECT)
    hidden = await desk.reply(post, mia, "Gone.")
    await desk.parts.publisher.hide_reply(hidden.id)

    anna, bert, nobody = await desk.logged_in("anna"), await desk.logged_in("bert"), desk.browser()
    mine = await anna.get(path)
    for text in ("Well said.", "Waits here.", "Below it.", "Between us.", "Gone."):
        assert text in mine.text
    assert "no-store" in mine.headers["Cache-Control"]
    assert mine.text.count("Waits for your decision") == 1
    assert "Only you see this" in mine.text
    assert re.search(r'aria-label="Reply by Mia to Mia, level 2"', mine.text)
    for other in (bert, nobody):
        theirs = await other.get(path)
        assert "Well said." in theirs.text
        for text in ("Waits here.", "Below it.", "Between us.", "Gone.", "reply-desk", "csrf"):
            assert text not in theirs.text
        assert (await other.get(f"{path}?reply={held.id}")).status == 404
    assert (await anna.get(f"{path}?reply={held.id}")).status == 200

    back = f"/@anna/{post.slug}?reply={held.id}#reply-{held.id}"
    form = {"csrf": mine.csrf, "back": back}
    assert f'name="back" value="{back}"' in mine.text
    answer = await anna.post(f"/studio/replies/{held.id}/state", {**form, "do": "approve"})
    assert answer.location == f"/@anna/{post.slug}?reply={held.id}#reply-{held.id}"
    public = (await nobody.get(path)).text
    assert "Waits here." in public
    assert "Below it." in public
    await anna.post(f"/studio/replies/{shown.id}/state", {**form, "do": "spam"})
    assert "Well said." not in (await nobody.get(path)).text
    found = await desk.parts.db.read(replies.by_id, shown.id)
    assert found is not None
    assert (found.state, found.reason) == (ReplyState.HIDDEN, "spam")
    refused = await bert.post(f"/studio/replies/{below.id}/state", {**form, "do": "hide"})
    assert refused.status in (403, 404)
    assert (await anna.post(f"/studio/replies/{below.id}/state", {**form, "do": "eat"})).status == 400


async def test_the_way_back_stays_on_this_site(desk: Desk) -> None:
    post = await desk.write_post("anna")
    reply = await desk.reply(post, await desk.stranger())
    anna = await desk.logged_in("anna")
    token = (await anna.get(f"/@anna/{post.slug}")).csrf
    for back in ("//evil.example/", "https://evil.example/@a", "/@a\\b", "/@a\nb"):
        answer = await anna.post(f"/studio/replies/{reply.id}/state", {"csrf": token, "back": back, "do": "hide"})
        assert answer.location.startswith("/studio/conversations"), back
