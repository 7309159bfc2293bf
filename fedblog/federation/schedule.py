"""Jobs with a time that an author chose: a post that goes out, comments that close."""

from __future__ import annotations

from typing import Any

from fedblog.blog.model import PostId
from fedblog.federation.jobs import JobHandler
from fedblog.federation.publish import Publisher
from fedblog.storage import planning


def timed_acts(publisher: Publisher) -> dict[str, JobHandler]:
    """The handlers of `planning`'s jobs. Each act checks in its own transaction that the plan still holds, so
    a job that runs twice, or in two processes, acts once."""

    async def publish(payload: dict[str, Any]) -> None:
        await publisher.publish_planned(PostId(payload["post"]), payload["at"])

    async def close(payload: dict[str, Any]) -> None:
        await publisher.close_planned(PostId(payload["post"]), payload["at"])

    return {planning.PUBLISH: publish, planning.CLOSE: close}
