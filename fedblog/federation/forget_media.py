"""What was fetched of replies that were hidden, changed or deleted doesn't stay here: the job that drops it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from fedblog.config import Settings
from fedblog.media.kept import PictureStore, url_version
from fedblog.storage import jobs, reply_media
from fedblog.storage.database import Database


def kept_name(reply_id: int, url: str) -> str:
    """What the picture at `url` that hangs on a reply is called in its folder."""
    return f"{reply_id}-{url_version(url)}"


class MediaForgetter:
    """The job: looks through everything that is kept, however long ago it was planned, and by whom."""

    def __init__(self, db: Database, store: PictureStore, settings: Settings) -> None:
        self._db, self._store = db, store
        self._shows = settings.media.remote_media == "click"

    async def __call__(self, payload: dict[str, Any]) -> None:
        """Raises `StorageUnavailable`."""
        await self._db.write(jobs.drop, reply_media.KIND, "")  # what is hidden from here on plans the next one
        names = await asyncio.to_thread(self._store.names)
        ids = {int(number) for name in names if (number := name.partition("-")[0]).isdecimal()}
        known = await self._db.read(reply_media.may_stay, ids) if self._shows else {}
        wanted = {kept_name(reply_id, item.url) for reply_id, items in known.items() for item in items}
        await asyncio.to_thread(self._drop, [name for name in names if name not in wanted])

    def _drop(self, names: Iterable[str]) -> None:
        for name in names:
            self._store.drop(name)
