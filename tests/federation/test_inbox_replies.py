"""Replies that arrive: kept, shown, held, private, waiting for their parent."""

from __future__ import annotations

from typing import Any

import pytest

from fedblog.blog.model import ReplyState, Visibility, Writing
from tests.federation.house import BASE_URL, PUBLIC, House
from tests.federation.house_fixtures import HouseMaker


async def test_INB_03_INB_10_a_reply_shows_under_the_post(house: House) -> None:
    """202, stored once, shown once, with its author."""
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri)
    assert await house.send(house.create(note)) == (202, "reply_published")
    rows = await house.thread(post)
    assert [row.reply.uri for row in rows] == [note["id"]]
    assert rows[0].actor.uri == bob
    assert (await house.get_post(post)).reply_count == 1


@pytest.mark.proves("SEC-024", "SEC-025", "SEC-134")
async def test_INB_05_the_first_version_stays(house: House) -> None:
    """Twice the same id: one effect; the second one's other content doesn't count. Type and id together are the key."""
    post, bob = await house.publish(), house.person()
    create = house.create(house.note(bob, post.uri, "<p>First</p>"))
    assert await house.send(create) == (202, "reply_published")
    changed = {**create, "object": {**create["object"], "content": "<p>Second</p>"}}
    assert await house.send(changed) == (202, "duplicate")
    anew = {**changed, "id": f"{bob}/other"}
    assert await house.send(anew) == (202, "duplicate")
    rows = await house.thread(post)
    assert [row.reply.content_html for row in rows] == ["<p>First</p>"]


async def test_INB_05_type_and_id_together_are_the_key(house: House) -> None:
    """An activity may carry the id of its object (WordPress, WriteFreely)."""
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri)
    assert await house.send({**house.create(note), "id": note["id"]}) == (202, "reply_published")
    deleted = {**house.activity("Delete", bob, note["id"]), "id": note["id"]}
    assert await house.send(deleted) == (202, "reply_removed")


async def test_INB_10_what_is_not_about_us_is_dropped(house: House) -> None:
    """A Note that answers nothing of ours and names nobody here."""
    bob = house.person()
    note = house.note(bob, None)
    assert await house.send(house.create(note)) == (202, "not_related")
    assert await house.reply(note["id"]) is None


async def test_INB_10_INB_35_a_mention_of_ours_is_kept(house: House) -> None:
    """By tag, with the profile page as href; it stands on no page."""
    bob = house.person()
    tag = {"type": "Mention", "href": f"{BASE_URL}/@ana", "name": "@ana@blog.example"}
    note = house.note(bob, None, tag=[tag])
    assert await house.send(house.create(note)) == (202, "mention_kept")
    kept = await house.reply(note["id"])
    assert kept is not None
    assert kept.post_id is None


@pytest.mark.parametrize("form", ["id", "page", "query", "fragment", "answer", "page-of-answer"])
async def test_INB_14_every_way_to_name_the_parent(house: House, form: str) -> None:
    """Our id, our page, the page with query or fragment, an answer's id or its place on the page."""
    post, bob = await house.publish(), house.person()
    ours = await house.publisher.answer(author_id=house.author.id, post_id=post.id, source="First!")
    page = house.ids.post_page("ana", post.slug)
    parent = {
        "id": post.uri,
        "page": page,
        "query": f"{page}?utm=1",
        "fragment": f"{page}#comments",
        "answer": ours.uri,
        "page-of-answer": f"{page}#reply-{ours.id}",
    }[form]
    note = house.note(bob, parent)
    assert await house.send(house.create(note)) == (202, "reply_published")
    kept = await house.reply(note["id"])
    assert kept is not None
    assert kept.post_id == post.id
    assert kept.parent_id == (ours.id if "answer" in form else None)


@pytest.mark.proves("SEC-085")
async def test_INB_14_an_unknown_page_of_ours_is_no_parent(house: House) -> None:
    """A draft looks exactly like nothing (SECURITY 85)."""
    bob = house.person()
    text = await house.publisher.compose(Writing(title="Draft", source="Not yet"))
    draft = await house.publisher.save_draft(text, author_id=house.author.id)
    for parent in (f"{BASE_URL}/@ana/nothing", house.ids.post(draft.id), house.ids.post(99)):
        assert await house.send(house.create(house.note(bob, parent))) == (202, "parent_unknown_here")


async def test_INB_15_BACK_01_a_child_before_its_parents(house: House) -> None:
    """The missing ones are fetched up to our post; then the whole branch shows, in order."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    first = house.note(bob, post.uri, "<p>1</p>")
    second = house.note(eve, first["id"], "<p>2</p>", published="2026-11-24T01:01:00Z")
    third = house.note(bob, second["id"], "<p>3</p>", published="2026-11-24T01:02:00Z")
    house.world.serve(first)
    house.world.serve(second)
    assert await house.send(house.create(third)) == (202, "reply_orphaned")
    assert await house.thread(post) == []
    await house.run_jobs()
    rows = await house.thread(post)
    assert [(row.reply.content_html, row.reply.depth) for row in rows] == [
        ("<p>1</p>", 1),
        ("<p>2</p>", 2),
        ("<p>3</p>", 3),
    ]


async def test_INB_15_attached_when_the_parent_is_delivered(house: House) -> None:
    """No fetch is needed then."""
    post, bob = await house.publish(), house.person()
    first = house.note(bob, post.uri)
    second = house.note(bob, first["id"])
    assert await house.send(house.create(second)) == (202, "reply_orphaned")
    assert await house.send(house.create(first)) == (202, "reply_published")
    assert [row.reply.uri for row in await house.thread(post)] == [first["id"], second["id"]]


async def test_BACK_01_a_long_chain_takes_several_jobs(house: House) -> None:
    """Thirty levels; each job climbs a part of them."""
    post, bob = await house.publish(), house.person()
    parent = post.uri
    notes = []
    for level in range(30):
        notes.append(house.note(bob, parent, f"<p>{level}</p>"))
        parent = notes[-1]["id"]
    for note in notes[:-1]:
        house.world.serve(note)
    await house.send(house.create(notes[-1]))
    await house.run_jobs()
    assert len(await house.thread(post)) == 30


async def test_BACK_01_a_thread_that_never_reaches_us_leaves_nothing(house: House) -> None:
    """The orphan waits; its foreign ancestors are not kept."""
    bob = house.person()
    root = house.note(bob, None)
    middle = house.note(bob, root["id"])
    house.world.serve(root)
    house.world.serve(middle)
    child = house.note(bob, middle["id"])
    await house.send(house.create(child))
    await house.run_jobs()
    assert await house.reply(middle["id"]) is None
    orphan = await house.reply(child["id"])
    assert orphan is not None
    assert orphan.state is ReplyState.ORPHAN


async def test_BACK_02_a_gone_parent_leaves_the_child_waiting(house: House) -> None:
    """Nothing breaks, nothing is asked again at once."""
    await house.publish()
    bob = house.person()
    missing = f"{bob}/notes/gone"
    house.world.gone(missing)
    child = house.note(bob, missing)
    await house.send(house.create(child))
    await house.run_jobs()
    assert house.world.fetches(missing) == 1
    assert await house.reply(child["id"]) is not None


@pytest.mark.proves("SEC-055", "SEC-056")
async def test_BACK_06_rings_end(house: House) -> None:
    """Two that answer each other, one that answers itself."""
    bob = house.person()
    one, two = house.note(bob, None), house.note(bob, None)
    one["inReplyTo"], two["inReplyTo"] = two["id"], one["id"]
    alone = house.note(bob, None)
    alone["inReplyTo"] = alone["id"]
    for note in (one, two, alone):
        house.world.serve(note)
    child = house.note(bob, one["id"])
    assert await house.send(house.create(child)) == (202, "reply_orphaned")
    assert await house.send(house.create(alone)) == (202, "reply_orphaned")
    await house.run_jobs()
    assert house.world.fetches(one["id"]) <= 2


async def test_BACK_07_what_is_fetched_counts_only_when_public(house: House) -> None:
    """A parent without to and cc is private to us, so its child stays out as well."""
    post, bob = await house.publish(), house.person()
    hidden = house.note(bob, post.uri, to=[], cc=[])
    house.world.serve(hidden)
    child = house.note(bob, hidden["id"])
    await house.send(house.create(child))
    await house.run_jobs()
    assert await house.thread(post, public_only=False) == []


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        ({"to": [PUBLIC], "cc": []}, Visibility.PUBLIC),
        ({"to": "as:Public", "cc": []}, Visibility.PUBLIC),
        ({"to": ["Public"]}, Visibility.PUBLIC),
        ({"to": ["{actor}/followers"], "cc": PUBLIC}, Visibility.UNLISTED),
        ({"to": ["{actor}/followers"], "cc": []}, Visibility.FOLLOWERS),
        ({"to": [f"{BASE_URL}/ap/actors/ana"], "cc": []}, Visibility.DIRECT),
        ({"to": [], "cc": []}, Visibility.DIRECT),
        ({"to": [PUBLIC.lower()]}, Visibility.DIRECT),
        ({"to": [f"{PUBLIC}/"]}, Visibility.DIRECT),
        ({"to": [PUBLIC], "directMessage": True}, Visibility.DIRECT),
        ({"to": [], "bto": [PUBLIC]}, Visibility.DIRECT),
    ],
)
@pytest.mark.proves("SEC-082")
async def test_VIS_01_VIS_02_VIS_04_only_public_ones_show(
    house: House, audience: dict[str, Any], expected: Visibility
) -> None:
    """Private ones are kept for the author and counted nowhere."""
    post, bob = await house.publish(), house.person()
    told = {
        key: [uri.replace("{actor}", bob) for uri in value] if isinstance(value, list) else value
        for key, value in audience.items()
    }
    note = {**house.note(bob, post.uri), "cc": [], **told}
    create = house.activity("Create", bob, note)
    status, reason = await house.send(create)
    assert status == 202
    kept = await house.reply(note["id"])
    assert kept is not None
    assert kept.visibility is expected
    assert len(await house.thread(post)) == int(expected.is_public)
    assert (await house.get_post(post)).reply_count == int(expected.is_public)
    assert len(await house.thread(post, public_only=False)) == 1
    assert reason == ("reply_published" if expected.is_public else "reply_private")


@pytest.mark.proves("SEC-083")
async def test_VIS_03_the_narrower_of_activity_and_object_counts(house: House) -> None:
    """The object's word decides; the activity's where the object has none (SECURITY 83)."""
    post, bob = await house.publish(), house.person()
    wide = house.activity("Create", bob, house.note(bob, post.uri, to=[f"{BASE_URL}/ap/actors/ana"], cc=[]))
    assert await house.send({**wide, "to": [PUBLIC]}) == (202, "reply_private")
    narrow = house.activity("Create", bob, house.note(bob, post.uri))
    assert await house.send({**narrow, "to": [f"{bob}/followers"]}) == (202, "reply_private")
    bare = house.note(bob, post.uri)
    del bare["to"], bare["cc"]
    assert await house.send({**house.activity("Create", bob, bare), "to": [PUBLIC]}) == (202, "reply_published")


async def test_replies_are_held_as_the_blog_wants(make_house: HouseMaker) -> None:
    """all: every one; first: until the author approved one."""
    house = await make_house(comments={"hold_for_moderation": "first"})
    post, bob = await house.publish(), house.person()
    first, second = house.note(bob, post.uri), house.note(bob, post.uri)
    assert await house.send(house.create(first)) == (202, "reply_held")
    assert await house.thread(post) == []
    held = await house.reply(first["id"])
    assert held is not None
    await house.publisher.approve_reply(held.id)
    assert await house.send(house.create(second)) == (202, "reply_published")
    assert len(await house.thread(post)) == 2


async def test_orphans_are_held_too(make_house: HouseMaker) -> None:
    """Coming before its parent is no way around moderation."""
    house = await make_house(comments={"hold_for_moderation": "all"})
    post, bob = await house.publish(), house.person()
    first = house.note(bob, post.uri)
    await house.send(house.create(house.note(bob, first["id"])))
    await house.send(house.create(first))
    assert await house.thread(post) == []


async def test_replies_under_closed_comments_are_hidden(house: House) -> None:
    """Kept for the author, off every page (ART-18)."""
    post, bob = await house.publish(), house.person()
    await house.publisher.set_comments(post.id, False)
    assert await house.send(house.create(house.note(bob, post.uri))) == (202, "reply_hidden")
    assert await house.thread(post) == []


async def test_INB_13_votes_and_unknown_types_are_no_comments(house: House) -> None:
    """A Note with a name and no content is a vote; chat messages are always private."""
    post, bob = await house.publish(), house.person()
    vote = {**house.note(bob, post.uri), "name": "Yes"}
    del vote["content"]
    assert await house.send(house.create(vote)) == (202, "vote_not_a_reply")
    assert await house.send(house.create({**house.note(bob, post.uri), "type": "Place"})) == (202, "type_not_a_reply")
    chat = {**house.note(bob, post.uri), "type": "ChatMessage"}
    assert await house.send(house.create(chat)) == (202, "reply_private")
    assert await house.thread(post) == []


async def test_INB_34_a_long_reply_is_cut_and_changed_like_any_other(house: House) -> None:
    """Long texts are cleaned in a thread: the way in and the way of an edit are the same as for short ones."""
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri, content="<p>" + "long words " * 15_000 + "</p>")
    assert await house.send(house.create(note)) == (202, "reply_published")
    (row,) = await house.thread(post)
    assert 50_000 < len(row.reply.content_html) < 110_000
    changed = {**note, "content": "<p>" + "other words " * 3_000 + "</p>", "updated": "2026-11-24T02:00:00Z"}
    assert await house.send(house.activity("Update", bob, changed)) == (202, "reply_edited")
    (row,) = await house.thread(post)
    assert row.reply.content_html.startswith("<p>other words")
