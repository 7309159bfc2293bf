"""The followers' list: newest first, searched, by server, with what is known of deliveries, and as CSV."""

from __future__ import annotations

import re

from fedblog.storage import followers
from fedblog.storage.database import Tx
from fedblog.storage.hosts import host_failed, hosts_succeeded
from tests.web.desk import Desk


async def crowd(desk: Desk) -> None:
    """Anna has three followers on two servers; one of these can't be reached."""
    anna = await desk.account("anna")
    for name, host in (("mia", "far.example"), ("bob_1", "far.example"), ("=cmd", "down.example")):
        desk.clock.now += 86_400
        actor = await desk.stranger(name, host)
        await desk.parts.db.write(
            followers.add,
            actor_id=actor.id,
            target_id=anna.actor_id,
            state="accepted",
            follow_uri=f"{actor.uri}/follow",
            follow_json="{}",
        )

    def reached(tx: Tx) -> None:
        hosts_succeeded(tx, ["far.example"])
        host_failed(tx, "down.example", open_until=tx.now + 60)

    await desk.parts.db.write(reached)


async def test_the_list_tells_who_from_where_and_whether_they_are_reached(desk: Desk) -> None:
    await crowd(desk)
    anna = await desk.logged_in("anna")
    page = await anna.get("/studio/followers")
    names = re.findall(r">@(\S+?)@(?:far|down)\.example<", page.text)
    assert names == ["=cmd", "bob_1", "mia"]
    assert "Not reached since" in page.text
    assert "Last delivery taken on" in page.text
    assert "<svg" in page.text
    for query, wanted in (
        ("q=BOB_", ["bob_1"]),
        ("q=%25", []),
        ("q=bob%5C", []),
        ("server=far.example", ["bob_1", "mia"]),
        ("q=%40mia%40far", ["mia"]),
    ):
        found = await anna.get(f"/studio/followers?{query}")
        assert re.findall(r">@(\S+?)@(?:far|down)\.example<", found.text) == wanted, query
    servers = await anna.get("/studio/followers/servers")
    assert servers.text.index("far.example") < servers.text.index("down.example")
    bert = await desk.logged_in("bert")
    for path in ("/studio/followers.csv?of=anna", "/studio/followers/servers?of=anna"):
        assert (await bert.get(path)).status == 404
    assert "far.example" not in (await bert.get("/studio/followers/servers")).text


async def test_followers_leave_as_mastodons_csv(desk: Desk) -> None:
    await crowd(desk)
    anna = await desk.logged_in("anna")
    table = await anna.get("/studio/followers.csv")
    assert table.text.splitlines() == ["Account address", "=cmd@down.example", "bob_1@far.example", "mia@far.example"]
    assert "attachment" in table.headers["Content-Disposition"]
    assert table.headers["Cache-Control"] == "private, no-store"


async def test_removing_leads_back_to_where_one_was(desk: Desk) -> None:
    await crowd(desk)
    mia = await desk.stranger("mia", "far.example")
    anna = await desk.logged_in("anna")
    form = {"of": "anna", "do": "remove", "back": "/studio/followers?of=anna&server=far.example"}
    page = await anna.send(f"/studio/followers/{mia.id}", form)
    assert page.location == "/studio/followers?of=anna&server=far.example&done=follower_removed"
    assert "@mia@" not in (await anna.follow(page)).text
    assert (await desk.sent())[-1].type == "Reject"
    form["back"] = "https://evil.example/"
    bob = await desk.stranger("bob_1", "far.example")
    assert (await anna.send(f"/studio/followers/{bob.id}", form)).location.startswith("/studio/followers?of=anna")
