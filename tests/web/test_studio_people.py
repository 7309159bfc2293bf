"""Followers, profile, blocks, account, and the owner's screens."""

from __future__ import annotations

import json
import re

import aiohttp
import pytest

from fedblog.blog.model import Role
from fedblog.storage import accounts, actors, factors, followers, inbox, moderation
from fedblog.web.studio.account import device_name
from tests.web.desk import PASSWORD, Desk


async def follow(desk: Desk, name: str = "anna", state: str = "pending") -> int:
    """Somebody follows one of ours."""
    mia, account = await desk.stranger(), await desk.account(name)
    await desk.parts.db.write(
        followers.add,
        actor_id=mia.id,
        target_id=account.actor_id,
        state=state,
        follow_uri="https://far.example/follow/1",
        follow_json=json.dumps(
            {
                "id": "https://far.example/follow/1",
                "type": "Follow",
                "actor": mia.uri,
                "object": desk.parts.ids.actor(name),
            }
        ),
    )
    return mia.id


async def test_a_follow_request_is_approved_or_turned_down(desk: Desk) -> None:
    for do, kind in (("accept", "Accept"), ("reject", "Reject")):
        mia = await follow(desk)
        anna = await desk.logged_in("anna")
        assert "@mia@far.example" in (await anna.get("/studio/followers?state=pending")).text
        assert (await anna.send(f"/studio/followers/{mia}", {"of": "anna", "do": do})).status == 303
        assert (await desk.sent())[-1].type == kind
        await anna.send(f"/studio/followers/{mia}", {"of": "anna", "do": "remove"})
        left = await anna.get("/studio/followers")
        assert "Nobody yet." in left.text


@pytest.mark.proves("SEC-119")
async def test_followers_are_each_authors_own(desk: Desk) -> None:
    mia = await follow(desk, state="accepted")
    bert = await desk.logged_in("bert")
    assert (await bert.get("/studio/followers?of=anna")).status == 404
    assert (await bert.get("/studio/followers?of=blog")).status == 404
    assert (await bert.send(f"/studio/followers/{mia}", {"of": "anna", "do": "remove"})).status == 404
    assert (await bert.send(f"/studio/followers/{mia}", {"of": "bert", "do": "remove"})).status == 404
    assert await desk.parts.db.read(followers.count, (await desk.account("anna")).actor_id) == 1
    assert "@blog" in (await (await desk.logged_in("edda")).get("/studio/followers?of=blog")).text


async def test_a_profile_is_saved_and_told(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    form = {"name": "Anna B.", "bio": "I *bake*.", "label": "Web", "value": "https://anna.example", "approve": "1"}
    page = await anna.follow(await anna.send("/studio/profile", form))
    assert "Profile saved." in page.text
    assert page.value("name") == "Anna B."
    assert page.area("bio") == "I *bake*."
    assert page.value("value") == "https://anna.example"
    actor = await desk.parts.db.read(actors.by_id, (await desk.account("anna")).actor_id)
    assert actor is not None
    assert actor.manually_approves
    assert "<em>bake</em>" in actor.summary_html
    assert (await desk.sent())[-1].type == "Update"


async def test_a_bad_picture_keeps_the_rest_of_the_profile_form(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    form = aiohttp.FormData({"csrf": (await anna.get("/studio/profile")).csrf, "name": "Anna Z", "bio": "Long words."})
    form.add_field("icon", b"<svg/>", filename="me.png", content_type="image/png")
    page = await anna.post("/studio/profile", form)  # type: ignore[arg-type]
    assert page.status == 400
    assert page.value("name") == "Anna Z"
    assert page.area("bio") == "Long words."


async def test_blocking_asks_person_or_server_and_can_be_undone(desk: Desk) -> None:
    mia = await desk.stranger()
    edda = await desk.logged_in("edda")
    ask = await edda.get(f"/studio/blocks/new?actor={mia.uri}")
    assert f"actor {mia.uri}" in ask.text
    assert "domain far.example" in ask.text
    assert "1 reply here" not in ask.text
    await desk.reply(await desk.write_post("anna"), mia)
    assert (await edda.get(f"/studio/blocks/new?actor={mia.uri}")).text.count("1 reply here") == 2
    assert (await edda.send("/studio/blocks", {"choice": "domain far.example", "reason": "spam"})).status == 303
    assert (await edda.send("/studio/blocks", {"choice": f"actor {mia.uri}"})).status == 303
    assert "spam" in (await edda.get("/studio/blocks")).text
    assert await desk.parts.db.read(moderation.is_blocked, actor_uri=mia.uri, host="sub.far.example")
    for typed, above in (
        ("a.b.far.example", {"b.far.example", "far.example"}),
        ("a.far.co.uk", {"far.co.uk"}),
        ("far.example", set()),
        ("10.0.0.1", set()),
    ):
        page = (await edda.get(f"/studio/blocks/new?value={typed}")).text
        found = set(re.findall(r'value="domain ([^"]+)"', page)) - {typed}
        assert found == above, typed
    for kind, value in (("domain", "far.example"), ("actor", mia.uri)):
        await edda.send("/studio/blocks/remove", {"kind": kind, "value": value})
    assert await desk.parts.db.read(moderation.blocks) == []


async def test_the_blog_cannot_block_itself_and_odd_choices_are_refused(desk: Desk) -> None:
    edda = await desk.logged_in("edda")
    for choice in (
        "domain blog.example",
        "domain BLOG.Example.",
        "limit Blog.example",
        "domain COM.",
        "actor HTTP://BLOG.example/ap/actors/anna",
        "actor http://blog.example/ap/actors/anna",
        "domain a b",
        "actor x",
        "",
        "x y",
    ):
        assert (await edda.send("/studio/blocks", {"choice": choice})).status == 400
    assert (await edda.get("/studio/blocks/new?value=blog.example")).status == 400
    for typed, problem in (
        ("com", "part of the internet"),
        ("co.uk", "part of the internet"),
        ("Blog.example.", "itself"),
    ):
        page = await edda.get(f"/studio/blocks/new?value={typed}")
        assert page.status == 400, typed
        assert problem in page.text, typed
        for kind in ("domain", "limit"):
            assert (await edda.send("/studio/blocks", {"choice": f"{kind} {typed}"})).status == 400
    assert "xn--bcher-kva.example" in (await edda.get("/studio/blocks/new?value=b%C3%BCcher.example")).text
    assert await desk.parts.db.read(moderation.blocks) == []


async def test_roles_decide_who_may(desk: Desk) -> None:
    anna, edda = await desk.logged_in("anna"), await desk.logged_in("edda")
    for path in ("/studio/blocks/new?value=x.example", "/studio/people", "/studio/inbox-log"):
        assert (await anna.get(path)).status == 403
    assert (await anna.send("/studio/blocks", {"choice": "domain x.example"})).status == 403
    assert (await edda.get("/studio/people")).status == 403
    assert (await edda.send("/studio/people", {"username": "eve", "password": PASSWORD, "role": "owner"})).status == 403
    account = await desk.account("anna")
    assert (await anna.send(f"/studio/people/{account.id}", {"do": "role", "role": "owner"})).status == 403
    assert (await desk.account("anna")).role is Role.AUTHOR


async def test_the_owner_adds_somebody_who_can_log_in(desk: Desk) -> None:
    olga = await desk.logged_in("olga")
    form = {"username": "carl", "name": "Carl", "password": "another long one", "role": "editor"}
    assert (await olga.send("/studio/people", form)).status == 303
    assert (await desk.browser().log_in("carl", "another long one")).status == 303
    again = await olga.send("/studio/people", form)
    assert again.status == 409
    assert again.value("name") == "Carl"
    assert (await olga.send("/studio/people", {**form, "username": "d", "password": "short"})).status == 400
    assert (await olga.send("/studio/people", {**form, "username": "../x"})).status == 400


async def test_a_locked_out_person_is_out_at_once_and_the_owner_stays(desk: Desk) -> None:
    olga, bert = await desk.logged_in("olga"), await desk.logged_in("bert")
    account, own = await desk.account("bert"), await desk.account("olga")
    assert (await olga.send(f"/studio/people/{account.id}", {"do": "disable"})).status == 303
    assert (await bert.get("/studio")).status == 303
    assert (await olga.send(f"/studio/people/{own.id}", {"do": "disable"})).status == 400
    assert (await olga.send(f"/studio/people/{own.id}", {"do": "role", "role": "author"})).status == 400


async def test_a_new_password_needs_the_old_one_and_ends_other_log_ins(desk: Desk) -> None:
    here, there = await desk.logged_in("anna"), await desk.logged_in("anna")
    wrong = await here.send("/studio/account/password", {"current": "wrong", "new": "a whole new one"})
    assert wrong.status == 403
    short = await here.send("/studio/account/password", {"current": PASSWORD, "new": "short"})
    assert short.status == 400
    old = dict(here.cookies)
    assert (await here.send("/studio/account/password", {"current": PASSWORD, "new": "a whole new one"})).status == 303
    assert (await here.get("/studio")).status == 200
    assert (await there.get("/studio")).status == 303
    here.cookies = old
    assert (await here.get("/studio")).status == 303
    assert (await desk.browser().log_in("anna", "a whole new one")).status == 303
    assert (await desk.browser().log_in("anna")).status == 401


async def test_the_present_password_cannot_be_guessed_at_an_open_log_in(desk: Desk) -> None:
    here = await desk.logged_in("anna")
    guess = {"current": "wrong", "new": "a whole new one"}
    answers = [await here.send("/studio/account/password", guess) for _ in range(12)]
    assert {answer.status for answer in answers} == {403, 429}
    assert answers[-1].headers["Retry-After"] == "900"
    assert (await here.send("/studio/account/password", {**guess, "current": PASSWORD})).status == 429
    desk.clock.now += 901
    assert (await here.send("/studio/account/password", {**guess, "current": PASSWORD})).status == 303


async def test_log_ins_are_listed_and_can_be_ended(desk: Desk) -> None:
    here = await desk.logged_in("anna")
    phone = desk.browser(**{"User-Agent": "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"})
    await phone.log_in("anna")
    page = (await here.get("/studio/account")).text
    assert "Firefox on Android" in page
    assert "This device" in page
    sessions = await desk.parts.db.read(accounts.sessions_of, (await desk.account("anna")).id)
    marks = [one.id_hash[:16] for one in sessions]
    assert not any(one.id_hash in page for one in sessions)
    bert = await desk.logged_in("bert")
    for mark in marks:
        assert (await bert.send("/studio/account/sessions", {"session": mark})).status == 404
    other = next(one.id_hash[:16] for one in sessions if "Android" in one.user_agent)
    assert (await here.send("/studio/account/sessions", {"session": other})).status == 303
    assert (await phone.get("/studio")).status == 303
    await phone.log_in("anna")
    await here.send("/studio/account/sessions", {"session": "all"})
    assert (await phone.get("/studio")).status == 303
    assert (await here.get("/studio")).status == 200


async def test_the_inbox_log_tells_reasons_and_pages(desk: Desk) -> None:
    for number in range(103):
        await desk.parts.db.write(
            inbox.log,
            activity_uri=f"https://far.example/{number}",
            type="Create",
            actor_uri="https://far.example/<b>",
            host="far.example",
            status=401,
            reason=f"reason_{number}",
            detail="",
        )
    olga = await desk.logged_in("olga")
    first = (await olga.get("/studio/inbox-log")).text
    assert "reason_102" in first
    assert "reason_1<" not in first
    assert "<b>" not in first
    older = first.split('href="/studio/inbox-log?before=')[1].split('"')[0]
    assert "reason_1<" in (await olga.get(f"/studio/inbox-log?before={older}")).text


def test_devices_have_names() -> None:
    assert (
        device_name("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36")
        == "Chrome on Linux"
    )
    assert device_name("curl/8.1") == "curl"
    assert device_name("") == "Unknown device"


async def test_the_owner_lets_in_again_and_forgets_lost_codes(desk: Desk) -> None:
    olga, anna = await desk.logged_in("olga"), await desk.account("anna")
    where, forget = f"/studio/people/{anna.id}", "Forget codes and passkeys"
    assert forget not in (await olga.get("/studio/people")).text
    await desk.parts.db.write(factors.begin_codes, anna.id, b"sealed")
    assert forget not in (await olga.get("/studio/people")).text, "not in use yet"
    await desk.parts.db.write(factors.confirm_codes, anna.id, b"sealed", 1)
    assert forget in (await olga.get("/studio/people")).text
    assert (await desk.browser().log_in("anna")).location == "/login/second"
    assert (await (await desk.logged_in("edda")).send(where, {"do": "reset"})).status == 403
    await olga.send(where, {"do": "reset"})
    assert (await desk.browser().log_in("anna")).location == "/studio"
    await olga.send(where, {"do": "disable"})
    assert (await desk.browser().log_in("anna")).status == 401
    page = await olga.follow(await olga.send(where, {"do": "enable"}))
    assert "can log in again" in page.text
    await desk.logged_in("anna")
