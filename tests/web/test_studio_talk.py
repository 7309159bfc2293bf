"""Conversations: reading, answering, deciding; and who may."""

from __future__ import annotations

import json

import aiohttp
import pytest

from fedblog.blog.model import PostId, ReactionKind, Reply, ReplyId, ReplyState, Visibility
from fedblog.storage import accounts, actors, moderation, reactions, replies, threads
from tests.web.desk import Desk


async def test_replies_show_with_what_they_answer_and_are_unread_once(desk: Desk) -> None:
    post = await desk.write_post("anna", "On bread")
    mia, kai = await desk.stranger("mia"), await desk.stranger("kai", "other.example")
    first = await desk.reply(post, mia, "Which flour?")
    await desk.reply(post, kai, "Rye, I guess", parent=first)
    anna = await desk.logged_in("anna")
    assert "unread: </span>2" in (await anna.get("/studio")).text
    page = await anna.get("/studio/conversations")
    assert page.text.index("Rye, I guess") < page.text.index("@mia@far.example")
    assert page.text.count("is-unread") == 2
    assert '<bdi class="talk-above-name">Mia</bdi> Which flour?' in page.text
    assert "is-unread" not in (await anna.get("/studio/conversations")).text
    assert "Nothing here." in (await anna.get("/studio/conversations?show=unread")).text


async def test_likes_and_boosts_are_in_the_list(desk: Desk) -> None:
    post = await desk.write_post("anna")
    mia = await desk.stranger()
    for kind in (ReactionKind.LIKE, ReactionKind.ANNOUNCE, ReactionKind.DISLIKE):
        await desk.parts.db.write(
            reactions.add, kind=kind, actor_id=mia.id, post_id=post.id, activity_uri=f"https://far.example/{kind}"
        )
    anna = await desk.logged_in("anna")
    by_post = (await anna.get("/studio/conversations")).text
    assert "1 new like<" in by_post
    assert "1 new boost<" in by_post
    text = (await anna.get("/studio/conversations?show=all")).text
    assert "liked" in text
    assert "boosted" in text
    assert "dislike" not in text
    assert "Mia" not in (await (await desk.logged_in("bert")).get("/studio/conversations")).text


async def test_an_answer_goes_out_as_a_note_and_stands_in_the_list(desk: Desk) -> None:
    post = await desk.write_post("anna")
    reply = await desk.reply(post, await desk.stranger())
    anna = await desk.logged_in("anna")
    done = await anna.send(
        f"/studio/replies/{reply.id}/answer", {"source": "Thank *you*!", "back": "/studio/conversations"}
    )
    assert done.status == 303
    page = await anna.follow(done)
    assert "Your answer is out." in page.text
    assert "Thank <em>you</em>!" in (await anna.get(f"/studio/conversations?post={post.id}")).text
    assert "Thank <em>you</em>!" in (await anna.get(f"/studio/replies/{reply.id}")).text
    activity = (await desk.sent())[-1]
    note = json.loads(activity.body)["object"]
    assert (activity.type, note["type"], note["inReplyTo"]) == ("Create", "Note", reply.uri)


async def test_an_own_answer_can_be_changed_and_deleted(desk: Desk) -> None:
    post = await desk.write_post("anna")
    anna = await desk.logged_in("anna")
    await anna.send(f"/studio/posts/{post.id}/answer", {"source": "First"})
    thread = (await anna.get("/studio/conversations")).text
    number = thread.split("/studio/answers/")[1].split('"')[0]
    desk.clock.now += 60
    assert (await anna.send(f"/studio/answers/{number}", {"source": "Second"})).status == 303
    assert "Second" in (await desk.browser().get("/@anna/on-bread")).text
    assert (await anna.get(f"/studio/answers/{number}/delete")).status == 200
    assert (await anna.send(f"/studio/answers/{number}/delete")).status == 303
    assert "Second" not in (await desk.browser().get("/@anna/on-bread")).text
    types = [activity.type for activity in await desk.sent()]
    assert types[-3:] == ["Create", "Update", "Delete"]


async def test_a_like_tells_the_author_of_the_reply_and_can_be_taken_back(desk: Desk) -> None:
    reply = await desk.reply(await desk.write_post("anna"), await desk.stranger())
    anna = await desk.logged_in("anna")
    for do, shown, kind in (("like", ">Liked<", "Like"), ("unlike", ">Like<", "Undo")):
        page = await anna.follow(await anna.send(f"/studio/replies/{reply.id}/like", {"do": do}))
        assert shown in page.text
        assert (await desk.sent())[-1].type == kind
    assert (await (await desk.logged_in("bert")).send(f"/studio/replies/{reply.id}/like")).status == 404


async def test_an_answer_that_came_too_late_is_given_back(desk: Desk) -> None:
    reply = await desk.reply(await desk.write_post("anna"), await desk.stranger())
    await desk.parts.db.write(replies.remove, reply.id)
    anna = await desk.logged_in("anna")
    page = await anna.send(f"/studio/replies/{reply.id}/answer", {"source": "Long & dear words"})
    assert page.status in (404, 409)
    assert "Long &amp; dear words" in page.text


async def test_an_empty_answer_is_refused(desk: Desk) -> None:
    reply = await desk.reply(await desk.write_post("anna"), await desk.stranger())
    anna = await desk.logged_in("anna")
    assert (await anna.send(f"/studio/replies/{reply.id}/answer", {"source": " \n "})).status == 400


async def test_hiding_and_approving_decide_what_the_page_shows(desk: Desk) -> None:
    post = await desk.write_post("anna")
    reply = await desk.reply(post, await desk.stranger(), "Held words", state=ReplyState.HELD)
    anna, reader = await desk.logged_in("anna"), desk.browser()
    assert "Held words" not in (await reader.get("/@anna/on-bread")).text
    assert "Held words" in (await anna.get("/studio/conversations?show=held")).text
    for do, shown in (("approve", True), ("hide", False), ("approve", True)):
        done = await anna.send(f"/studio/replies/{reply.id}/state", {"do": do})
        assert done.status == 303
        assert ("Held words" in (await reader.get("/@anna/on-bread")).text) is shown


async def test_a_private_reply_is_for_the_one_it_answers_alone(desk: Desk) -> None:
    post = await desk.write_post("anna")
    secret = await desk.reply(post, await desk.stranger(), "Between us", visibility=Visibility.DIRECT)
    anna = await desk.logged_in("anna")
    page = (await anna.get("/studio/conversations?show=private")).text
    assert "Between us" in page
    assert "Private: only you see this" in page
    assert "Between us" not in (await desk.browser().get("/@anna/on-bread")).text
    for name in ("olga", "edda", "bert"):
        other = await desk.logged_in(name)
        assert "Between us" not in (await other.get("/studio/conversations")).text
        assert "Between us" not in (await other.get("/studio")).text
        assert (await other.send(f"/studio/replies/{secret.id}/answer", {"source": "x"})).status == 404
        assert (await other.send(f"/studio/replies/{secret.id}/state", {"do": "approve"})).status == 404


async def test_a_private_reply_to_a_guest_answer_goes_to_who_wrote_that(desk: Desk) -> None:
    post = await desk.write_post("anna")
    edda = await desk.logged_in("edda")
    await edda.send(f"/studio/posts/{post.id}/answer", {"source": "Edda here"})
    account = await desk.account("edda")
    answer = next(row for row in await _thread(desk, post.id) if row.actor_id == account.actor_id)
    await desk.reply(post, await desk.stranger(), "For Edda", parent=answer, visibility=Visibility.DIRECT)
    assert "For Edda" in (await edda.get("/studio/conversations")).text
    assert "For Edda" not in (await (await desk.logged_in("anna")).get("/studio/conversations")).text


async def _thread(desk: Desk, post_id: PostId) -> list[Reply]:
    return [row.reply for row in await desk.parts.db.read(threads.thread, post_id, public_only=False)]


async def test_the_answer_to_a_private_reply_stays_private(desk: Desk) -> None:
    post = await desk.write_post("anna")
    secret = await desk.reply(post, await desk.stranger(), "Between us", visibility=Visibility.DIRECT)
    anna = await desk.logged_in("anna")
    await anna.send(f"/studio/replies/{secret.id}/answer", {"source": "Just you"})
    activity = (await desk.sent())[-1]
    assert not activity.public
    assert b"#Public" not in activity.body
    assert "Just you" not in (await desk.browser().get("/@anna/on-bread")).text


@pytest.mark.proves("SEC-119")
async def test_authors_cannot_reach_into_the_threads_of_others(desk: Desk) -> None:
    post = await desk.write_post("anna")
    reply = await desk.reply(post, await desk.stranger())
    anna, bert = await desk.logged_in("anna"), await desk.logged_in("bert")
    await anna.send(f"/studio/posts/{post.id}/answer", {"source": "Mine"})
    own = next(one for one in await _thread(desk, post.id) if one.local)
    for path, form in (
        (f"/studio/replies/{reply.id}/answer", {"source": "x"}),
        (f"/studio/replies/{reply.id}/state", {"do": "hide"}),
        (f"/studio/answers/{own.id}", {"source": "x"}),
        (f"/studio/answers/{own.id}/delete", {}),
        (f"/studio/answers/{reply.id}", {"source": "x"}),
        ("/studio/replies/1/state", {"do": "hide"}),
    ):
        assert (await bert.send(path, form)).status == 404
    stored = await desk.parts.db.read(replies.by_id, ReplyId(reply.id))
    assert stored is not None
    assert stored.state is ReplyState.PUBLISHED


async def test_an_editor_cannot_put_words_into_an_authors_mouth(desk: Desk) -> None:
    post = await desk.write_post("anna")
    await (await desk.logged_in("anna")).send(f"/studio/posts/{post.id}/answer", {"source": "Mine"})
    own = next(one for one in await _thread(desk, post.id) if one.local)
    edda = await desk.logged_in("edda")
    assert (await edda.send(f"/studio/answers/{own.id}", {"source": "x"})).status == 404


@pytest.mark.proves("SEC-094")
async def test_hostile_names_and_texts_are_inert_in_the_studio(desk: Desk) -> None:
    post = await desk.write_post("anna", "<img src=x onerror=alert(1)>")
    actor = await desk.stranger('"><script>alert(1)</script>')
    await desk.reply(post, actor, "fine")
    anna = await desk.logged_in("anna")
    for path in ("", "/conversations", "/posts"):
        text = (await anna.get(f"/studio{path}")).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text


async def test_long_conversations_come_in_pages_that_know_what_was_new(desk: Desk) -> None:
    post = await desk.write_post("anna")
    mia = await desk.stranger()
    for number in range(33):
        await desk.reply(post, mia, f"Word {number:02}")
    anna = await desk.logged_in("anna")
    first = await anna.get("/studio/conversations?show=all")
    assert first.text.count("is-unread") == 30
    older = first.text.split('href="/studio/conversations?show=all&amp;')[1].split('"')[0].replace("&amp;", "&")
    second = await anna.get(f"/studio/conversations?show=all&{older}")
    assert second.text.count("is-unread") == 3
    assert "Word 00" in second.text


async def test_somebody_else_reading_leaves_my_unread_marks(desk: Desk) -> None:
    await desk.reply(await desk.write_post("anna"), await desk.stranger())
    olga, anna = await desk.logged_in("olga"), await desk.logged_in("anna")
    await olga.get("/studio/conversations")
    assert await desk.parts.db.read(accounts.seen_at, (await desk.account("anna")).id) == 0
    assert "is-unread" in (await anna.get("/studio/conversations")).text


async def test_posts_with_something_new_come_first(desk: Desk) -> None:
    old, new = await desk.write_post("anna", "Old talk"), await desk.write_post("anna", "New talk")
    mia = await desk.stranger()
    first = await desk.reply(new, mia, "Earlier words")
    await desk.reply(old, mia, "Later words")
    anna = await desk.logged_in("anna")
    await anna.get("/studio/conversations")  # everything is read now
    desk.clock.now += 60
    await desk.reply(new, mia, "Fresh words", parent=first)
    page = (await anna.get("/studio/conversations")).text
    assert page.index("New talk") < page.index("Old talk")
    assert "1 new reply<" in page
    assert "The whole conversation: 2 replies" in page
    assert "Earlier words" in page, "as what the new one answers"


async def test_decisions_can_be_taken_back(desk: Desk) -> None:
    post, mia = await desk.write_post("anna"), await desk.stranger()
    reply = await desk.reply(post, mia, "Doubtful words", state=ReplyState.HELD)
    anna = await desk.logged_in("anna")

    async def state() -> tuple[ReplyState, str, int]:
        now = await desk.parts.db.read(replies.by_id, reply.id)
        assert now is not None
        return now.state, now.reason, await desk.parts.db.read(actors.standing, mia.id)

    before = await state()
    for do, after in (
        ("approve", (ReplyState.PUBLISHED, "", 1)),
        ("hide", (ReplyState.HIDDEN, "hidden_by_author", 0)),
        ("spam", (ReplyState.HIDDEN, "spam", -1)),
    ):
        page = await anna.follow(await anna.send(f"/studio/replies/{reply.id}/state", {"do": do}))
        assert await state() == after
        undo = page.text.split('action="/studio/decisions/')[1].split("/")[0]
        back = await anna.follow(await anna.send(f"/studio/decisions/{undo}/undo"))
        assert "Taken back." in back.text
        assert await state() == before
        again = await anna.follow(await anna.send(f"/studio/decisions/{undo}/undo"))
        assert "can&#39;t be taken back" in again.text
        assert (await (await desk.logged_in("bert")).send(f"/studio/decisions/{undo}/undo")).status == 404


async def test_a_decision_that_something_overtook_stays(desk: Desk) -> None:
    reply = await desk.reply(await desk.write_post("anna"), await desk.stranger())
    anna = await desk.logged_in("anna")
    page = await anna.follow(await anna.send(f"/studio/replies/{reply.id}/state", {"do": "hide"}))
    undo = page.text.split('action="/studio/decisions/')[1].split("/")[0]
    await desk.parts.publisher.approve_reply(reply.id)
    await desk.parts.publisher.block_actor("https://far.example/users/mia")
    assert "can&#39;t be taken back" in (await anna.follow(await anna.send(f"/studio/decisions/{undo}/undo"))).text
    now = await desk.parts.db.read(replies.by_id, reply.id)
    assert now is not None
    assert (now.state, now.reason) == (ReplyState.HIDDEN, "author_blocked")


async def test_filters_find_first_timers_reported_and_hidden(desk: Desk) -> None:
    post = await desk.write_post("anna")
    mia, kai = await desk.stranger("mia"), await desk.stranger("kai", "other.example")
    one = await desk.reply(post, mia, "My first words")
    await desk.reply(post, mia, "My second words")
    held = await desk.reply(post, kai, "New here", state=ReplyState.HELD)
    await desk.parts.db.write(
        moderation.add_report,
        activity_uri="https://x.example/flag/1",
        reporter_uri="https://x.example/actor",
        objects=(one.uri, "https://nowhere.example/1"),
        content="<b>Rude</b>",
    )
    edda = await desk.logged_in("edda")
    texts = {
        show: (await edda.get(f"/studio/conversations?show={show}")).text for show in ("first", "reported", "hidden")
    }
    assert "My first words" in texts["first"]
    assert "New here" in texts["first"]
    assert "My second words" not in texts["first"]
    assert "My first words" in texts["reported"]
    assert "New here" not in texts["reported"]
    assert "Nothing here." in texts["hidden"]
    await edda.send(f"/studio/replies/{held.id}/state", {"do": "spam"})
    assert "Hidden as spam." in (await edda.get("/studio/conversations?show=hidden")).text
    listed = await edda.get("/studio/reports")
    assert "Reported from x.example" in listed.text
    assert "&lt;b&gt;Rude&lt;/b&gt;" in listed.text
    assert f"/studio/replies/{one.id}" in listed.text
    assert f"/studio/replies/{one.id}/report?back=/studio/reports" in listed.text
    await edda.send(f"/studio/replies/{one.id}/report", {"words": "Rude", "back": "/studio/reports"})
    assert "told on" in (await edda.get("/studio/reports")).text
    number = listed.text.split('action="/studio/reports/')[1].split('"')[0]
    assert (await edda.send(f"/studio/reports/{number}")).status == 303
    assert "Nothing was reported." in (await edda.get("/studio/reports")).text
    assert "Reported from" in (await edda.get("/studio/reports?all=1")).text
    assert (await edda.send(f"/studio/reports/{number}")).status == 404
    assert (await (await desk.logged_in("anna")).get("/studio/reports")).status == 403


async def test_a_reply_shows_in_its_place(desk: Desk) -> None:
    post, mia = await desk.write_post("anna"), await desk.stranger()
    chain = [await desk.reply(post, mia, "Word 0")]
    for number in range(1, 4):
        chain.append(await desk.reply(post, mia, f"Word {number}", parent=chain[-1]))
    anna = await desk.logged_in("anna")
    page = (await anna.get(f"/studio/replies/{chain[2].id}")).text
    assert [page.index(f"Word {number}") for number in range(4)] == sorted(page.index(f"Word {n}") for n in range(4))
    assert (await (await desk.logged_in("bert")).get(f"/studio/replies/{chain[2].id}")).status == 404
    assert (await anna.get("/studio/replies/1")).status == 404
    private = await desk.reply(post, mia, "For Anna alone", visibility=Visibility.DIRECT)
    assert (await (await desk.logged_in("olga")).get(f"/studio/replies/{private.id}")).status == 404
    assert "For Anna alone" in (await anna.get(f"/studio/replies/{private.id}")).text


async def test_several_replies_are_decided_and_taken_back_as_one(desk: Desk) -> None:
    post = await desk.write_post("anna")
    people = [await desk.stranger(f"p{number}") for number in range(3)]
    held = [await desk.reply(post, one, f"Held {one.username}", state=ReplyState.HELD) for one in people]
    letter = await desk.reply(post, people[0], "Between us", visibility=Visibility.DIRECT)
    anna = await desk.logged_in("anna")
    page = await anna.get("/studio/conversations?show=held")
    assert page.text.count('form="several"') == 3
    ids = [str(one.id) for one in held]

    async def states() -> list[str]:
        found = [await desk.parts.db.read(replies.by_id, one.id) for one in held]
        return [one.state.value for one in found if one is not None]

    back = "/studio/conversations?show=held"
    done = await anna.send("/studio/conversations/several", {"do": "approve", "reply": ids[0], "back": back})
    assert await states() == ["published", "held", "held"]
    many = aiohttp.FormData([("csrf", page.csrf), ("do", "spam"), ("back", back), *(("reply", one) for one in ids[1:])])
    done = await anna.post("/studio/conversations/several", many)  # type: ignore[arg-type]
    assert await states() == ["published", "hidden", "hidden"]
    shown = await anna.follow(done)
    assert "Done with all that were ticked." in shown.text
    undo = {"ids": shown.value("ids"), "back": shown.value("back")}
    assert undo["back"] == back
    assert "Taken back." in (await anna.follow(await anna.send("/studio/conversations/undo", undo))).text
    assert await states() == ["published", "held", "held"]
    late = await anna.follow(await anna.send("/studio/conversations/undo", undo))
    assert "taken back any more" in late.text
    for odd in ("", "x", "9" * 30, str(letter.id)):
        nothing = await anna.follow(await anna.send("/studio/conversations/several", {"do": "hide", "reply": odd}))
        assert "Tick the replies first." in nothing.text, odd
    bert = await desk.logged_in("bert")
    await bert.send("/studio/conversations/several", {"do": "approve", "reply": ids[1]})
    assert await states() == ["published", "held", "held"]
