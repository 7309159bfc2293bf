"""What moving in and out needs of the database: reading everything in pages, and putting things back as they were.

Nothing here makes an activity: what is put back is not told to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from fedblog.blog.ledger import Media, MediaId
from fedblog.blog.model import Actor, ActorId, NewReply, Post, PostId, PostStatus, PostText, Reply, ReplyId
from fedblog.errors import Conflict
from fedblog.storage import actors, planning, posts, replies
from fedblog.storage.media import page as media_page
from fedblog.storage.rows import ACTOR, POST, POST_FROM, read_actor, read_post, write_json
from fedblog.storage.tx import Tx, chunks, marks

_CHANCE_BITS = 21
_PUBLIC = "p.visibility IN ('public', 'unlisted')"


class StoredReaction(NamedTuple):
    """A public reaction; `reply_uri` is "" for one to the post itself."""

    id: int
    kind: str
    emoji: str
    activity_uri: str
    created_at: int
    reply_uri: str
    actor: Actor


@dataclass(frozen=True, slots=True)
class Dates:
    """When a post was made, published and edited; `pinned_at` as in `Post`."""

    created_at: int
    published_at: int | None
    edited_at: int | None
    pinned_at: int | None = None


# -- out ------------------------------------------------------------------------------------------------------------


def posts_after(tx: Tx, post_id: int, *, author_id: ActorId | None, drafts: bool, limit: int) -> list[Post]:
    """Public and unlisted posts by id, from the one after `post_id`; with `drafts` those that aren't out as
    well; never what is in the trash."""
    states = "('published', 'draft', 'unpublished')" if drafts else "('published')"
    where, params = (
        f"p.id > $1 AND p.status IN {states} AND p.trashed_at IS NULL AND {_PUBLIC}",
        list[object]([post_id]),
    )
    if author_id is not None:
        params.append(author_id)
        where += f" AND p.author_id = ${len(params)}"
    params.append(limit)
    rows = tx.all(f"SELECT {POST} FROM {POST_FROM} WHERE {where} ORDER BY p.id LIMIT ${len(params)}", *params)
    return [read_post(row) for row in rows]


def old_slugs(tx: Tx, post_id: PostId) -> tuple[str, ...]:
    """Slugs that the post had."""
    rows = tx.all("SELECT slug FROM old_slugs WHERE post_id = $1 ORDER BY slug", post_id)
    return tuple(slug for (slug,) in rows)


def old_paths(tx: Tx, post_id: PostId) -> tuple[str, ...]:
    """Paths that lead to the post from before it was here."""
    rows = tx.all("SELECT path FROM old_paths WHERE post_id = $1 ORDER BY path", post_id)
    return tuple(path for (path,) in rows)


def reactions_after(tx: Tx, post_id: PostId, after: int, limit: int) -> list[StoredReaction]:
    """Public reactions to a post and to its shown replies by id, from the one after `after`."""
    rows = tx.all(
        f"SELECT x.id, x.kind, x.emoji, x.activity_uri, x.created_at, coalesce(r.uri, ''), {ACTOR} FROM reactions x"
        " JOIN actors a ON a.id = x.actor_id LEFT JOIN replies r ON r.id = x.reply_id"
        " WHERE x.id > $2 AND x.public = 1 AND a.deleted_at IS NULL AND (x.post_id = $1 OR x.reply_id IN"
        " (SELECT s.id FROM replies s WHERE s.post_id = $1 AND s.shown = 1)) ORDER BY x.id LIMIT $3",
        post_id,
        after,
        limit,
    )
    return [StoredReaction(row[0], row[1], row[2], row[3], row[4], row[5], read_actor(row, 6)) for row in rows]


def reply_uris(tx: Tx, ids: Iterable[int]) -> dict[int, str]:
    """URIs of replies by id."""
    found: dict[int, str] = {}
    for some in chunks(ids):
        found |= dict(tx.all(f"SELECT id, uri FROM replies WHERE id IN ({marks(len(some))})", *some))
    return found


def pictures(tx: Tx, owner_id: ActorId | None, before: MediaId | None, limit: int) -> list[tuple[Media, str]]:
    """Uploaded pictures with the hash of their upload, newest first."""
    found = media_page(tx, owner_id=owner_id, before=before, limit=limit)
    return [(one, str(tx.value("SELECT source_hash FROM media WHERE id = $1", one.id))) for one in found]


# -- in -------------------------------------------------------------------------------------------------------------


def imported_as(tx: Tx, key: str) -> int | None:
    """What an earlier import made of the thing with this name, or None."""
    found: int | None = tx.value("SELECT thing_id FROM imports WHERE key = $1", key)
    return found


def note_import(tx: Tx, key: str, kind: str, thing_id: int) -> None:
    """Remember it."""
    tx.run(
        "INSERT INTO imports (key, kind, thing_id, imported_at) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING",
        key,
        kind,
        thing_id,
        tx.now,
    )


def id_of_time(tx: Tx, table: str, at: int) -> int:
    """A free id as one of that time would have had, so that lists by id stay lists by time."""
    milliseconds = min(max(at, 1), tx.now) * 1000
    while True:
        found = (milliseconds << _CHANCE_BITS) | tx.random_bits(_CHANCE_BITS)
        if tx.one(f"SELECT 1 FROM {table} WHERE id = $1", found) is None:
            return found


def put_post(tx: Tx, text: PostText, *, author_id: ActorId, post_id: PostId, dates: Dates) -> Post:
    """A draft with this id and these dates. Raises `Conflict` where the id is taken."""
    if posts.by_id(tx, post_id) is not None:
        raise Conflict("there is a post with this id already")
    posts.create_draft(tx, text, author_id=author_id, editor_id=author_id, post_id=post_id)
    tx.run(
        "UPDATE posts SET created_at = $1, published_at = $2, pinned_at = $3 WHERE id = $4",
        dates.created_at,
        dates.published_at,
        dates.pinned_at,
        post_id,
    )
    tx.run("UPDATE revisions SET created_at = $1 WHERE post_id = $2", dates.edited_at or dates.created_at, post_id)
    return _post(tx, post_id)


def show_post(tx: Tx, post_id: PostId, *, uri: str | None, publication: int, dates: Dates) -> Post:
    """It is out, under this id and as its nth publication, since its date; nobody is told.
    Without a `uri` it is a page of the site only."""
    tx.run(
        "UPDATE posts SET status = $1, uri = $2, publications = $3, published_at = $4, edited_at = $5 WHERE id = $6",
        PostStatus.PUBLISHED.value,
        uri,
        publication,
        dates.published_at if dates.published_at is not None else dates.created_at,
        dates.edited_at,
        post_id,
    )
    posts.bump(tx, post_id)
    post = _post(tx, post_id)
    posts.bump_around(tx, post)
    planning.plan_closing(tx, post)
    return post


def _post(tx: Tx, post_id: PostId) -> Post:
    found = posts.by_id(tx, post_id)
    if found is None:
        raise Conflict("the post went away meanwhile")
    return found


def add_old_slug(tx: Tx, post: Post, slug: str) -> None:
    """A slug that redirects to the post, unless another post has or had it."""
    if slug and posts.by_slug(tx, post.author_id, slug) is None:
        tx.run(
            "INSERT INTO old_slugs (author_id, slug, post_id) VALUES ($1, $2, $3)"
            " ON CONFLICT (author_id, slug) DO NOTHING",
            post.author_id,
            slug,
            post.id,
        )


def add_old_path(tx: Tx, path: str, post_id: PostId) -> bool:
    """A path that redirects to the post; False where it leads to another one already."""
    tx.run(
        "INSERT INTO old_paths (path, post_id) VALUES ($1, $2) ON CONFLICT (path) DO NOTHING",
        path,
        post_id,
    )
    return bool(tx.value("SELECT post_id FROM old_paths WHERE path = $1", path) == post_id)


def by_old_path(tx: Tx, path: str) -> Post | None:
    """The public post that was found at this path before it was here."""
    row = tx.one(
        f"SELECT {POST} FROM {POST_FROM} JOIN old_paths o ON o.post_id = p.id"
        f" WHERE o.path = $1 AND p.status = 'published' AND {_PUBLIC}",
        path,
    )
    return None if row is None else read_post(row)


def put_person(
    tx: Tx,
    *,
    uri: str,
    type: str,  # noqa: A002 - the protocol's word
    username: str,
    domain: str,
    name: str,
    url: str,
    icon_url: str = "",
    inbox: str = "",
    shared_inbox: str = "",
    followers_uri: str = "",
) -> Actor:
    """The actor with this id; a new one is taken as told, to be fetched anew as soon as it does something.

    `domain` and `inbox` are "" for somebody who is known from another system's comments only.
    """
    known = actors.by_uri(tx, uri)
    if known is not None:
        return known
    actor_id = id_of_time(tx, "actors", tx.now)
    tx.run(
        "INSERT INTO actors (id, uri, local, type, username, domain, name, summary_html, url, icon_url, image_url,"
        " inbox, shared_inbox, followers_uri, manually_approves, fields, created_at, fetched_at)"
        " VALUES ($1, $2, '', $3, $4, $5, $6, '', $7, $8, '', $9, $10, $11, 0, '[]', $12, 0)",
        actor_id,
        uri,
        type,
        username,
        domain,
        name,
        url,
        icon_url,
        inbox,
        shared_inbox,
        followers_uri,
        tx.now,
    )
    return actors.by_id(tx, ActorId(actor_id))


def put_reply(
    tx: Tx,
    new: NewReply,
    *,
    post_id: PostId,
    parent_id: ReplyId | None,
    wanted_id: int | None,
    removed: bool = False,
    imported: bool = False,
) -> tuple[Reply, bool]:
    """A reply in its place, with its old id where that is free; and whether it is new.

    `removed`: an emptied row, whose id is not taken again. `imported`: a comment that exists nowhere else.
    """
    known = replies.by_uri(tx, new.uri)
    if known is not None:
        return known, False
    taken = wanted_id is None or replies.by_id(tx, ReplyId(wanted_id)) is not None
    reply_id = ReplyId(id_of_time(tx, "replies", new.published_at) if taken or wanted_id is None else wanted_id)
    stored = replies.add(
        tx, new, post_id=None if parent_id is not None else post_id, parent_id=parent_id, reply_id=reply_id
    )
    tx.run(
        "UPDATE replies SET seen = 1, imported = $1, received_at = $2 WHERE id = $3",
        int(imported),
        min(new.published_at, tx.now),
        stored.id,
    )
    if removed:
        replies.remove(tx, stored.id)
    return replies.by_id(tx, stored.id) or stored, True


def put_reaction(
    tx: Tx,
    *,
    kind: str,
    actor_id: ActorId,
    post_id: PostId | None,
    reply_id: ReplyId | None,
    emoji: str,
    activity_uri: str,
    created_at: int,
) -> bool:
    """A public like or boost with its old date; False if this actor's was there."""
    column, target = ("post_id", post_id) if reply_id is None else ("reply_id", reply_id)
    known = tx.one(
        f"SELECT 1 FROM reactions WHERE {column} = $1 AND kind = $2 AND actor_id = $3", target, kind, actor_id
    )
    if known is not None:
        return False
    tx.run(
        "INSERT INTO reactions (id, kind, actor_id, post_id, reply_id, emoji, activity_uri, public, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)",
        id_of_time(tx, "reactions", created_at),
        kind,
        actor_id,
        None if reply_id is not None else post_id,
        reply_id,
        emoji,
        activity_uri,
        created_at,
    )
    counted = {"like": "like_count", "announce": "announce_count"}.get(kind)
    where = "threads SET {0} = {0} + 1 WHERE post_id" if reply_id is None else "replies SET {0} = {0} + 1 WHERE id"
    if counted is not None:
        tx.run(f"UPDATE {where.format(counted)} = $1", target)
    return True


def put_follower(tx: Tx, *, actor_id: ActorId, target_id: ActorId, follow_uri: str, body: str, at: int) -> bool:
    """An accepted follow as it was; False if it was there."""
    return bool(
        tx.run(
            "INSERT INTO followers (actor_id, target_id, state, follow_uri, follow_json, created_at)"
            " VALUES ($1, $2, 'accepted', $3, $4, $5) ON CONFLICT (target_id, actor_id) DO NOTHING",
            actor_id,
            target_id,
            follow_uri,
            body,
            at,
        )
    )


def put_picture(tx: Tx, picture: Media, source_hash: str) -> bool:
    """An uploaded picture under its old name; False if it, or the same upload of the same owner, was there."""
    taken = tx.one("SELECT 1 FROM media WHERE id = $1", picture.id) is not None
    return bool(
        tx.run(
            "INSERT INTO media (id, name, kind, owner_id, alt, filename, source_hash, width, height, widths, blurhash,"
            " bytes, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
            " ON CONFLICT DO NOTHING",
            id_of_time(tx, "media", picture.created_at) if taken else picture.id,
            picture.name,
            picture.kind,
            picture.owner_id,
            picture.alt,
            picture.filename,
            source_hash,
            picture.width,
            picture.height,
            write_json(picture.widths),
            picture.blurhash,
            picture.bytes,
            picture.created_at,
        )
    )
