"""Acts of others: moves, quotes, approvals, rules about who may reply, and parents that can't be had."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fedblog.blog.model import Post, QuotePolicy, QuoteState, Reply, ReplyPolicy, ReplyState
from fedblog.federation.approvals import ApprovalTeller
from fedblog.storage import actors, followers, jobs, placeholders, quotes, replies
from fedblog.storage.database import Tx
from tests.federation.house import PUBLIC, SEALER, House

GTS_POLICY = {"canReply": {"automaticApproval": [PUBLIC], "manualApproval": []}}


async def quotes_of(house: House, post: Post) -> list[Any]:
    return await house.db.read(quotes.shown, post.id, 50)


async def said(house: House, kind: str) -> list[dict[str, Any]]:
    return [one for one in await house.outgoing() if one["type"] == kind]


# Move


async def moving(house: House, *, alias: bool = True) -> tuple[str, str]:
    old = house.person("old.example", "mia")
    new = house.person("new.example", "mia", **({"alsoKnownAs": [old]} if alias else {}))
    await house.send(house.activity("Follow", old, house.author.uri))
    return old, new


@pytest.mark.proves("SEC-046")
async def test_INB_31_a_confirmed_move_repoints_the_follower_and_shows_the_new_address(house: House) -> None:
    post = await house.publish()
    old, new = await moving(house)
    await house.send(house.create(house.note(old, post.uri)))
    assert await house.send(house.activity("Move", old, old, target=new)) == (202, "actor_moved")
    listed = await house.db.read(followers.list, house.author.id, limit=9)
    assert [one.actor.uri for one in listed] == [new]
    assert (await house.thread(post))[0].actor.moved_to == new


async def test_INB_31_what_the_old_account_had_the_new_one_need_not_wait_for(house: House) -> None:
    """Somebody asks to follow with the new account first: the move makes of it what they had, and says so."""
    old, new = await moving(house)
    await house.db.write(lambda tx: tx.run("UPDATE actors SET manually_approves = 1 WHERE id = $1", house.author.id))
    assert await house.send(house.activity("Follow", new, house.author.uri)) == (202, "follow_pending")
    assert await house.send(house.activity("Move", old, old, target=new)) == (202, "actor_moved")
    listed = await house.db.read(followers.list, house.author.id, limit=9)
    assert [one.actor.uri for one in listed] == [new]
    said = [(act["type"], act["object"]["actor"]) for act in await house.outgoing() if act["type"] == "Accept"]
    assert said == [("Accept", old), ("Accept", new)]


@pytest.mark.proves("SEC-046")
async def test_INB_31_without_the_alias_on_the_other_side_nothing_happens(house: House) -> None:
    old, new = await moving(house, alias=False)
    assert await house.send(house.activity("Move", old, old, target=new)) == (202, "move_not_confirmed")
    listed = await house.db.read(followers.list, house.author.id, limit=9)
    assert [one.actor.uri for one in listed] == [old]


async def test_INB_31_the_alias_is_asked_for_now_not_remembered(house: House) -> None:
    old, new = await moving(house)
    await house.send(house.activity("Follow", new, house.author.uri))  # known, with the alias
    house.person("new.example", "mia")  # and without it now
    assert await house.send(house.activity("Move", old, old, target=new)) == (202, "move_not_confirmed")


async def test_INB_31_once_in_seven_days(house: House) -> None:
    old, new = await moving(house)
    third = house.person("third.example", "mia", alsoKnownAs=old)
    await house.send(house.activity("Move", old, old, target=new))
    assert await house.send(house.activity("Move", old, old, target=third)) == (202, "moved_lately")
    house.clock.now += 7 * 86_400
    assert await house.send(house.activity("Move", old, old, target=third)) == (202, "actor_moved")


@pytest.mark.proves("SEC-046")
async def test_INB_31_nobody_moves_somebody_else(house: House) -> None:
    old, new = await moving(house)
    eve = house.person("eve.example", "eve")
    assert await house.send(house.activity("Move", eve, old, target=new)) == (202, "not_the_author")
    assert await house.send(house.activity("Move", old, old, target=house.author.uri)) == (202, "not_the_author")


# Accept and Reject of our answers


async def answered(house: House) -> tuple[str, Reply]:
    post = await house.publish()
    zork = house.person("gts.example", "zork")
    await house.send(house.create(house.note(zork, post.uri)))
    parent = (await house.thread(post))[0].reply
    return zork, await house.publisher.answer(author_id=house.author.id, reply_id=parent.id, source="Thanks")


async def test_INB_32_an_approval_is_kept_and_told_to_everybody(house: House) -> None:
    zork, answer = await answered(house)
    result = f"{zork}/approvals/1"
    accept = house.activity("Accept", zork, answer.uri, result=result)
    assert await house.send(accept) == (202, "own_reply_approved")
    stored = await house.reply(answer.uri)
    assert stored is not None
    assert (stored.approval, stored.approved_by) == ("approved", result)
    teller = ApprovalTeller(house.db, house.ids, SEALER)
    for job in await house.db.write(jobs.claim, 10, 60):
        if job.kind == "tell_approved":
            await teller(json.loads(job.payload))
    told = (await said(house, "Update"))[-1]
    assert told["object"]["approvedBy"] == result
    assert "proof" in told
    assert f"{zork}/inbox" in await house.inboxes_of(told["id"])


async def test_INB_32_a_refused_answer_goes_nowhere_any_more(house: House) -> None:
    zork, answer = await answered(house)
    await house.inboxes_of((await said(house, "Create"))[-1]["id"])
    assert await house.send(house.activity("Reject", zork, answer.uri)) == (202, "own_reply_rejected")

    def waiting(tx: Tx) -> int:
        return int(tx.value("SELECT count(*) FROM deliveries WHERE object_uri = $1 AND state = 'waiting'", answer.uri))

    assert await house.db.read(waiting) == 0
    await house.publisher.edit_answer(answer.id, author_id=house.author.id, source="Changed")
    assert await said(house, "Update") == []
    stored = await house.reply(answer.uri)
    assert stored is not None
    assert stored.approval == "rejected"


@pytest.mark.proves("SEC-046")
async def test_INB_32_only_whom_it_answers_decides_and_only_with_a_result_of_their_own(house: House) -> None:
    zork, answer = await answered(house)
    eve = house.person("eve.example", "eve")
    for activity in (
        house.activity("Reject", eve, answer.uri),
        house.activity("Accept", eve, answer.uri, result=f"{eve}/a/1"),
        house.activity("Accept", zork, answer.uri),
        house.activity("Accept", zork, answer.uri, result=f"{eve}/a/1"),
        house.activity("Accept", zork, {"type": "Follow", "actor": house.author.uri, "object": zork}),
    ):
        assert await house.send(activity) == (202, "nothing_pending")
    stored = await house.reply(answer.uri)
    assert stored is not None
    assert stored.approval == ""


# Quotes


def quoting(house: House, post: Post, term: str = "quote", **extra: Any) -> dict[str, Any]:
    mia = house.person("m.example", "mia")
    told: dict[str, Any] = {term: post.uri}
    if term == "tag":
        media = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
        told = {"tag": [{"type": "Link", "mediaType": media, "href": post.uri, "name": "RE"}]}
    return house.note(mia, None, **told, **extra)


@pytest.mark.parametrize("term", ["quote", "quoteUri", "quoteUrl", "_misskey_quote", "tag"])
async def test_ART_19_INB_10_a_quote_is_listed_as_a_quote_not_as_a_comment(house: House, term: str) -> None:
    post = await house.publish()
    note = quoting(house, post, term)
    assert await house.send(house.create(note)) == (202, "quote_kept")
    listed = await quotes_of(house, post)
    assert [(one.uri, one.state) for one in listed] == [(note["id"], QuoteState.PENDING)]
    assert (await house.get_post(post)).reply_count == 0
    assert await house.send(house.activity("Delete", note["attributedTo"], note["id"])) == (202, "quote_removed")
    assert await quotes_of(house, post) == []


@pytest.mark.proves("SEC-043", "SEC-045")
async def test_ART_19_private_quotes_and_blocked_people_are_not_listed(house: House) -> None:
    post = await house.publish()
    hidden = quoting(house, post, to=[house.author.uri], cc=[])
    assert (await house.send(house.create(hidden)))[1] == "reply_private"
    note = quoting(house, post)
    await house.send(house.create(note))
    version = (await house.get_post(post)).thread_version
    await house.publisher.block_actor(note["attributedTo"])
    assert await quotes_of(house, post) == []
    assert (await house.get_post(post)).thread_version > version


async def test_ART_19_an_edit_that_quotes_us_no_more_is_listed_no_more(house: House) -> None:
    post = await house.publish()
    note = quoting(house, post)
    await house.send(house.create(note))
    changed = {**note, "quote": None, "content": "<p>no more</p>", "updated": "2026-11-24T02:00:00Z"}
    update = house.activity("Update", note["attributedTo"], changed, to=[PUBLIC])
    assert await house.send(update) == (202, "quote_removed")
    assert await quotes_of(house, post) == []


async def test_ART_19_what_is_held_as_a_reply_is_not_listed_as_a_quote(make_house: Any) -> None:
    house = await make_house(comments={"hold_for_moderation": "all"})
    post = await house.publish()
    assert await house.send(house.create(quoting(house, post))) == (202, "quote_kept")
    assert await quotes_of(house, post) == []
    assert len(await house.db.read(quotes.recent, house.author.id, 9)) == 1


def asking(house: House, post: Post, note: dict[str, Any]) -> dict[str, Any]:
    return house.activity("QuoteRequest", note["attributedTo"], post.uri, instrument=note)


@pytest.mark.parametrize(
    ("policy", "follows", "reason", "state", "listed"),
    [
        (QuotePolicy.EVERYONE, False, "quote_accepted", QuoteState.ACCEPTED, True),
        (QuotePolicy.FOLLOWERS, True, "quote_accepted", QuoteState.ACCEPTED, True),
        (QuotePolicy.FOLLOWERS, False, "quote_rejected", QuoteState.REJECTED, False),
        (QuotePolicy.APPROVE, False, "quote_pending", QuoteState.PENDING, False),
        (QuotePolicy.NOBODY, True, "quote_rejected", QuoteState.REJECTED, False),
    ],
)
async def test_INB_33_a_request_is_answered_as_the_policy_says(
    house: House, policy: QuotePolicy, follows: bool, reason: str, state: QuoteState, listed: bool
) -> None:
    post = await house.publish(quote_policy=policy)
    note = quoting(house, post)
    if follows:
        await house.send(house.activity("Follow", note["attributedTo"], house.author.uri))
    request = asking(house, post, note)
    assert await house.send(request) == (202, reason)
    stored = (await house.db.read(quotes.recent, house.author.id, 9))[0]
    assert stored.state is state
    assert bool(await quotes_of(house, post)) is listed
    answers = [
        one for kind in ("Accept", "Reject") for one in await said(house, kind) if one["object"]["id"] == request["id"]
    ]
    assert [one["type"] for one in answers] == {
        QuoteState.ACCEPTED: ["Accept"],
        QuoteState.REJECTED: ["Reject"],
        QuoteState.PENDING: [],
    }.get(state)
    if state is QuoteState.ACCEPTED:
        assert answers[0]["result"] == house.ids.quote(stored.id)
        assert answers[0]["object"]["instrument"] == note["id"]
        assert await house.inboxes_of(answers[0]["id"]) == {f"{note['attributedTo']}/inbox"}


async def test_INB_33_the_author_decides_later_and_takes_it_back(house: House) -> None:
    post = await house.publish(quote_policy=QuotePolicy.APPROVE)
    note = quoting(house, post)
    await house.send(asking(house, post, note))
    stored = (await house.db.read(quotes.recent, house.author.id, 9))[0]
    await house.publisher.decide_quote(stored.id, QuoteState.ACCEPTED)
    assert len(await quotes_of(house, post)) == 1
    assert (await said(house, "Accept"))[-1]["result"] == house.ids.quote(stored.id)
    await house.publisher.decide_quote(stored.id, QuoteState.REVOKED)
    assert await quotes_of(house, post) == []
    told = (await said(house, "Delete"))[-1]
    assert told["object"]["id"] == house.ids.quote(stored.id)
    again = {**asking(house, post, note), "id": f"{note['attributedTo']}/again"}
    assert await house.send(again) == (202, "quote_rejected")  # taken back stays taken back


@pytest.mark.proves("SEC-045")
async def test_INB_33_the_instrument_is_the_askers_own_and_quotes_what_is_asked_about(house: House) -> None:
    post = await house.publish()
    other = await house.publish("Another")
    note = quoting(house, other)
    assert await house.send(asking(house, post, note)) == (202, "quote_mismatch")
    eve = house.person("eve.example", "eve")
    stolen = house.activity("QuoteRequest", eve, post.uri, instrument=quoting(house, post))
    assert await house.send(stolen) == (202, "quote_mismatch")
    assert await said(house, "Accept") == []


async def test_INB_33_an_instrument_by_id_is_fetched(house: House) -> None:
    post = await house.publish()
    note = quoting(house, post)
    house.world.serve(note)
    request = house.activity("QuoteRequest", note["attributedTo"], post.uri, instrument=note["id"])
    assert await house.send(request) == (202, "quote_accepted")
    assert house.world.fetches(note["id"]) == 1


# Who may reply


@pytest.mark.parametrize("policy", list(ReplyPolicy))
@pytest.mark.parametrize("who", ["stranger", "follower", "mentioned"])
async def test_ART_17_who_may_reply_is_held_on_arrival(house: House, policy: ReplyPolicy, who: str) -> None:
    bob = house.person()
    await house.send(house.activity("Like", bob, house.author.uri))  # makes him known
    post = await house.publish(reply_policy=policy)
    if who == "follower":
        await house.send(house.activity("Follow", bob, house.author.uri))
    if who == "mentioned":

        def mention(tx: Tx) -> None:
            tx.run("UPDATE posts SET mentions = $1 WHERE id = $2", json.dumps([bob]), post.id)

        await house.db.write(mention)
    may = policy is ReplyPolicy.EVERYONE or (policy.value, who) in {
        ("followers", "follower"),
        ("mentioned", "mentioned"),
    }
    outcome = await house.send(house.create(house.note(bob, post.uri)))
    assert outcome == (202, "reply_published" if may else "reply_hidden")
    stored = (await house.thread(post, public_only=False))[0].reply
    assert stored.reason == ("" if may else "not_permitted")
    assert (await house.get_post(post)).reply_count == int(may)
    assert await said(house, "Reject") == []  # bob's server doesn't speak of policies


@pytest.mark.parametrize("closed", [True, False])
async def test_ART_18_a_reply_that_is_not_allowed_gets_a_reject_where_that_is_understood(
    house: House, closed: bool
) -> None:
    post = await house.publish(comments_open=not closed, reply_policy=ReplyPolicy.FOLLOWERS)
    zork = house.person("gts.example", "zork")
    note = house.note(zork, post.uri, interactionPolicy=GTS_POLICY)
    assert await house.send(house.create(note)) == (202, "reply_hidden")
    told = await said(house, "Reject")
    assert [(one["actor"], one["object"]) for one in told] == [(house.author.uri, note["id"])]
    assert await house.inboxes_of(told[0]["id"]) == {f"{zork}/inbox"}


async def test_ART_17_ART_18_an_orphan_is_judged_again_when_its_place_is_known(house: House) -> None:
    post = await house.publish(reply_policy=ReplyPolicy.FOLLOWERS)
    friend, stranger = house.person("f.example", "friend"), house.person("s.example", "stranger")
    await house.send(house.activity("Follow", friend, house.author.uri))
    parent = house.note(friend, post.uri)
    child = house.note(stranger, parent["id"], interactionPolicy=GTS_POLICY)
    assert await house.send(house.create(child)) == (202, "reply_orphaned")
    assert await house.send(house.create(parent)) == (202, "reply_published")
    rows = {row.reply.uri: row.reply for row in await house.thread(post, public_only=False)}
    assert (rows[child["id"]].state, rows[child["id"]].reason) == (ReplyState.HIDDEN, "not_permitted")
    assert [one["object"] for one in await said(house, "Reject")] == [child["id"]]
    assert (await house.get_post(post)).reply_count == 1


# Parents that can't be had


async def broken(house: House, post: Post, status: int, **extra: Any) -> tuple[dict[str, Any], str]:
    """A reply whose parent answers `status`."""
    missing = house.world.url("shy.example", "/notes/1")
    house.world.gone(missing, status)
    child = house.note(house.person(), missing, **extra)
    await house.send(house.create(child))
    await house.run_jobs()
    return child, missing


@pytest.mark.parametrize("status", [404, 410, 401, 403])
async def test_BACK_02_a_child_keeps_its_place_under_a_placeholder(house: House, status: int) -> None:
    post = await house.publish()
    child, missing = await broken(house, post, status, context=house.ids.collection(post.uri, "context"))
    rows = [row.reply for row in await house.thread(post)]
    assert [(row.uri, row.state, row.reason) for row in rows] == [
        (missing, ReplyState.REMOVED, "unavailable"),
        (child["id"], ReplyState.PUBLISHED, ""),
    ]
    assert (await house.get_post(post)).reply_count == 1
    asked = house.world.fetches(missing)
    await house.run_jobs()
    assert house.world.fetches(missing) == asked


async def test_BACK_02_few_contexts_are_looked_for_ours_first(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of other servers goes through all replies, and anybody can name as many as they like."""
    looked: list[str] = []

    def look(_: Tx, context: str) -> None:
        looked.append(context)

    monkeypatch.setattr(placeholders, "post_of_context", look)
    post = await house.publish()
    shy = house.person("shy.example", "shy")
    missing = f"{shy}/notes/gone"
    house.world.serve({"id": missing}, status=404)
    names = [f"https://x.example/contexts/{number}" for number in range(9)]
    for name in [*names, house.ids.collection(post.uri, "context")]:
        await house.send(house.create(house.note(house.person(), missing, context=name)))
    await house.run_jobs()
    assert looked == []
    assert [row.reply.uri for row in await house.thread(post)][:1] == [missing]
    missing = f"{shy}/notes/gone2"
    house.world.serve({"id": missing}, status=404)
    for name in names:
        await house.send(house.create(house.note(house.person(), missing, context=name)))
    await house.run_jobs()
    assert len(looked) == 4


async def test_BACK_02_what_was_closed_is_asked_once_more_after_a_day(house: House) -> None:
    post = await house.publish()
    child, missing = await broken(house, post, 403, context=house.ids.collection(post.uri, "context"))
    shy = house.person("shy.example", "shy")
    house.world.serve({**house.note(shy, post.uri, "<p>Here after all</p>"), "id": missing})
    before = house.world.fetches(missing)
    house.clock.now += 86_399
    await house.run_jobs()
    assert house.world.fetches(missing) == before
    house.clock.now += 2
    await house.run_jobs()
    rows = [row.reply for row in await house.thread(post)]
    assert (rows[0].uri, rows[0].content_html) == (missing, "<p>Here after all</p>")
    assert [row.uri for row in rows] == [missing, child["id"]]
    assert (await house.get_post(post)).reply_count == 2


async def test_BACK_02_the_object_itself_takes_its_placeholders_place(house: House) -> None:
    post = await house.publish()
    child, missing = await broken(house, post, 404, context=house.ids.collection(post.uri, "context"))
    shy = house.person("shy.example", "shy")
    late = {**house.note(shy, post.uri), "id": missing}
    assert await house.send(house.create(late)) == (202, "reply_published")
    assert [row.reply.uri for row in await house.thread(post)] == [missing, child["id"]]
    assert (await house.thread(post))[0].actor.uri == shy


async def test_BACK_02_a_context_that_others_in_the_thread_name_is_good_enough_and_none_is_not(house: House) -> None:
    post = await house.publish()
    context = house.world.url("m.example", "/contexts/1")
    known = house.note(house.person("k.example", "kim"), post.uri, context=context)
    await house.send(house.create(known))
    child, _ = await broken(house, post, 410, context=context)
    assert child["id"] in {row.reply.uri for row in await house.thread(post)}
    stranger = house.note(house.person(), house.world.url("shy.example", "/notes/2"))
    await house.send(house.create(stranger))
    await house.run_jobs()
    stored = await house.reply(stranger["id"])
    assert stored is not None
    assert stored.state is ReplyState.ORPHAN


# Polls and boosts of replies


async def test_INB_17_INB_13_a_polls_counts_change_without_an_edit(house: House) -> None:
    post = await house.publish()

    def poll(tea: int, **extra: Any) -> dict[str, Any]:
        return {
            **question,
            "oneOf": [
                {"type": "Note", "name": "Tea", "replies": {"type": "Collection", "totalItems": tea}},
                {"type": "Note", "name": "Coffee", "replies": {"type": "Collection", "totalItems": 1}},
            ],
            **extra,
        }

    bob = house.person()
    question = {**house.note(bob, post.uri, "<p>Tea or coffee?</p>"), "type": "Question"}
    await house.send(house.create(poll(0)))
    update = house.activity("Update", bob, poll(2), to=[PUBLIC])
    assert await house.send(update) == (202, "reply_counted")
    stored = await house.reply(question["id"])
    assert stored is not None
    assert stored.options == (("Tea", 2), ("Coffee", 1))
    assert stored.edited_at is None
    changed = poll(2, content="<p>Tea, or coffee?</p>", updated="2026-11-24T02:00:00Z")
    assert await house.send(house.activity("Update", bob, changed, to=[PUBLIC])) == (202, "reply_edited")


async def test_INB_24_a_boost_of_a_reply_in_our_thread_counts_and_goes_again(house: House) -> None:
    post = await house.publish()
    note = house.note(house.person(), post.uri)
    await house.send(house.create(note))
    eve = house.person("eve.example", "eve")
    boost = house.activity("Announce", eve, note["id"], to=[PUBLIC])
    assert await house.send(boost) == (202, "reaction_kept")
    stored = await house.reply(note["id"])
    assert stored is not None
    assert stored.announce_count == 1
    assert await house.send(house.activity("Undo", eve, boost)) == (202, "reaction_removed")
    again = await house.reply(note["id"])
    assert again is not None
    assert again.announce_count == 0
    unknown = house.activity("Announce", eve, f"{eve}/notes/7", to=[PUBLIC])
    assert await house.send(unknown) == (202, "not_ours")


async def test_INB_19_a_deleted_actors_quotes_go_too(house: House) -> None:
    post = await house.publish()
    note = quoting(house, post)
    await house.send(house.create(note))
    actor = await house.actor(note["attributedTo"])
    await house.db.write(actors.mark_deleted, actor.id)
    assert await quotes_of(house, post) == []


async def test_BACK_02_a_delete_of_what_has_a_placeholder_keeps_it_out(house: House) -> None:
    post = await house.publish()
    _, missing = await broken(house, post, 404, context=house.ids.collection(post.uri, "context"))
    shy = house.person("shy.example", "shy")
    assert await house.send(house.activity("Delete", shy, missing)) == (202, "tombstone_kept")
    late = {**house.note(shy, post.uri), "id": missing}
    assert await house.send(house.create(late)) == (202, "deleted_before")
    placeholder = await house.db.read(replies.by_uri, missing)
    assert placeholder is not None
    assert placeholder.state is ReplyState.REMOVED
