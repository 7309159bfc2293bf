"""Flag: a report about something of ours, for the admin's list; nothing public comes of it (INB-30)."""

from __future__ import annotations

from fedblog.activitypub.normalise import id_of
from fedblog.activitypub.vocab import Activity
from fedblog.blog.model import Actor
from fedblog.federation.context import Context, Effect, ignored
from fedblog.federation.reasons import Outcome
from fedblog.storage import moderation, replies
from fedblog.storage.database import Tx
from fedblog.text.sanitise import plain_text

MAX_OBJECTS = 50
MAX_WORDS = 5_000


async def flag(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """Queue it when one of its objects is here. Misskey names posts only in `content`."""
    objects = [found for item in activity.objects[:MAX_OBJECTS] if (found := id_of(item))]
    words = plain_text(activity.content)[:MAX_WORDS]
    names_us = ctx.ids.base_url in words or any(ctx.ids.is_local(uri) for uri in objects)
    activity_uri = activity.id or f"{sender.uri}#flag-{ctx.now}"

    def queue(tx: Tx) -> Outcome:
        if not names_us and not any(replies.by_uri(tx, uri) is not None for uri in objects):
            return Outcome.NOT_OURS
        moderation.add_report(
            tx, activity_uri=activity_uri, reporter_uri=sender.uri, objects=tuple(objects), content=words
        )
        return Outcome.REPORT_QUEUED

    return ignored(Outcome.OBJECT_MISSING) if not objects else queue
