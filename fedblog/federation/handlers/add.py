"""Add: conversation containers wrap an activity (FEP-171b, INB-26); any other Add is about foreign collections."""

from __future__ import annotations

from fedblog.activitypub.normalise import type_of
from fedblog.activitypub.vocab import ACTIVITY_TYPES, Activity
from fedblog.blog.model import Actor
from fedblog.federation.context import Context, Effect, ignored
from fedblog.federation.handlers.inner import take_inner
from fedblog.federation.reasons import Outcome


async def add(ctx: Context, activity: Activity, _sender: Actor) -> Effect:
    """Look at the wrapped activity; nothing else is ours to add to."""
    if activity.object is not None and type_of(activity.object) in ACTIVITY_TYPES:
        return await take_inner(ctx, activity.object)
    return ignored(Outcome.NOT_OURS)
