"""Edits and deletions that arrive, of replies and of whole actors."""

from __future__ import annotations

from typing import Any

import pytest

from fedblog.blog.model import Reply, ReplyState, Visibility
from fedblog.storage import actors, tombstones
from fedblog.storage.database import Tx
from tests.federation.house import PUBLIC, House
from tests.federation.test_inbox_acts import ANA, following


async def kept(house: House, uri: str) -> Reply:
    """A reply that must be there."""
    reply = await house.reply(uri)
    assert reply is not None
    return reply


async def test_INB_16_an_edit_by_its_author(house: House) -> None:
    """Newer wins, older is ignored; the edit is marked."""
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri)
    await house.send(house.create(note))
    newer = {**note, "content": "<p>Edited</p>", "updated": "2026-11-24T02:00:00Z"}
    assert await house.send(house.activity("Update", bob, newer)) == (202, "reply_edited")
    older = {**note, "content": "<p>Older</p>", "updated": "2026-11-24T01:30:00Z"}
    assert await house.send(house.activity("Update", bob, older)) == (202, "not_newer")
    reply = await kept(house, note["id"])
    assert reply.content_html == "<p>Edited</p>"
    assert reply.edited_at is not None


async def test_INB_16_an_unknown_reply_that_is_edited(house: House) -> None:
    """Young: as a Create. Old and to us: its origin is asked. Old and not to us: dropped."""
    post, bob = await house.publish(), house.person()
    young = house.note(bob, post.uri)
    assert await house.send(house.activity("Update", bob, young)) == (202, "reply_published")
    old = house.note(bob, post.uri, published="2026-01-01T00:00:00Z")
    assert await house.send(house.activity("Update", bob, old)) == (202, "object_unfetchable")
    house.world.serve(old)
    assert await house.send(house.activity("Update", bob, old)) == (202, "reply_published")
    foreign = house.note(bob, None, published="2026-01-01T00:00:00Z")
    assert await house.send(house.activity("Update", bob, foreign)) == (202, "not_related")


async def test_INB_17_counts_alone_are_no_edit(house: House) -> None:
    """A new total of likes is kept, the text is not marked as edited."""
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri)
    await house.send(house.create(note))
    counted = {**note, "likes": {"type": "Collection", "totalItems": 7}}
    assert await house.send(house.activity("Update", bob, counted)) == (202, "reply_counted")
    reply = await kept(house, note["id"])
    assert (reply.remote_likes, reply.edited_at) == (7, None)


@pytest.mark.proves("SEC-089")
async def test_INB_18_a_narrowed_audience_leaves_the_page_at_once(house: House) -> None:
    """And never widens again (SECURITY 89)."""
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri)
    await house.send(house.create(note))
    direct = {**note, "to": [ANA], "cc": [], "updated": "2026-11-24T02:00:00Z"}
    await house.send(house.activity("Update", bob, direct))
    assert await house.thread(post) == []
    assert (await house.get_post(post)).reply_count == 0
    wide = {**note, "updated": "2026-11-24T03:00:00Z"}
    await house.send(house.activity("Update", bob, wide))
    assert (await kept(house, note["id"])).visibility is Visibility.DIRECT


@pytest.mark.parametrize("form", ["id", "tombstone", "whole"])
@pytest.mark.proves("SEC-088")
async def test_INB_19_a_deletion_by_its_author(house: House, form: str) -> None:
    """The text goes, the branch below stays; a late Create stays out (SECURITY 88)."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    note = house.note(bob, post.uri)
    create = house.create(note)
    await house.send(create)
    child = house.note(eve, note["id"])
    await house.send(house.create(child))
    forms: dict[str, Any] = {"id": note["id"], "tombstone": {"id": note["id"], "type": "Tombstone"}, "whole": note}
    assert await house.send(house.activity("Delete", bob, forms[form])) == (202, "reply_removed")
    rows = await house.thread(post)
    assert [(row.reply.uri, row.reply.state) for row in rows] == [
        (note["id"], ReplyState.REMOVED),
        (child["id"], ReplyState.PUBLISHED),
    ]
    assert rows[0].reply.content_html == ""
    assert await house.send({**create, "id": f"{bob}/again"}) == (202, "deleted_before")
    assert (await house.get_post(post)).reply_count == 1


@pytest.mark.proves("SEC-088")
async def test_INB_19_a_deletion_before_its_creation(house: House) -> None:
    """A tombstone keeps the Create out; only the deleter's own."""
    post, bob = await house.publish(), house.person()
    neighbour = house.person(name="neighbour")
    note = house.note(bob, post.uri)
    assert await house.send(house.activity("Delete", bob, note["id"])) == (202, "tombstone_kept")
    assert await house.send(house.create(note)) == (202, "deleted_before")
    other = house.note(bob, post.uri)
    assert await house.send(house.activity("Delete", neighbour, other["id"])) == (202, "tombstone_kept")
    assert await house.send(house.create(other)) == (202, "reply_published")


@pytest.mark.proves("SEC-036")
async def test_INB_20_nobody_deletes_for_others(house: House) -> None:
    """Not a moderator, not a neighbour, not a stranger; neither a reply nor our post (SECURITY 36)."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    neighbour = house.person(name="neighbour")
    note = house.note(bob, post.uri)
    await house.send(house.create(note))
    for actor in (eve, neighbour):
        assert await house.send(house.activity("Delete", actor, note["id"])) == (202, "not_the_author")
        assert await house.send(house.activity("Delete", actor, post.uri)) == (202, "not_ours")
        assert (await house.send(house.activity("Delete", actor, bob)))[1] in ("not_the_author", "tombstone_kept")
    assert len(await house.thread(post)) == 1
    assert await house.send(house.create(house.note(bob, post.uri))) == (202, "reply_published")


async def test_KEY_09_a_stranger_who_leaves_costs_nothing(house: House) -> None:
    """202 without any fetch, whoever signed."""
    stranger = house.world.url("m.example", "/users/unknown")
    assert await house.send(house.activity("Delete", stranger, stranger)) == (202, "actor_unknown")
    assert house.world.seen == []


async def test_KEY_10_an_actor_that_is_gone_with_its_key(house: House) -> None:
    """Known, unknown key, 410 at its own URL: believed. 404: not."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    for actor, status, expected in ((bob, 410, (202, "actor_deleted")), (eve, 404, (401, "key_gone"))):
        note = house.note(actor, post.uri)
        await house.send(house.create(note))
        await house.db.write(_forget_keys, actor)
        house.world.gone(actor, status)
        house.clock.now += 120
        assert await house.send(house.activity("Delete", actor, actor)) == expected
        assert (await kept(house, note["id"])).state is (ReplyState.REMOVED if status == 410 else ReplyState.PUBLISHED)


def _forget_keys(tx: Tx, actor_uri: str) -> None:
    tx.run("DELETE FROM keys WHERE actor_id = (SELECT id FROM actors WHERE uri = $1)", actor_uri)


async def test_a_deleted_actor_leaves_nothing(house: House) -> None:
    """Replies, likes and follows go in one unit."""
    post, bob = await house.publish(), house.person()
    await house.send(house.create(house.note(bob, post.uri)))
    await house.send(house.activity("Like", bob, post.uri))
    await house.send(house.activity("Follow", bob, ANA))
    assert await house.send(house.activity("Delete", bob, bob, to=[PUBLIC])) == (202, "actor_deleted")
    now = await house.get_post(post)
    assert (now.reply_count, now.like_count, await following(house)) == (0, 0, [])
    assert await house.thread(post) == []


@pytest.mark.proves("SEC-036")
async def test_tombstones_remember_whose_they_were(house: House) -> None:
    """An admin can look it up."""
    bob = house.person()
    note_id = f"{bob}/notes/1"
    await house.send(house.activity("Delete", bob, {"id": note_id, "type": "Tombstone", "formerType": "Note"}))
    grave = await house.db.read(tombstones.get, note_id)
    assert grave is not None
    assert (grave.actor_uri, grave.local) == (bob, False)
    assert await house.db.read(actors.by_uri, bob) is not None
