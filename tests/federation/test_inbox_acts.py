"""Everything else that arrives: follows, reactions, edits, deletions, blocks, reports."""

from __future__ import annotations

from typing import Any

import pytest

from fedblog.blog.model import Reaction, ReactionKind, Reply, ReplyState, Visibility
from fedblog.storage import actors, followers, moderation, reactions, tombstones
from fedblog.storage.database import Tx
from tests.federation.house import BASE_URL, PUBLIC, House
from tests.federation.house_fixtures import HouseMaker

ANA = f"{BASE_URL}/ap/actors/ana"
BLOG = f"{BASE_URL}/ap/actors/blog"


async def following(house: House, target: str = ANA) -> list[tuple[str, str]]:
    """(actor, state) of everybody who follows."""
    actor = await house.actor(target)

    def read(tx: Tx) -> list[tuple[str, str]]:
        return [
            (one.actor.uri, one.state)
            for state in ("accepted", "pending")
            for one in followers.list(tx, actor.id, limit=50, state=state)
        ]

    return await house.db.read(read)


async def kept(house: House, uri: str) -> Reply:
    """A reply that must be there."""
    reply = await house.reply(uri)
    assert reply is not None
    return reply


async def likes(house: House, post_id: Any, kind: ReactionKind = ReactionKind.LIKE) -> list[Reaction]:
    """The reactions of a kind to a post."""
    return await house.db.read(reactions.of_post, post_id, kind, 50)


@pytest.mark.parametrize("target", [ANA, BLOG, f"{BASE_URL}/@ana"])
async def test_INB_21_follow_is_answered_at_once(house: House, target: str) -> None:
    """The Accept goes to the personal inbox, with the whole Follow inside; again at each Follow, with the new id."""
    bob = house.person(endpoints={"sharedInbox": house.world.url("m.example", "/inbox")})
    follow = house.activity("Follow", bob, target, extra="kept")
    assert await house.send(follow) == (202, "follow_accepted")
    assert await following(house, BLOG if target == BLOG else ANA) == [(bob, "accepted")]
    again = house.activity("Follow", bob, {"id": target, "type": "Person"})
    assert await house.send(again) == (202, "follow_accepted")
    first, second = await house.outgoing()
    assert (first["type"], first["actor"]) == ("Accept", BLOG if target == BLOG else ANA)
    assert {**first["object"], "@context": follow["@context"]} == follow
    assert second["object"]["id"] == again["id"]
    assert await house.inboxes_of(first["id"]) == {f"{bob}/inbox"}


async def test_INB_21_a_locked_author_is_asked_first(make_house: HouseMaker) -> None:
    """Pending until accepted; then the Accept goes out."""
    house = await make_house(federation={"manually_approve_followers": True})
    bob = house.person()
    assert await house.send(house.activity("Follow", bob, ANA)) == (202, "follow_pending")
    assert await house.outgoing() == []
    actor = await house.actor(bob)
    await house.publisher.accept_follower(actor.id, house.author.id)
    assert await following(house) == [(bob, "accepted")]
    assert [said["type"] for said in await house.outgoing()] == ["Accept"]
    await house.publisher.reject_follower(actor.id, house.author.id)
    assert await following(house) == []
    assert [said["type"] for said in await house.outgoing()] == ["Accept", "Reject"]


async def test_INB_21_the_instance_actor_has_no_followers(house: House) -> None:
    """Reject; and nobody follows what isn't here."""
    bob = house.person()
    assert await house.send(house.activity("Follow", bob, f"{BASE_URL}/ap/instance")) == (202, "follow_rejected")
    assert [said["type"] for said in await house.outgoing()] == ["Reject"]
    for target in (f"{BASE_URL}/@nobody", f"{BASE_URL}/ap/actors/nobody", bob, house.world.url("m.example", "/x")):
        assert await house.send(house.activity("Follow", bob, target)) == (202, "not_ours")


async def test_INB_22_undo_by_content_and_by_bare_id(house: House) -> None:
    """A Follow, a Like and an Announce go again."""
    post, bob = await house.publish(), house.person()
    for kind, target in (("Follow", ANA), ("Like", post.uri), ("Announce", post.uri)):
        for bare in (False, True):
            act = house.activity(kind, bob, target, to=[PUBLIC])
            assert (await house.send(act))[0] == 202
            undo = house.activity("Undo", bob, act["id"] if bare else act)
            assert (await house.send(undo))[1] in ("follow_removed", "reaction_removed")
            assert (await house.send(act))[1] == "duplicate"
    now = await house.get_post(post)
    assert (now.like_count, now.announce_count, await following(house)) == (0, 0, [])


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("kind", ["Like", "Announce", "Follow", "Block"])
async def test_INB_22_undo_before_its_act(house: House, kind: str, bare: bool) -> None:
    """Remembered for a day; a new act of the same kind with another id counts."""
    post, bob = await house.publish(), house.person()
    target = post.uri if kind in ("Like", "Announce") else ANA
    act = house.activity(kind, bob, target, to=[PUBLIC])
    assert await house.send(house.activity("Undo", bob, act["id"] if bare else act)) == (202, "undo_remembered")
    assert await house.send(act) == (202, "undone_before")
    assert (await house.send({**act, "id": f"{bob}/another"}))[1] not in ("undone_before", "duplicate")


async def test_INB_22_only_ones_own_acts_are_undone(house: House) -> None:
    """Somebody else's Undo changes nothing, whatever it says (SECURITY 38)."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    like = house.activity("Like", bob, post.uri)
    await house.send(like)
    forged = [like, like["id"], {**like, "actor": eve}, {"type": "Like", "object": post.uri}]
    for inner in forged:
        await house.send(house.activity("Undo", eve, inner))
    assert (await house.get_post(post)).like_count == 1


async def test_INB_23_one_like_per_actor(house: House) -> None:
    """However often it is sent; an emoji goes along; a reaction is a like as well."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    assert await house.send(house.activity("Like", bob, post.uri)) == (202, "reaction_kept")
    await house.send(house.activity("Like", bob, post.uri))
    await house.send(house.activity("EmojiReact", bob, post.uri, content="🔥"))
    await house.send(house.activity("Like", eve, post.uri, _misskey_reaction="👍🏽"))
    assert {one.actor.uri: one.emoji for one in await likes(house, post.id)} == {bob: "🔥", eve: "👍🏽"}
    assert (await house.get_post(post)).like_count == 2


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        ("❤️", True), ("👨‍👩‍👧‍👦", True), ("🇩🇪", True), ("1️⃣", True), ("⭐", True),
        ("x", False), ("", False), ("👍👍", False), ("👍 yes", False), ("🇩🇪🇫🇷", False), (":blobcat:", False),
    ],
)  # fmt: skip
async def test_INB_23_exactly_one_emoji(house: House, content: str, taken: bool) -> None:
    """EmojiReact without exactly one is nothing; a custom one needs its tag."""
    post, bob = await house.publish(), house.person()
    react = house.activity("EmojiReact", bob, post.uri, content=content)
    assert await house.send(react) == (202, "reaction_kept" if taken else "reaction_unreadable")


async def test_INB_23_custom_emoji_and_dislike(house: House) -> None:
    """:name: with its Emoji tag; a Dislike is kept and shown nowhere."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    tag = [{"type": "Emoji", "name": ":blobcat:", "icon": {"type": "Image", "url": "https://x.example/b.png"}}]
    await house.send(house.activity("EmojiReact", bob, post.uri, content=":blobcat:", tag=tag))
    assert await house.send(house.activity("Dislike", eve, post.uri)) == (202, "reaction_kept")
    assert [one.emoji for one in await likes(house, post.id)] == [":blobcat:"]
    assert len(await likes(house, post.id, ReactionKind.DISLIKE)) == 1
    assert (await house.get_post(post)).like_count == 1


async def test_INB_23_INB_24_likes_and_boosts_of_our_answers(house: House) -> None:
    """By name, on the answer; those of what is not ours count nowhere."""
    post, bob = await house.publish(), house.person()
    ours = await house.publisher.answer(author_id=house.author.id, post_id=post.id, source="Hello")
    await house.send(house.activity("Like", bob, ours.uri))
    await house.send(house.activity("Announce", bob, ours.uri, to=[PUBLIC]))
    answer = await kept(house, ours.uri)
    assert (answer.like_count, answer.announce_count) == (1, 1)
    assert await house.send(house.activity("Like", bob, f"{bob}/notes/1")) == (202, "not_ours")
    assert await house.send(house.activity("Announce", bob, f"{bob}/notes/1", to=[PUBLIC])) == (202, "not_ours")


async def test_INB_24_public_boosts_count(house: House) -> None:
    """Unlisted ones too; followers-only ones not; an embedded copy is thrown away."""
    post, bob, eve, zoe = await house.publish(), house.person(), house.person("e.example"), house.person("z.example")
    copy = {"id": post.uri, "type": "Note", "attributedTo": bob, "content": "<p>lies</p>"}
    assert await house.send(house.activity("Announce", bob, copy, to=[PUBLIC])) == (202, "reaction_kept")
    unlisted = house.activity("Announce", eve, post.uri, to=[f"{eve}/followers"], cc=[PUBLIC])
    assert await house.send(unlisted) == (202, "reaction_kept")
    private = house.activity("Announce", zoe, post.uri, to=[f"{zoe}/followers"])
    assert await house.send(private) == (202, "not_public")
    assert (await house.get_post(post)).announce_count == 2


@pytest.mark.parametrize("wrapper", ["Announce", "Add"])
async def test_INB_25_INB_26_a_wrapped_activity_is_fetched(house: House, wrapper: str) -> None:
    """The copy inside proves nothing: what the origin serves is kept (SECURITY 39)."""
    post, bob = await house.publish(), house.person()
    group = house.world.person(house.world.url("l.example", "/c/talk"), "Group")
    extra = {"to": [PUBLIC], "target": f"{group}/threads/1"}
    note = house.note(bob, post.uri, "<p>True</p>")
    house.world.serve(note)
    wrapped = house.create({**note, "content": "<p>Forged</p>"})
    assert await house.send(house.activity(wrapper, group, wrapped, **extra)) == (202, "reply_published")
    assert (await kept(house, note["id"])).content_html == "<p>True</p>"
    unknown = house.create(house.note(bob, post.uri))
    assert await house.send(house.activity(wrapper, group, unknown, **extra)) == (202, "object_unfetchable")
    liked = house.activity("Like", bob, post.uri)
    assert await house.send(house.activity(wrapper, group, liked, **extra)) == (202, "type_not_handled")
    assert (await house.get_post(post)).like_count == 0


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


async def test_an_actor_tells_of_its_new_name(house: House) -> None:
    """From the signed copy; a thin copy is completed by a fetch; nobody updates somebody else (SECURITY 37)."""
    bob, eve = house.person(), house.person("e.example", "eve")
    await house.send(house.activity("Follow", bob, ANA))
    place = ("m.example", "/users/bob")
    document = {**house.world.documents[place][1], "name": "Robert"}
    assert await house.send(house.activity("Update", bob, document)) == (202, "actor_updated")
    assert (await house.actor(bob)).name == "Robert"
    house.world.documents[place] = (200, {**document, "name": "Bobby"})
    assert await house.send(house.activity("Update", bob, {"id": bob, "type": "Person"})) == (202, "actor_updated")
    assert (await house.actor(bob)).name == "Bobby"
    forged = {**document, "name": "Eve's", "publicKey": {"id": f"{bob}#main-key", "owner": bob, "publicKeyPem": "x"}}
    assert await house.send(house.activity("Update", eve, forged)) == (202, "not_the_author")
    assert (await house.actor(bob)).name == "Bobby"


async def test_INB_29_a_block_ends_everything(house: House) -> None:
    """No follow, no deliveries; lifting it restores nothing by itself. A ban from a community is none of ours."""
    bob = house.person()
    await house.send(house.activity("Follow", bob, ANA))
    banned = house.activity("Block", bob, ANA, target=house.world.url("m.example", "/c/talk"))
    assert await house.send(banned) == (202, "not_ours")
    block = house.activity("Block", bob, ANA)
    assert await house.send(block) == (202, "block_kept")
    assert await following(house) == []
    actor = await house.actor(bob)
    assert await house.db.read(moderation.is_blocked_by, actor.id, house.author.id)
    assert await house.send(house.activity("Undo", bob, block)) == (202, "block_lifted")
    assert not await house.db.read(moderation.is_blocked_by, actor.id, house.author.id)
    assert await following(house) == []


async def test_INB_30_reports_are_queued(house: House) -> None:
    """Objects as one or many; Misskey names the post in its words only; what is not about us is not kept."""
    post, bob = await house.publish(), house.person()
    for objects, content in (([ANA, post.uri], "spam"), (post.uri, ""), ([bob], f"see {post.uri}")):
        flag = house.activity("Flag", bob, objects, content=content)
        assert await house.send(flag) == (202, "report_queued")
    assert await house.send(house.activity("Flag", bob, [bob], content="?")) == (202, "not_ours")
    assert len(await house.db.read(moderation.reports)) == 3


@pytest.mark.parametrize("kind", ["Accept", "Reject"])
async def test_INB_32_answers_to_nothing_count_for_nothing(house: House, kind: str) -> None:
    """We asked nobody."""
    bob = house.person()
    asked = {"id": f"{BASE_URL}/ap/activities/1", "type": "Follow", "actor": ANA, "object": bob}
    assert await house.send(house.activity(kind, bob, asked)) == (202, "nothing_pending")


@pytest.mark.parametrize("kind", ["Join", "Lock", "Listen", "as:View", "Travel"])
async def test_INB_09_other_types_are_acknowledged(house: House, kind: str) -> None:
    """202, one row in the log, nothing else."""
    bob = house.person()
    assert await house.send(house.activity(kind, bob, f"{BASE_URL}/x")) == (202, "type_not_handled")
    assert [(entry.status, entry.reason) for entry in await house.log()] == [(202, "type_not_handled")]


async def test_blocking_somebody_takes_their_words_off_the_page(house: House) -> None:
    """403 from then on, old replies hidden; both come back with the block's end (SECURITY 43)."""
    post, bob = await house.publish(), house.person()
    await house.send(house.create(house.note(bob, post.uri)))
    for block, unblock, value in (
        (house.publisher.block_actor, house.publisher.unblock_actor, bob),
        (house.publisher.block_domain, house.publisher.unblock_domain, "m.example.localhost"),
    ):
        await block(value)
        assert await house.thread(post) == []
        assert await house.send(house.create(house.note(bob, post.uri))) == (403, "blocked")
        await unblock(value)
        assert len(await house.thread(post)) == 1


async def test_what_the_blocked_wrote_does_not_come_by_others(house: House) -> None:
    """A group passes on what a blocked person wrote (SECURITY 43)."""
    post, bob = await house.publish(), house.person()
    group = house.world.person(house.world.url("l.example", "/c/talk"), "Group")
    note = house.note(bob, post.uri)
    house.world.serve(note)
    await house.publisher.block_actor(bob)
    assert await house.send(house.activity("Announce", group, house.create(note))) == (202, "blocked_here")
    assert await house.thread(post) == []


async def test_tombstones_remember_whose_they_were(house: House) -> None:
    """An admin can look it up."""
    bob = house.person()
    note_id = f"{bob}/notes/1"
    await house.send(house.activity("Delete", bob, {"id": note_id, "type": "Tombstone", "formerType": "Note"}))
    grave = await house.db.read(tombstones.get, note_id)
    assert grave is not None
    assert (grave.actor_uri, grave.local) == (bob, False)
    assert await house.db.read(actors.by_uri, bob) is not None
