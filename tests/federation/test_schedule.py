"""A post goes out at the time that its author chose: once, after a restart and with two processes at it, too."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fedblog.app import services
from fedblog.blog.model import HoldPolicy, PostKind, PostStatus, Writing
from fedblog.config import make_settings
from fedblog.errors import NotFound
from fedblog.federation.housekeeping import TRASH_DAYS, tidy
from fedblog.federation.services import Services
from fedblog.federation.setup import add_author
from fedblog.storage import actors, posts
from fedblog.storage.planning import DAY
from tests.federation.house import Clock, House

ANA = "https://blog.example/ap/actors/ana"


async def said(house: House) -> list[str]:
    return [one["type"] for one in await house.outgoing()]


@contextlib.asynccontextmanager
async def process(folder: Path, clock: Clock) -> AsyncIterator[Services]:
    """One process of a blog whose workers do nothing by themselves."""
    settings = make_settings({"server": {"domain": "blog.example", "data_dir": str(folder)}}, relative_to=folder)
    async with services(settings, clock=clock) as parts:
        if await parts.db.read(actors.by_local_name, "ana") is None:
            await add_author(parts.db, parts.ids, parts.sealer, settings, username="ana")
        yield parts


async def outgoing(parts: Services) -> int:
    return int(await parts.db.read(lambda tx: tx.value("SELECT count(*) FROM outgoing WHERE type = 'Create'")))


async def test_a_planned_post_goes_out_once(tmp_path: Path) -> None:
    """Planned, planned anew, the server restarted; then two processes find the time come."""
    clock = Clock()
    async with process(tmp_path, clock) as parts:
        ana = await parts.db.read(actors.by_local_name, "ana")
        assert ana is not None
        text = await parts.publisher.compose(Writing(title="Later", source="words"), look_up=False)
        post = await parts.publisher.save_draft(text, author_id=ana.id)
        late = await parts.publisher.save_draft(text, author_id=ana.id)
        now = int(clock.now)
        await parts.publisher.schedule(post.id, now + 60)
        await parts.publisher.schedule(post.id, now + 120)
        await parts.publisher.schedule(late.id, now + 60)
        await parts.publisher.schedule(late.id, None)
    clock.now += 90
    async with process(tmp_path, clock) as parts:
        await parts.jobs.drain()
        assert (await parts.db.read(posts.get, post.id)).status is PostStatus.DRAFT
        clock.now += 30
        async with process(tmp_path, clock) as other:
            await asyncio.gather(*(one.run_due() for one in (parts.jobs, other.jobs, parts.jobs, other.jobs)))
            # Even a job that is done twice acts once.
            assert await other.publisher.publish_planned(post.id, now + 120) is None
        out = await parts.db.read(posts.get, post.id)
        assert (out.status, out.published_at, out.scheduled_at) == (PostStatus.PUBLISHED, now + 120, None)
        assert (await parts.db.read(posts.get, late.id)).status is PostStatus.DRAFT
        assert await outgoing(parts) == 1
        assert await parts.db.read(lambda tx: tx.value("SELECT count(*) FROM jobs")) == 0


async def test_whom_a_planned_post_mentions_is_looked_up_when_it_goes_out(house: House) -> None:
    """It was saved as a draft, by the editor itself, after it was planned."""
    carol = house.person("c.example", "carol")
    host = f"c.example.localhost:{house.world.port}"
    resource = f"acct:carol@{host}".replace(":", "%3A").replace("@", "%40")
    house.world.documents[("c.example", f"/.well-known/webfinger?resource={resource}")] = (
        200,
        {
            "subject": f"acct:carol@{host}",
            "links": [{"rel": "self", "type": "application/activity+json", "href": carol}],
        },
    )
    text = await house.publisher.compose(Writing(title="Later", source=f"Hello @carol@{host}"), look_up=False)
    draft = await house.publisher.save_draft(text, author_id=house.author.id)
    at = int(house.clock.now) + 60
    await house.publisher.schedule(draft.id, at)
    house.clock.now = at
    out = await house.publisher.publish_planned(draft.id, at)
    assert out is not None
    assert out.mentions == (carol,)


async def test_comments_close_at_their_time_and_others_are_told(house: House) -> None:
    post = await house.publish(close_after_days=1)
    at = int(house.clock.now) + DAY
    await house.publisher.close_planned(post.id, at)
    assert (await house.db.read(posts.get, post.id)).comments_open
    house.clock.now = at
    await house.publisher.close_planned(post.id, at - 1)
    assert (await house.db.read(posts.get, post.id)).comments_open
    await house.publisher.close_planned(post.id, at)
    assert not (await house.db.read(posts.get, post.id)).comments_open
    assert (await said(house)).count("Update") == 1


@pytest.mark.parametrize("options", [{"kind": PostKind.PAGE, "federated": False}, {"federated": False}])
async def test_what_stays_here_is_never_sent_nor_answered(house: House, options: dict[str, Any]) -> None:
    """No Create, Update, Add or Delete; and a reply to its page's address finds nothing."""
    post = await house.publish(**options)
    text = await house.publisher.compose(Writing(title="Anew", source="more words", **options), look_up=False)
    await house.publisher.edit(post.id, text, editor_id=house.author.id)
    fan = house.person("a.example", "fan")
    note = house.note(fan, house.ids.post_page("ana", post.slug))
    await house.send(house.create(note))
    assert (await house.db.read(posts.get, post.id)).reply_count == 0
    if "federated" in options:
        await house.publisher.pin(post.id, True)
    await house.publisher.set_comments(post.id, False)
    await house.publisher.unpublish(post.id)
    await house.publisher.delete(post.id)
    assert await said(house) == []


async def test_a_silent_edit_tells_nobody(house: House) -> None:
    post = await house.publish()
    text = await house.publisher.compose(Writing(title="Typo mended", source="words"), look_up=False)
    saved = await house.publisher.edit(post.id, text, editor_id=house.author.id, silent=True, note="a typo")
    assert (saved.title, saved.edited_at, "Update" in await said(house)) == ("Typo mended", None, False)
    await house.publisher.edit(post.id, text, editor_id=house.author.id)
    assert (await said(house)).count("Update") == 1


@pytest.mark.parametrize(
    ("policy", "state"), [(HoldPolicy.ALL, "held"), (HoldPolicy.NONE, "published"), (HoldPolicy.BLOG, "published")]
)
async def test_a_post_may_say_which_replies_wait(house: House, policy: HoldPolicy, state: str) -> None:
    """The blog holds nothing (the default)."""
    post = await house.publish(hold_policy=policy)
    fan = house.person("a.example", "fan")
    note = house.note(fan, post.uri)
    await house.send(house.create(note))
    stored = await house.reply(note["id"])
    assert stored is not None
    assert stored.state == state


async def test_the_trash_is_emptied_after_a_month(house: House) -> None:
    text = await house.publisher.compose(Writing(title="Away", source="words"), look_up=False)
    draft = await house.publisher.save_draft(text, author_id=house.author.id)
    await house.publisher.trash(draft.id)
    house.clock.now += TRASH_DAYS * DAY
    await house.db.write(tidy)
    assert (await house.db.read(posts.get, draft.id)).status is PostStatus.DRAFT
    house.clock.now += 1
    await house.db.write(tidy)
    assert (await house.db.read(posts.get, draft.id)).status is PostStatus.DELETED
    with pytest.raises(NotFound):
        await house.publisher.untrash(draft.id)
