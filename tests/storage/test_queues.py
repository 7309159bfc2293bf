"""Outgoing activities, their deliveries and jobs: who gets what, in which order, and nothing twice at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from fedblog.blog.ledger import ActivityId, Delivery
from fedblog.blog.model import Actor, ActorId
from fedblog.storage import (
    actors,
    deliveries,
    expansion,
    followers,
    hosts,
    jobs,
    lanes,
    moderation,
    outgoing,
    tombstones,
)
from fedblog.storage.database import Database, Event, Tx
from fedblog.storage.expansion import Progress
from fedblog.storage.outgoing import Audience
from tests.storage.support import START, Clock, add_author, profile

POST = "https://blog.example/ap/posts/1"


@pytest.fixture
async def alice(db: Database) -> Actor:
    return await db.write(add_author)


def send(
    tx: Tx,
    alice: Actor,
    audience: Audience,
    *,
    type: str = "Create",  # noqa: A002
    object_uri: str = POST,
    public: bool = True,
    expand: bool = True,
) -> ActivityId:
    activity_id = ActivityId(tx.new_id())
    outgoing.add(
        tx,
        activity_id=activity_id,
        uri=f"https://blog.example/ap/activities/{activity_id}",
        actor_id=alice.id,
        type=type,
        object_uri=object_uri,
        body=b'{"type":"Create"}',
        audience=audience,
        public=public,
    )
    if expand:
        expansion.expand(tx, activity_id)
    return activity_id


def follow(tx: Tx, /, alice: Actor, name: str, host: str, state: str = "accepted", **changes: Any) -> Actor:
    actor = actors.upsert_remote(tx, profile(name, host, **changes))
    followers.add(tx, actor_id=actor.id, target_id=alice.id, state=state, follow_uri=f"{actor.uri}#f", follow_json="{}")
    return actor


def inboxes(tx: Tx, activity_id: int) -> list[str]:
    rows = tx.all("SELECT inbox FROM deliveries WHERE activity_id = $1 ORDER BY inbox", activity_id)
    return [row[0] for row in rows]


async def claim(db: Database, hosts: int = 64, per_host: int = 2, busy: Sequence[str] = ()) -> list[Delivery]:
    found = await db.write(lanes.claim, lanes=hosts, per_lane=per_host, lease_seconds=60, busy=busy)
    return [delivery for lane in found.lanes for delivery in lane.deliveries]


async def test_DLV_02_a_thousand_followers_on_three_hosts_are_three_deliveries(db: Database, alice: Actor) -> None:
    def many(tx: Tx) -> None:
        for number in range(1_000):
            follow(tx, alice, f"user{number}", f"host{number % 3}.example", keys=())

    await db.write(many)
    activity_id = await db.write(send, alice, Audience(followers_of=(alice.id,)))
    assert await db.read(inboxes, activity_id) == [f"https://host{number}.example/inbox" for number in range(3)]
    assert await db.write(expansion.expand, activity_id) == 0


async def test_DLV_01_DLV_02_who_gets_it_and_where(db: Database, alice: Actor) -> None:
    bob = await db.write(follow, alice, "bob", "a.example")
    await db.write(follow, alice, "waiting", "b.example", "pending")
    lonely = await db.write(actors.upsert_remote, profile("lonely", "c.example", shared_inbox=""))
    carol = await db.write(actors.upsert_remote, profile("carol", "d.example"))
    audience = Audience(followers_of=(alice.id,), actors=(lonely.id, bob.id, carol.id, alice.id))
    public = await db.write(send, alice, audience)
    assert await db.read(inboxes, public) == [
        "https://a.example/inbox",
        "https://c.example/users/lonely/inbox",
        "https://d.example/inbox",
    ]
    private = await db.write(
        send, alice, Audience(actors=(carol.id,), personal=(bob.id,)), public=False, object_uri="x"
    )
    assert await db.read(inboxes, private) == [bob.inbox, carol.inbox]


async def test_blocked_gone_and_blocking_actors_get_nothing(db: Database, alice: Actor) -> None:
    people = [await db.write(follow, alice, f"user{n}", f"h{n}.example") for n in range(6)]
    await db.write(moderation.blocked_by_add, people[0].id, alice.id)
    await db.write(actors.mark_deleted, people[1].id)
    await db.write(actors.set_suspended, people[2].id, START)
    await db.write(moderation.block, "actor", people[3].uri, "")
    await db.write(moderation.block, "domain", "H4.example", "")
    audience = Audience(followers_of=(alice.id,), actors=tuple(person.id for person in people))
    activity_id = await db.write(send, alice, audience)
    assert await db.read(inboxes, activity_id) == ["https://h5.example/inbox"]


async def test_DLV_01_updates_and_deletes_reach_those_who_got_it(db: Database, alice: Actor) -> None:
    bob = await db.write(follow, alice, "bob", "a.example")
    await db.write(send, alice, Audience(followers_of=(alice.id,)))
    for delivery in await claim(db):
        await db.write(deliveries.succeed, [delivery.id], 202)
    await db.write(followers.remove, bob.id, alice.id)
    update = await db.write(send, alice, Audience(followers_of=(alice.id,)), type="Update")
    assert await db.read(inboxes, update) == ["https://a.example/inbox"]
    other = await db.write(send, alice, Audience(followers_of=(alice.id,)), object_uri="https://blog.example/2")
    assert await db.read(inboxes, other) == []
    delete = await db.write(send, alice, Audience(), type="Delete")
    assert await db.read(inboxes, delete) == ["https://a.example/inbox"]
    assert await db.read(inboxes, update) == []


async def test_DLV_09_a_delete_takes_back_what_nobody_got(db: Database, alice: Actor) -> None:
    await db.write(follow, alice, "bob", "a.example")
    await db.write(follow, alice, "carol", "b.example")
    create = await db.write(send, alice, Audience(followers_of=(alice.id,)))
    tried = (await claim(db, busy=["b.example"]))[0]
    await db.write(deliveries.retry, tried.id, due_at=START + 60, status=None, error="timeout")
    delete = await db.write(send, alice, Audience(followers_of=(alice.id,)), type="Delete")
    assert await db.read(inboxes, create) == ["https://a.example/inbox"]
    assert await db.read(inboxes, delete) == ["https://a.example/inbox"]


async def test_DLV_09_order_is_kept_for_an_inbox_and_object(db: Database, alice: Actor, clock: Clock) -> None:
    await db.write(follow, alice, "bob", "a.example")
    create = await db.write(send, alice, Audience(followers_of=(alice.id,)))
    update = await db.write(send, alice, Audience(followers_of=(alice.id,)), type="Update")
    other = await db.write(send, alice, Audience(followers_of=(alice.id,)), object_uri="https://blog.example/2")
    first, second = await claim(db, per_host=5)
    assert [first.activity_id, second.activity_id] == [create, other]
    assert await claim(db, per_host=5) == []
    await db.write(deliveries.retry, first.id, due_at=START + 30, status=500, error="http_500")
    await db.write(deliveries.succeed, [second.id], 202)
    assert await claim(db, per_host=5) == []
    clock.forward(31)
    again = (await claim(db, per_host=5))[0]
    assert (again.id, again.attempts, again.first_try_at) == (first.id, 1, START)
    await db.write(deliveries.fail, again.id, status=410, error="gone")
    assert [delivery.activity_id for delivery in await claim(db, per_host=5)] == [update]


async def test_DLV_09_hosts_are_interleaved_and_capped(db: Database, alice: Actor) -> None:
    def fill(tx: Tx) -> None:
        for host, name in itertools.product("abc", range(10)):
            follow(tx, alice, f"user{name}", f"{host}.example", shared_inbox="")
        send(tx, alice, Audience(followers_of=(alice.id,)))

    await db.write(fill)
    claimed = await claim(db, hosts=2, per_host=3)
    assert [delivery.host[0] for delivery in claimed] == list("aaabbb")
    assert [delivery.host[0] for delivery in await claim(db, hosts=10, per_host=2)] == ["c", "c"]
    assert await claim(db) == [], "one worker at a time serves a host"
    await db.write(deliveries.release, [delivery.id for delivery in claimed])
    assert [delivery.host[0] for delivery in await claim(db, busy=["a.example"])] == ["b", "b"]


async def test_a_walk_goes_on_where_it_ended(db: Database, alice: Actor) -> None:
    def fill(tx: Tx) -> None:
        for host, name in itertools.product("abcdef", range(20)):
            follow(tx, alice, f"user{name}", f"{host}.example", shared_inbox="")
        send(tx, alice, Audience(followers_of=(alice.id,)))

    await db.write(fill)
    served, place = "", lanes.START
    while len(served) < 12:
        found = await db.write(lanes.claim, lanes=2, per_lane=1, lease_seconds=60, place=place)
        place = found.place
        for lane in found.lanes:
            served += lane.host.host[0]
            await db.write(deliveries.succeed, [delivery.id for delivery in lane.deliveries], 202)
    assert served == "abcdef" * 2


async def test_a_claim_looks_at_so_many_hosts_and_no_more(
    db: Database, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MOST_STEPS", 10)
    monkeypatch.setattr(lanes, "PAGE", 4)

    def fill(tx: Tx) -> None:
        for number in range(25):
            follow(tx, alice, "bob", f"h{number:02}.example")
        send(tx, alice, Audience(followers_of=(alice.id,)))

    await db.write(fill)
    busy = [f"h{number:02}.example" for number in range(24)]
    claimed, steps = lanes.Claim([], lanes.START), 0
    while not claimed.lanes:
        steps += 1
        claimed = await db.write(lanes.claim, lanes=5, per_lane=1, lease_seconds=60, busy=busy, place=claimed.place)
    assert (steps, claimed.lanes[0].host.host, claimed.place) == (3, "h24.example", lanes.START)


async def test_few_places_and_one_delivery_each_for_hosts_that_failed(db: Database, alice: Actor) -> None:
    def fill(tx: Tx) -> None:
        for host, name in itertools.product("abcd", range(3)):
            follow(tx, alice, f"user{name}", f"{host}.example", shared_inbox="")
        send(tx, alice, Audience(followers_of=(alice.id,)))
        for host in "abc":
            deliveries.host_failed(tx, f"{host}.example", open_until=0)

    await db.write(fill)
    found = await db.write(lanes.claim, lanes=9, per_lane=2, lease_seconds=60, doubtful=2)
    assert [(lane.host.host[0], len(lane.deliveries)) for lane in found.lanes] == [("a", 1), ("b", 1), ("d", 2)]
    assert [lane.host.failures for lane in found.lanes] == [1, 1, 0]
    rest = await db.write(lanes.claim, lanes=9, per_lane=2, lease_seconds=60, doubtful=1)
    assert [lane.host.host[0] for lane in rest.lanes] == ["c"]


async def test_the_deliveries_of_an_activity_share_its_bytes(db: Database, alice: Actor) -> None:
    for host in "abc":
        await db.write(follow, alice, "bob", f"{host}.example")
    await db.write(send, alice, Audience(followers_of=(alice.id,)))
    assert len({id(delivery.body) for delivery in await claim(db)}) == 1


async def test_a_clock_that_was_set_back_holds_up_nothing(db: Database, alice: Actor, clock: Clock) -> None:
    """What was leased, paused, planned or closed before it was set back is no further ahead than it can have been."""
    for host in "abcd":
        await db.write(follow, alice, "bob", f"{host}.example")
    clock.forward(86_400)
    await db.write(send, alice, Audience(followers_of=(alice.id,)))
    a, b, c, d = await claim(db)
    await db.write(deliveries.retry, a.id, due_at=START + 86_405, status=503, error="")
    await db.write(deliveries.release, [b.id])
    await db.write(deliveries.host_failed, "c.example", open_until=START + 86_430)
    clock.forward(-86_400)
    assert await claim(db) == []

    def mend(tx: Tx) -> None:
        deliveries.mend_times(tx, lease_seconds=60, pauses=(0, 6, 30), most_closed=3_600)

    await db.write(mend)
    assert [delivery.id for delivery in await claim(db)] == [b.id, d.id], "never tried, and leased before"
    clock.forward(6)
    assert [delivery.id for delivery in await claim(db)] == [a.id]
    clock.forward(3_600)
    assert c.id in [delivery.id for delivery in await claim(db)]


async def test_what_is_new_for_a_closed_host_waits_with_the_rest(db: Database, alice: Actor, clock: Clock) -> None:
    await db.write(follow, alice, "bob", "a.example")
    await db.write(deliveries.host_failed, "a.example", open_until=START + 100)
    await db.write(send, alice, Audience(followers_of=(alice.id,)))
    assert await db.read(lanes.next_due) == START + 100
    assert await claim(db) == []
    clock.forward(100)
    assert len(await claim(db)) == 1


async def test_a_lease_that_runs_out_is_claimed_again(db: Database, alice: Actor, clock: Clock) -> None:
    await db.write(follow, alice, "bob", "a.example")
    await db.write(send, alice, Audience(followers_of=(alice.id,)))
    first = await claim(db)
    assert await claim(db) == []
    clock.forward(60)
    assert [delivery.id for delivery in await claim(db)] == [delivery.id for delivery in first]


async def test_nothing_is_claimed_twice_at_once(db: Database, alice: Actor) -> None:
    def fill(tx: Tx) -> None:
        for number in range(60):
            follow(tx, alice, "bob", f"h{number}.example")
        send(tx, alice, Audience(followers_of=(alice.id,)))

    await db.write(fill)
    claims = await asyncio.gather(*(claim(db, hosts=15) for _ in range(8)))
    ids = [delivery.id for claimed in claims for delivery in claimed]
    assert len(ids) == len(set(ids))
    rest = await claim(db, hosts=100)
    assert len(ids) + len(rest) == 60


async def test_DLV_10_an_open_host_waits_and_loses_nothing(db: Database, alice: Actor, clock: Clock) -> None:
    await db.write(follow, alice, "bob", "a.example")
    await db.write(send, alice, Audience(followers_of=(alice.id,)))
    await db.write(deliveries.host_failed, "a.example", open_until=START + 100)
    await db.write(deliveries.host_failed, "a.example", open_until=START + 100)
    state = await db.read(deliveries.host_state, "a.example")
    assert (state.failures, state.failing_since, state.open_until) == (2, START, START + 100)
    assert await claim(db) == []
    assert await db.read(lanes.next_due) == START + 100
    clock.forward(100)
    assert len(await claim(db)) == 1
    await db.write(deliveries.hosts_succeeded, ["a.example"])
    state = await db.read(deliveries.host_state, "a.example")
    assert (state.failures, state.failing_since, state.open_until, state.last_success_at) == (0, None, 0, START + 100)


async def test_DLV_07_DLV_11_a_delayed_host_is_revived_when_it_speaks(db: Database, alice: Actor) -> None:
    await db.write(follow, alice, "bob", "a.example")
    await db.write(send, alice, Audience(followers_of=(alice.id,)))
    delivery = (await claim(db))[0]
    await db.write(deliveries.retry, delivery.id, due_at=START + 9_999, status=503, error="http_503")
    await db.write(deliveries.delay_host, "a.example", START + 500)
    await db.write(deliveries.delay_host, "a.example", START + 100)
    assert (await db.read(deliveries.host_state, "a.example")).open_until == START + 500
    told: list[Event] = []
    db.add_listener(told.append)
    await db.write(deliveries.revive_host, "a.example")
    assert told == [Event("delivery", 0)]
    assert [each.id for each in await claim(db)] == [delivery.id]


async def test_DLV_11_what_waited_too_long_for_a_dead_host_is_given_up(
    db: Database, alice: Actor, clock: Clock
) -> None:
    await db.write(follow, alice, "bob", "a.example")
    await db.write(send, alice, Audience(followers_of=(alice.id,)))
    clock.forward(1_000)
    await db.write(send, alice, Audience(followers_of=(alice.id,)), object_uri="https://blog.example/2")
    assert await db.write(deliveries.drop_stale, "a.example", START + 500) == 1
    assert await db.read(deliveries.count_waiting) == 1


async def test_OUT_04_the_scheme_that_worked_is_remembered(db: Database) -> None:
    assert (await db.read(deliveries.host_state, "a.example")).scheme == ""
    await db.write(deliveries.set_scheme, "a.example", "rfc9421")
    state = await db.read(deliveries.host_state, "a.example")
    assert (state.scheme, state.scheme_at) == ("rfc9421", START)


async def test_failed_deliveries_are_listed_counted_and_sent_again(db: Database, alice: Actor) -> None:
    for host in "abc":
        await db.write(follow, alice, "bob", f"{host}.example")
    await db.write(send, alice, Audience(followers_of=(alice.id,)))
    a, b, _ = await claim(db)
    await db.write(deliveries.succeed, [a.id], 202)
    await db.write(deliveries.fail, b.id, status=403, error="http_403")
    counts = await db.read(deliveries.counts_of_object, POST)
    assert (counts.delivered, counts.waiting, counts.failed, counts.total) == (1, 1, 1, 3)
    (troubled,) = await db.read(deliveries.troubled, POST, 10)
    assert (troubled.host, troubled.state, troubled.last_status) == ("b.example", "failed", 403)
    listed = await db.read(deliveries.failed, 10)
    assert [(each.id, each.type, each.last_status, each.last_error) for each in listed] == [
        (b.id, "Create", 403, "http_403")
    ]
    assert await db.write(deliveries.retry_failed, a.id) == 0
    assert await db.write(deliveries.retry_failed, b.id) == 1
    assert [each.id for each in await claim(db)] == [b.id]
    await db.write(send, alice, Audience(followers_of=(alice.id,)), type="Update")
    assert (await db.read(deliveries.counts_of_object, POST)).waiting == 3


async def test_settled_deliveries_stay_settled(db: Database, alice: Actor) -> None:
    await db.write(follow, alice, "bob", "a.example")
    await db.write(send, alice, Audience(followers_of=(alice.id,)))
    delivery = (await claim(db))[0]
    await db.write(deliveries.succeed, [delivery.id], 202)
    await db.write(deliveries.retry, delivery.id, due_at=START, status=500, error="late")
    await db.write(deliveries.fail, delivery.id, status=500, error="late")
    assert (await db.read(deliveries.counts_of_object, POST)).delivered == 1
    assert await db.read(lanes.next_due) is None
    await db.write(tombstones.add, POST, "Article", alice.uri, True)
    assert await db.write(deliveries.prune, START + 1) == 1


async def test_outgoing_rows_and_the_outbox(db: Database, alice: Actor) -> None:
    told: list[Event] = []
    db.add_listener(told.append)
    one = await db.write(send, alice, Audience(), expand=False)
    assert told == [Event("delivery", one)]
    two = await db.write(send, alice, Audience(), expand=False, type="Announce", object_uri="https://x.example/2")
    await db.write(send, alice, Audience(), type="Update", object_uri="https://x.example/3")
    await db.write(send, alice, Audience(), public=False, object_uri="https://x.example/4")
    assert await db.read(outgoing.unexpanded, 10) == [one, two]
    activity = await db.read(outgoing.by_uri, f"https://blog.example/ap/activities/{one}")
    assert activity is not None
    assert (activity.id, activity.body, activity.public, activity.expanded_at) == (
        one,
        b'{"type":"Create"}',
        True,
        None,
    )
    assert [each.id for each in await db.read(outgoing.outbox_page, alice.id, None, 10)] == [two, one]
    assert [each.id for each in await db.read(outgoing.outbox_page, alice.id, two, 10)] == [one]
    await db.write(tombstones.add, POST, "Article", alice.uri, True)
    assert [each.id for each in await db.read(outgoing.outbox_page, alice.id, None, 10)] == [two]
    assert await db.read(outgoing.outbox_count, alice.id) == 1
    assert await db.read(outgoing.outbox_count, ActorId(5)) == 0


async def test_jobs_are_claimed_once_and_in_time(db: Database, clock: Clock) -> None:
    await db.write(jobs.add, "fetch_parent", "https://x.example/1", {"step": 1}, START + 10)
    await db.write(jobs.add, "fetch_parent", "https://x.example/1", {"step": 2}, START + 50)
    await db.write(jobs.add, "refresh_counts", "5", {}, START + 20)
    assert await db.write(jobs.claim, 10, 60) == []
    assert await db.read(jobs.next_due) == START + 10
    clock.forward(20)
    first, second = await db.write(jobs.claim, 10, 60)
    assert (first.kind, first.key, first.payload, first.due_at) == (
        "fetch_parent",
        "https://x.example/1",
        '{"step":2}',
        START + 10,
    )
    assert await db.write(jobs.claim, 10, 60) == []
    await db.write(jobs.done, first.id)
    await db.write(jobs.retry, second.id, START + 100, "timeout")
    assert await db.read(jobs.get, "fetch_parent", "https://x.example/1") is None
    assert await db.read(jobs.next_due) == START + 100
    clock.forward(80)
    assert [(job.id, job.attempts) for job in await db.write(jobs.claim, 10, 60)] == [(second.id, 1)]


@pytest.mark.parametrize("step", [1, 2, 3, 1_000])
async def test_DLV_02_many_followers_are_expanded_in_steps(db: Database, alice: Actor, step: int) -> None:
    """Each step is a transaction of its own, and comes to the same as all at once: also of an Update, and of a Delete
    that takes back what nobody got."""
    blog = await db.write(add_author, "blog", "blog")

    def people(tx: Tx) -> Actor:
        for number in range(7):
            follow(tx, alice, f"user{number}", f"host{number % 4}.example", keys=())
        both = follow(tx, alice, "both", "host9.example", keys=())
        followers.add(tx, actor_id=both.id, target_id=blog.id, state="accepted", follow_uri="u", follow_json="{}")
        follow(tx, alice, "asks", "host7.example", state="pending", keys=())
        return actors.upsert_remote(tx, profile("named", "host8.example", keys=()))

    async def expand(activity_id: ActivityId) -> list[str]:
        steps = 0
        while await db.write(expansion.expand_some, activity_id, step) is Progress.MORE:
            steps += 1
            assert activity_id in await db.read(outgoing.unexpanded, 10)
        assert steps > 1 or step > 3, "it took several"
        assert activity_id not in await db.read(outgoing.unexpanded, 10)
        return await db.read(inboxes, activity_id)

    named = await db.write(people)
    audience = Audience(followers_of=(alice.id, blog.id), actors=(named.id,), not_hosts=("host3.example",))
    everybody = [f"https://host{number}.example/inbox" for number in (0, 1, 2, 8, 9)]
    create = await db.write(send, alice, audience, expand=False)
    delete = await db.write(send, alice, audience, type="Delete", expand=False)
    waits = await db.write(expansion.expand_some, delete, step)
    assert waits is Progress.WAITS, "the Delete waits until the Create has its deliveries"
    assert await expand(create) == everybody

    def try_some(tx: Tx) -> None:
        for state, inbox in (("done", everybody[0]), ("failed", everybody[1]), ("waiting", everybody[2])):
            tx.run("UPDATE deliveries SET state = $1, first_try_at = 1 WHERE inbox = $2", state, inbox)

    await db.write(try_some)
    await db.write(follow, alice, "late", "host6.example", keys=())
    late = "https://host6.example/inbox"
    assert await expand(delete) == sorted([*everybody[:3], late]), "who got it or may get it, and who came since"
    assert await db.read(inboxes, create) == everybody[:3], "the rest was taken back"

    other = "https://blog.example/ap/posts/2"
    await db.write(send, alice, Audience(personal=(named.id,)), object_uri=other)
    update = await db.write(
        send, alice, Audience(followers_of=(blog.id,)), type="Update", object_uri=other, expand=False
    )
    assert await db.write(expansion.expand, update) == 2
    found = await db.read(inboxes, update)
    assert found == sorted([everybody[4], "https://host8.example/users/named/inbox"])


async def test_hosts_of_which_nothing_is_heard_are_forgotten_a_few_at_a_time(
    db: Database, alice: Actor, clock: Clock
) -> None:
    def meet(tx: Tx) -> None:
        hosts.hosts_succeeded(tx, [f"h{number}.example" for number in range(4)])
        hosts.host_failed(tx, "dead.example", open_until=START + 60)

    await db.write(meet)
    clock.forward(100)
    await db.write(hosts.set_scheme, "h1.example", "rfc9421")
    await db.write(follow, alice, "bob", "h2.example", keys=())
    await db.write(send, alice, Audience(followers_of=(alice.id,)))
    gone = [await db.write(hosts.prune, START + 90, 2) for _ in range(4)]
    assert gone == [2, 0, 1, 0], "dead and h0; h1 is used and h2 waited for; h3; from the beginning again"
    assert await db.read(lambda tx: tx.all("SELECT host FROM hosts ORDER BY host")) == [
        ("h1.example",),
        ("h2.example",),
    ]
