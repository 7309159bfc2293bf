"""Posts: drafts, publication, and the history of their texts."""

from __future__ import annotations

from collections.abc import Callable, Collection

from fedblog.blog.model import (
    ActorId,
    Post,
    PostId,
    PostKind,
    PostStatus,
    PostText,
    ReplyId,
    Revision,
    Visibility,
)
from fedblog.errors import Conflict, NotFound
from fedblog.storage import drawn, listing, media, planning, reply_media, tombstones
from fedblog.storage.rows import POST, POST_FROM, read_post, write_json
from fedblog.storage.tx import Event, Tx, chunks, marks
from fedblog.text.slug import slugify_title


def by_id(tx: Tx, post_id: PostId) -> Post | None:
    """A post in any status, or None."""
    row = tx.one(f"SELECT {POST} FROM {POST_FROM} WHERE p.id = $1", post_id)
    return None if row is None else read_post(row)


def by_uri(tx: Tx, uri: str) -> Post | None:
    """The post whose current ActivityPub id this is."""
    row = tx.one(f"SELECT {POST} FROM {POST_FROM} WHERE p.uri = $1", uri)
    return None if row is None else read_post(row)


def by_slug(tx: Tx, author_id: ActorId, slug: str) -> Post | None:
    """An author's post by its current slug."""
    row = tx.one(f"SELECT {POST} FROM {POST_FROM} WHERE p.author_id = $1 AND p.slug = $2", author_id, slug)
    return None if row is None else read_post(row)


def redirect_slug(tx: Tx, author_id: ActorId, slug: str) -> str | None:
    """The slug that replaced this one, or None."""
    found: str | None = tx.value(
        "SELECT p.slug FROM old_slugs o JOIN posts p ON p.id = o.post_id"
        " WHERE o.author_id = $1 AND o.slug = $2 AND p.status <> 'deleted'",
        author_id,
        slug,
    )
    return found


def get(tx: Tx, post_id: PostId) -> Post:
    """A post in any status. Raises `NotFound`."""
    post = by_id(tx, post_id)
    if post is None:
        raise NotFound("there is no such post")
    return post


def lock(tx: Tx, post_id: PostId) -> Post:
    """The post, kept from other writers until the end."""
    bump(tx, post_id)
    return get(tx, post_id)


_TEXT = tuple(
    "slug title source source_type content_html summary content_warning language image_url image_alt pictures tags"  # noqa: SIM905
    " mentions word_count visibility comments_open reply_policy quote_policy kind federated series series_slug"
    " series_position canonical_url show_history hold_policy close_after_days".split()
)
_TEXT_SET = ", ".join(f"{name} = ${number}" for number, name in enumerate(_TEXT, 3))


def _text_values(text: PostText, slug: str) -> tuple[object, ...]:
    """The values of `_TEXT`, in its order."""
    return (
        slug,
        text.title,
        text.source,
        text.source_type,
        text.content_html,
        text.summary,
        text.content_warning,
        text.language,
        text.image_url,
        text.image_alt,
        int(text.pictures),
        write_json(text.tags),
        write_json(text.mentions),
        text.word_count,
        text.visibility.value,
        int(text.comments_open),
        text.reply_policy.value,
        text.quote_policy.value,
        text.kind.value,
        int(text.federated),
        text.series,
        slugify_title(text.series) if text.series else "",
        text.series_position,
        text.canonical_url,
        int(text.show_history),
        text.hold_policy.value,
        text.close_after_days,
    )


def create_draft(
    tx: Tx, text: PostText, *, author_id: ActorId, editor_id: ActorId, post_id: PostId | None = None
) -> Post:
    """A new draft; its slug gets `-2`, `-3` … where the author has used it already. An import brings its `post_id`."""
    tx.lock(f"slugs:{author_id}")
    post_id = PostId(tx.new_id()) if post_id is None else post_id
    slug = _free_slug(tx, author_id, text.slug, post_id)
    tx.run(
        f"INSERT INTO posts (id, author_id, status, created_at, version, {', '.join(_TEXT)})"
        f" VALUES ($1, $2, 'draft', $3, 1, {marks(len(_TEXT), 4)})",
        post_id,
        author_id,
        tx.now,
        *_text_values(text, slug),
    )
    tx.run(
        "INSERT INTO threads (post_id, thread_version, redrawn, next_reply, reply_count, like_count, announce_count)"
        " VALUES ($1, 1, 0, 0, 0, 0, 0)",
        post_id,
    )
    _write_tags(tx, post_id, text.tags)
    media.note_uses(tx, post_id, text)
    _write_revision(tx, post_id, 1, text, editor_id)
    return get(tx, post_id)


def save_text(
    tx: Tx,
    post_id: PostId,
    text: PostText,
    *,
    editor_id: ActorId,
    expected_version: int | None,
    note: str = "",
    mark_edited: bool = True,
) -> Post:
    """Replace the text and keep the old one as a revision; a changed slug goes on redirecting.

    `note`: why, kept with the revision. `mark_edited` False leaves the date of the last edit. Raises `Conflict` when
    the text is not at `expected_version` any more (None: whatever it is) or a published post would become a page or
    leave or enter the fediverse; `NotFound` when the post is gone.
    """
    post = lock(tx, post_id)
    if post.status is PostStatus.DELETED:
        raise NotFound("there is no such post")
    if expected_version is not None and post.version != expected_version:
        raise Conflict("somebody else saved this post meanwhile", reason="version_conflict")
    if post.status is PostStatus.PUBLISHED and (post.kind, post.federated) != (text.kind, text.federated):
        raise Conflict("unpublish it first: what is published stays what it is", reason="kind_fixed")
    slug = post.slug if text.slug == post.slug else _free_slug(tx, post.author_id, text.slug, post_id)
    _keep_slug(tx, post, slug)
    tx.run(
        f"UPDATE posts SET {_TEXT_SET}, version = version + 1,"
        " edited_at = CASE WHEN status = 'published' THEN $2 ELSE edited_at END WHERE id = $1",
        post_id,
        tx.now if mark_edited else post.edited_at,
        *_text_values(text, slug),
    )
    _write_tags(tx, post_id, text.tags)
    media.note_uses(tx, post_id, text)
    _write_revision(tx, post_id, post.version + 1, text, editor_id, note)
    saved = get(tx, post_id)
    if post.status is PostStatus.PUBLISHED and _name(saved) != _name(post):
        bump_around(tx, post)
        bump_around(tx, saved)
    if saved.close_after_days != post.close_after_days:
        planning.plan_closing(tx, saved)
    return saved


def _name(post: Post) -> tuple[object, ...]:
    """What other pages show of it."""
    return post.title, post.slug, post.visibility, post.series, post.series_position


def _free_slug(tx: Tx, author_id: ActorId, wanted: str, post_id: PostId) -> str:
    """The slug, numbered where another post of the author has or had it."""
    number, slug = 1, wanted
    while tx.one(
        "SELECT 1 FROM posts WHERE author_id = $1 AND slug = $2 AND id <> $3"
        " UNION ALL SELECT 1 FROM old_slugs WHERE author_id = $1 AND slug = $2 AND post_id <> $3",
        author_id,
        slug,
        post_id,
    ):
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def _keep_slug(tx: Tx, post: Post, slug: str) -> None:
    if slug == post.slug:
        return
    tx.run("DELETE FROM old_slugs WHERE author_id = $1 AND slug = $2", post.author_id, slug)
    if post.published_at is not None:
        tx.run(
            "INSERT INTO old_slugs (author_id, slug, post_id) VALUES ($1, $2, $3)"
            " ON CONFLICT (author_id, slug) DO NOTHING",
            post.author_id,
            post.slug,
            post.id,
        )


def _write_tags(tx: Tx, post_id: PostId, names: tuple[str, ...]) -> None:
    tx.run("DELETE FROM post_tags WHERE post_id = $1", post_id)
    by_tag = {name.casefold(): name for name in reversed(names)}
    tx.many(
        "INSERT INTO post_tags (tag, post_id, name) VALUES ($1, $2, $3)",
        [(tag, post_id, name) for tag, name in by_tag.items()],
    )


def _write_revision(tx: Tx, post_id: PostId, number: int, text: PostText, editor_id: ActorId, note: str = "") -> None:
    tx.run(
        "INSERT INTO revisions (post_id, number, title, source, source_type, summary, created_at, editor_id, note)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        post_id,
        number,
        text.title,
        text.source,
        text.source_type,
        text.summary,
        tx.now,
        editor_id,
        note,
    )


def publish(tx: Tx, post_id: PostId, make_uri: Callable[[PostId, int], str]) -> Post:
    """Make it public under `make_uri(post_id, nth publication)`; a withdrawn id never returns. What is not federated
    gets no id.

    Nothing changes when it is published already. Raises `NotFound` when the post is gone.
    """
    post = lock(tx, post_id)
    if post.status is PostStatus.DELETED:
        raise NotFound("there is no such post")
    if post.status is PostStatus.PUBLISHED:
        return post
    publications = tx.value(
        "UPDATE posts SET publications = publications + 1, status = 'published', deleted_at = NULL, edited_at = NULL,"
        " scheduled_at = NULL, trashed_at = NULL, preview_key = '', published_at = coalesce(published_at, $1)"
        " WHERE id = $2 RETURNING publications",
        tx.now,
        post_id,
    )
    if post.federated:
        tx.run("UPDATE posts SET uri = $1 WHERE id = $2", make_uri(post_id, publications), post_id)
    published = get(tx, post_id)
    bump_around(tx, published)
    planning.plan_closing(tx, published)
    return published


def unpublish(tx: Tx, post_id: PostId) -> Post:
    """Take it off the site: its id becomes a tombstone, the text stays with the author."""
    post = lock(tx, post_id)
    _bury(tx, post)
    tx.run(
        "UPDATE posts SET status = 'unpublished', uri = NULL, pinned_at = NULL WHERE id = $1 AND status = 'published'",
        post_id,
    )
    bump_around(tx, post)
    return get(tx, post_id)


def delete(tx: Tx, post_id: PostId) -> Post:
    """Delete it for good: the text and its history are emptied, its id answers 410."""
    post = lock(tx, post_id)
    _bury(tx, post)
    tx.run("DELETE FROM revisions WHERE post_id = $1", post_id)
    tx.run("DELETE FROM post_tags WHERE post_id = $1", post_id)
    media.note_uses(tx, post_id, None)
    tx.run(
        "UPDATE posts SET status = 'deleted', deleted_at = $1, uri = NULL, title = '', source = '', content_html = '',"
        " summary = '', content_warning = '', image_url = '', image_alt = '', tags = '[]', mentions = '[]',"
        " word_count = 0, pinned_at = NULL,"
        " series = '', series_slug = '', canonical_url = '', scheduled_at = NULL, preview_key = '',"
        " version = version + 1 WHERE id = $2 AND status <> 'deleted'",
        tx.now,
        post_id,
    )
    bump_around(tx, post)
    return get(tx, post_id)


def _bury(tx: Tx, post: Post) -> None:
    reply_media.forget_soon_under(tx, post.id)
    if post.uri:
        author = tx.value("SELECT uri FROM actors WHERE id = $1", post.author_id)
        tombstones.add(tx, post.uri, "Article", author, local=True)
    drawn.forget(tx, post.id)


def set_comments_open(tx: Tx, post_id: PostId, is_open: bool) -> None:
    """Take new replies, or no more."""
    bump(tx, post_id)
    tx.run("UPDATE posts SET comments_open = $1 WHERE id = $2", int(is_open), post_id)


def thread_version(tx: Tx, post_id: PostId) -> int:
    """A number that rises with everything that changes the page; 0 when there is no such post."""
    return tx.value("SELECT thread_version FROM threads WHERE post_id = $1", post_id) or 0


def bump(tx: Tx, post_id: PostId, rows: Collection[ReplyId] | None = None) -> None:
    """The page changed. Also keeps other writers from this post until the end of the transaction.

    `rows`: the replies that look different now, those aside that came or went; None where it can be any of them.
    """
    if rows is None:
        tx.run(
            "UPDATE threads SET thread_version = thread_version + 1, redrawn = thread_version + 1 WHERE post_id = $1",
            post_id,
        )
    else:
        tx.run("UPDATE threads SET thread_version = thread_version + 1 WHERE post_id = $1", post_id)
    for some in chunks(rows or ()):
        tx.run(
            "UPDATE replies SET changed = (SELECT th.thread_version FROM threads th WHERE th.post_id = $1)"
            f" WHERE id IN ({marks(len(some), 2)})",
            post_id,
            *some,
        )
    tx.emit(Event("post", post_id))


def bump_around(tx: Tx, post: Post) -> None:
    """The pages that name this post changed: its neighbours, its series, and every page where it is in the menu."""
    if post.published_at is None:
        return
    if post.kind is PostKind.PAGE:
        tx.emit(Event("settings", 0))
        return
    for post_id in listing.around(tx, post):
        bump(tx, post_id, ())


def revisions(tx: Tx, post_id: PostId) -> list[Revision]:
    """All saved states of the text, newest first."""
    rows = tx.all(
        "SELECT post_id, number, title, source, source_type, summary, created_at, editor_id, note FROM revisions"
        " WHERE post_id = $1 ORDER BY number DESC",
        post_id,
    )
    return [Revision(*row) for row in rows]


def set_pinned(tx: Tx, post_id: PostId, at: int | None) -> None:
    """Pin a post to its author's profile since `at`, or take it off (None)."""
    bump(tx, post_id)
    tx.run("UPDATE posts SET pinned_at = $1 WHERE id = $2", at, post_id)


def participants(tx: Tx, post_id: PostId) -> list[ActorId]:
    """Every remote actor who replied to the post, liked, boosted or quoted it."""
    rows = tx.all(
        "SELECT a.id FROM actors a WHERE a.local = '' AND a.deleted_at IS NULL AND a.id IN"
        " (SELECT r.actor_id FROM replies r WHERE r.post_id = $1 AND r.state <> 'removed'"
        " UNION SELECT x.actor_id FROM reactions x WHERE x.post_id = $1"
        " UNION SELECT q.actor_id FROM quotes q WHERE q.post_id = $1) ORDER BY a.id",
        post_id,
    )
    return [ActorId(row[0]) for row in rows]


def is_public(post: Post) -> bool:
    """Whether everybody may read the post's page."""
    return post.status is PostStatus.PUBLISHED and post.visibility in (Visibility.PUBLIC, Visibility.UNLISTED)
