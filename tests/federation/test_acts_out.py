"""What our people do beyond writing: pins, moves, new keys, reports, and leaving for good."""

from __future__ import annotations

from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.blog.model import Post, PostStatus
from fedblog.errors import Conflict, InvalidInput, NotFound
from fedblog.federation.housekeeping import tidy
from fedblog.federation.leaving import close_blog, delete_author
from fedblog.federation.rotation import rotate_keys
from fedblog.federation.setup import add_author
from fedblog.signatures.keys import parse_multibase
from fedblog.storage import actors, followers, keys, listing, outgoing, tombstones
from fedblog.storage.database import Tx
from tests.federation.house import SEALER, House


async def said(house: House, kind: str) -> list[dict[str, Any]]:
    return [one for one in await house.outgoing() if one["type"] == kind]


async def follower(house: House, name: str = "bob") -> str:
    bob = house.person(f"{name}.example", name)
    assert (await house.send(house.activity("Follow", bob, house.author.uri)))[1] == "follow_accepted"
    return bob


# Pins


async def test_ACT_13_COL_07_pinned_posts_are_featured_and_told(house: House) -> None:
    bob = await follower(house)
    made = [await house.publish(f"Post {number}") for number in range(7)]
    assert await house.db.read(listing.featured, house.author.id) == [post.uri for post in reversed(made)][:5]
    await house.publisher.pin(made[0].id, True)
    house.clock.now += 1
    await house.publisher.pin(made[2].id, True)
    assert await house.db.read(listing.featured, house.author.id) == [made[2].uri, made[0].uri]
    told = (await said(house, "Add"))[0]
    assert (told["actor"], told["object"]) == (house.author.uri, made[0].uri)
    assert told["target"] == house.ids.featured(house.author.uri)
    assert await house.inboxes_of(told["id"]) == {f"{bob}/inbox"}
    await house.publisher.pin(made[2].id, False)
    assert [one["object"] for one in await said(house, "Remove")] == [made[2].uri]
    await house.publisher.unpublish(made[0].id)
    assert made[0].uri not in await house.db.read(listing.featured, house.author.id)


async def test_an_older_post_is_boosted_again_by_author_and_blog(house: House) -> None:
    """The boost before is undone, since servers keep one by each; new followers get it, and the outbox lists one."""
    post = await house.publish("Old bread")
    with pytest.raises(Conflict, match="less than a day"):
        await house.publisher.announce_again(post.id)
    bob = await follower(house)
    for round_ in (1, 2):
        house.clock.now += 86_401
        await house.publisher.announce_again(post.id)
        assert len(await said(house, "Announce")) == 1 + 2 * round_
        assert len(await said(house, "Undo")) == round_ - 1
        with pytest.raises(Conflict, match="less than a day"):
            await house.publisher.announce_again(post.id)
    boosts = [one for one in await said(house, "Announce") if one["actor"] == house.author.uri]
    assert [one["object"] for one in boosts] == [post.uri, post.uri]
    assert len({one["id"] for one in boosts}) == 2
    (undone,) = await said(house, "Undo")
    assert undone["actor"] == house.author.uri
    assert (undone["object"]["id"], undone["object"]["object"]) == (boosts[0]["id"], post.uri)
    assert f"{bob}/inbox" in await house.inboxes_of(boosts[1]["id"])
    listed = [one.uri for one in await house.db.read(outgoing.outbox_page, house.author.id, None, 50)]
    assert boosts[1]["id"] in listed
    assert boosts[0]["id"] not in listed
    assert await house.db.read(outgoing.outbox_count, house.author.id) == len(listed)
    await house.publisher.unpublish(post.id)
    house.clock.now += 86_401
    with pytest.raises(Conflict, match="only a public post"):
        await house.publisher.announce_again(post.id)


async def test_ACT_13_at_most_five_and_only_public_ones(house: House) -> None:
    made = [await house.publish(f"Post {number}") for number in range(6)]
    for post in made[:5]:
        await house.publisher.pin(post.id, True)
    await house.publisher.pin(made[0].id, True)  # again changes nothing
    with pytest.raises(Conflict, match="at most 5"):
        await house.publisher.pin(made[5].id, True)
    await house.publisher.unpublish(made[5].id)
    with pytest.raises(Conflict):
        await house.publisher.pin(made[5].id, True)
    assert len(await said(house, "Add")) == 5


# Moving


async def test_ACT_12_aliases_are_looked_up_and_told(house: House) -> None:
    bob = await follower(house)
    old = house.person("old.example", "ana")
    author = await house.publisher.set_aliases(house.author.id, [old, "", old])
    assert author.also_known_as == (old,)
    told = (await said(house, "Update"))[-1]
    assert told["object"]["alsoKnownAs"] == [old]
    assert await house.inboxes_of(told["id"]) == {f"{bob}/inbox"}
    with pytest.raises(InvalidInput):
        await house.publisher.set_aliases(house.author.id, ["no address"])


async def test_ACT_12_a_move_needs_the_other_side_and_is_told_to_followers(house: House) -> None:
    bob = await follower(house)
    new = house.person("new.example", "ana")
    with pytest.raises(Conflict, match="aliases"):
        await house.publisher.move_to(house.author.id, new)
    assert await said(house, "Move") == []
    house.person("new.example", "ana", alsoKnownAs=[house.author.uri])
    author = await house.publisher.move_to(house.author.id, new)
    assert author.moved_to == new
    told = (await said(house, "Move"))[0]
    assert (told["object"], told["target"]) == (house.author.uri, new)
    assert await house.inboxes_of(told["id"]) == {f"{bob}/inbox"}
    assert (await said(house, "Update"))[-1]["object"]["movedTo"] == new
    back = await house.publisher.move_to(house.author.id, "")
    assert back.moved_to == ""
    assert "movedTo" not in (await said(house, "Update"))[-1]["object"]
    with pytest.raises(InvalidInput):
        await house.publisher.move_to(house.author.id, house.author.uri)


# Keys


async def test_ACT_11_new_keys_are_told_and_the_old_ones_stay_a_week(house: House) -> None:
    bob = await follower(house)
    eve = house.person("eve.example", "eve")
    post = await house.publish()
    await house.send(house.create(house.note(eve, post.uri)))
    before = await house.db.read(keys.public_keys, house.author.id)
    await rotate_keys(house.db, house.ids, house.settings, SEALER, house.author)
    signing = await house.db.read(keys.local_keys, house.author.id, SEALER)
    assert {key.key_id for key in signing}.isdisjoint(key_id for key_id, _, _ in before)
    assert [key.algorithm for key in signing] == ["rsa", "ed25519"]
    update = (await said(house, "Update"))[-1]
    document = update["object"]
    assert document["publicKey"]["id"] == signing[0].key_id
    assert update["proof"]["verificationMethod"] == signing[1].key_id
    listed = {one["id"]: one["publicKeyMultibase"] for one in document["assertionMethod"]}
    assert set(listed) == {signing[1].key_id, *(key_id for key_id, _, _ in before)}
    for key_id, multibase in listed.items():
        assert parse_multibase(multibase, Uri(key_id), Uri(house.author.uri)).key_id == key_id
    assert await house.inboxes_of(update["id"]) == {f"{bob}/inbox", f"{eve}/inbox"}
    house.clock.now += 7 * 86_400 - 1
    await house.db.write(tidy)
    assert len(await house.db.read(keys.public_keys, house.author.id)) == 4
    house.clock.now += 2
    await house.db.write(tidy)
    assert {key_id for key_id, _, _ in await house.db.read(keys.public_keys, house.author.id)} == {
        key.key_id for key in signing
    }


async def test_ACT_11_a_changed_profile_reaches_whoever_took_part(house: House) -> None:
    bob = await follower(house)
    post = await house.publish()
    mia = house.person("m.example", "mia")
    await house.send(house.create(house.note(mia, None, quote=post.uri)))
    eve = house.person("eve.example", "eve")
    await house.send(house.activity("Like", eve, post.uri))
    await house.publisher.update_profile(house.author.id, name="Ana R.", summary_source="")
    told = (await said(house, "Update"))[-1]
    assert await house.inboxes_of(told["id"]) == {f"{one}/inbox" for one in (bob, mia, eve)}


# Reports


async def test_INB_30_a_reply_is_reported_to_its_server_by_the_instance(house: House) -> None:
    post = await house.publish()
    bob = house.person()
    note = house.note(bob, post.uri)
    await house.send(house.create(note))
    stored = await house.reply(note["id"])
    assert stored is not None
    await house.publisher.report_reply(stored.id, "  This is spam.  ")
    told = (await said(house, "Flag"))[0]
    assert told["actor"] == house.ids.instance()
    assert told["object"] == [bob, note["id"]]
    assert told["content"] == "This is spam."
    assert house.author.uri not in str(told)
    assert await house.inboxes_of(told["id"]) == {f"{bob}/inbox"}
    with pytest.raises(InvalidInput):
        await house.publisher.report_reply(stored.id, "x" * 5001)
    own = await house.publisher.answer(author_id=house.author.id, post_id=post.id, source="Mine")
    with pytest.raises(NotFound):
        await house.publisher.report_reply(own.id, "me")


# Leaving


async def with_company(house: House) -> tuple[Post, str, str]:
    """A post with a reply and an answer; (post, follower, replier)."""
    bob = await follower(house)
    post = await house.publish()
    eve = house.person("eve.example", "eve")
    note = house.note(eve, post.uri)
    await house.send(house.create(note))
    stored = await house.reply(note["id"])
    assert stored is not None
    await house.publisher.answer(author_id=house.author.id, reply_id=stored.id, source="Thanks")
    await add_author(house.db, house.ids, SEALER, house.settings, username="olga")
    return post, bob, eve


async def test_LIFE_03_a_deleted_author_is_told_about_and_gone_for_ever(house: House) -> None:
    post, bob, eve = await with_company(house)
    told = await delete_author(house.db, house.ids, SEALER, house.author)
    assert (told.posts, told.inboxes) == (1, 2)
    farewell = (await said(house, "Delete"))[-1]
    assert (farewell["actor"], farewell["object"]) == (house.author.uri, house.author.uri)

    def inboxes(tx: Tx) -> set[str]:
        return {row[0] for row in tx.all("SELECT inbox FROM deliveries WHERE object_uri = $1", house.author.uri)}

    assert await house.db.read(inboxes) == {f"{bob}/inbox", f"{eve}/inbox"}
    gone = await house.actor(house.author.uri)
    assert gone.deleted_at is not None
    after = await house.get_post(post)
    assert (after.status, after.content_html) == (PostStatus.DELETED, "")
    assert await house.db.read(tombstones.get, post.uri) is not None
    assert await house.db.read(followers.count, house.author.id) == 0
    with pytest.raises(Conflict):
        await add_author(house.db, house.ids, SEALER, house.settings, username="Ana")
    assert len(await house.db.read(keys.local_keys, house.author.id, SEALER)) == 2  # to sign the Delete with
    house.clock.now += 7 * 86_400 + 1
    await house.db.write(tidy)
    assert await house.db.read(keys.local_keys, house.author.id, SEALER) == []
    assert (await house.send(house.create(house.note(eve, post.uri))))[1] == "parent_unknown_here"
    assert (await house.send(house.activity("Follow", bob, house.author.uri)))[1] == "not_ours"


async def test_LIFE_04_a_rehearsal_changes_nothing(house: House) -> None:
    post, _, _ = await with_company(house)
    before = len(await house.outgoing())
    told = await close_blog(house.db, house.ids, SEALER, rehearse=True)
    assert (told.actors, told.posts, told.inboxes) == (4, 1, 2)
    assert len(await house.outgoing()) == before
    assert (await house.get_post(post)).status is PostStatus.PUBLISHED
    assert (await house.actor(house.author.uri)).deleted_at is None


async def test_LIFE_04_closing_deletes_every_actor_the_instance_last(house: House) -> None:
    await with_company(house)
    await close_blog(house.db, house.ids, SEALER, rehearse=False)
    deleted = [one["actor"] for one in await said(house, "Delete") if one["object"] == one["actor"]]
    assert deleted[-1] == house.ids.instance()
    everybody = await house.db.read(actors.local_actors)
    assert set(deleted) == {actor.uri for actor in everybody}
    assert all(actor.deleted_at is not None for actor in everybody)
    with pytest.raises(Conflict):
        await close_blog(house.db, house.ids, SEALER, rehearse=False)
