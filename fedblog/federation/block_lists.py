"""The job that reads a list of blocks at its address: through the guard, capped, and never applied by itself."""

from __future__ import annotations

import asyncio
from typing import Any

from fedblog.activitypub.block_lists import read_block_list
from fedblog.activitypub.urls import parse_uri
from fedblog.config import Settings
from fedblog.errors import FetchFailed, FetchTemporary, InvalidInput, NotFound
from fedblog.federation.client import Client
from fedblog.storage import block_subscriptions
from fedblog.storage.database import Database

ACCEPT = "text/csv, text/plain;q=0.9, */*;q=0.1"
MAX_BYTES = 2 * 1024 * 1024
SECONDS = 20.0


class BlockListReader:
    """Reads one list; whatever goes wrong is written down beside it, and it is tried again later."""

    def __init__(self, db: Database, client: Client, settings: Settings) -> None:
        self._db, self._client, self._settings = db, client, settings

    async def __call__(self, payload: dict[str, Any]) -> None:
        """`payload` has the list's number. Raises only what the database raises."""
        list_id = int(payload["list"])
        try:
            known = await self._db.read(block_subscriptions.get, list_id)
        except NotFound:
            return
        try:
            text = await self._fetch(known.url)
            own = (self._settings.domain, self._settings.authority)
            found = await asyncio.to_thread(read_block_list, text, own=own)  # names in other scripts take a while
        except (FetchFailed, FetchTemporary, InvalidInput) as exc:
            await self._db.write(block_subscriptions.failed, list_id, str(exc))
            return
        await self._db.write(block_subscriptions.read, list_id, found)

    async def _fetch(self, url: str) -> str:
        answer = await self._client.get(parse_uri(url), accept=ACCEPT, max_bytes=MAX_BYTES, timeout=SECONDS)
        if answer.status != 200:
            raise FetchFailed(f"the server answers {answer.status}")
        try:
            return answer.body.decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            raise FetchFailed("what is there is no text") from exc
