"""On pages and in the studio: emoji, polls, quotes, new addresses, rules for replies, pins, moving, leaving."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fedblog.blog.model import Actor, Post, PostStatus, Quote, QuotePolicy, QuoteState, ReactionKind, ReplyPolicy
from fedblog.federation.leaving import close_blog, delete_author
from fedblog.storage import actors, expansion, listing, outgoing, placeholders, posts, quotes, reactions, replies
from fedblog.storage.database import Tx
from tests.web.desk import Desk, open_desk

ACTIVITY = "application/activity+json"


async def page_of(desk: Desk, post: Post) -> str:
    author = await desk.parts.db.read(actors.by_id, post.author_id)
    return (await desk.browser().get(f"/@{author.username}/{post.slug}")).text


async def like(desk: Desk, post: Post, actor: Actor, emoji: str = "", **target: Any) -> None:
    await desk.parts.db.write(
        reactions.add,
        kind=target.pop("kind", ReactionKind.LIKE),
        actor_id=actor.id,
        activity_uri=f"{actor.uri}/{emoji}",
        emoji=emoji,
        **(target or {"post_id": post.id}),
    )


async def quote_by(
    desk: Desk,
    post: Post,
    actor: Actor,
    state: QuoteState = QuoteState.PENDING,
    *,
    listed: bool = True,
    asks: bool = True,
) -> Quote:
    uri = f"{actor.uri}/notes/quote"
    request = {
        "id": f"{uri}/request",
        "type": "QuoteRequest",
        "actor": actor.uri,
        "object": post.uri,
        "instrument": uri,
    }
    return await desk.parts.db.write(
        quotes.add,
        uri=uri,
        url=uri,
        actor_id=actor.id,
        post_id=post.id,
        target_uri=post.uri,
        state=state,
        public=True,
        listed=listed,
        request=json.dumps(request) if asks else "",
        published_at=int(desk.clock.now),
    )


# The page


async def test_INB_23_emoji_reactions_show_with_their_counts(desk: Desk) -> None:
    post = await desk.write_post("anna")
    for name, emoji in (("mia", "🎉"), ("kai", "🎉"), ("zoe", ":blobcat:"), ("tom", "")):
        await like(desk, post, await desk.stranger(name), emoji)
    text = await page_of(desk, post)
    assert "<li><bdi>🎉</bdi> 2</li><li><bdi>:blobcat:</bdi> 1</li>" in text
    assert "4 likes" in text


async def test_INB_24_boosts_of_a_reply_are_counted_and_shown(desk: Desk) -> None:
    post = await desk.write_post("anna")
    reply = await desk.reply(post, await desk.stranger())
    await like(desk, post, await desk.stranger("kai"), kind=ReactionKind.ANNOUNCE, reply_id=reply.id)
    assert '<span class="told">1 boost</span>' in await page_of(desk, post)
    await desk.parts.db.write(replies.set_remote_counts, reply.id, 0, 7)
    assert '<span class="told">7 boosts</span>' in await page_of(desk, post)


async def test_INB_13_a_polls_choices_show_with_their_counts(desk: Desk) -> None:
    post = await desk.write_post("anna")
    reply = await desk.reply(post, await desk.stranger(), "Tea or coffee?")
    await desk.parts.db.write(replies.set_options, reply.id, (("Tea <b>", 1), ("Coffee", 2)))
    text = await page_of(desk, post)
    assert 'Tea &lt;b&gt; <span class="faint">1 vote</span>' in text
    assert 'Coffee <span class="faint">2 votes</span>' in text
    assert "Coffee: 2 votes" in (await (await desk.logged_in("anna")).get("/studio/conversations")).text


async def test_INB_31_what_was_written_before_a_move_shows_the_new_address(desk: Desk) -> None:
    post = await desk.write_post("anna")
    old, new = await desk.stranger("mia"), await desk.stranger("mia", "new.example")
    await desk.reply(post, old)
    await desk.parts.db.write(actors.set_moved, old.id, new.uri)
    text = await page_of(desk, post)
    assert "@mia@far.example" in text
    assert f'now <a class="handle" href="{new.url}" rel="nofollow ugc noopener">@mia@new.example</a>' in text


async def test_BACK_02_a_parent_that_is_not_available_says_so(desk: Desk) -> None:
    post = await desk.write_post("anna")
    mia = await desk.stranger()
    instance = await desk.parts.db.read(actors.instance)
    placeholder = await desk.parts.db.write(
        placeholders.add,
        "https://gone.example/1",
        post_id=post.id,
        post_uri=post.uri,
        actor_id=instance.id,
        published_at=int(desk.clock.now),
    )
    assert "not available" not in await page_of(desk, post)
    await desk.reply(post, mia, "Below it", parent=placeholder)
    text = await page_of(desk, post)
    assert "A reply that is not available." in text
    assert "removed by its author" not in text
    assert text.index("not available") < text.index("Below it")


async def test_ART_19_quotes_are_listed_beside_the_replies_the_unconfirmed_as_such(desk: Desk) -> None:
    post = await desk.write_post("anna")
    assert "Quoted by" not in await page_of(desk, post)
    mia, kai, eve = await desk.stranger("mia"), await desk.stranger("kai"), await desk.stranger("eve")
    accepted = await quote_by(desk, post, mia, QuoteState.ACCEPTED)
    await quote_by(desk, post, kai, asks=False)
    await quote_by(desk, post, eve, QuoteState.REJECTED, listed=False)
    text = await page_of(desk, post)
    assert "Quoted by" in text
    assert text.count("not confirmed") == 1
    assert "@eve@far.example" not in text
    document = await desk.browser().get(f"/ap/quotes/{accepted.id}", Accept=ACTIVITY)
    found = json.loads(document.text)
    assert (found["type"], found["interactingObject"]) == ("QuoteAuthorization", accepted.uri)
    assert found["interactionTarget"] == post.uri
    assert found["attributedTo"].endswith("/ap/actors/anna")


@pytest.mark.parametrize("state", [QuoteState.PENDING, QuoteState.REJECTED, QuoteState.REVOKED])
@pytest.mark.proves("SEC-045")
async def test_INB_33_only_an_accepted_quote_has_an_authorization(desk: Desk, state: QuoteState) -> None:
    quote = await quote_by(desk, await desk.write_post("anna"), await desk.stranger(), state)
    answer = await desk.browser().get(f"/ap/quotes/{quote.id}", Accept=ACTIVITY)
    assert answer.status == (410 if state is QuoteState.REVOKED else 404)
    assert (await desk.browser().get("/ap/quotes/9223372036854775808", Accept=ACTIVITY)).status == 404


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (ReplyPolicy.EVERYONE, ""),
        (ReplyPolicy.FOLLOWERS, "Only people who follow the author"),
        (ReplyPolicy.MENTIONED, "Only people whom this post mentions"),
    ],
)
async def test_ART_17_the_page_says_who_may_reply(desk: Desk, policy: ReplyPolicy, words: str) -> None:
    text = await page_of(desk, await desk.write_post("anna", reply_policy=policy))
    assert ("Only people" in text) is bool(words)
    assert words in text


# The studio


async def test_ART_17_ART_18_ART_19_rules_are_chosen_in_the_editor(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    form = {"title": "Rules", "source": "Text", "replies": "followers", "quotes": "approve", "action": "publish"}
    done = await anna.send("/studio/posts/new", form, on="/studio/posts/new")
    page = await anna.follow(done)
    assert '<option value="followers" selected>People who follow you</option>' in page.text
    assert '<option value="approve" selected>' in page.text
    stored = (await desk.parts.db.read(listing.list_of_author, None, None))[0]
    assert (stored.reply_policy, stored.quote_policy) == (ReplyPolicy.FOLLOWERS, QuotePolicy.APPROVE)
    assert stored.comments_open
    sent = [json.loads(one.body) for one in await desk.sent() if one.type == "Create"]
    assert set(sent[0]["object"]["interactionPolicy"]) == {"canReply", "canQuote"}
    closed = {**form, "replies": "nobody", "action": "save", "version": page.value("version")}
    await anna.send(f"/studio/posts/{stored.id}", closed, on=f"/studio/posts/{stored.id}")
    again = await desk.parts.db.read(posts.by_id, stored.id)
    assert again is not None
    assert not again.comments_open
    assert '<option value="nobody" selected>' in (await anna.get(f"/studio/posts/{stored.id}")).text


async def test_ACT_13_a_post_is_pinned_from_its_page_by_who_may_edit_it(desk: Desk) -> None:
    post = await desk.write_post("anna")
    where = f"/studio/posts/{post.id}/pin"
    bert = await desk.logged_in("bert")
    assert (await bert.send(where, {"do": "pin"})).status == 404
    anna = await desk.logged_in("anna")
    page = await anna.follow(await anna.send(where, {"do": "pin"}))
    assert "Take off your profile" in page.text
    featured = await desk.browser().get("/ap/actors/anna/featured", Accept=ACTIVITY)
    assert json.loads(featured.text)["orderedItems"] == [post.uri]
    page = await anna.follow(await anna.send(where, {"do": "unpin"}))
    assert "Pin to your profile" in page.text
    assert [one.type for one in await desk.sent()][-2:] == ["Add", "Remove"]


async def test_INB_30_reporting_asks_first_and_says_what_is_told(desk: Desk) -> None:
    post = await desk.write_post("anna")
    reply = await desk.reply(post, await desk.stranger())
    anna = await desk.logged_in("anna")
    assert f"/studio/replies/{reply.id}/report" in (await anna.get("/studio/conversations")).text
    where = f"/studio/replies/{reply.id}/report"
    page = await anna.get(where)
    assert "far.example" in page.text
    assert (await anna.send(where, {"words": "x" * 5001})).status == 400
    done = await anna.send(where, {"words": "Spam", "back": "/studio/conversations"})
    assert "Reported" in (await anna.follow(done)).text
    activity = (await desk.sent())[-1]
    assert (activity.type, json.loads(activity.body)["content"]) == ("Flag", "Spam")
    assert "the report is on its way" in (await anna.get("/studio/conversations?show=all")).text
    for gone, words in ((False, "their server has your report"), (True, "You reported it on")):
        await desk.parts.db.write(_settle_all, gone)
        assert words in (await anna.get("/studio/conversations?show=all")).text, words
    own = await desk.parts.publisher.answer(author_id=post.author_id, post_id=post.id, source="Mine")
    assert (await anna.get(f"/studio/replies/{own.id}/report")).status == 404
    assert (await (await desk.logged_in("bert")).get(where)).status == 404


def _settle_all(tx: Tx, gone: bool) -> None:
    """Deliveries are made and done; `gone`: they are forgotten since."""
    for number in outgoing.unexpanded(tx, 100):
        expansion.expand(tx, number)
    if gone:
        tx.run("DELETE FROM deliveries")
    else:
        tx.run("UPDATE deliveries SET state = 'done', done_at = $1", tx.now)


async def test_INB_32_the_studio_says_that_an_answer_was_refused(desk: Desk) -> None:
    post = await desk.write_post("anna")
    reply = await desk.reply(post, await desk.stranger())
    mine = await desk.parts.publisher.answer(author_id=post.author_id, reply_id=reply.id, source="Thanks")
    anna = await desk.logged_in("anna")
    assert "accept this answer" not in (await anna.get("/studio/conversations")).text
    await desk.parts.db.write(replies.set_approval, mine.id, "rejected", "")
    assert "accept this answer" in (await anna.get("/studio/conversations")).text


async def test_INB_33_quotes_are_decided_in_the_studio_by_whom_they_concern(desk: Desk) -> None:
    post = await desk.write_post("anna")
    quote = await quote_by(desk, post, await desk.stranger(), listed=False)
    where = f"/studio/quotes/{quote.id}"
    bert = await desk.logged_in("bert")
    assert "@mia" not in (await bert.get("/studio/quotes")).text
    assert (await bert.send(where, {"do": "accept"})).status == 404
    anna = await desk.logged_in("anna")
    assert "Asks whether it may." in (await anna.get("/studio/quotes")).text
    page = await anna.follow(await anna.send(where, {"do": "accept"}))
    assert "Take back" in page.text
    assert "Quoted by" in await page_of(desk, post)
    page = await anna.follow(await anna.send(where, {"do": "reject"}))
    assert "You took it back." in page.text
    assert "Quoted by" not in await page_of(desk, post)
    assert [one.type for one in await desk.sent()][-2:] == ["Accept", "Delete"]


async def test_ACT_12_the_moving_page_keeps_what_was_typed_and_says_what_is_wrong(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    page = await anna.send("/studio/moving/aliases", {"aliases": "not an address"}, on="/studio/moving")
    assert page.status == 400
    assert page.area("aliases") == "not an address"
    done = await anna.send("/studio/moving/aliases", {"aliases": "@bert@blog.example"}, on="/studio/moving")
    assert (await anna.follow(done)).area("aliases").endswith("/ap/actors/bert")
    assert (await anna.send("/studio/moving/target", {"target": ""}, on="/studio/moving")).status == 400
    refused = await anna.send("/studio/moving/target", {"target": "@bert@blog.example"}, on="/studio/moving")
    assert refused.status == 400
    assert "aliases" in refused.text
    bert = await desk.logged_in("bert")
    await bert.send("/studio/moving/aliases", {"aliases": "@anna@blog.example"}, on="/studio/moving")
    page = await anna.follow(
        await anna.send("/studio/moving/target", {"target": "@bert@blog.example"}, on="/studio/moving")
    )
    assert "This account moved to" in page.text
    document = json.loads((await desk.browser().get("/ap/actors/anna", Accept=ACTIVITY)).text)
    assert document["movedTo"].endswith("/ap/actors/bert")
    assert document["alsoKnownAs"] == [document["movedTo"]]
    await anna.send("/studio/moving/target", {"do": "unmove"}, on="/studio/moving")
    assert "movedTo" not in json.loads((await desk.browser().get("/ap/actors/anna", Accept=ACTIVITY)).text)


# Leaving


async def test_LIFE_03_a_deleted_author_answers_410_everywhere_and_can_not_log_in(desk: Desk) -> None:
    post = await desk.write_post("anna")
    anna = await desk.logged_in("anna")
    author = await desk.parts.db.read(actors.by_id, post.author_id)
    await delete_author(desk.parts.db, desk.parts.ids, desk.parts.sealer, author)
    visitor = desk.browser()
    for path in ("/ap/actors/anna", post.uri.partition("example")[2]):
        answer = await visitor.get(path, Accept=ACTIVITY)
        assert (answer.status, json.loads(answer.text)["type"]) == (410, "Tombstone")
    for path in ("/@anna", f"/@anna/{post.slug}", "/.well-known/webfinger?resource=acct:anna@blog.example"):
        assert (await visitor.get(path)).status == 410
    assert (await anna.get("/studio")).status == 303
    assert (await desk.browser().log_in("anna")).status != 303
    assert "On bread" not in (await visitor.get("/")).text
    stored = await desk.parts.db.read(posts.by_id, post.id)
    assert stored is not None
    assert stored.status is PostStatus.DELETED


async def test_LIFE_04_a_closed_blog_answers_410_to_all_but_health_checks(template: Any, tmp_path: Any) -> None:
    async with open_desk(template, tmp_path / "data") as desk:
        await close_blog(desk.parts.db, desk.parts.ids, desk.parts.sealer, rehearse=False)
        visitor = desk.browser()
        for path in ("/", "/@anna", "/ap/actors/anna", "/ap/instance", "/inbox", "/.well-known/nodeinfo", "/login"):
            assert (await visitor.get(path)).status == 410
        assert (await visitor.post("/inbox", {"a": "b"})).status == 410
        assert (await visitor.get("/livez")).status == 200
