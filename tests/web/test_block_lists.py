"""The studio's lists of blocks: preview, choice, undo, lists elsewhere, CSV out."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from fedblog.blog.model import ReplyState
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_server import Answer
from fedblog.storage import block_lists, block_subscriptions, moderation, replies
from tests.live import live_app
from tests.web.desk import Desk

LIST = (
    "#domain,#severity,#public_comment\nfar.example,suspend,<b>spam</b>\nempty.example,suspend,\nb*.example,suspend,\n"
)


async def test_a_file_is_shown_before_it_does_anything_and_taken_back(desk: Desk) -> None:
    post = await desk.write_post("anna")
    mia = await desk.stranger()
    reply = await desk.reply(post, mia)
    edda = await desk.logged_in("edda")
    form = aiohttp.FormData({"csrf": (await edda.get("/studio/blocks/lists")).csrf}, quote_fields=False)
    form.add_field("file", LIST.encode(), filename="bad <i>.csv", content_type="text/csv")
    made = await edda.post("/studio/blocks/imports", form)  # type: ignore[arg-type]
    here = made.location
    assert here.startswith("/studio/blocks/imports/")
    page = await edda.get(here)
    for words in ("bad &lt;i&gt;.csv", "@mia@far.example", "1 reply here", "&lt;b&gt;spam&lt;/b&gt;", "empty.example"):
        assert words in page.text, words
    assert "Parts of the name are hidden." in page.text
    assert f"/studio/replies/{reply.id}" in page.text
    assert await desk.parts.db.read(moderation.blocks) == []

    row = page.value("row")
    nothing = await edda.send(here, {"do": "apply", "boxes": row})
    assert nothing.status == 400
    assert "Nothing was chosen." in nothing.text
    applied = await edda.send(here, {"do": "apply", "boxes": row, "row": row, "others": "1", "except": "empty.example"})
    assert "You can take all of it back at once." in (await edda.follow(applied)).text
    assert [(one.value, one.reason) for one in await desk.parts.db.read(moderation.blocks)] == [
        ("far.example", "<b>spam</b>")
    ]
    hidden = await desk.parts.db.read(replies.by_id, reply.id)
    assert hidden is not None
    assert hidden.state is ReplyState.HIDDEN
    assert "@mia" not in (await desk.browser().get(f"/@anna/{post.slug}")).text
    assert (await edda.send(here, {"do": "apply", "others": "1"})).status == 409

    undone = await edda.follow(await edda.send(here, {"do": "undo"}))
    assert "what the list hid shows again" in undone.text
    assert "Well said." in (await desk.browser().get(f"/@anna/{post.slug}")).text
    assert await desk.parts.db.read(moderation.blocks) == []
    assert (await edda.send(here, {"do": "undo"})).status == 409
    assert "Taken back" in (await edda.get("/studio/blocks/lists")).text


async def test_a_pasted_list_can_be_dropped_and_nonsense_is_refused(desk: Desk) -> None:
    edda = await desk.logged_in("edda")
    for text, words in (("", "No line of this list can be used."), ("a\nb c", "No line of this list can be used.")):
        page = await edda.send("/studio/blocks/imports", {"text": text})
        assert page.status == 400
        assert words in page.text
        assert page.area("text") == text
    form = aiohttp.FormData({"csrf": (await edda.get("/studio/blocks/lists")).csrf})
    form.add_field("file", b"\xff\xfe\x00x", filename="x.csv", content_type="text/csv")
    assert (await edda.post("/studio/blocks/imports", form)).status == 400  # type: ignore[arg-type]
    made = await edda.send("/studio/blocks/imports", {"text": "x.example\ny.example"})
    assert (await edda.send(made.location, {"do": "drop"})).status == 303
    assert "Nothing of this list was blocked." in (await edda.get(made.location)).text
    assert await desk.parts.db.read(block_lists.imports) == []
    many = "\n".join(f"s{number}.example" for number in range(2_000))
    made = await edda.send("/studio/blocks/imports", {"text": many})
    assert "and 1,000 more" in (await edda.get(made.location)).text.replace("1000", "1,000")
    await edda.send(made.location, {"do": "apply", "others": "1", "except": "s0.example\ns1.example"})
    assert len(await desk.parts.db.read(moderation.blocks)) == 1_998
    first = await edda.get("/studio/blocks")
    assert first.text.count('name="value"') == 201
    assert "page=1" in first.text
    assert (await edda.get("/studio/blocks?q=S1999")).text.count('action="/studio/blocks/remove"') == 1
    await edda.send("/studio/blocks/remove", {"kind": "domain", "value": "s1999.example"})
    assert len(await desk.parts.db.read(moderation.blocks)) == 1_997


async def test_blocks_go_out_as_mastodon_reads_them_and_nothing_runs_in_a_spreadsheet(desk: Desk) -> None:
    edda = await desk.logged_in("edda")
    odd = await desk.stranger("+cmd", "odd.example")
    for kind, value in (
        ("domain", "bad.example"),
        ("limit", "loud.example"),
        ("account", "tom@near.example"),
        ("actor", odd.uri),
        ("actor", (await desk.stranger()).uri),
    ):
        await desk.parts.db.write(moderation.block, kind, value, "=1+1")
    servers = await edda.get("/studio/blocks/domains.csv")
    assert servers.text.splitlines() == [
        "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate",
        "bad.example,suspend,false,false,,false",
        "loud.example,silence,false,false,,false",
    ]
    assert "attachment" in servers.headers["Content-Disposition"]
    people = (await edda.get("/studio/blocks/accounts.csv")).text.splitlines()
    assert people == ["Account address", "tom@near.example", "mia@far.example", odd.uri]
    assert not any(line.startswith(("=", "+", "-", "@")) for line in people)
    page = await edda.get("/studio/blocks?q=near")
    assert "tom@near.example" in page.text
    await edda.send("/studio/blocks/remove", {"kind": "account", "value": "tom@near.example"})
    assert "tom@near.example" not in (await edda.get("/studio/blocks/accounts.csv")).text


async def test_lists_are_for_editors(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    for path in ("/studio/blocks/lists", "/studio/blocks/imports/1", "/studio/blocks/domains.csv"):
        assert (await anna.get(path)).status == 403
    for path in (
        "/studio/blocks/lists",
        "/studio/blocks/imports",
        "/studio/blocks/lists/1",
        "/studio/blocks/imports/1",
    ):
        assert (await anna.send(path, {"text": "x.example", "url": "https://x.example"})).status == 403
    edda = await desk.logged_in("edda")
    assert (await edda.get("/studio/blocks/imports/1")).status == 404
    assert (await edda.send("/studio/blocks/lists/1")).status == 404


async def test_a_list_elsewhere_is_read_through_the_guard_and_never_applied_by_itself(desk: Desk) -> None:
    edda = await desk.logged_in("edda")
    assert (await edda.send("/studio/blocks/lists", {"url": "javascript:alert(1)"})).status == 400
    page = await edda.follow(await edda.send("/studio/blocks/lists", {"url": "http://127.0.0.1:9/list.csv"}))
    assert "http://127.0.0.1:9/list.csv" in page.text
    await desk.parts.jobs.drain()
    assert "It could not be read:" in (await edda.get("/studio/blocks/lists")).text
    number = (await desk.parts.db.read(block_subscriptions.subscriptions))[0].id
    assert (await edda.send(f"/studio/blocks/lists/{number}", {"do": "read"})).status == 303
    assert (await edda.send(f"/studio/blocks/lists/{number}", {"do": "remove"})).status == 303
    assert await desk.parts.db.read(block_subscriptions.subscriptions) == []


async def test_what_a_list_elsewhere_says_waits_for_somebody(tmp_path: Path) -> None:
    """A day passes, the list changes; too long, no text and errors are said, and nothing is lost by them."""
    now = [1_800_000_000.0]
    async with PeerServer() as peer, live_app(tmp_path, clock=lambda: now[0]) as live:
        db, jobs = live.services.db, live.services.jobs
        url = f"{peer.base_url}/list.csv"

        async def answer(status: int, body: bytes) -> None:
            peer.script.clear("/list.csv")
            peer.script.add("/list.csv", Answer(status=status, body=body))
            now[0] += block_subscriptions.EVERY
            await jobs.drain()

        peer.script.add("/list.csv", Answer(status=200, body=b"a.example\nb.example\n"))
        await db.write(block_subscriptions.subscribe, url)
        await jobs.drain()
        (waiting,) = await db.read(block_lists.imports)
        assert (waiting.state, waiting.title) == ("draft", url)
        assert await db.read(moderation.blocks) == []
        await db.write(block_lists.apply, waiting.id)
        for status, body in ((500, b""), (200, b"\xff\xfe"), (200, b"x" * 3_000_000), (200, b"")):
            await answer(status, body)
            assert (await db.read(block_subscriptions.subscriptions))[0].error
            assert len(await db.read(block_lists.imports)) == 1
        await answer(200, b"b.example\nc.example\n")
        assert not (await db.read(block_subscriptions.subscriptions))[0].error
        waiting = (await db.read(block_lists.imports))[0]
        rows = await db.read(block_lists.rows, waiting.id)
        assert [(row.act, row.value) for row in rows] == [("add", "c.example"), ("remove", "a.example")]
        assert {one.value for one in await db.read(moderation.blocks)} == {"a.example", "b.example"}
