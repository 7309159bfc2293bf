"""Accept and Reject: they count for something that we asked for, and we ask for nothing yet (INB-32)."""

from __future__ import annotations

from fedblog.activitypub.vocab import Activity
from fedblog.blog.model import Actor
from fedblog.federation.context import Context, Effect, ignored
from fedblog.federation.reasons import Outcome


async def answered(_ctx: Context, _activity: Activity, _sender: Actor) -> Effect:
    """Nothing: no actor of ours follows anybody, so no answer is awaited."""
    return ignored(Outcome.NOTHING_PENDING)
