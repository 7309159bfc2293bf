"""Word rules, what was learned, rehearsals, reports of ours and unused profiles: the same on both engines."""

from __future__ import annotations

import pytest

from fedblog.blog.ledger import ActivityId
from fedblog.blog.model import Actor, Post, Reply, ReplyState
from fedblog.errors import Conflict
from fedblog.storage import (
    actors,
    decisions,
    erasing,
    expansion,
    learning,
    moderation,
    outgoing,
    rehearsal,
    replies,
    suspecting,
)
from fedblog.storage.database import Database, Tx
from fedblog.storage.outgoing import Audience
from tests.storage.support import Clock, add_author, add_post, new_reply, profile

DAY = 86_400


def fill(tx: Tx) -> tuple[Post, list[Actor], list[Reply]]:
    """A post; bob wrote twice, eve once with links, mia's waits."""
    alice, _, _ = add_author(tx), add_author(tx, "blog", "blog"), add_author(tx, "instance", "instance")
    post = add_post(tx, alice)
    people = [
        actors.upsert_remote(tx, profile(name, host))
        for name, host in (("bob", "b.example"), ("eve", "e.example"), ("mia", "deep.b.example"))
    ]
    made = []
    links = "".join(f'<a href="https://spin.example/{number}">x</a>' for number in range(3))
    for who, html, state in ((0, "One", "published"), (0, "Casino", "published"), (1, f"Casino {links}", "published"),
                             (2, "My casino", "held")):  # fmt: skip
        new = new_reply(
            people[who].id,
            post.uri,
            content_html=f"<p>{html}</p>",
            state=ReplyState(state),
            reason="hold_words" if state == "held" else "",
        )
        made.append(replies.add(tx, new, post_id=post.id, parent_id=None))
    return post, people, made


async def test_decisions_teach_and_undoing_them_unteaches(db: Database) -> None:
    _, _, made = await db.write(fill)
    spam = await db.write(decisions.decide, made[2].id, "spam", ReplyState.HIDDEN, "spam", by=None)
    await db.write(decisions.decide, made[0].id, "approve", ReplyState.PUBLISHED, "", by=None)
    known = await db.read(learning.learned, ("casino", "→spin.example", "one", "@b.example"))
    assert (known.good, known.spam) == (1, 1)
    assert known.tokens == {"casino": (0, 1), "→spin.example": (0, 1), "one": (1, 0), "@b.example": (1, 0)}
    again = await db.write(decisions.decide, made[2].id, "approve", ReplyState.PUBLISHED, "", by=None)
    assert (await db.read(learning.learned, ("casino",))).tokens == {"casino": (1, 0)}
    await db.write(decisions.undo, again)
    assert (await db.read(learning.learned, ("casino",))).tokens == {"casino": (0, 1)}
    assert await db.read(learning.has_learned)
    await db.write(decisions.undo, spam)
    await db.write(replies.remove, made[0].id)
    known = await db.read(learning.learned, ("casino", "one"))
    assert (known.good, known.spam, known.tokens) == (1, 0, {"one": (1, 0)})
    await db.write(learning.forget)
    assert not await db.read(learning.has_learned)


async def test_what_a_word_held_shows_when_it_goes(db: Database) -> None:
    _, people, made = await db.write(fill)
    for _ in range(2):
        await db.write(learning.add_word, " casino ", "Casino", by=None)
    (rule,) = await db.read(learning.word_rules)
    assert await db.write(suspecting.release) == 0
    await db.write(learning.remove_word, rule.id)
    assert await db.write(learning.remove_word, rule.id) == ""
    await db.write(moderation.block, "actor", people[2].uri, "")
    assert await db.write(suspecting.release) == 0
    await db.write(moderation.unblock, "actor", people[2].uri)
    assert await db.write(suspecting.release) == 1
    shown = await db.read(replies.by_id, made[3].id)
    assert shown is not None
    assert shown.state is ReplyState.PUBLISHED

    def too_many(tx: Tx) -> None:
        for number in range(learning.MAX_RULES + 1):
            learning.add_word(tx, f" w{number} ", f"w{number}", by=None)

    with pytest.raises(Conflict):
        await db.write(too_many)


async def test_rules_are_tried_on_what_shows(db: Database, clock: Clock) -> None:
    _, people, made = await db.write(fill)
    words = await db.read(rehearsal.words, "CASINO")
    assert [one.reply.id for one in words.shown] == [made[2].id, made[1].id]
    assert (words.total, words.looked_at) == (2, 3)
    first = await db.read(rehearsal.first_timers)
    assert {one.actor.username for one in first.shown} == {"bob", "eve"}
    assert [one.reply.id for one in (await db.read(rehearsal.server, "b.example")).shown] == [made[1].id, made[0].id]
    assert (await db.read(rehearsal.server, "example")).total == 3
    found = await db.read(rehearsal.filter_points, 3)
    assert [(one.actor.username, [ground.code for ground in one.grounds]) for one in found.shown] == [
        ("eve", ["links", "first"])
    ]
    await db.write(actors.set_standing, people[1].id, 1)
    assert (await db.read(rehearsal.words, "casino")).total == 1
    clock.forward(91 * DAY)
    assert (await db.read(rehearsal.words, "casino")).total == 0


async def test_a_report_of_ours_says_how_it_went(db: Database) -> None:
    _, people, made = await db.write(fill)

    def flag(tx: Tx) -> ActivityId:
        number = ActivityId(tx.new_id())
        outgoing.add(
            tx,
            activity_id=number,
            uri=f"https://blog.example/ap/activities/{number}",
            actor_id=actors.instance(tx).id,
            type="Flag",
            object_uri=made[2].uri,
            body=b"{}",
            audience=Audience(personal=(people[1].id,)),
            public=False,
        )
        return number

    async def state() -> str:
        found = await db.read(outgoing.flags_of, [made[2].uri, made[0].uri])
        assert list(found) == [made[2].uri]
        return found[made[2].uri].state

    assert await db.read(outgoing.flags_of, [made[0].uri]) == {}
    number = await db.write(flag)
    assert await state() == "waiting"
    await db.write(expansion.expand, number)
    assert await state() == "waiting"
    await db.write(lambda tx: tx.run("UPDATE deliveries SET state = 'failed'"))
    assert await state() == "failed"
    await db.write(lambda tx: tx.run("DELETE FROM deliveries"))
    assert await state() == "sent"
    await db.write(erasing.erase, people[1].id)
    assert await db.read(outgoing.flags_of, [made[2].uri]) == {}


async def test_unused_profiles_are_found_and_forgotten(db: Database, clock: Clock) -> None:
    _, people, made = await db.write(fill)
    idle = await db.write(actors.upsert_remote, profile("idle", "i.example"))
    await db.write(actors.mark_deleted, people[0].id)
    await db.write(replies.remove, made[2].id)
    clock.forward(40 * DAY)
    before = int(clock.now) - 30 * DAY
    found = await db.read(erasing.unused, before, 10)
    assert set(found) == {people[0].id, idle.id}
    assert await db.read(erasing.unused, int(clock.now) - 50 * DAY, 10) == []
    await db.write(actors.upsert_remote, profile("idle", "i.example"))  # came back meanwhile
    assert await db.write(erasing.forget_unused, found, before) == [people[0].id]
    assert await db.read(actors.by_uri, people[0].uri) is None
    assert await db.read(actors.by_uri, idle.uri) is not None
