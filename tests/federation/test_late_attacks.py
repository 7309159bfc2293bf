"""Attacks on what came late: blocks that overlap, moves, tombstones of neighbours, quotes from hosts of two names."""

from __future__ import annotations

import pytest

from fedblog.blog.model import ReactionKind
from fedblog.storage import followers, integrity, quotes, reactions
from fedblog.storage.database import Tx
from tests.federation.house import BASE_URL, PUBLIC, House

ANA = f"{BASE_URL}/ap/actors/ana"


async def counts(house: House, post_uri: str) -> tuple[int, int, int]:
    """Likes and boosts of a post, and how many people are named; the counters are right each time."""

    def read(tx: Tx) -> tuple[int, int, int]:
        assert integrity.problems(tx) == []
        found = tx.all(
            "SELECT p.id, th.like_count, th.announce_count FROM posts p JOIN threads th ON th.post_id = p.id"
            " WHERE p.uri = $1",
            post_uri,
        )[0]
        named = reactions.of_post(tx, found[0], ReactionKind.LIKE, 10)
        return found[1], found[2], len(named)

    return await house.db.read(read)


@pytest.mark.proves("SEC-043")
@pytest.mark.parametrize("whole", [True, False], ids=["server", "person"])
async def test_likes_of_the_blocked_are_not_counted(house: House, whole: bool) -> None:
    """Their likes, boosts and emoji leave counts and lists, and come back once with the end of the block."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    for who in (bob, eve):
        await house.send(house.activity("Like", who, post.uri, content="🐙"))
        await house.send(house.activity("Announce", who, post.uri, to=[PUBLIC]))
    assert await counts(house, post.uri) == (2, 2, 2)
    before = await house.get_post(post)
    host = "e.example.localhost"
    for _ in range(2):
        await (house.publisher.block_domain(host) if whole else house.publisher.block_actor(eve))
        assert await counts(house, post.uri) == (1, 1, 1)
        assert await house.db.read(reactions.emoji_of_post, post.id, 9) == [("🐙", 1, "")]
    assert (await house.get_post(post)).thread_version > before.thread_version
    assert len(await house.db.read(reactions.recent, limit=9)) == 2
    for _ in range(2):
        await (house.publisher.unblock_domain(host) if whole else house.publisher.unblock_actor(eve))
        assert await counts(house, post.uri) == (2, 2, 2)
    await (house.publisher.block_domain(host) if whole else house.publisher.block_actor(eve))
    await (house.publisher.unblock_domain(host) if whole else house.publisher.unblock_actor(eve))
    assert await house.send(house.activity("Like", eve, post.uri)) == (202, "reaction_kept")
    assert await house.send(house.activity("Undo", eve, house.activity("Like", eve, post.uri))) == (
        202,
        "reaction_removed",
    )
    assert await counts(house, post.uri) == (1, 2, 1)


@pytest.mark.proves("SEC-043")
async def test_who_was_blocked_twice_stays_away_until_both_end(house: House) -> None:
    """A person and their server; in either order."""
    post, eve = await house.publish(), house.person("e.example", "eve")
    await house.send(house.create(house.note(eve, post.uri)))
    await house.send(house.activity("Like", eve, post.uri))
    publisher, host = house.publisher, "e.example.localhost"
    for first, second in ((True, False), (False, True)):
        await publisher.block_actor(eve)
        await publisher.block_domain(host)
        for whole in (first, second):
            assert await house.thread(post) == []
            assert (await counts(house, post.uri))[0] == 0
            await (publisher.unblock_domain(host) if whole else publisher.unblock_actor(eve))
        assert len(await house.thread(post)) == 1
        assert (await counts(house, post.uri))[0] == 1


@pytest.mark.proves("SEC-043", "SEC-046")
async def test_nobody_moves_past_a_block(house: House) -> None:
    """A follower who moves to an account that is blocked follows no more from there."""
    bob = house.person()
    eve = house.person("e.example", "eve", alsoKnownAs=[bob])
    assert await house.send(house.activity("Follow", bob, ANA)) == (202, "follow_accepted")
    await house.publisher.block_domain("e.example.localhost")
    assert await house.send(house.activity("Move", bob, bob, target=eve)) == (202, "blocked_here")
    listed = await house.db.read(followers.list, house.author.id, limit=9)
    assert [one.actor.uri for one in listed] == [bob]
    assert (await house.actor(bob)).moved_to == ""
    assert ("e.example", "/users/eve") not in house.world.seen, "the blocked are not even asked"


@pytest.mark.proves("SEC-036", "SEC-088")
async def test_a_neighbours_deletion_keeps_nobody_out_and_hides_no_other(house: House) -> None:
    """Neighbours delete a note that nobody here saw: its author still brings it; deletes it; and then it stays out,
    whoever spoke before."""
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri)
    for number in range(12):
        neighbour = house.person(name=f"neighbour{number}")
        assert await house.send(house.activity("Delete", neighbour, note["id"])) == (202, "tombstone_kept")
    assert await house.send(house.create(note)) == (202, "reply_published")
    assert await house.send(house.activity("Delete", bob, note["id"])) == (202, "reply_removed")
    assert await house.send(house.create(note)) == (202, "deleted_before")
    unseen = house.note(bob, post.uri)
    await house.send(house.activity("Delete", house.person(name="neighbour"), unseen["id"]))
    assert await house.send(house.activity("Delete", bob, unseen["id"])) == (202, "tombstone_kept")
    await house.send(house.activity("Delete", house.person(name="neighbour2"), unseen["id"]))
    assert await house.send(house.create(unseen)) == (202, "deleted_before")


@pytest.mark.proves("SEC-043", "SEC-045")
async def test_quotes_of_a_blocked_server_go_whatever_its_handles_say(house: House) -> None:
    """Its people have handles of another domain; a host that only looks like it keeps its own."""
    post = await house.publish()
    eve = house.person("e_x.example", "eve")
    other = house.person("eax.example", "other")
    for who in (eve, other):
        await house.send(house.create(house.note(who, None, quote=post.uri)))
    await house.db.write(lambda tx: tx.run("UPDATE actors SET domain = 'handles.example' WHERE uri = $1", eve))
    assert len(await house.db.read(quotes.shown, post.id, 9)) == 2
    await house.publisher.block_domain("e_x.example.localhost")
    shown = await house.db.read(quotes.shown, post.id, 9)
    assert [one.actor.uri for one in shown] == [other]


@pytest.mark.proves("SEC-043")
async def test_a_block_reaches_its_domain_and_no_other(house: House) -> None:
    """Signs that mean anything to a database mean themselves in a domain."""
    post = await house.publish()
    other = house.person("eax.example", "other")
    await house.send(house.create(house.note(other, post.uri)))
    await house.send(house.activity("Follow", other, ANA))
    await house.publisher.block_domain("e_x.example.localhost")
    assert len(await house.thread(post)) == 1
    assert len(await house.db.read(followers.list, house.author.id, limit=9)) == 1


@pytest.mark.proves("SEC-038")
async def test_an_undo_of_nothing_takes_nothing_back(house: House) -> None:
    """An empty object, or one without id and type, is no name for what came without an id."""
    post, bob = await house.publish(), house.person()
    like = house.activity("Like", bob, post.uri)
    del like["id"]
    assert await house.send(like) == (202, "reaction_kept")
    for nothing in ({}, {"type": ""}, {"actor": bob}, {"id": ""}, {"object": post.uri}):
        await house.send(house.activity("Undo", bob, nothing))
    assert (await counts(house, post.uri))[0] == 1
    assert await house.send(house.activity("Undo", bob, {**like, "type": "Like"})) == (202, "reaction_removed")
