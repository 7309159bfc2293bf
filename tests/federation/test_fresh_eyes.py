"""Lies that went through once: each of these was found by somebody who tried."""

from __future__ import annotations

import pytest

from fedblog.activitypub.urls import host_of
from tests.federation.house import PUBLIC, House


async def test_KEY_10_a_deleted_status_is_not_a_gone_actor(house: House) -> None:
    """A key id below an actor's own URL that answers 410 proves nothing while the actor itself is there."""
    post, bob = await house.publish(), house.person()
    assert await house.send(house.create(house.note(bob, post.uri))) == (202, "reply_published")
    old = f"{bob}/statuses/1"
    house.world.gone(old)
    forged = house.activity("Delete", bob, bob)
    assert (await house.send(forged, key=house.world.key_of(old)))[0] == 401
    assert len(await house.thread(post)) == 1


async def test_KEY_10_a_key_below_a_gone_actor(house: House) -> None:
    """GoToSocial's keys have URLs of their own: with the actor gone too, the Delete holds."""
    post, bob = await house.publish(), house.person()
    assert await house.send(house.create(house.note(bob, post.uri))) == (202, "reply_published")
    house.world.gone(bob)
    house.world.gone(f"{bob}/main-key")
    sent = await house.send(house.activity("Delete", bob, bob), key=house.world.key_of(f"{bob}/main-key"))
    assert sent == (202, "actor_deleted")
    assert await house.thread(post) == []


@pytest.mark.proves("SEC-043")
async def test_LIFE_05_a_block_holds_in_every_spelling_of_the_actor(house: House) -> None:
    """Schemes and host names have no case: a blocked actor whose id is spelt otherwise is the same actor."""
    post, bob = await house.publish(), house.person()
    assert await house.send(house.create(house.note(bob, post.uri))) == (202, "reply_published")
    await house.publisher.block_actor(bob, reason="rude")
    for spelt in (bob.replace("m.example", "M.EXAMPLE"), bob.replace("http://", "HTTP://")):
        for act in (house.activity("Like", spelt, post.uri), house.activity("Announce", spelt, post.uri, to=[PUBLIC])):
            assert await house.send(act, key=house.world.key_of(bob)) == (403, "blocked")
    now = await house.get_post(post)
    assert (now.like_count, now.announce_count) == (0, 0)


async def test_LIFE_05_what_waits_when_its_author_is_blocked(house: House) -> None:
    """A reply that waits for its parent stays off the page when its author is blocked meanwhile."""
    post, bob, carol = await house.publish(), house.person(), house.person("c.example", "carol")
    parent = house.note(carol, post.uri)
    assert await house.send(house.create(house.note(bob, parent["id"]))) == (202, "reply_orphaned")
    await house.publisher.block_actor(bob, reason="rude")
    assert await house.send(house.create(parent)) == (202, "reply_published")
    assert [row.reply.uri for row in await house.thread(post)] == [parent["id"]]
    assert (await house.get_post(post)).reply_count == 1
    await house.publisher.unblock_actor(bob)
    assert len(await house.thread(post)) == 2


@pytest.mark.proves("SEC-032")
@pytest.mark.parametrize("how", ["as a neighbour", "as one who brings it"])
async def test_INB_05_nobody_uses_up_ids_of_somebody_else(house: House, how: str) -> None:
    """Ids of edits and deletions can be guessed. Who sends something under one of them first, in their own name or in
    that of the author without proof, must not keep out what the author says then."""
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri)
    house.world.serve(note)
    assert await house.send(house.create(note)) == (202, "reply_published")
    edited = {**note, "content": "<p>Edited</p>", "updated": "2026-11-24T02:00:00Z"}
    update, delete = house.activity("Update", bob, edited), house.activity("Delete", bob, note["id"])
    for act in (update, delete):
        if how == "as a neighbour":
            eve = house.person(name="eve")
            early = {**act, "actor": eve, "object": f"{eve}/notes/1"}
        else:
            eve = house.person("e.example", "eve")
            early = {**act, "signature": {"type": "RsaSignature2017", "creator": f"{bob}#main-key"}}
        assert (await house.send(early, by=eve))[0] == 202
    assert await house.send(update) == (202, "reply_edited")
    assert await house.send(update) == (202, "duplicate")
    assert await house.send(delete) == (202, "reply_removed")
    assert await house.thread(post) == []
    # What the author said is not asked for again because somebody else brings it too.
    brought = {**delete, "signature": {"type": "RsaSignature2017", "creator": f"{bob}#main-key"}}
    assert await house.send(brought, by=house.person("e.example", "eve")) == (202, "duplicate")


async def test_LIFE_05_taking_a_decision_back_brings_nobody_back_who_was_blocked_since(house: House) -> None:
    """A reply was hidden, then its author blocked: undoing the first does not undo the second."""
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri)
    assert await house.send(house.create(note)) == (202, "reply_published")
    reply = await house.reply(note["id"])
    assert reply is not None
    decision = await house.publisher.hide_reply(reply.id)
    await house.publisher.block_domain(host_of(bob), reason="rude")
    await house.publisher.undo_decision(decision.id)
    assert await house.thread(post) == []
    await house.publisher.unblock_domain(host_of(bob))
    assert [row.reply.uri for row in await house.thread(post)] == [note["id"]]
