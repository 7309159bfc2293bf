"""A newer state of a reply that is here already: applied when it is its author's and newer (INB-16..18)."""

from __future__ import annotations

from fedblog.blog.emoji import named
from fedblog.blog.model import NewReply, Reply, ReplyState
from fedblog.federation.context import Context, Effect
from fedblog.federation.notes import Arrived, make_reply, weighed
from fedblog.federation.reasons import Outcome
from fedblog.storage import actors, learning, replies, suspecting
from fedblog.storage.database import Tx
from fedblog.text.dates import parse_as2_datetime


def edit_note(ctx: Context, arrived: Arrived) -> Effect:
    """The effect that brings a stored reply up to date."""
    new = make_reply(ctx, arrived)
    updated_at = parse_as2_datetime(arrived.note.updated, now=ctx.now)

    def edit(tx: Tx) -> Outcome:
        stored = replies.by_uri(tx, new.uri)
        if stored is None or stored.local:
            return Outcome.NOT_OURS
        if stored.actor_id != new.actor_id:
            return Outcome.NOT_THE_AUTHOR
        if stored.state is ReplyState.REMOVED:
            return Outcome.DELETED_BEFORE
        if says_the_same(stored, new):
            replies.set_remote_counts(tx, stored.id, new.remote_likes, new.remote_announces)
            replies.set_options(tx, stored.id, new.options)
            return Outcome.REPLY_COUNTED
        if updated_at is not None and updated_at < (stored.edited_at or stored.published_at):
            return Outcome.NOT_NEWER
        replies.update_remote(tx, stored.id, new)
        return _look_again(tx, ctx, stored, new)

    return edit


def _look_again(tx: Tx, ctx: Context, stored: Reply, new: NewReply) -> Outcome:
    """Whoever comes with harmless words and changes them once they show is looked at as if they had come so."""
    author = actors.by_id(tx, stored.actor_id)
    if stored.state is not ReplyState.PUBLISHED or not new.visibility.is_public or actors.standing(tx, author.id) > 0:
        return Outcome.REPLY_EDITED
    found = suspecting.grounds(
        tx, new, author, is_known=suspecting.showed_otherwise(tx, stored), has_learned=learning.has_learned(tx)
    )
    suspicion = weighed(ctx, found)
    if not suspicion:
        return Outcome.REPLY_EDITED
    replies.set_state(tx, stored.id, ReplyState.HELD, "hold_words" if suspicion == "words" else "hold_score")
    return Outcome.REPLY_HELD


def says_the_same(stored: Reply, new: NewReply) -> bool:
    """Whether all that readers see is as before, so that only counts changed (INB-17)."""
    return (
        stored.content_html == new.content_html
        and stored.name == new.name
        and stored.content_warning == new.content_warning
        and stored.attachments == new.attachments
        and [name for name, _ in stored.options] == [name for name, _ in new.options]
        and stored.visibility == new.visibility
        and stored.emoji == named(new.emoji)
    )
