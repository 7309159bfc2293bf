"""Threads made whole: replies that nobody sent us, found where other servers list them."""

from __future__ import annotations

from typing import Any

import pytest

from fedblog.blog.model import Post, ReplyState
from fedblog.federation.backfill import Backfill, next_read
from fedblog.federation.counts import CountReader
from fedblog.federation.jobs import JobHandler, JobRunner
from fedblog.federation.look_after import LookAfter
from fedblog.federation.pace import HostPace
from fedblog.storage import backfill, jobs, moderation, replies, threads
from tests.federation.house import House
from tests.federation.house_fixtures import HouseMaker

AFTER = (900, 3_600, 21_600, 86_400, 259_200)
DAY = 86_400


def runner(house: House) -> JobRunner:
    """Our side's jobs, without a pause between questions."""
    settings = house.settings
    reader = Backfill(house.db, house.resolver, house.ids, settings, house.clock, pace=HostPace(0))
    counts = CountReader(house.db, house.resolver, after=())
    handlers: dict[str, JobHandler] = {
        "backfill": reader,
        "fetch_parent": house.parents,
        "look_after": LookAfter(house.db, settings),
        "refresh_counts": counts,
    }
    return JobRunner(house.db, handlers, clock=house.clock)


async def later(house: House, seconds: float = AFTER[0]) -> None:
    """Time passes, and what is due then is done."""
    house.clock.now += seconds
    await runner(house).drain()


def listed(house: House, note: dict[str, Any], *ids: str, **extra: Any) -> dict[str, Any]:
    """Serve a note that lists these answers, on its first page, embedded."""
    uri = f"{note['id']}/replies"
    page = {"type": "CollectionPage", "partOf": uri, "items": list(ids), **extra.pop("page", {})}
    note["replies"] = {"id": uri, "type": "Collection", "first": page, **extra}
    house.world.serve(note)
    return note


async def arrives(house: House, post: Post, **extra: Any) -> dict[str, Any]:
    """A reply by Bob that was sent to us and that lists nothing."""
    note = listed(house, house.note(house.person(), post.uri, "<p>Sent</p>", **extra))
    assert (await house.send(house.create(note)))[1] == "reply_published"
    return note


def answer(house: House, parent: dict[str, Any], host: str = "quiet.example", **extra: Any) -> dict[str, Any]:
    """An answer by somebody whose server never sends us anything."""
    note = house.note(house.person(host, "eve"), parent["id"], extra.pop("content", "<p>Unsent</p>"), **extra)
    return listed(house, note)


async def uris(house: House, post: Post) -> set[str]:
    return {row.reply.uri for row in await house.thread(post)}


async def missing(house: House, post: Post) -> list[tuple[str, int]]:
    return [(one.url, one.number) for one in await house.db.read(backfill.missing, post.id)]


async def test_BACK_03_what_was_never_sent_is_found_to_any_depth(house: House) -> None:
    """Each level is listed by the one above only."""
    post = await house.publish()
    sent = await arrives(house, post)
    parent, wanted = sent, {sent["id"]}
    for level in range(12):
        child = answer(house, parent, f"s{level % 3}.example")
        listed(house, parent, child["id"])
        wanted.add(child["id"])
        parent = child
    await later(house, AFTER[0] - 1)
    assert await uris(house, post) == {sent["id"]}, "not before its time"
    await later(house, 1)
    assert await uris(house, post) == wanted
    assert max(row.reply.depth for row in await house.thread(post)) == 13
    assert (await house.get_post(post)).reply_count == 13
    assert await missing(house, post) == []


async def test_BACK_03_embedded_objects_are_only_ids(house: House) -> None:
    """What a list says about somebody else's words is not believed: they are asked for where they live."""
    post = await house.publish()
    sent = await arrives(house, post)
    true = answer(house, sent, content="<p>True</p>")
    listed(house, sent, page={"items": [{**true, "content": "<p>Put in my mouth</p>"}]})
    invented = house.note(house.person("victim.example", "vic"), sent["id"], "<p>Never said</p>")
    sent["replies"]["first"]["items"].append(invented)
    house.world.serve(sent)
    await later(house)
    assert {row.reply.content_html for row in await house.thread(post)} == {"<p>Sent</p>", "<p>True</p>"}


async def test_BACK_03_pages_are_followed_three_at_a_time(house: House) -> None:
    """An endless collection costs four pages a run; the next run goes on where this one stopped."""
    post = await house.publish()
    sent = await arrives(house, post)
    base = f"{sent['id']}/replies"
    found = [answer(house, sent) for _ in range(12)]
    for number, child in enumerate(found):
        page = {"id": f"{base}?page={number}", "type": "CollectionPage", "partOf": base, "items": [child["id"]]}
        house.world.serve({**page, "next": f"{base}?page={number + 1}"}, at=f"{base}?page={number}")
    sent["replies"] = {"id": base, "type": "Collection", "totalItems": 12, "first": f"{base}?page=0"}
    house.world.serve(sent)
    await later(house)
    assert [house.world.fetches(f"{base}?page={number}") for number in range(6)] == [1, 1, 1, 1, 0, 0]
    assert len(await house.thread(post)) == 1 + 4
    assert await missing(house, post) == [(sent["id"], 8)]
    await later(house, AFTER[1])
    assert house.world.fetches(f"{base}?page=4") == 1
    assert len(await house.thread(post)) > 1 + 4


@pytest.mark.parametrize("where", ["first", "next", "redirect-free id"])
async def test_BACK_03_COL_06_pages_on_other_hosts_are_not_read(house: House, where: str) -> None:
    """Not even when the page claims to be at home there."""
    post = await house.publish()
    sent = await arrives(house, post)
    child = answer(house, sent)
    elsewhere = house.world.url("liar.example", "/page")
    house.world.serve({"id": elsewhere, "type": "CollectionPage", "items": [child["id"]]})
    if where == "first":
        sent["replies"] = {"id": f"{sent['id']}/replies", "type": "Collection", "first": elsewhere}
    elif where == "next":
        listed(house, sent, page={"id": f"{elsewhere}?page=0", "partOf": elsewhere, "next": elsewhere})
    else:
        sent["replies"] = elsewhere
    house.world.serve(sent)
    await later(house)
    assert house.world.fetches(elsewhere) == 0
    assert await uris(house, post) == {sent["id"]}


@pytest.mark.proves("SEC-055", "SEC-056")
async def test_BACK_03_BACK_06_rings_of_pages_and_notes_end(house: House) -> None:
    """A page that is its own next, a note that lists itself and what stands above it."""
    post = await house.publish()
    sent = await arrives(house, post)
    child = answer(house, sent)
    base = f"{sent['id']}/replies"
    ring = {"id": f"{base}?page=1", "type": "CollectionPage", "items": [sent["id"], child["id"]]}
    house.world.serve({**ring, "next": f"{base}?page=1"}, at=f"{base}?page=1")
    listed(house, sent, sent["id"], child["id"], page={"next": f"{base}?page=1"})
    listed(house, child, sent["id"], child["id"], post.uri)
    await later(house)
    assert house.world.fetches(f"{base}?page=1") == 1
    assert await uris(house, post) == {sent["id"], child["id"]}


async def test_BACK_03_what_belongs_elsewhere_is_not_kept(house: House) -> None:
    """Ids of other conversations, of pages, of nothing: no rows, no orphans, and each is asked for once."""
    post = await house.publish()
    sent = await arrives(house, post)
    stranger = house.person("far.example", "far")
    root = house.note(stranger, None)
    under = house.note(stranger, root["id"])
    for note in (root, under):
        house.world.serve(note)
    listed(house, sent, root["id"], under["id"], stranger, f"{stranger}/nothing", "mailto:a@b.example", "no url")
    await later(house)
    await later(house, AFTER[1])
    assert await uris(house, post) == {sent["id"]}
    assert await house.reply(under["id"]) is None
    assert house.world.fetches(f"{stranger}/nothing") == 1
    assert await missing(house, post) == []


@pytest.mark.proves("SEC-056")
async def test_BACK_03_a_budget_a_job_and_limits_a_thread(house: House) -> None:
    """A list of six hundred costs twenty fetches a job; five hundred of it are remembered."""
    post = await house.publish()
    sent = await arrives(house, post)
    liar = house.world.url("liar.example")
    listed(house, sent, *(f"{liar}/notes/{number}" for number in range(600)))
    await later(house, 600)  # its likes are read
    house.clock.now += AFTER[0] - 600
    jobs_run = runner(house)
    asked = len(house.world.seen)
    assert await jobs_run.run_due()
    first = len(house.world.seen) - asked
    assert 10 <= first <= 20
    await jobs_run.drain()
    assert len([one for one in house.world.seen if one[0] == "liar.example"]) == 500


async def test_BACK_03_a_run_ends_after_so_many_items(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest waits for the next run."""
    monkeypatch.setattr("fedblog.federation.backfill.MAX_ITEMS_A_RUN", 30)
    post = await house.publish()
    sent = await arrives(house, post)
    liar = house.world.url("liar.example")
    listed(house, sent, *(f"{liar}/notes/{number}" for number in range(100)))
    await later(house)
    assert len([one for one in house.world.seen if one[0] == "liar.example"]) == 30
    await later(house)
    assert len([one for one in house.world.seen if one[0] == "liar.example"]) == 60


async def test_BACK_04_the_schedule_of_a_place() -> None:
    """15 min, 1 h, 6 h, 1 d, 3 d after it came; then pauses that double. What was missed is not made up for."""
    times, now = [], 0
    for reads in range(1, 8):
        now = next_read(AFTER, reads, since=0, now=now or AFTER[0])
        times.append(now)
    assert times == [3_600, 21_600, 86_400, 259_200, 6 * DAY, 12 * DAY, 24 * DAY]
    assert next_read(AFTER, 1, since=0, now=30_000) == 86_400


async def test_BACK_04_a_thread_is_read_in_growing_intervals_until_it_is_quiet(house: House) -> None:
    """Counted where the note lives; after thirty quiet days never again."""
    post = await house.publish()
    sent = await arrives(house, post)
    read = []
    start, seen = house.clock.now, house.world.fetches(sent["id"])
    while (due := await house.db.read(jobs.next_due)) is not None:
        house.clock.now = max(house.clock.now + 1, due)
        await runner(house).drain()
        if house.world.fetches(sent["id"]) > seen:
            seen = house.world.fetches(sent["id"])
            read.append(round(house.clock.now - start))
    # The first of them, at 10 min, is the reading of its likes.
    assert read == [600, *AFTER, 6 * DAY, 12 * DAY, 24 * DAY]


async def test_BACK_04_a_new_reply_wakes_the_thread(house: House) -> None:
    """Its parent's list is read again 15 minutes later, however long it was quiet."""
    post = await house.publish()
    sent = await arrives(house, post)
    while (due := await house.db.read(jobs.next_due)) is not None:
        house.clock.now = max(house.clock.now + 1, due)
        await runner(house).drain()
    house.clock.now += 60 * DAY
    sibling, child = answer(house, sent), answer(house, sent, "m.example")
    listed(house, sent, sibling["id"], child["id"])
    assert (await house.send(house.create(child)))[1] == "reply_published"
    await later(house, AFTER[0])
    assert sibling["id"] in await uris(house, post)


async def test_BACK_04_one_run_a_thread(house: House) -> None:
    """A second job for the thread waits while the first one works; one of an earlier turn does nothing."""
    post = await house.publish()
    await arrives(house, post)
    await later(house, 60)
    house.clock.now += AFTER[0]
    run = await house.db.write(backfill.begin, post.id, 0, 100, after=AFTER)
    assert run is not None
    before = len(house.world.seen)
    await runner(house).drain()
    assert len(house.world.seen) == before + 1, "only the likes were read"
    waiting = await house.db.read(jobs.get, "backfill", f"{post.id} 0")
    assert waiting is not None
    assert waiting.attempts == 1
    await house.db.write(backfill.finish, post.id, cool_down=900, exhausted=False)
    assert await house.db.write(backfill.begin, post.id, 0, 100, after=AFTER) is None
    assert await house.db.write(backfill.begin, post.id, 1, 100, after=AFTER) is not None


async def test_BACK_04_a_host_is_asked_one_thing_at_a_time() -> None:
    """And with a pause; other hosts don't wait for it."""
    now, slept = [100.0], []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = HostPace(2.0, clock=lambda: now[0], sleep=sleep)
    for host in ("a.example", "b.example", "a.example", "a.example"):
        async with pace.turn(host):
            now[0] += 0.5
    assert slept == [1.5, 2.0]


@pytest.mark.parametrize("kind", ["context", "contextHistory"])
async def test_BACK_05_a_conversations_own_collection(house: House, kind: str) -> None:
    """Named by a note; its items are ids, or activities about them; read once, however many name it."""
    post = await house.publish()
    collection = house.world.url("root.example", "/contexts/1")
    sent = await arrives(house, post, **{kind: collection})
    second = await arrives(house, post, **{kind: collection})
    hidden = answer(house, sent, "quiet.example")
    below = answer(house, hidden, "quiet.example")
    items: list[Any] = [post.uri, sent["id"], below["id"], hidden["id"]]
    if kind == "contextHistory":
        items = [{"type": "Add", "id": f"{collection}#{number}", "object": uri} for number, uri in enumerate(items)]
    house.world.serve({"id": collection, "type": "OrderedCollection", "totalItems": 4, "orderedItems": items})
    await later(house)
    assert await uris(house, post) == {sent["id"], second["id"], hidden["id"], below["id"]}
    assert house.world.fetches(collection) == 1


async def test_BACK_05_a_context_in_pages_as_mastodon_has_it(house: House) -> None:
    """An embedded first page, then up to ten in all; a context that is a name, ours or a note is not asked for."""
    post = await house.publish()
    collection = house.world.url("root.example", "/contexts/1-2")
    sent = await arrives(house, post, context=collection)
    await arrives(house, post, context=f"{post.uri}/context")
    await arrives(house, post, context="tag:root.example,2026:objectId=1:objectType=Conversation")
    found = [answer(house, sent, f"q{number}.example") for number in range(12)]
    for number, child in enumerate(found):
        url = f"{collection}/items?page={number}"
        page = {"id": url, "type": "CollectionPage", "partOf": collection, "items": [child["id"]]}
        house.world.serve({**page, "next": f"{collection}/items?page={number + 1}"}, at=url)
    first = {"type": "CollectionPage", "partOf": collection, "items": [], "next": f"{collection}/items?page=0"}
    house.world.serve({"id": collection, "type": "Collection", "first": first})
    await later(house)
    assert len(await house.thread(post)) == 3 + 9
    assert house.world.fetches(f"{collection}/items?page=9") == 0


async def test_BACK_07_BACK_08_what_must_not_come_back_does_not(house: House) -> None:
    """Private, deleted here, hidden here, of blocked people and of blocked servers: they aren't even asked."""
    post = await house.publish()
    sent = await arrives(house, post)
    private = answer(house, sent, to=[], cc=[])
    deleted, hidden = answer(house, sent), answer(house, sent)
    for note in (deleted, hidden):
        await house.send(house.create(note))
    await house.send(house.activity("Delete", deleted["attributedTo"], deleted["id"]))
    stored = await house.reply(hidden["id"])
    assert stored is not None
    await house.db.write(replies.set_state, stored.id, ReplyState.HIDDEN, "hidden_by_author")
    rude, far = answer(house, sent, "rude.example"), answer(house, sent, "sub.blocked.localhost")
    await house.db.write(moderation.block, "actor", rude["attributedTo"], "")
    await house.db.write(moderation.block, "domain", "blocked.localhost", "")
    listed(house, sent, private["id"], deleted["id"], hidden["id"], rude["id"], far["id"])
    await later(house)
    assert await uris(house, post) == {sent["id"]}
    assert house.world.fetches(far["id"]) == 0
    assert house.world.fetches(deleted["id"]) == 0
    assert await missing(house, post) == [], "nobody is told of them either"


async def test_BACK_08_an_emptied_database_of_tombstones_brings_nothing_back(house: House) -> None:
    """The id of something that was deleted stays taken after its tombstone was forgotten."""
    post = await house.publish()
    sent = await arrives(house, post)
    deleted = answer(house, sent)
    await house.send(house.create(deleted))
    await house.send(house.activity("Delete", deleted["attributedTo"], deleted["id"]))
    await house.db.write(lambda tx: tx.run("DELETE FROM tombstones"))
    listed(house, sent, deleted["id"])
    await later(house)
    assert await uris(house, post) == {sent["id"]}


async def test_BACK_02_what_is_closed_is_asked_for_a_day_later(house: House) -> None:
    """401 and 403: known, not to be had; the page may say so."""
    post = await house.publish()
    sent = await arrives(house, post)
    closed = answer(house, sent, "closed.example")
    house.world.serve(closed, status=403)
    listed(house, sent, closed["id"])
    await later(house)
    asked = house.world.fetches(closed["id"])
    assert asked > 0
    assert await missing(house, post) == [(sent["id"], 1)]
    for step in AFTER[1:3]:
        await later(house, step)
    assert house.world.fetches(closed["id"]) == asked
    house.world.serve(closed)
    await later(house, DAY)
    assert closed["id"] in await uris(house, post)
    assert await missing(house, post) == []


async def test_BACK_03_a_server_that_is_down_is_asked_later(house: House) -> None:
    """One question, not one for each id; what is missing is told meanwhile."""
    post = await house.publish()
    sent = await arrives(house, post)
    ids = [answer(house, sent, "down.example") for _ in range(4)]
    for note in ids:
        house.world.serve(note, status=503)
    listed(house, sent, *(note["id"] for note in ids))
    version = (await house.get_post(post)).thread_version
    await later(house)
    assert sum(house.world.fetches(note["id"]) for note in ids) == 1
    assert await missing(house, post) == [(sent["id"], 4)]
    assert (await house.get_post(post)).thread_version > version, "the page is made anew"
    for note in ids:
        house.world.serve(note)
    await later(house, AFTER[1])
    assert len(await house.thread(post)) == 5
    assert await missing(house, post) == []


@pytest.mark.parametrize(("told", "shown"), [(3, 0), (2**40, 0), (-5, 0), ("many", 0), (None, 0)])
async def test_BACK_03_totals_that_lie_are_not_repeated(house: House, told: object, shown: int) -> None:
    """A collection that was read to its end has what it listed, whatever it says."""
    post = await house.publish()
    sent = await arrives(house, post)
    listed(house, sent, totalItems=told)
    await later(house)
    assert sum(number for _, number in await missing(house, post)) == shown


async def test_BACK_03_found_and_then_delivered_is_one(house: House) -> None:
    """And the other way round: a reply that came while its id was waiting is not fetched."""
    post = await house.publish()
    sent = await arrives(house, post)
    child = answer(house, sent)
    listed(house, sent, child["id"])
    await later(house)
    assert await house.send(house.create(child)) == (202, "duplicate")
    assert (await house.get_post(post)).reply_count == 2
    late = answer(house, sent, "late.example")
    await house.db.write(backfill.add_items, post.id, sent["id"], [late["id"]])
    await house.send(house.create(late))
    assert await missing(house, post) == []
    asked = house.world.fetches(late["id"])
    house.clock.now += 1
    assert await house.db.write(backfill.next_item, post.id) is None
    assert house.world.fetches(late["id"]) == asked


async def test_COL_08b_counts_of_found_notes_and_of_living_threads(house: House) -> None:
    """Read at the origin with the thread, long after the first day."""
    post = await house.publish()
    sent = await arrives(house, post)
    child = answer(house, sent, likes={"type": "Collection", "totalItems": 2})
    listed(house, sent, child["id"])
    await later(house)
    stored = await house.reply(child["id"])
    assert stored is not None
    assert stored.remote_likes == 2
    house.world.serve({**child, "likes": {"type": "Collection", "totalItems": 7}, "shares": {"totalItems": 1}})
    await later(house, 4 * DAY)
    stored = await house.db.read(replies.by_uri, child["id"])
    assert stored is not None
    assert (stored.remote_likes, stored.remote_announces) == (7, 1)


@pytest.mark.parametrize("shape", ["missing", "not a list", "nonsense", "nothing", "closed"])
async def test_COL_08b_a_note_without_a_usable_list_is_still_read(house: House, shape: str) -> None:
    """Its counts are; the list is asked for again with it, a closed one a day later."""
    post = await house.publish()
    sent = await arrives(house, post)
    base = f"{sent['id']}/replies"
    shapes = {"missing": base, "not a list": sent["id"], "nonsense": ["", 7, {"first": 3}], "nothing": None}
    sent["replies"] = shapes.get(shape, base)
    if shape == "closed":
        house.world.serve({"id": base, "type": "Collection"}, status=403)
    house.world.serve(sent)
    await later(house)
    house.world.serve({**sent, "likes": {"type": "Collection", "totalItems": 4}})
    asked = house.world.fetches(base)
    await later(house, 2 * DAY)
    stored = await house.reply(sent["id"])
    assert stored is not None
    assert stored.remote_likes == 4
    assert house.world.fetches(base) > asked or shape not in ("missing", "closed")
    assert await missing(house, post) == []


async def test_BACK_03_an_edit_that_we_missed_and_a_note_that_is_gone(house: House) -> None:
    """The origin is asked anyway, so what it says now counts: newer words, a narrower audience, 410."""
    post = await house.publish()
    edited, narrowed, gone = [await arrives(house, post) for _ in range(3)]
    house.world.serve({**edited, "content": "<p>Better</p>", "updated": "2026-11-24T03:00:00Z"})
    house.world.serve({**narrowed, "to": [f"{narrowed['attributedTo']}/followers"], "cc": []})
    house.world.gone(gone["id"])
    house.clock.now += 9_000
    await runner(house).drain()
    assert [row.reply.content_html for row in await house.thread(post)] == ["<p>Better</p>"]


async def test_BACK_04_nothing_is_read_for_closed_or_hidden_things(make_house: HouseMaker) -> None:
    """Comments closed, a post that was withdrawn, a branch that is hidden, or no schedule at all."""
    house = await make_house()
    post = await house.publish()
    sent = await arrives(house, post)
    stored = await house.reply(sent["id"])
    assert stored is not None
    await house.db.write(replies.set_state, stored.id, ReplyState.HIDDEN, "hidden_by_author")
    asked = house.world.fetches(sent["id"])
    house.clock.now += AFTER[0]
    reader = Backfill(house.db, house.resolver, house.ids, house.settings, house.clock, pace=HostPace(0))
    await reader({"post": post.id, "turn": 0})
    assert house.world.fetches(sent["id"]) == asked
    off = await make_house(federation={"backfill_after": []})
    await arrives(off, await off.publish())
    assert await off.db.read(jobs.get, "backfill", f"{post.id} 0") is None
    assert await off.db.read(lambda tx: tx.value("SELECT count(*) FROM jobs WHERE kind = 'backfill'")) == 0


async def test_BACK_01_many_authors_on_a_long_chain(house: House) -> None:
    """Each costs an actor too: a job stops at its twentieth fetch, and the rest is climbed by the next ones."""
    post = await house.publish()
    parent, notes = post.uri, []
    for level in range(25):
        notes.append(house.note(house.person(f"h{level}.example", f"p{level}"), parent, f"<p>{level}</p>"))
        parent = notes[-1]["id"]
    for note in notes[:-1]:
        house.world.serve(note)
    await house.send(house.create(notes[-1]))
    while True:
        before = len(house.world.seen)
        if not await runner(house).run_due():
            break
        assert len(house.world.seen) - before <= 20
    assert len(await house.db.read(threads.thread, post.id)) == 25
