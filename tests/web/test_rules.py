"""Rules of the studio: tried before they are made, held with their reasons, learned from, and all of it taken back."""

from __future__ import annotations

from fedblog.blog.model import Actor, Post, ReplyState
from fedblog.storage import decisions, hiding, learning, replies
from tests.web.desk import Desk

SPAM = '<p>Casino bonus <a href="https://spin.example/1">spin</a></p>'


async def spam_wave(desk: Desk, post: Post) -> tuple[list[Actor], list[int]]:
    """Three of spam and three good ones, decided by Edda."""
    edda = await desk.account("edda")
    people, ids = [], []
    for number in range(3):
        bad, good = (
            await desk.stranger(f"bad{number}", "bad.example"),
            await desk.stranger(f"good{number}", "good.example"),
        )
        spam, fine = await desk.reply(post, bad, SPAM), await desk.reply(post, good, "My bread rose well today")
        decision = await desk.parts.publisher.mark_spam(spam.id, by=edda.id)
        await desk.parts.publisher.approve_reply(fine.id, by=edda.id)
        people.append(bad)
        ids.append(decision.id)
    return people, ids


async def test_a_word_is_tried_made_and_taken_back(desk: Desk) -> None:
    post = await desk.write_post("anna")
    mia, tom = await desk.stranger(), await desk.stranger("tom")
    reply = await desk.reply(post, mia, "Come to the <b>casino</b>!")
    await desk.reply(post, tom, "Bread only")
    edda = await desk.logged_in("edda")
    tried = await edda.get("/studio/rules?kind=word&value=Casino")
    assert "It would have touched 1 reply of the 2 that show." in tried.text
    assert "@mia@far.example" in tried.text
    assert f"/studio/replies/{reply.id}" in tried.text
    assert "@tom@far.example" not in tried.text
    assert await desk.parts.db.read(learning.word_rules) == []
    await edda.follow(await edda.send("/studio/rules", {"value": "Casino"}))
    (rule,) = await desk.parts.db.read(learning.word_rules)
    assert (rule.words, rule.written) == (" casino ", "Casino")

    assert (await edda.send("/studio/rules", {"value": "…"})).status == 400
    assert (await edda.get("/studio/rules?kind=word&value=!!")).status == 400
    held = await desk.reply(post, tom, "My casino night", state=ReplyState.HELD)
    await desk.parts.db.write(replies.set_state, held.id, ReplyState.HELD, "hold_words")
    page = await edda.get("/studio/conversations?show=held")
    assert "it has words of your list" in page.text
    assert "has “Casino”, a word of your list" in page.text
    gone = await edda.follow(await edda.send(f"/studio/rules/{rule.id}"))
    assert "What waited for nothing else shows." in gone.text
    now = await desk.parts.db.read(replies.by_id, held.id)
    assert now is not None
    assert now.state is ReplyState.PUBLISHED
    assert (await edda.send(f"/studio/rules/{rule.id}")).status == 404


async def test_servers_first_timers_and_the_filter_are_tried(desk: Desk) -> None:
    post = await desk.write_post("anna")
    mia = await desk.stranger()
    for words in ("one", "two"):
        await desk.reply(post, mia, words)
    await spam_wave(desk, post)
    await desk.reply(post, await desk.stranger("eve", "bad.example"), SPAM)
    edda = await desk.logged_in("edda")
    for query, number, name in (
        ("kind=server&value=far.example", 2, "@mia@far.example"),
        ("kind=first", 2, "@mia@far.example"),
        ("kind=filter", 1, "@eve@bad.example"),
    ):
        page = await edda.get(f"/studio/rules?{query}")
        assert f"It would have touched {number} repl" in page.text, query
        assert name in page.text, query
        if "filter" in query:
            assert "what you called spam had this too:" in page.text
    bad = await edda.get("/studio/rules?kind=server&value=a%20b")
    assert bad.status == 400
    desk.clock.now += 91 * 86_400
    edda = await desk.logged_in("edda")
    assert "It would have touched 0 replies of the 0" in (await edda.get("/studio/rules?kind=first")).text


async def test_the_filter_learns_from_decisions_and_unlearns_with_undo(desk: Desk) -> None:
    post = await desk.write_post("anna")
    people, ids = await spam_wave(desk, post)
    known = await desk.parts.db.read(learning.learned, ("casino", "→spin.example", "bread"))
    assert (known.good, known.spam) == (3, 3)
    assert known.tokens == {"casino": (0, 3), "→spin.example": (0, 3), "bread": (3, 0)}
    decision = await desk.parts.db.read(decisions.by_id, ids[0])
    assert decision is not None
    await desk.parts.publisher.undo_decision(decision.id)
    assert (await desk.parts.db.read(learning.learned, ())).spam == 2
    await desk.parts.publisher.approve_reply(decision.reply_id)  # not spam at all
    known = await desk.parts.db.read(learning.learned, ("casino",))
    assert (known.good, known.spam, known.tokens) == (4, 2, {"casino": (1, 2)})
    edda = await desk.logged_in("edda")
    assert "approve (4 so far) and what you call spam (2 so far)" in (await edda.get("/studio/rules")).text
    await edda.send("/studio/rules/learned")
    assert (await desk.parts.db.read(learning.learned, ("casino",))).tokens == {}
    await desk.parts.db.write(hiding.hide_all_of, people[0].id)


async def test_rules_are_for_editors(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    assert (await anna.get("/studio/rules")).status == 403
    for path in ("/studio/rules", "/studio/rules/1", "/studio/rules/learned"):
        assert (await anna.send(path, {"value": "x"})).status == 403
