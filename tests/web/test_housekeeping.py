"""What time makes superfluous goes, and nothing else."""

from __future__ import annotations

import time
from pathlib import Path

from fedblog.federation.housekeeping import DAY, tidy
from fedblog.storage import inbox, replies, tombstones
from tests.live import live_app
from tests.samples import make_author, make_person, make_post, make_reply


async def test_INB_15_orphans_and_old_records_go_after_their_time(tmp_path: Path) -> None:
    now = [time.time()]
    async with live_app(tmp_path, clock=lambda: now[0]) as live:
        db = live.services.db
        account = await make_author(live.services)
        post = await make_post(live.services, account.actor_id)
        bo = await make_person(live.services)
        orphan = await make_reply(live.services, bo, "<p>lost</p>", in_reply_to="https://gone.example/1")
        placed = await make_reply(live.services, bo, "<p>here</p>", post=post)
        await db.write(inbox.receive, "Like", "https://social.example/1", bo.uri)
        await db.write(tombstones.add, "https://social.example/2", "Note", bo.uri, False)
        await db.write(tombstones.add, live.services.ids.note(1), "Note", "", True)
        now[0] += 29 * DAY
        await db.write(tidy)
        assert await db.read(replies.by_id, orphan.id) is not None
        assert await db.read(inbox.was_received, "Like", "https://social.example/1", bo.uri)
        now[0] += 2 * DAY
        await db.write(tidy)
        assert await db.read(replies.by_id, orphan.id) is None
        assert not await db.read(inbox.was_received, "Like", "https://social.example/1", bo.uri)
        assert await db.read(tombstones.get, "https://social.example/2") is not None
        now[0] += 90 * DAY
        await db.write(tidy)
        assert await db.read(tombstones.get, "https://social.example/2") is None
        assert await db.read(tombstones.get, live.services.ids.note(1)) is not None
        assert await db.read(replies.by_id, placed.id) is not None
