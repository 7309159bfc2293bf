"""WebSub: a hub is told that feeds have changed (https://www.w3.org/TR/websub/, §5 "Publishing").

How a publisher tells its hub is left to the two; hubs take the form that PubSubHubbub 0.4 had, one topic at a time.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import parse_uri
from fedblog.blog.model import Actor
from fedblog.config import Settings
from fedblog.errors import FetchFailed, FetchTemporary
from fedblog.federation.client import Client
from fedblog.storage import jobs
from fedblog.storage.database import Tx

KIND = "websub"
FORMATS = ("atom", "rss", "json")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def plan(tx: Tx, settings: Settings, ids: LocalIds, author: Actor) -> None:
    """The feeds of the blog and of this author have changed: their readers' hub is told, as soon as it answers."""
    if not settings.blog.websub_hub:
        return
    for base in (settings.base_url, ids.profile_page(author.username)):
        for style in FORMATS:
            topic = f"{base}/feed.{style}"
            jobs.add(tx, KIND, topic, {"topic": topic}, tx.now)


class HubTeller:
    """The job: one POST a topic. What the hub has no use for is not sent again."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client, self._settings = client, settings

    async def __call__(self, payload: dict[str, Any]) -> None:
        """Raises `FetchTemporary` (ask again later) or `FetchFailed` (never)."""
        hub = self._settings.blog.websub_hub
        if not hub:
            return
        body = urlencode({"hub.mode": "publish", "hub.url": payload["topic"], "hub.topic": payload["topic"]}).encode()
        answer = await self._client.post(parse_uri(hub), body, _FORM)
        if answer.status >= 500 or answer.status in (408, 429):
            raise FetchTemporary(f"the hub answers {answer.status}")
        if answer.status >= 400:
            raise FetchFailed(f"the hub refuses: {answer.status}")
