"""What stands for a parent that can't be had, so that its answers have their place (BACK-02).

A placeholder is a removed reply that nobody wrote here: its row holds the missing object's id, and the object itself
takes the row over if it arrives one day.
"""

from __future__ import annotations

from dataclasses import replace

from fedblog.blog.model import ActorId, NewReply, PostId, Reply, ReplyId, ReplyState, Visibility
from fedblog.storage import emoji, posts, replies, tree
from fedblog.storage.rows import write_attachments, write_json, write_url
from fedblog.storage.tx import Tx

REASON = "unavailable"


def is_placeholder(reply: Reply) -> bool:
    """Whether a row only stands for something that can't be had."""
    return reply.state is ReplyState.REMOVED and reply.reason == REASON and not reply.local


def add(tx: Tx, uri: str, *, post_id: PostId, post_uri: str, actor_id: ActorId, published_at: int) -> Reply:
    """A placeholder for `uri` right under the post; what waits for it is attached below. `actor_id` owns the row: the
    instance. Nothing happens where the id is known already."""
    known = replies.by_uri(tx, uri)
    if known is not None:
        return known
    tx.lock(uri, post_uri)
    tree.hold_waiting(tx, uri)
    posts.bump(tx, post_id, ())
    new = NewReply(
        uri=uri,
        url="",
        actor_id=actor_id,
        in_reply_to=post_uri,
        state=ReplyState.PUBLISHED,
        visibility=Visibility.PUBLIC,
        local=False,
        type="Note",
        name="",
        content_html="",
        source="",
        content_warning="",
        language="",
        published_at=published_at,
        edited_at=None,
        context="",
        attachments=(),
        remote_likes=0,
        remote_announces=0,
        reason=REASON,
        original=b"",
    )
    return replies.add_removed(tx, new, post_id=post_id)


def fill(tx: Tx, placeholder: Reply, new: NewReply) -> Reply:
    """The missing object is here after all: it takes the placeholder's row and place."""
    if placeholder.post_id is not None:
        posts.bump(tx, placeholder.post_id, (placeholder.id,))
    before = replies.by_id(tx, placeholder.id) or placeholder
    tx.run(
        "UPDATE replies SET url = $1, actor_id = $2, in_reply_to = $3, state = $4, visibility = $5, type = $6,"
        " name = $7, content_html = $8, content_warning = $9, language = $10, published_at = $11, edited_at = $12,"
        " received_at = $13, context = $14, attachments = $15, options = $16, reason = $17, remote_likes = $18,"
        " remote_announces = $19, emoji = $20 WHERE id = $21",
        write_url(before.uri, new.url),
        new.actor_id,
        new.in_reply_to,
        new.state.value,
        new.visibility.value,
        new.type,
        new.name,
        new.content_html,
        new.content_warning,
        new.language,
        new.published_at,
        new.edited_at,
        tx.now,
        new.context,
        write_attachments(new.attachments),
        write_json(new.options),
        new.reason,
        new.remote_likes,
        new.remote_announces,
        emoji.row_text(tx, new.emoji, public=new.visibility.is_public),
        before.id,
    )
    tree.refresh(tx, replace(before, state=ReplyState.REMOVED))
    return replies.by_id(tx, ReplyId(before.id)) or before


def post_of_context(tx: Tx, context: str) -> PostId | None:
    """The post in whose thread other replies name the same `context`."""
    found: int | None = tx.value(
        "SELECT post_id FROM replies WHERE context = $1 AND post_id IS NOT NULL AND local = 0 ORDER BY id LIMIT 1",
        context,
    )
    return None if found is None else PostId(found)
