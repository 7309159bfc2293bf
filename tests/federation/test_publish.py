"""What our authors do goes out: to whom, in which form, in one unit of work."""

from __future__ import annotations

from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.blog.model import PostId, PostStatus, Visibility, Writing
from fedblog.errors import ConfigError, Conflict, Forbidden, InvalidInput, NotFound, StorageUnavailable
from fedblog.federation.setup import add_author, ensure_instance
from fedblog.signatures.keys import parse_public_pem
from fedblog.signatures.proofs import verify_proof
from fedblog.storage import accounts, actors, keys, outgoing, posts, tombstones
from fedblog.storage.database import Tx
from tests.federation.house import BASE_URL, PUBLIC, SEALER, House, settings_for

ANA = f"{BASE_URL}/ap/actors/ana"
BLOG = f"{BASE_URL}/ap/actors/blog"


async def follow(house: House, host: str, target: str, name: str = "fan") -> str:
    """Somebody follows; returns their inbox."""
    fan = house.person(host, name)
    assert (await house.send(house.activity("Follow", fan, target)))[0] == 202
    return f"{fan}/inbox"


async def said(house: House, kind: str) -> list[dict[str, Any]]:
    """What we said of one type."""
    return [one for one in await house.outgoing() if one["type"] == kind]


async def test_DLV_01_DLV_12_a_post_and_who_gets_it(house: House) -> None:
    """The author's Create to her followers and the mentioned, the blog's Announce to the blog's; never both to one
    server for one follow."""
    hers = await follow(house, "a.example", ANA)
    blogs = await follow(house, "b.example", BLOG)
    named = house.person("c.example", "carol")
    await house.send(house.activity("Like", named, f"{BASE_URL}/nothing"))
    text = await house.publisher.compose(Writing(title="Hi", source="Hello @carol@c.example!"), look_up=False)
    assert text.mentions == ()
    draft = await house.publisher.save_draft(text, author_id=house.author.id)
    assert await said(house, "Create") == []
    post = await house.publisher.publish(draft.id)
    create, announce = (await said(house, "Create"))[0], (await said(house, "Announce"))[0]
    assert await house.inboxes_of(create["id"]) == {hers}
    assert await house.inboxes_of(announce["id"]) == {blogs}
    assert create["object"]["id"] == post.uri
    assert post.status is PostStatus.PUBLISHED


async def test_mentions_are_looked_up_before_the_write(house: House) -> None:
    """By WebFinger; who can't be found stays plain text."""
    carol = house.person("c.example", "carol")
    host = f"c.example.localhost:{house.world.port}"
    resource = f"acct:carol@{host}"
    house.world.documents[("c.example", f"/.well-known/webfinger?resource={_quoted(resource)}")] = (
        200,
        {
            "subject": resource,
            "links": [{"rel": "self", "type": "application/activity+json", "href": carol}],
        },
    )
    text = await house.publisher.compose(Writing(title="Hi", source=f"Hello @carol@{host} and @nobody@{host}"))
    assert text.mentions == (carol,)
    draft = await house.publisher.save_draft(text, author_id=house.author.id)
    await house.publisher.publish(draft.id)
    create = (await said(house, "Create"))[0]
    assert carol in create["cc"]
    assert [tag["href"] for tag in create["object"]["tag"] if tag["type"] == "Mention"] == [carol]
    assert f"{carol}/inbox" in await house.inboxes_of(create["id"])


def _quoted(text: str) -> str:
    return text.replace(":", "%3A").replace("@", "%40")


async def test_ART_08_the_blog_announces_the_whole_create(house: House) -> None:
    """The Create is inside; the post names the blog as its audience."""
    await house.publish()
    create, announce = (await said(house, "Create"))[0], (await said(house, "Announce"))[0]
    assert announce["actor"] == BLOG
    inner = announce["object"]
    assert (inner["type"], inner["id"], inner["object"]["id"]) == ("Create", create["id"], create["object"]["id"])
    assert create["object"]["audience"] == BLOG


async def test_an_unlisted_post_is_not_announced(house: House) -> None:
    """The blog's followers get the Create itself."""
    hers, blogs = await follow(house, "a.example", ANA), await follow(house, "b.example", BLOG)
    await house.publish(visibility=Visibility.UNLISTED)
    assert await said(house, "Announce") == []
    create = (await said(house, "Create"))[0]
    assert PUBLIC in create["cc"]
    assert await house.inboxes_of(create["id"]) == {hers, blogs}


async def test_OUT_10_public_activities_carry_a_proof(house: House) -> None:
    """By the actor's own Ed25519 key; private ones don't."""
    await house.publish()
    for activity in (*await said(house, "Create"), *await said(house, "Announce")):
        actor = await house.actor(activity["actor"])
        listed = {key_id: pem for key_id, _, pem in await house.db.read(keys.public_keys, actor.id)}
        key_id = Uri(activity["proof"]["verificationMethod"])
        verify_proof(activity, parse_public_pem(listed[key_id], key_id, Uri(actor.uri)), now=house.clock.now)
    bob = house.person()
    await house.send(house.activity("Follow", bob, ANA))
    assert "proof" not in (await said(house, "Accept"))[0]


async def test_ART_10_an_edit_goes_to_everybody_who_has_it(house: House) -> None:
    """Followers of both and who took part; with `updated`; saved under its version."""
    post = await house.publish()
    hers, blogs = await follow(house, "a.example", ANA), await follow(house, "b.example", BLOG)
    bob, eve = house.person(), house.person("e.example", "eve")
    await house.send(house.create(house.note(bob, post.uri)))
    await house.send(house.activity("Like", eve, post.uri))
    text = await house.publisher.compose(Writing(title="Friendship", source="Better words"))
    house.clock.now += 60
    await house.publisher.edit(post.id, text, editor_id=house.author.id, expected_version=post.version)
    update = (await said(house, "Update"))[0]
    assert "Better words" in update["object"]["content"]
    assert update["object"]["updated"] > update["object"]["published"]
    assert await house.inboxes_of(update["id"]) == {hers, blogs, f"{bob}/inbox", f"{eve}/inbox"}
    with pytest.raises(Conflict):
        await house.publisher.edit(post.id, text, editor_id=house.author.id, expected_version=post.version)


async def test_a_draft_is_edited_in_silence(house: House) -> None:
    """Nothing leaves the house."""
    text = await house.publisher.compose(Writing(title="Draft", source="One"))
    draft = await house.publisher.save_draft(text, author_id=house.author.id)
    await house.publisher.edit(draft.id, text, editor_id=house.author.id)
    await house.publisher.delete(draft.id)
    assert await house.outgoing() == []
    with pytest.raises(NotFound):
        await house.publisher.publish(draft.id)


@pytest.mark.parametrize("act", ["unpublish", "delete"])
@pytest.mark.proves("SEC-086")
async def test_ART_22_what_is_taken_back_leaves_a_tombstone(house: House, act: str) -> None:
    """Delete to all who got it; the id answers with a Tombstone for ever; publishing again takes a new id."""
    hers = await follow(house, "a.example", ANA)
    post, bob = await house.publish(), house.person()
    created = (await said(house, "Create"))[0]
    assert await house.inboxes_of(created["id"]) == {hers}
    await house.db.write(_delivered)
    await house.send(house.activity("Like", bob, post.uri))
    fan = hers.removesuffix("/inbox")
    await house.send(house.activity("Undo", fan, {"type": "Follow", "actor": fan, "object": ANA}))
    await getattr(house.publisher, act)(post.id)
    delete = (await said(house, "Delete"))[0]
    assert delete["object"] == {**delete["object"], "id": post.uri, "type": "Tombstone", "formerType": "Article"}
    # who follows no more has it all the same
    assert await house.inboxes_of(delete["id"]) == {hers, f"{bob}/inbox"}
    assert await house.db.read(tombstones.get, post.uri) is not None
    assert await house.send(house.create(house.note(bob, post.uri))) == (202, "parent_unknown_here")
    if act == "delete":
        with pytest.raises(NotFound):
            await house.publisher.publish(post.id)
    else:
        again = await house.publisher.publish(post.id)
        assert again.uri not in ("", post.uri)
        assert (await said(house, "Create"))[-1]["object"]["id"] == again.uri


def _delivered(tx: Tx) -> None:
    tx.run("UPDATE deliveries SET state = 'delivered', first_try_at = $1", tx.now)


async def test_acts_in_the_wrong_state_are_refused(house: House) -> None:
    """And change nothing."""
    post = await house.publish()
    before = await house.outgoing()
    with pytest.raises(Conflict):
        await house.publisher.publish(post.id)
    await house.publisher.unpublish(post.id)
    with pytest.raises(Conflict):
        await house.publisher.unpublish(post.id)
    with pytest.raises(NotFound):
        await house.publisher.publish(PostId(1))
    with pytest.raises(InvalidInput):
        await house.publisher.compose(Writing(title=" ", source="x"))
    with pytest.raises(InvalidInput):
        await house.publisher.compose(Writing(title="x", source="x", visibility=Visibility.DIRECT))
    assert len(await house.outgoing()) == len(before) + 1


@pytest.mark.proves("SEC-126")
async def test_DLV_12_no_activity_without_its_act(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the queue can't be written, the post isn't out either."""
    text = await house.publisher.compose(Writing(title="Hi", source="x"))
    draft = await house.publisher.save_draft(text, author_id=house.author.id)

    def full(*_: Any, **__: Any) -> None:
        raise StorageUnavailable("disk full")

    monkeypatch.setattr(outgoing, "add", full)
    with pytest.raises(StorageUnavailable):
        await house.publisher.publish(draft.id)
    monkeypatch.undo()
    kept = await house.db.read(posts.by_id, draft.id)
    assert kept is not None
    assert kept.status is PostStatus.DRAFT
    await house.publisher.publish(draft.id)
    assert len(await said(house, "Create")) == 1


async def test_DLV_03_ART_21_an_answer_goes_to_the_whole_branch(house: House) -> None:
    """To whom it answers, to all above, to followers; with the parent's context and a mention."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    hers = await follow(house, "a.example", ANA)
    first = house.note(bob, post.uri)
    second = house.note(eve, first["id"], context=f"{post.uri}/context")
    await house.send(house.create(first))
    await house.send(house.create(second))
    parent = await house.reply(second["id"])
    assert parent is not None
    answer = await house.publisher.answer(author_id=house.author.id, reply_id=parent.id, source="Thank *you*")
    create = (await said(house, "Create"))[-1]
    note = create["object"]
    assert (note["id"], note["type"], note["inReplyTo"]) == (answer.uri, "Note", second["id"])
    assert note["context"] == f"{post.uri}/context"
    assert note["content"].strip() == "<p>Thank <em>you</em></p>"
    assert [tag["href"] for tag in note["tag"]] == [eve]
    assert eve in note["cc"]
    assert await house.inboxes_of(create["id"]) == {hers, f"{bob}/inbox", f"{eve}/inbox"}
    assert [row.reply.uri for row in await house.thread(post)] == [first["id"], second["id"], answer.uri]


async def test_an_answer_is_edited_and_taken_back(house: House) -> None:
    """Update, then Delete, to the same people; nobody else may."""
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri)
    await house.send(house.create(note))
    parent = await house.reply(note["id"])
    assert parent is not None
    answer = await house.publisher.answer(author_id=house.author.id, reply_id=parent.id, source="One")
    house.clock.now += 5
    with pytest.raises(Forbidden):
        await house.publisher.edit_answer(answer.id, author_id=house.blog.id, source="Two")
    edited = await house.publisher.edit_answer(answer.id, author_id=house.author.id, source="Two")
    assert edited.edited_at == int(house.clock.now)
    update = (await said(house, "Update"))[-1]
    assert "Two" in update["object"]["content"]
    assert f"{bob}/inbox" in await house.inboxes_of(update["id"])
    await house.publisher.delete_answer(answer.id, author_id=house.author.id)
    delete = (await said(house, "Delete"))[-1]
    assert delete["object"]["id"] == answer.uri
    assert [row.reply.uri for row in await house.thread(post)] == [note["id"]]
    with pytest.raises(NotFound):
        await house.publisher.delete_answer(answer.id)


@pytest.mark.proves("SEC-082")
async def test_an_answer_is_never_wider_than_what_it_answers(house: House) -> None:
    """A private reply is answered to its author alone (SECURITY 82)."""
    post, bob = await house.publish(), house.person()
    hers = await follow(house, "a.example", ANA)
    note = house.note(bob, post.uri, to=[ANA], cc=[])
    await house.send(house.activity("Create", bob, note))
    parent = await house.reply(note["id"])
    assert parent is not None
    answer = await house.publisher.answer(author_id=house.author.id, reply_id=parent.id, source="Between us")
    assert answer.visibility is Visibility.DIRECT
    create = (await said(house, "Create"))[-1]
    assert (create["to"], create["cc"], "proof" in create) == ([bob], [], False)
    assert await house.inboxes_of(create["id"]) == {f"{bob}/inbox"}
    assert hers not in await house.inboxes_of(create["id"])
    assert await house.thread(post) == []


async def test_an_author_likes_a_reply(house: House) -> None:
    """Its author is told, and told when it is taken back."""
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri)
    await house.send(house.create(note))
    reply = await house.reply(note["id"])
    assert reply is not None
    assert await house.publisher.like_reply(reply.id, author_id=house.author.id)
    assert not await house.publisher.like_reply(reply.id, author_id=house.author.id)
    assert await house.publisher.unlike_reply(reply.id, author_id=house.author.id)
    like, undo = (await said(house, "Like"))[0], (await said(house, "Undo"))[0]
    assert (like["object"], undo["object"]["id"]) == (note["id"], like["id"])
    assert await house.inboxes_of(like["id"]) == {f"{bob}/inbox"}


async def test_ACT_11_a_changed_profile_is_told(house: House) -> None:
    """The whole actor, to followers and to everybody who took part."""
    post, bob = await house.publish(), house.person()
    hers = await follow(house, "a.example", ANA)
    await house.send(house.create(house.note(bob, post.uri)))
    await house.publisher.update_profile(house.author.id, name="Ana B.", summary_source="Writes **things**.")
    update = (await said(house, "Update"))[0]
    assert (update["actor"], update["object"]["id"], update["object"]["name"]) == (ANA, ANA, "Ana B.")
    assert "<strong>things</strong>" in update["object"]["summary"]
    assert update["object"]["publicKey"]["id"] == f"{ANA}#main-key"
    assert await house.inboxes_of(update["id"]) == {hers, f"{bob}/inbox"}


async def test_set_up_is_done_once_and_the_domain_stays(house: House) -> None:
    """Again: nothing new. Another domain: refused with the fix."""
    before = [actor.uri for actor in await house.db.read(actors.local_actors)]
    await ensure_instance(house.db, house.ids, house.settings, SEALER)
    assert [actor.uri for actor in await house.db.read(actors.local_actors)] == before
    other = settings_for(house.settings.data_dir, server={"domain": "other.example"})
    with pytest.raises(ConfigError, match=r"blog\.example"):
        await ensure_instance(house.db, house.ids, other, SEALER)


async def test_ACT_07_every_actor_has_keys_of_its_own(house: House) -> None:
    """RSA and Ed25519, under ids that are fragments of the actor's."""
    seen: set[str] = set()
    for actor in await house.db.read(actors.local_actors):
        listed = await house.db.read(keys.public_keys, actor.id)
        assert {(key_id, algorithm) for key_id, algorithm, _ in listed} == {
            (f"{actor.uri}#main-key", "rsa"),
            (f"{actor.uri}#ed25519-key", "ed25519"),
        }
        seen |= {pem for _, _, pem in listed}
    assert len(seen) == 6


async def test_author_names(house: House) -> None:
    """Taken, reserved and impossible ones are refused; nothing is left behind."""
    for name, problem in (("ana", Conflict), ("blog", InvalidInput), ("a b", InvalidInput), ("", InvalidInput)):
        with pytest.raises(problem):
            await add_author(house.db, house.ids, SEALER, house.settings, username=name)
    assert len(await house.db.read(accounts.all)) == 1
