"""Who may be heard, and how loud: suspended, missing, blocked, limited; relays; what the blog itself may say."""

from __future__ import annotations

from typing import Any

import pytest

from fedblog.activitypub.urls import maybe_uri
from fedblog.blog.model import ReplyState
from fedblog.federation.outbox import BLOG_SAYS, Outbox
from fedblog.storage import actors, followers, outgoing, reactions, threads
from fedblog.storage.database import Tx
from fedblog.storage.outgoing import Audience
from tests.federation.house import PUBLIC, House
from tests.federation.house_fixtures import HouseMaker

DAY = 86_400


async def answered(house: House, host: str = "m.example", name: str = "bob", **extra: Any) -> tuple[str, Any]:
    """Somebody with one public reply under a new post: their id and the post."""
    post, who = await house.publish(), house.person(host, name, **extra)
    assert await house.send(house.create(house.note(who, post.uri))) == (202, "reply_published")
    return who, post


async def names(house: House, post: Any) -> list[str]:
    """Who shows under the post."""
    return [row.actor.username for row in await house.thread(post)]


async def test_ACT_16_a_suspended_actor_is_hidden_until_the_flag_goes(house: House) -> None:
    """Hidden, not deleted; the text is there again afterwards, and what came meanwhile was not kept."""
    bob, post = await answered(house)
    version = (await house.get_post(post)).thread_version
    house.person(suspended=True)
    await house.resolver.actor(bob, refresh=True)  # type: ignore[arg-type]
    assert await names(house, post) == []
    assert (await house.get_post(post)).reply_count == 0
    assert (await house.get_post(post)).thread_version > version
    assert await house.db.read(threads.public_uris, post.id, limit=5) == []
    assert (await house.send(house.create(house.note(bob, post.uri))))[1] == "comment_dropped"
    house.person()
    await house.resolver.actor(bob, refresh=True)  # type: ignore[arg-type]
    (row,) = await house.thread(post)
    assert "Well said" in row.reply.content_html


async def test_ACT_16_gone_actors_take_everything_with_them(house: House) -> None:
    bob, post = await answered(house)
    house.world.gone(bob, 410)
    house.clock.now += 2 * DAY
    await house.send(house.activity("Like", bob, post.uri))
    assert await house.thread(post, public_only=False) == []
    assert (await house.actor(bob)).deleted_at is not None
    assert await house.db.read(reactions.recent, before_id=None, limit=5, author_id=None) == []


async def test_ACT_16_not_found_counts_the_second_time_a_day_later(house: House) -> None:
    bob, post = await answered(house)
    house.world.gone(bob, 404)
    for later, shown in ((0, True), (3_600, True), (DAY, False)):
        house.clock.now += later
        with pytest.raises(Exception, match="404"):
            await house.resolver.actor(bob, refresh=True)  # type: ignore[arg-type]
        assert bool(await names(house, post)) is shown, later
    house.person()
    await house.resolver.actor(bob, refresh=True)  # type: ignore[arg-type]
    assert await names(house, post) == ["bob"]
    house.world.gone(bob, 404)
    house.clock.now += DAY
    with pytest.raises(Exception, match="404"):
        await house.resolver.actor(bob, refresh=True)  # type: ignore[arg-type]
    assert await names(house, post) == ["bob"], "counted from anew"


async def test_ACT_16_LIFE_05_a_block_and_a_suspension_do_not_lift_each_other(house: House) -> None:
    bob, post = await answered(house)
    await house.publisher.block_actor(bob)
    await house.db.write(actors.set_suspended, (await house.actor(bob)).id, 1)
    await house.publisher.unblock_actor(bob)
    assert await names(house, post) == []
    await house.publisher.block_actor(bob)
    await house.db.write(actors.set_suspended, (await house.actor(bob)).id, None)
    assert await names(house, post) == []
    await house.publisher.unblock_actor(bob)
    assert await names(house, post) == ["bob"]


@pytest.mark.parametrize("host", ["bad.example", "deep.down.bad.example"])
async def test_LIFE_05_a_blocked_domain_is_not_heard_nor_told(house: House, host: str) -> None:
    """With everything below its name: 403, nothing shown, followers gone, nothing sent. Its neighbours stay."""
    eve, post = await answered(house, host, "eve")
    fay = house.person("good.example", "fay")
    assert (await house.send(house.create(house.note(fay, post.uri))))[1] == "reply_published"
    for who in (eve, fay):
        assert (await house.send(house.activity("Follow", who, house.author.uri)))[1] == "follow_accepted"
    await house.publisher.block_domain("bad.example.localhost")
    assert await names(house, post) == ["fay"]
    assert await house.db.read(followers.count, house.author.id) == 1
    assert await house.send(house.create(house.note(eve, post.uri))) == (403, "blocked")
    assert await house.send(house.activity("Follow", eve, house.author.uri)) == (403, "blocked")
    create = next(one for one in await house.outgoing() if one["type"] == "Create")
    await house.inboxes_of(create["id"])
    await house.db.write(lambda tx: tx.run("UPDATE deliveries SET state = 'done', first_try_at = 1"))
    await house.publisher.unpublish(post.id)
    delete = next(one for one in await house.outgoing() if one["type"] == "Delete")
    inboxes = await house.inboxes_of(delete["id"])
    assert any("good.example" in inbox for inbox in inboxes)
    assert not any("bad.example" in inbox for inbox in inboxes)


async def test_LIFE_05_limited_servers_are_heard_and_held(house: House) -> None:
    """What is there stays, follows stay; what comes waits, whoever was approved before. Taken back, it flows again."""
    eve, post = await answered(house, "loud.example", "eve")
    await house.send(house.activity("Follow", eve, house.author.uri))
    await house.publisher.limit_domain("example.localhost")
    assert await names(house, post) == ["eve"]
    assert await house.db.read(followers.count, house.author.id) == 1
    assert (await house.send(house.create(house.note(eve, post.uri))))[1] == "reply_held"
    (held,) = [row.reply for row in await house.thread(post, public_only=False) if row.reply.state is ReplyState.HELD]
    assert held.reason == "hold_limited"
    await house.publisher.approve_reply(held.id)
    assert await names(house, post) == ["eve", "eve"]
    private = house.note(eve, post.uri, to=[house.author.uri], cc=[])
    assert (await house.send(house.create(private)))[1] == "reply_private"
    await house.publisher.unlimit_domain("example.localhost")
    assert (await house.send(house.create(house.note(eve, post.uri))))[1] == "reply_published"


async def test_LIFE_05_our_own_domain_is_not_limited(house: House) -> None:
    with pytest.raises(Exception, match="our own domain"):
        await house.publisher.limit_domain("blog.example")


async def test_LIFE_02_gateway_ids_are_plain_urls_and_other_schemes_nothing(house: House) -> None:
    """A portable object by its gateway is an actor of that host; `ap:` and `did:` are no ids here."""
    did = "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
    portable = house.world.person(house.world.url("gateway.example", f"/.well-known/apgateway/{did}/actor"))
    post = await house.publish()
    assert await house.send(house.create(house.note(portable, post.uri))) == (202, "reply_published")
    (row,) = await house.thread(post)
    assert row.actor.uri == portable
    assert row.actor.domain.startswith("gateway.example")
    for uri in (f"ap://{did}/actor", f"ap+ef61://{did}/actor", did):
        assert maybe_uri(uri) is None
        create = house.create(house.note(portable, post.uri))
        create["actor"] = create["object"]["attributedTo"] = uri
        status, _ = await house.send(create, by=portable)
        assert status in (400, 401)
    for said in await house.outgoing():
        assert "did:" not in str(said)


async def test_DLV_15_relays_are_neither_joined_nor_believed(house: House) -> None:
    """Nobody asked one: its Follow of the public is nothing, an Accept neither, and what it passes on is not kept."""
    relay = house.world.person(house.world.url("relay.example", "/actor"), "Application")
    stranger = house.person("far.example", "zoe")
    note = house.note(stranger, None)
    house.world.serve(note)
    follow = {"id": f"{house.blog.uri}/follows/1", "type": "Follow", "actor": house.blog.uri, "object": PUBLIC}
    for activity, reason in (
        (house.activity("Follow", relay, PUBLIC), "not_ours"),
        (house.activity("Accept", relay, follow), "nothing_pending"),
        (house.activity("Announce", relay, note["id"], to=[PUBLIC]), "not_ours"),
        (house.activity("Announce", relay, house.create(note), to=[PUBLIC]), "not_related"),
    ):
        assert await house.send(activity) == (202, reason)
    assert house.world.fetches(note["id"]) == 1, "what a group might wrap is asked for at its origin, once"
    post = await house.publish()
    for said in await house.outgoing():
        assert not any("relay.example" in inbox for inbox in await house.inboxes_of(said["id"]))
    assert await house.thread(post, public_only=False) == []
    assert await house.db.read(followers.count, house.blog.id) == 0


async def test_ACT_02_the_blog_speaks_only_as_communities_do(make_house: HouseMaker) -> None:
    """All acts that concern it, and then only these types; anything else doesn't leave the house."""
    house = await make_house()
    bob, cy, post = house.person(), house.person(name="cy"), await house.publish()
    await house.send(house.activity("Follow", bob, house.blog.uri))
    await house.send(house.activity("Follow", cy, house.blog.uri))
    await house.send(house.activity("Like", bob, post.uri))
    await house.publisher.reject_follower((await house.actor(cy)).id, house.blog.id)
    await house.publisher.unpublish(post.id)
    said = [one for one in await house.outgoing() if one["actor"] == house.blog.uri]
    assert {one["type"] for one in said} == {"Announce", "Accept", "Reject"}
    assert {one["type"] for one in said} <= BLOG_SAYS

    def like(tx: Tx) -> None:
        Outbox(house.ids, {}).add(
            tx,
            lambda uri: {"id": uri, "type": "Like", "actor": house.blog.uri, "object": bob},
            actor=house.blog,
            object_uri=bob,
            audience=Audience(),
            public=False,
        )

    with pytest.raises(ValueError, match="doesn't send Like"):
        await house.db.write(like)
    assert await house.db.read(outgoing.by_uri, f"{house.blog.uri}/x") is None
