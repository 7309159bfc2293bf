"""/studio/privacy: the owner looks somebody up, hands out what is kept, erases."""

from __future__ import annotations

import json

from fedblog.storage import actors, moderation
from tests.web.desk import Desk


async def test_somebody_is_found_handed_out_and_erased(desk: Desk) -> None:
    post = await desk.write_post("anna")
    mia = await desk.stranger()
    await desk.reply(post, mia, "Very <em>private</em> words.")
    await desk.parts.db.write(
        moderation.add_report, activity_uri="x:1", reporter_uri=mia.uri, objects=(post.uri,), content="=1+1"
    )
    assert "private" in (await desk.browser().get(f"/@anna/{post.slug}")).text
    olga = await desk.logged_in("olga")
    for who in ("@mia@far.example", "MIA@far.example", mia.uri, mia.url):
        found = await olga.get(f"/studio/privacy?who={who}")
        assert f"/studio/privacy/{mia.id}/erase" in found.text, who
        assert "1 report" in found.text
    assert (
        "Nothing is kept here about @tom@far.example" in (await olga.get("/studio/privacy?who=@tom@far.example")).text
    )
    assert (await olga.get("/studio/privacy?who=%3Csvg%3E")).status == 400

    file = await olga.get(f"/studio/privacy/{mia.id}.json")
    assert file.headers["Content-Disposition"] == 'attachment; filename="mia-far.example.json"'
    told = json.loads(file.text)
    assert told["replies"][0]["content_html"] == "<p>Very <em>private</em> words.</p>"
    assert told["reports_by_them"][0]["content"] == "=1+1"

    assert "There is no way back." in (await olga.get(f"/studio/privacy/{mia.id}/erase")).text
    done = await olga.send(f"/studio/privacy/{mia.id}/erase")
    assert "1 reply went." in done.text
    assert "private" not in (await desk.browser().get(f"/@anna/{post.slug}")).text
    assert await desk.parts.db.read(actors.by_uri, mia.uri) is None
    for path in (f"/studio/privacy/{mia.id}.json", f"/studio/privacy/{mia.id}/erase"):
        assert (await olga.get(path)).status == 404
    ours = (await desk.account("anna")).actor_id
    assert (await olga.get(f"/studio/privacy/{ours}.json")).status == 404
    assert (await olga.send(f"/studio/privacy/{ours}/erase")).status == 404


async def test_only_the_owner_may_and_own_words_are_named(desk: Desk) -> None:
    post = await desk.write_post("anna")
    mia = await desk.stranger()
    reply = await desk.reply(post, mia)
    account = await desk.account("anna")
    answer = await desk.parts.publisher.answer(
        author_id=account.actor_id, reply_id=reply.id, source="Thanks, @mia@far.example!"
    )
    for name in ("anna", "edda"):
        browser = await desk.logged_in(name)
        for path in ("/studio/privacy", f"/studio/privacy/{mia.id}.json", f"/studio/privacy/{mia.id}/erase"):
            assert (await browser.get(path)).status == 403, path
        assert (await browser.send(f"/studio/privacy/{mia.id}/erase")).status == 403
    olga = await desk.logged_in("olga")
    done = await olga.send(f"/studio/privacy/{mia.id}/erase")
    assert f"/studio/replies/{answer.id}" in done.text
    page = await desk.browser().get(f"/@anna/{post.slug}")
    assert "Thanks," in page.text
    document = await desk.browser().get(answer.uri, Accept="application/activity+json")
    assert json.loads(document.text)["inReplyTo"] == post.uri
