"""Create: somebody answered, or wrote to one of ours (INB-10..15)."""

from __future__ import annotations

from fedblog.activitypub.vocab import Activity
from fedblog.blog.model import Actor
from fedblog.federation.context import Context, Effect, ignored
from fedblog.federation.notes import Arrived, believe, keep_note, off_loop
from fedblog.federation.reasons import Outcome
from fedblog.storage.database import Tx

MAX_OBJECTS = 5  # in one Create; GoToSocial sends poll votes as a list


async def create(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """Keep each object that belongs here."""
    if not activity.objects:
        return ignored(Outcome.OBJECT_MISSING)
    effects = []
    for item in activity.objects[:MAX_OBJECTS]:
        arrived = await believe(ctx, activity, item, sender)
        effects.append(await off_loop(keep_note, ctx, arrived) if isinstance(arrived, Arrived) else arrived)
    if len(effects) == 1:
        return effects[0]

    def keep_all(tx: Tx) -> Outcome:
        return [effect(tx) for effect in effects][-1]

    return keep_all
