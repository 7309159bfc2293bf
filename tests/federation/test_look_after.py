"""What follows from replies is planned for all of a thread's together, loses none and counts none twice."""

from __future__ import annotations

from fedblog.blog.model import Post
from fedblog.federation.counts import REPLIES_A_JOB, CountReader
from fedblog.federation.jobs import JobHandler, JobRunner
from fedblog.federation.look_after import LookAfter
from fedblog.storage import jobs, replies
from tests.federation.house import House


def runner(house: House) -> JobRunner:
    counts = CountReader(house.db, house.resolver, after=house.settings.federation.counts_after)
    handlers: dict[str, JobHandler] = {"look_after": LookAfter(house.db, house.settings), "refresh_counts": counts}
    return JobRunner(house.db, handlers, clock=house.clock)


async def later(house: House, seconds: float) -> None:
    house.clock.now += seconds
    await runner(house).drain()


async def arrives(house: House, post: Post, number: int) -> str:
    note = house.note(house.person(), post.uri, f"<p>{number}</p>")
    house.world.serve({**note, "likes": {"type": "Collection", "totalItems": number}})
    assert (await house.send(house.create(note)))[1] == "reply_published"
    return str(note["id"])


async def test_COL_08b_many_replies_are_counted_by_few_jobs(house: House) -> None:
    """More than one slice of them, each read once a step; those of the running second belong to the next job."""
    post = await house.publish()
    uris = [await arrives(house, post, number) for number in range(1, REPLIES_A_JOB + 3)]
    planned = await house.db.read(lambda tx: tx.all("SELECT kind FROM jobs"))
    assert planned == [("look_after",)]
    house.clock.now += 60
    late = await arrives(house, post, 99)
    await later(house, 0)
    assert await house.db.read(jobs.get, "look_after", str(post.id)) is not None, "the late one is still to come"
    await later(house, 660)
    for number, uri in enumerate(uris, 1):
        reply = await house.db.read(replies.by_uri, uri)
        assert reply is not None
        assert (reply.remote_likes, house.world.fetches(uri)) == (number, 1)
    reply = await house.db.read(replies.by_uri, late)
    assert reply is not None
    assert (reply.remote_likes, house.world.fetches(late)) == (99, 1)
    await later(house, 7_200)
    assert {house.world.fetches(uri) for uri in (*uris, late)} == {2}


async def test_COL_08b_jobs_of_an_earlier_version_are_done(house: House) -> None:
    """They are for one reply each."""
    post = await house.publish()
    uri = await arrives(house, post, 7)
    reply = await house.db.read(replies.by_uri, uri)
    assert reply is not None
    await house.db.write(jobs.add, "refresh_counts", f"{reply.id} 0", {"reply": reply.id, "step": 0}, 0)
    await later(house, 1)
    reply = await house.db.read(replies.by_uri, uri)
    assert reply is not None
    assert reply.remote_likes == 7
