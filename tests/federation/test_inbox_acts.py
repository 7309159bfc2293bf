"""Everything else that arrives: follows, reactions, edits, deletions, blocks, reports."""

from __future__ import annotations

from typing import Any

import pytest

from fedblog.blog.model import Reaction, ReactionKind, Reply
from fedblog.storage import followers, moderation, reactions
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


@pytest.mark.proves("SEC-038")
async def test_INB_22_only_ones_own_acts_are_undone(house: House) -> None:
    """Somebody else's Undo changes nothing, whatever it says (SECURITY 38)."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    like = house.activity("Like", bob, post.uri)
    await house.send(like)
    forged = [like, like["id"], {**like, "actor": eve}, {"type": "Like", "object": post.uri}]
    for inner in forged:
        await house.send(house.activity("Undo", eve, inner))
    assert (await house.get_post(post)).like_count == 1


@pytest.mark.proves("SEC-038")
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
@pytest.mark.proves("SEC-039")
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


@pytest.mark.proves("SEC-037")
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
@pytest.mark.proves("SEC-046")
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


@pytest.mark.proves("SEC-043")
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


@pytest.mark.proves("SEC-043")
async def test_what_the_blocked_wrote_does_not_come_by_others(house: House) -> None:
    """A group passes on what a blocked person wrote (SECURITY 43)."""
    post, bob = await house.publish(), house.person()
    group = house.world.person(house.world.url("l.example", "/c/talk"), "Group")
    note = house.note(bob, post.uri)
    house.world.serve(note)
    await house.publisher.block_actor(bob)
    assert await house.send(house.activity("Announce", group, house.create(note))) == (202, "blocked_here")
    assert await house.thread(post) == []
