"""The published states of a post, for readers: nothing of before it came out, or of while it was withdrawn."""

from __future__ import annotations

from fedblog.blog.model import Post, Revision
from fedblog.storage import posts
from fedblog.storage.tx import Tx


def published(tx: Tx, post: Post) -> list[Revision]:
    """The states since the present publication began, newest first; () where the author keeps them to themselves."""
    if not post.show_history:
        return []
    created, times = tx.one(
        "SELECT (SELECT min(o.created_at) FROM outgoing o WHERE o.object_uri = p.uri AND o.type = 'Create'),"
        " p.publications FROM posts p WHERE p.id = $1",
        post.id,
    ) or (None, 0)
    if created is None and times > 1:
        return []  # when it came out this time is not known any more
    since = max(created or 0, post.published_at or 0)
    found: list[Revision] = []
    for revision in posts.revisions(tx, post.id):
        found.append(revision)
        if revision.created_at <= since:
            break  # as it was when it came out
    return found
