"""Every storage call of the inbox and of the workers fails once: a clear 503, nothing half done, and then it works.

What is asked over HTTP otherwise is in test_every_route.py.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from fedblog.blog.model import PostId, PostStatus, ReplyId, Writing
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer_actor import PeerActor
from fedblog.errors import StorageUnavailable
from fedblog.federation.handlers import HANDLERS
from fedblog.storage import deliveries, posts, search
from fedblog.web.drawn_rows import DrawnKeeper
from fedblog.web.keys import COUNTS, RENDERER
from fedblog.web.notices.teller import NewsPlanner
from tests.faults.injection import KINDS, STEP, Answer, Rig, check


def note_of(rig: Rig, who: PeerActor, **more: Any) -> dict[str, Any]:
    """A reply that their server serves too."""
    note = payloads.note(who, rig.post.uri, f"Word {next(rig.numbers)}", **more)
    rig.peer.publish(note)
    return note


async def stored(rig: Rig, who: PeerActor) -> dict[str, Any]:
    """A reply that is here already."""
    note = note_of(rig, who)
    assert (await replace(rig, bo=who).deliver(payloads.create(who, note)))[0] == 202
    return note


async def answered(rig: Rig, who: PeerActor) -> dict[str, Any]:
    """An answer of ours to somebody's reply, as they name it."""
    note = await stored(rig, who)
    number = await rig.live.services.db.read(lambda tx: tx.value("SELECT id FROM replies WHERE uri = $1", note["id"]))
    made = await rig.live.services.publisher.answer(
        author_id=rig.post.author_id, reply_id=ReplyId(number), source="Thank you"
    )
    return {"id": made.uri, "type": "Note"}


async def following(rig: Rig, who: PeerActor) -> dict[str, Any]:
    """Somebody follows: the activity that did it."""
    followed = payloads.follow(who, f"{rig.live.base_url}/ap/actors/ana")
    assert (await replace(rig, bo=who).deliver(followed))[0] == 202
    return followed


async def moving(rig: Rig, who: PeerActor) -> dict[str, Any]:
    """A follower moves, and the new account says so too."""
    await following(rig, who)
    new = rig.peer.add_person(f"new{next(rig.numbers)}", key=rig.bo.key, alsoKnownAs=[who.id])
    return payloads._simple(who, "Move", "moves", who.id, {"target": new.id})


Make = Callable[[Rig, PeerActor], Awaitable[dict[str, Any]]]


def told(make: Callable[[Rig, PeerActor], dict[str, Any]]) -> Make:
    """What needs nothing to be there."""

    async def made(rig: Rig, who: PeerActor) -> dict[str, Any]:
        return make(rig, who)

    return made


async def approving(rig: Rig, who: PeerActor) -> dict[str, Any]:
    return payloads.accept(who, await answered(rig, who), result=f"{rig.peer.base_url}/approvals/{next(rig.numbers)}")


async def refusing(rig: Rig, who: PeerActor) -> dict[str, Any]:
    return payloads.reject(who, await answered(rig, who))


async def adding(rig: Rig, who: PeerActor) -> dict[str, Any]:
    inner, target = payloads.create(who, note_of(rig, who)), f"{rig.peer.base_url}/threads/1"
    return payloads._simple(who, "Add", "adds", inner, {"target": target, "to": [payloads.PUBLIC]})


async def deleting(rig: Rig, who: PeerActor) -> dict[str, Any]:
    return payloads.delete(who, (await stored(rig, who))["id"])


async def updating(rig: Rig, who: PeerActor) -> dict[str, Any]:
    return payloads.update(who, {**await stored(rig, who), "content": "<p>Other words</p>"}, now=time.time() + 9)


async def unfollowing(rig: Rig, who: PeerActor) -> dict[str, Any]:
    return payloads.undo(who, await following(rig, who))


async def asking_to_quote(rig: Rig, who: PeerActor) -> dict[str, Any]:
    note = note_of(rig, who, inReplyTo=None, quote=rig.post.uri)
    return payloads._simple(who, "QuoteRequest", "asks", rig.post.uri, {"instrument": note})


# One of each type that has an effect here; tests hold it to the program's own table.
SENT: dict[str, Make] = {
    "Accept": approving,
    "Add": adding,
    "Announce": told(lambda rig, who: payloads.announce(who, rig.post.uri)),
    "Block": told(lambda rig, who: payloads.block(who, f"{rig.live.base_url}/ap/actors/ana")),
    "Create": told(lambda rig, who: payloads.create(who, note_of(rig, who))),
    "Delete": deleting,
    "Dislike": told(lambda rig, who: payloads._simple(who, "Dislike", "dislikes", rig.post.uri, {})),
    "EmojiReact": told(lambda rig, who: payloads.emoji_react(who, rig.post.uri, "🍞")),
    "Flag": told(lambda rig, who: payloads.flag(who, [rig.post.uri], "Rude")),
    "Follow": told(lambda rig, who: payloads.follow(who, f"{rig.live.base_url}/ap/actors/ana")),
    "Like": told(lambda rig, who: payloads.like(who, rig.post.uri)),
    "Move": moving,
    "QuoteRequest": asking_to_quote,
    "Reject": refusing,
    "Undo": unfollowing,
    "Update": updating,
}


@pytest.mark.proves("SEC-127")
async def test_every_type_of_activity_is_taken_whole_or_not_at_all(rig: Rig) -> None:
    assert SENT.keys() == HANDLERS.keys()
    for kind, prepare in SENT.items():

        async def make(prepare: Make = prepare) -> Callable[[], Awaitable[Answer]]:
            who = rig.peer.add_person(f"fan{next(rig.numbers)}", key=rig.bo.key)
            activity = await prepare(rig, who)
            return lambda: replace(rig, bo=who).deliver(activity)

        # Whom one has looked up on the way stays known.
        assert await check(rig, make, 202, keeps=("actors", "keys")) > 10 / STEP, kind


async def test_a_mention_is_not_lost_where_nobody_could_be_asked(rig: Rig) -> None:
    """Somebody who isn't found stays plain text for good; who can't be looked up now is no such person."""
    source = f"With thanks to @ana@{rig.live.services.settings.domain}"
    for number in itertools.count(1):
        rig.faults.arm(number, "busy")
        text = None
        with contextlib.suppress(StorageUnavailable):
            text = await rig.live.services.publisher.compose(Writing(title="Thanks", source=source))
        failed = rig.faults.disarm()
        assert text is None or len(text.mentions) == 1
        if not failed:
            break
    assert number > 1


@pytest.mark.proves("SEC-127")
async def test_work_in_the_background_waits_and_goes_on(rig: Rig) -> None:
    """Every second statement of a round of each worker fails once: it raises nothing but that the database is away,
    and what was not done is done later."""
    live, parts = rig.live, rig.live.services
    assert (await rig.deliver(payloads.follow(rig.bo, f"{live.base_url}/ap/actors/ana")))[0] == 202
    rounds: dict[str, Callable[[], Awaitable[object]]] = {
        "deliveries": parts.worker.drain,
        "jobs": parts.jobs.drain,
        "search": parts.indexer.catch_up,
        "counts": live.app[COUNTS].flush,
        "drawn": DrawnKeeper(parts.db, live.app[RENDERER].rows).flush,
        "news": NewsPlanner(parts.db, parts.settings).look,
        "plans": parts.jobs.drain,
    }
    seen, planned = 0, list[PostId]()
    for name, work in rounds.items():
        for number, kind in zip(itertools.count(1, 2), itertools.cycle(KINDS)):
            note = payloads.note(rig.bo, rig.post.uri, f"{name} {number}")
            assert (await rig.deliver(payloads.create(rig.bo, note)))[0] == 202
            assert (
                await live.get("/@ana/first-light", headers={"User-Agent": "Mozilla/5.0 Firefox/130.0"})
            ).status == 200
            seen += 1
            if name == "deliveries":
                text = await parts.publisher.compose(Writing(title="First light", source=f"Edit {number}"))
                await parts.publisher.edit(rig.post.id, text, editor_id=rig.post.author_id)
            if name == "plans":
                await parts.jobs.drain()
                text = await parts.publisher.compose(Writing(title=f"Plan {number}", source="Later"))
                draft = await parts.publisher.save_draft(text, author_id=rig.post.author_id)
                await parts.publisher.schedule(draft.id, int(rig.clock()) + 600)
                planned.append(draft.id)
                rig.clock.ahead += 900
            rig.faults.arm(number, kind)
            with contextlib.suppress(StorageUnavailable):
                await work()
            if not rig.faults.disarm():
                break
            rig.clock.ahead += 3_600
            await work()
        assert number > 1, name
    rig.clock.ahead += 86_400
    for work in rounds.values():
        await work()
    assert await parts.db.read(search.outdated, 0, 1_000) == ([], None)
    assert await parts.db.read(deliveries.count_waiting) == 0
    uris = []
    for post_id in planned:
        post = await parts.db.read(posts.get, post_id)
        assert post.status is PostStatus.PUBLISHED
        uris.append(post.uri)
    out = await parts.db.read(lambda tx: tx.all("SELECT object_uri FROM outgoing WHERE type = 'Create'"))
    assert sorted(uri for (uri,) in out if uri in uris) == sorted(uris), "what was planned goes out once"
    sent = await parts.db.read(lambda tx: tx.all("SELECT uri FROM outgoing WHERE type IN ('Accept', 'Update')"))
    assert {uri for (uri,) in sent} <= {one.activity["id"] for one in rig.peer.inbox}
    assert await parts.db.read(lambda tx: tx.value("SELECT sum(views) FROM stat_views WHERE post_id <> 0")) == seen
