"""Many activities at once come to what each of them comes to alone, and to the same rows."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from fedblog.blog.model import Post, ReactionKind
from fedblog.federation import taken
from fedblog.federation.reasons import Outcome
from fedblog.federation.taken import Arrival
from fedblog.storage import actors, drawn, erased, inbox, integrity, learning, moderation, reactions, replies, sources
from fedblog.storage.database import Tx
from tests.federation.house import House
from tests.federation.house_fixtures import HouseMaker

PEOPLE = 6


class Scene:
    """Posts of every kind, people who are familiar, and what they send next."""

    def __init__(self, house: House, dice: random.Random) -> None:
        self.house, self.dice = house, dice
        self.people = [house.person(f"m{number % 3}.example", f"p{number}") for number in range(PEOPLE)]
        self.posts: list[Post] = []
        self.parents: list[str] = []
        self.sent: list[dict[str, Any]] = []

    async def prepare(self) -> None:
        house = self.house
        self.posts = [await house.publish(f"Post {number}") for number in range(4)]
        closed, narrow = self.posts[2].id, self.posts[3].id
        for person in self.people:
            first = house.note(person, self.posts[0].uri)
            await house.send(house.create(first))
            self.parents.append(first["id"])
        await house.db.write(lambda tx: tx.run("UPDATE posts SET comments_open = 0 WHERE id = $1", closed))
        await house.db.write(lambda tx: tx.run("UPDATE posts SET reply_policy = 'followers' WHERE id = $1", narrow))
        taken_back = await house.reply(self.parents[1])
        assert taken_back is not None
        await house.db.write(replies.remove, taken_back.id)
        await house.db.write(moderation.block, "actor", self.people[4], "")
        await house.db.write(moderation.block, "limit", "nobody.example", "")
        await house.db.write(
            inbox.remember_undo, self.people[2], "Like", self.posts[0].uri, "", int(house.clock.now) + 999
        )
        for person in self.people[:2]:
            known = await house.actor(person)
            await house.db.write(actors.set_standing, known.id, 1)
        await house.db.write(erased.add, [self.people[3]])
        await house.db.write(learning.add_word, "casino", "casino", by=None)
        gone = await house.actor(self.people[5])
        await house.db.write(lambda tx: tx.run("UPDATE actors SET fetched_at = 1 WHERE id = $1", gone.id))
        await house.db.write(
            lambda tx: reactions.add(
                tx,
                kind=ReactionKind.LIKE,
                actor_id=gone.id,
                post_id=self.posts[1].id,
                activity_uri="https://m2.example/like",
            )
        )

    def next(self) -> dict[str, Any]:
        """One more activity; some have come before, or name what an earlier one makes."""
        house, who = self.house, self.dice.choice(self.people)
        match self.dice.choice(["note"] * 6 + ["like"] * 4 + ["again", "other id", "orphan", "private", "unwanted"]):
            case "like":
                kind = self.dice.choice(["Like", "Like", "EmojiReact", "Dislike"])
                made = house.activity(kind, who, self.dice.choice(self.posts).uri)
                made |= {"content": "🎉"} if kind == "EmojiReact" else {}
            case "again" if self.sent:
                return self.dice.choice(self.sent)
            case "other id" if self.sent:
                made = {**self.dice.choice(self.sent), "id": f"{who}/activities/{house.number()}"}
                made["id"] = f"{made['actor']}/activities/{house.number()}"
            case "orphan":
                later = f"{who}/notes/later-{house.number()}"
                made = house.create(house.note(self.dice.choice(self.people), later))
                self.parents.append(later)
            case "private":
                made = house.create(house.note(who, self.posts[0].uri, to=[house.author.uri], cc=[]))
            case "unwanted":
                made = house.activity("Like", who, f"{self.posts[0].uri}-9")
            case _:
                place = self.dice.choice(self.dice.choice([self.parents, [post.uri for post in self.posts]]))
                note = house.note(who, place, f"<p>{self.dice.random()}{self.dice.choice(['', ' casino'])}</p>")
                self.parents.append(note["id"])
                made = house.create(note)
        self.sent.append(made)
        return made


def _state(tx: Tx) -> dict[str, Any]:
    """All that was stored, without ids and times of chance."""
    uri: dict[int, str] = dict(tx.all("SELECT id, uri FROM replies"))
    rows = tx.all(
        "SELECT id, uri, parent_id, post_id, depth, state, settled, shown, visibility, reason, in_reply_to, url,"
        " content_html, actor_id, type, published_at FROM replies"
    )
    return {
        "replies": sorted((row[1], uri.get(row[2]), *row[3:]) for row in rows),
        "sources": sorted((uri[row[0]], sources.original(tx, row[0]) or b"") for row in rows),
        "threads": tx.all("SELECT post_id, next_reply, reply_count, like_count FROM threads ORDER BY post_id"),
        "reactions": sorted(
            tx.all("SELECT kind, actor_id, post_id, emoji, activity_uri, public FROM reactions"), key=repr
        ),
        "received": sorted(tx.all("SELECT type, uri, actor_uri FROM received")),
        "log": Counter(tx.all("SELECT activity_uri, type, actor_uri, host, status, reason FROM inbox_log")),
        "jobs": sorted(tx.all("SELECT kind, key, payload FROM jobs")),
        "problems": integrity.problems(tx),
    }


@pytest.mark.parametrize("seed", range(6))
async def test_together_is_as_each_alone(make_house: HouseMaker, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    house = await make_house(comments={"hold_for_moderation": ["none", "first"][seed % 2]})
    scene = Scene(house, random.Random(seed))
    await scene.prepare()
    arrivals: list[Arrival] = []

    async def collect(_: Any, arrival: Arrival) -> Outcome:
        arrivals.append(arrival)
        return Outcome.NOT_OURS

    monkeypatch.setattr(house.db, "together", collect)
    for _ in range(90):
        await house.send(scene.next())
    assert len(arrivals) > 80

    results: list[tuple[list[Outcome | None], dict[str, Any]]] = []
    singles: list[Arrival] = []
    single = taken._alone

    def alone_and_counted(tx: Tx, one: Arrival) -> Outcome | None:
        singles.append(one)
        return single(tx, one)

    monkeypatch.setattr(taken, "_alone", alone_and_counted)

    def try_out(tx: Tx, *, together: bool) -> None:
        if together:
            outcomes = taken.take_together(tx, arrivals)
        else:
            outcomes = [taken.take_together(tx, [one])[0] for one in arrivals]
        results.append((outcomes, _state(tx)))
        raise LookupError

    for together in (True, False):
        with pytest.raises(LookupError):
            await house.db.write(try_out, together=together)
    (at_once, stored_at_once), (alone, stored_alone) = results
    assert at_once == alone
    for name, rows in stored_alone.items():
        assert stored_at_once[name] == rows, name
    assert stored_alone["problems"] == []
    assert len(singles) - len(arrivals) < len(arrivals) - 5, "some were done together"
    assert set(alone) >= {Outcome.REPLY_PUBLISHED, Outcome.REACTION_KEPT, Outcome.DUPLICATE, None}


async def test_one_write_takes_all_that_wait(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the inbox itself: what waits at one moment is one batch, and the page's version says that it changed."""
    sizes: list[int] = []
    take = taken.take_together

    def counted(tx: Tx, arrivals: list[Arrival]) -> list[Outcome | None]:
        sizes.append(len(arrivals))
        return take(tx, arrivals)

    monkeypatch.setattr(taken, "take_together", counted)
    post = await house.publish()
    bob, eve = house.person(), house.person(name="eve")
    for who in (bob, eve):
        assert await house.send(house.create(house.note(who, post.uri))) == (202, "reply_published")
    before = await house.get_post(post)
    parcels = [house.create(house.note(who, post.uri)) for who in (bob, eve) * 10]
    parcels += [house.activity("Like", who, post.uri) for who in (bob, eve)]
    found = Counter(await asyncio.gather(*(house.send(one) for one in [*parcels, parcels[0]])))
    assert found == {(202, "reply_published"): 20, (202, "reaction_kept"): 2, (202, "duplicate"): 1}
    assert max(sizes) > 1
    assert sum(sizes) == 23
    now = await house.get_post(post)
    assert (now.reply_count, now.like_count) == (22, 2)
    assert now.thread_version > before.thread_version
    places = [(row.reply.path, row.reply.id) for row in await house.thread(post)]
    assert len({path for path, _ in places}) == 22
    assert len(await house.db.read(drawn.outline, post.id, 100)) == 22
    assert await house.db.integrity() == []


async def test_one_like_in_many_spellings_is_one_like(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names a post in two ways at one moment counts once, and spoils no batch for the others."""
    arrivals: list[Arrival] = []

    async def collect(_: Any, arrival: Arrival) -> Outcome:
        arrivals.append(arrival)
        return Outcome.NOT_OURS

    post = await house.publish()
    bob = house.person()
    await house.send(house.create(house.note(bob, post.uri)))
    with monkeypatch.context() as patch:
        patch.setattr(house.db, "together", collect)
        for end in ("", "?a", "?b", "#c"):
            await house.send(house.activity("Like", bob, f"{post.uri}{end}"))
        await house.send(house.create(house.note(bob, post.uri)))
    assert len(arrivals) == 5
    outcomes = await house.db.write(taken.take_together, arrivals)
    assert outcomes == [Outcome.REACTION_KEPT] * 4 + [Outcome.REPLY_PUBLISHED]
    assert (await house.get_post(post)).like_count == 1
