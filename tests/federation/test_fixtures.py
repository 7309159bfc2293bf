"""What the fediverse really sends: every activity of the fixtures does here what the index expects of it.

Each document is moved to the servers of `World`, bound to a post, an author or an answer of ours, signed as its actor,
and sent twice: the second time changes nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable

import pytest

from fedblog.activitypub.normalise import id_of
from fedblog.blog.model import QuoteState, ReactionKind, ReplyState
from fedblog.storage import followers, moderation, quotes, reactions, tombstones
from tests.federation.fixture_case import ANA, Case, Json, state_of
from tests.federation.house import PUBLIC, House
from tests.shared import fixture_index, needs_shared

pytestmark = needs_shared

# Documents that are fetched, served or verified: the rooms that read them test them.
NOT_SENT = {"read", "read-partial", "emit", "verified", "refused", "primitive-valid", "computed"}
ELSEWHERE = {"attack-webfinger-spoofed-subject.json"}  # a JRD: DISC-07

ENTRIES = [entry for entry in fixture_index() if entry["expect"] not in NOT_SENT and entry["file"] not in ELSEWHERE]


# -- what each expectation means ------------------------------------------------------------------------------------


async def comment(case: Case) -> None:
    """Stored under the bound post and shown once."""
    assert await case.send() == (202, "reply_published")
    rows = await case.house.thread(case.post)
    shown = [row.reply for row in rows if not row.reply.local]
    assert [reply.uri for reply in shown] == [case.object_id]
    assert shown[0].content_html or shown[0].name or shown[0].attachments
    if case.entry["expect"] == "comment-collapsed":
        assert shown[0].content_warning


async def comment_if_reply(case: Case) -> None:
    """As it is: on no page. Under our post: a comment."""
    if any("inReplyTo" in pointer for pointer in case.entry["bind"]):
        await comment(case)
        return
    status, _ = await case.send()
    assert status == 202
    assert (await case.counts())[0] == 1  # our own answer
    reply = {**copy.deepcopy(case.object), "inReplyTo": case.post.uri, "id": f"{case.object_id}-2"}
    activity = {**case.doc, "object": reply}
    if "id" in activity:
        activity["id"] = f"{activity['id']}-2"
    assert await case.send(activity) == (202, "reply_published")
    assert (await case.counts())[0] == 2


async def comment_after_fetch(case: Case) -> None:
    """The object is asked for at its origin, signed."""
    note = {**case.house.note(case.actor, case.post.uri), "id": case.object_id}
    case.house.world.serve(note)
    assert await case.send() == (202, "reply_published")
    assert case.house.world.fetches(case.object_id) == 1


async def comment_edited(case: Case) -> None:
    """The stored one changes and is marked."""
    await case.comment_before(published="2001-01-01T00:00:00Z")
    assert await case.send() == (202, "reply_edited")
    reply = await case.house.reply(case.object_id)
    assert reply is not None
    assert reply.edited_at is not None
    assert "before" not in reply.content_html


async def ignored_if_newer_stored(case: Case) -> None:
    """An older state changes nothing."""
    await case.comment_before(published=case.object["published"])
    assert await case.send() == (202, "not_newer")
    reply = await case.house.reply(case.object_id)
    assert reply is not None
    assert reply.content_html == "<p>before</p>"


async def comment_deleted(case: Case) -> None:
    """It goes, its child stays, a late Create stays out."""
    note = await case.comment_before()
    eve = case.house.person("eve.example", "eve")
    child = case.house.note(eve, case.object_id)
    await case.house.send(case.house.create(child))
    assert await case.send() == (202, "reply_removed")
    rows = {row.reply.uri: row.reply for row in await case.house.thread(case.post)}
    assert rows[case.object_id].state is ReplyState.REMOVED
    assert rows[case.object_id].content_html == ""
    assert rows[child["id"]].state is ReplyState.PUBLISHED
    assert await case.house.send(case.house.create(note)) == (202, "deleted_before")


async def tombstone(case: Case) -> None:
    """The id is remembered."""
    assert await case.send() == (202, "tombstone_kept")
    assert await case.house.db.read(tombstones.get, case.object_id) is not None


async def private(case: Case) -> None:
    """Kept for the author, shown and counted nowhere."""
    before = await case.counts()
    assert await case.send(to=ANA) == (202, "reply_private")
    reply = await case.house.reply(case.object_id)
    assert reply is not None
    assert not reply.visibility.is_public
    assert await case.counts() == before
    assert [row.reply.uri for row in await case.house.thread(case.post)] == [case.local["own-reply"]]


async def like_more(case: Case) -> None:
    """One more, at most one an actor."""
    assert await case.send() == (202, "reaction_kept")
    assert (await case.counts())[1:] == (1, 0)


async def reaction(case: Case) -> None:
    """With its emoji, and as a like."""
    await like_more(case)
    found = await case.house.db.read(reactions.of_post, case.post.id, ReactionKind.LIKE, 5)
    assert found[0].emoji


async def taken_back(case: Case) -> None:
    """The like or boost goes; a late copy of it stays out."""
    inner = case.object if isinstance(case.object, dict) else {"id": case.object, "type": "Like"}
    act = {"actor": case.actor, **inner, "to": [PUBLIC], "object": case.post.uri}
    assert await case.house.send(act) == (202, "reaction_kept")
    assert await case.send() == (202, "reaction_removed")
    assert (await case.counts())[1:] == (0, 0)
    await case.house.send(act)
    assert (await case.counts())[1:] == (0, 0)


async def boost(case: Case) -> None:
    """One more; nothing of the embedded copy is kept."""
    assert await case.send() == (202, "reaction_kept")
    assert (await case.counts())[1:] == (0, 1)
    assert len(await case.house.thread(case.post, public_only=False)) == 1


async def not_shown(case: Case) -> None:
    """No visible effect."""
    before = await case.counts()
    assert (await case.send())[0] == 202
    assert await case.counts() == before


async def stored_not_counted(case: Case) -> None:
    """A Dislike."""
    assert await case.send() == (202, "reaction_kept")
    assert (await case.counts())[1:] == (0, 0)
    assert len(await case.house.db.read(reactions.of_post, case.post.id, ReactionKind.DISLIKE, 5)) == 1


async def followed(case: Case) -> None:
    """Follower kept; Accept with the Follow inside, to the personal inbox."""
    assert await case.send() == (202, "follow_accepted")
    assert await case.follower() == "accepted"
    said = [one for one in await case.house.outgoing() if one["type"] == "Accept"]
    assert len(said) == 1
    assert said[0]["object"]["id"] == case.doc["id"]
    assert await case.house.inboxes_of(said[0]["id"]) == {f"{case.actor}/inbox"}


async def unfollowed(case: Case) -> None:
    """Gone."""
    await case.before("Follow", ANA)
    assert await case.send() == (202, "follow_removed")
    assert await case.follower() is None


async def follower_removed(case: Case) -> None:
    """Follow gone, nothing is sent there any more."""
    await case.before("Follow", ANA)
    assert await case.send() == (202, "block_kept")
    assert await case.follower() is None
    actor = await case.house.actor(case.actor)
    assert await case.house.db.read(moderation.is_blocked_by, actor.id, case.house.author.id)


async def block_lifted(case: Case) -> None:
    """The block goes, no follow comes back."""
    await case.before("Follow", ANA)
    await case.before("Block", ANA)
    assert await case.send() == (202, "block_lifted")
    assert await case.follower() is None


async def nothing_pending(case: Case) -> None:
    """We never asked."""
    before = await case.house.db.read(state_of)
    assert await case.send() == (202, "nothing_pending")
    assert (await case.house.db.read(state_of))[:-1] == before[:-1]


async def actor_updated(case: Case) -> None:
    """The profile is what it says now."""
    await case.before("Follow", ANA)
    case.meet(**{key: value for key, value in case.object.items() if key not in ("id", "publicKey", "type")})
    assert await case.send() == (202, "actor_updated")
    assert (await case.house.actor(case.actor)).name == case.object["name"]


async def actor_deleted(case: Case) -> None:
    """A stranger costs nothing; of somebody known all goes."""
    assert await case.house.send({**case.doc, "id": f"{case.doc['id']}-0"}) == (202, "actor_unknown")
    assert case.house.world.seen == []
    note = case.house.note(case.actor, case.post.uri)
    assert (await case.house.send(case.house.create(note)))[0] == 202
    await case.before("Like", case.post.uri)
    assert await case.send() == (202, "actor_deleted")
    assert (await case.counts())[1] == 0
    reply = await case.house.reply(note["id"])
    assert reply is not None
    assert reply.state is ReplyState.REMOVED


async def reported(case: Case) -> None:
    """In the admin's list."""
    assert await case.send() == (202, "report_queued")
    assert len(await case.house.db.read(moderation.reports)) == 1


async def no_vote_shows(case: Case) -> None:
    """Never a comment."""
    assert await case.send() == (202, "vote_not_a_reply")
    assert len(await case.house.thread(case.post, public_only=False)) == 1


async def ignored(case: Case) -> None:
    """202 and no effect that anybody sees."""
    before = await case.house.db.read(state_of)
    status, _ = await case.send()
    assert status == 202
    after = await case.house.db.read(state_of)
    assert after[1:4] == before[1:4]
    assert len(await case.house.thread(case.post, public_only=False)) == 1


async def by_moderator(case: Case) -> None:
    """Somebody else's comment stays."""
    author = case.house.person("enterprise.lemmy.ml", "victim")
    note = {**case.house.note(author, case.post.uri), "id": case.object_id}
    case.house.world.serve(note)
    group = case.house.person("relay.example", "group")
    assert (await case.house.send(case.house.activity("Announce", group, case.house.create(note))))[0] == 202
    await ignored_keeps(case)


async def ignored_keeps(case: Case) -> None:
    """As many comments as before."""
    before = await case.counts()
    assert (await case.send())[0] == 202
    assert await case.counts() == before


async def inner_refetched(case: Case) -> None:
    """The wrapped object is asked for at its own origin; the copy counts for nothing."""
    inner = id_of(case.object["object"])
    assert inner is not None
    assert (await case.send())[0] == 202
    assert case.house.world.fetches(inner) >= 1
    assert len(await case.house.thread(case.post, public_only=False)) == 1
    true = case.house.note(case.house.person("true.example"), case.post.uri)
    case.house.world.person(case.house.world.url(inner.partition("://")[2].partition(":")[0], "/u/writer"))
    writer = case.house.world.url(inner.partition("://")[2].partition(":")[0], "/u/writer")
    case.house.world.serve({**true, "id": inner, "attributedTo": writer, "content": "<p>True</p>"})
    anew = {**case.doc, "id": f"{case.doc['id']}-2"}
    assert await case.send(anew) == (202, "reply_published")
    reply = await case.house.reply(inner)
    assert reply is not None
    assert reply.content_html == "<p>True</p>"


async def verified_by_fetch(case: Case) -> None:
    """Brought by another server: the origin has the last word."""
    note = await case.comment_before()
    bringer = case.house.person("bringer.example", "someone")
    case.house.world.serve(note)
    assert await case.send(by=bringer) == (202, "object_still_there")
    assert len(await case.house.thread(case.post)) == 2
    case.house.world.gone(case.object_id)
    anew = {**case.doc, "id": f"{case.doc['id']}-2"}
    assert await case.send(anew, by=bringer) == (202, "reply_removed")


async def rejected(case: Case) -> None:
    """A lie about where it is from: served elsewhere than its id says; nothing is stored."""
    liar = case.house.world.url("liar.example")
    case.house.world.serve({**case.object, "inReplyTo": case.post.uri}, at=f"{liar}/notes/1")
    sender = case.house.world.person(f"{liar}/users/liar")
    for target in (f"{liar}/notes/1", case.object):
        create = case.house.activity("Create", sender, target, to=[PUBLIC])
        status, _ = await case.send(create)
        assert status in (202, 401, 403)
    assert len(await case.house.thread(case.post, public_only=False)) == 1


async def refused_or_ignored(case: Case) -> None:
    """400, or nothing happened."""
    before = await case.counts()
    status, _ = await case.send()
    assert status in (202, 400)
    assert await case.counts() == before


async def moved(case: Case) -> None:
    """Both sides say so: the new account follows in the old one's place, which shows the new address."""
    await case.before("Follow", ANA)
    target = str(case.doc["target"])
    case.meet(target, alsoKnownAs=[case.actor])
    assert await case.send() == (202, "actor_moved")
    listed = await case.house.db.read(followers.list, case.house.author.id, limit=9)
    assert [one.actor.uri for one in listed] == [target]
    assert (await case.house.actor(case.actor)).moved_to == target


async def quote(case: Case) -> None:
    """Listed as a quote, not as a comment."""
    assert await case.send() == (202, "quote_kept")
    listed = await case.house.db.read(quotes.shown, case.post.id, 9)
    assert [one.uri for one in listed] == [case.object_id]
    assert (await case.counts())[0] == 1  # our own answer
    assert len(await case.house.thread(case.post, public_only=False)) == 1


async def accept_quote(case: Case) -> None:
    """Accept with the authorization as its result, to who asks."""
    assert await case.send() == (202, "quote_accepted")
    said = [one for one in await case.house.outgoing() if one["type"] == "Accept"]
    assert len(said) == 1
    stored = (await case.house.db.read(quotes.recent, case.house.author.id, 9))[0]
    assert (said[0]["result"], stored.state) == (case.house.ids.quote(stored.id), QuoteState.ACCEPTED)
    assert said[0]["object"]["id"] == case.doc["id"]
    assert await case.house.inboxes_of(said[0]["id"]) == {f"{case.actor}/inbox"}


async def answer_decided(case: Case) -> None:
    """What the author of the parent says about our answer is kept."""
    mine = await case.answer_to_actor()
    case.doc["object"] = mine.uri
    approved = case.entry["expect"] == "reply-approved"
    assert await case.send() == (202, "own_reply_approved" if approved else "own_reply_rejected")
    stored = await case.house.reply(mine.uri)
    assert stored is not None
    assert stored.approval == ("approved" if approved else "rejected")
    assert stored.approved_by == (case.doc["result"] if approved else "")


MEANINGS: dict[str, Callable[[Case], Awaitable[None]]] = {
    "comment": comment,
    "comment-collapsed": comment,
    "comment-if-reply": comment_if_reply,
    "comment-after-fetch": comment_after_fetch,
    "comment-edited": comment_edited,
    "ignored-if-newer-stored": ignored_if_newer_stored,
    "comment-deleted": comment_deleted,
    "tombstone": tombstone,
    "private": private,
    "like+1": like_more,
    "like-1": taken_back,
    "reaction": reaction,
    "announce+1": boost,
    "announce+1-after-check": boost,
    "announce+1-without-content": boost,
    "announce-1": taken_back,
    "not-shown": not_shown,
    "stored-not-counted": stored_not_counted,
    "follow+accept": followed,
    "unfollow": unfollowed,
    "follower-removed": follower_removed,
    "block-lifted": block_lifted,
    "follow-confirmed": nothing_pending,
    "follow-rejected": nothing_pending,
    "actor-updated": actor_updated,
    "actor-deleted": actor_deleted,
    "report-queued": reported,
    "vote-not-comment": no_vote_shows,
    "ignored": ignored,
    "ignored-or-comment": ignored,
    "ignored-or-refetch": ignored,
    "inner-refetched": inner_refetched,
    "verify-by-fetch": verified_by_fetch,
    "rejected": rejected,
    "rejected-400-or-ignored": refused_or_ignored,
    "moved": moved,
    "quote": quote,
    "accept-quote": accept_quote,
    "reply-approved": answer_decided,
    "reply-rejected": answer_decided,
}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"].removesuffix(".json"))
@pytest.mark.proves("SEC-024", "SEC-049")
async def test_what_the_index_expects(web_house: House, entry: Json) -> None:
    """One fixture, one meaning, through the real web server."""
    house = web_house
    case = await case_of(house, entry)
    meaning = by_moderator if entry["file"] == "lemmy-delete-note-by-moderator.json" else MEANINGS[entry["expect"]]
    await meaning(case)
    assert all(row.status < 500 for row in await house.log())


# -- out of order ---------------------------------------------------------------------------------------------------

CREATED = {"comment", "comment-collapsed", "comment-if-reply", "comment-after-fetch", "private", "quote"}
DONE = {"like+1", "reaction", "announce+1", "announce+1-after-check", "announce+1-without-content"}
DONE |= {"follow+accept", "follower-removed", "stored-not-counted"}


def of(expected: set[str]) -> list[Json]:
    """The entries with one of these expectations."""
    return [entry for entry in ENTRIES if entry["expect"] in expected]


async def case_of(house: House, entry: Json) -> Case:
    """A fixture in a house with a post, an answer, and its actor served."""
    post = await house.publish()
    answer = await house.publisher.answer(author_id=house.author.id, post_id=post.id, source="Our own word")
    case = Case(house, entry, post, answer)
    case.meet()
    return case


@pytest.mark.parametrize("entry", of(CREATED), ids=lambda entry: entry["file"].removesuffix(".json"))
async def test_INB_19_a_create_after_its_delete_stays_out(house: House, entry: Json) -> None:
    """The Delete overtook it: the tombstone keeps it out, each time that it comes."""
    case = await case_of(house, entry)
    if entry["expect"] == "comment-after-fetch":
        house.world.serve({**house.note(case.actor, case.post.uri), "id": case.object_id})
    gone = house.activity("Delete", case.actor, case.object_id, to=[PUBLIC])
    assert await house.send(gone) == (202, "tombstone_kept")
    before = await house.db.read(state_of)
    for _ in range(2):
        assert await house.send(case.doc) in ((202, "deleted_before"), (202, "duplicate"))
    assert await house.db.read(state_of) == before
    assert await house.reply(case.object_id) is None
    assert await house.db.read(quotes.shown, case.post.id, 9) == []


@pytest.mark.parametrize("entry", of(DONE), ids=lambda entry: entry["file"].removesuffix(".json"))
async def test_INB_22_an_act_after_its_undo_stays_out(house: House, entry: Json) -> None:
    """Like, reaction, boost, follow and block: what was taken back before it came has no effect, however often."""
    case = await case_of(house, entry)
    undo = house.activity("Undo", case.actor, {key: case.doc[key] for key in case.doc if key != "@context"})
    assert await house.send(undo) == (202, "undo_remembered")
    before = await house.db.read(state_of)
    for _ in range(2):
        assert await house.send(case.doc) in ((202, "undone_before"), (202, "duplicate"))
    assert await house.db.read(state_of) == before


def test_every_expectation_has_a_meaning() -> None:
    """A new one in the index must not pass by."""
    assert {entry["expect"] for entry in ENTRIES} <= set(MEANINGS)
    assert len(ENTRIES) > 100
