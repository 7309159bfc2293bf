"""Stored things as lines of the archive."""

from __future__ import annotations

from collections.abc import Sequence

from fedblog.archive.front_matter import write_head
from fedblog.archive.records import (
    MediaLink,
    Mention,
    PersonRecord,
    PictureRecord,
    PostRecord,
    ReactionRecord,
    ReplyRecord,
)
from fedblog.blog.ledger import Media
from fedblog.blog.model import Actor, Post, ReplyState, ThreadRow
from fedblog.storage import actors, archive
from fedblog.storage.archive import StoredReaction
from fedblog.storage.database import Tx
from fedblog.text.dates import iso


def describe_post(tx: Tx, post: Post, author: Actor) -> PostRecord:
    """A post with its former addresses."""
    known = actors.by_uris(tx, post.mentions)
    people = [known[uri] for uri in post.mentions if uri in known]
    return PostRecord(
        id=str(post.id),
        uri=post.uri,
        author=author.username,
        slug=post.slug,
        title=post.title,
        source=post.source,
        source_type=post.source_type,
        content_html=post.content_html,
        summary=post.summary,
        content_warning=post.content_warning,
        language=post.language,
        image_url=post.image_url,
        image_alt=post.image_alt,
        pictures=post.pictures,
        tags=post.tags,
        mentions=tuple(_mention(person) for person in people),
        status=post.status.value,
        visibility=post.visibility.value,
        comments_open=post.comments_open,
        reply_policy=post.reply_policy.value,
        quote_policy=post.quote_policy.value,
        created_at=post.created_at,
        published_at=post.published_at,
        edited_at=post.edited_at,
        pinned_at=post.pinned_at,
        old_slugs=archive.old_slugs(tx, post.id),
        old_paths=archive.old_paths(tx, post.id),
        replies=post.reply_count,
        likes=post.like_count,
        boosts=post.announce_count,
        kind_of_post=post.kind.value,
        federated=post.federated,
        series=post.series,
        series_position=post.series_position,
        canonical_url=post.canonical_url,
        show_history=post.show_history,
        hold_policy=post.hold_policy.value,
        close_after_days=post.close_after_days,
    )


def _mention(person: Actor) -> Mention:
    return Mention(person.uri, person.handle[1:], person.url or person.uri, person.username)


def describe_person(actor: Actor, *, nameless: bool = False) -> PersonRecord:
    """Somebody, with what is needed to reach them; `nameless`: known here by a removed reply only."""
    return PersonRecord(
        uri=actor.uri,
        handle=actor.handle if actor.domain else "",
        username=actor.username,
        domain=actor.domain,
        name="" if nameless else actor.name,
        url="" if nameless else actor.url,
        icon_url="" if nameless else actor.icon_url,
        type=actor.type,
        inbox=actor.inbox,
        shared_inbox=actor.shared_inbox,
        followers_uri=actor.followers_uri,
        local=bool(actor.local),
        imported=not actor.domain,
    )


def describe_reply(row: ThreadRow, parent: str) -> ReplyRecord:
    """A shown reply, or the placeholder of a removed one; `parent` is the URI above, "" for the post."""
    reply, actor = row.reply, row.actor
    removed = reply.state is ReplyState.REMOVED
    return ReplyRecord(
        id=str(reply.id),
        uri=reply.uri,
        url=reply.url,
        person=actor.uri,
        author="" if removed else actor.handle if actor.domain else actor.display_name,
        parent=parent,
        in_reply_to=reply.in_reply_to or parent,
        depth=reply.depth,
        removed=removed,
        local=reply.local,
        imported=reply.imported,
        visibility=reply.visibility.value,
        type=reply.type,
        name=reply.name,
        content=reply.content_html,
        source=reply.source,
        content_warning=reply.content_warning,
        language=reply.language,
        published_at=reply.published_at,
        edited_at=reply.edited_at,
        context=reply.context,
        attachments=tuple(
            MediaLink(item.url, item.media_type, item.name, item.sensitive) for item in reply.attachments
        ),
        options=reply.options,
        likes=reply.like_count,
        boosts=reply.announce_count,
        remote_likes=reply.remote_likes,
        remote_boosts=reply.remote_announces,
    )


def describe_reaction(found: StoredReaction) -> ReactionRecord:
    """A public like or boost."""
    return ReactionRecord(
        type=found.kind,
        person=found.actor.uri,
        reply=found.reply_uri,
        emoji=found.emoji,
        activity_uri=found.activity_uri,
        created_at=found.created_at,
    )


def describe_picture(picture: Media, owner: str, source_hash: str) -> PictureRecord:
    """An uploaded picture of an author."""
    return PictureRecord(
        id=str(picture.id),
        name=picture.name,
        kind=picture.kind,
        owner=owner,
        alt=picture.alt,
        filename=picture.filename,
        source_hash=source_hash,
        width=picture.width,
        height=picture.height,
        widths=picture.widths,
        blurhash=picture.blurhash,
        bytes=picture.bytes,
        created_at=picture.created_at,
    )


def markdown_of(post: PostRecord, url: str) -> str:
    """The post as a file for people: a head that static site generators read, then the text as it was written."""
    at = post.published_at if post.published_at is not None else post.created_at
    head: dict[str, str | bool | Sequence[str] | None] = {
        "title": post.title,
        "date": iso(at),
        "updated": iso(post.edited_at) if post.edited_at is not None else None,
        "slug": post.slug,
        "author": post.author,
        "tags": post.tags,
        "language": post.language,
        "summary": post.summary,
        "content_warning": post.content_warning,
        "draft": None if post.status == "published" else True,
        "comments": None if post.comments_open else False,
        "type": "page" if post.kind_of_post == "page" else None,
        "series": post.series,
        "series_position": str(post.series_position or ""),
        "canonical_url": post.canonical_url,
        "format": "html" if post.source_type == "text/html" else None,
        "uri": post.uri,
        "url": url,
    }
    return write_head(head) + post.source.rstrip("\n") + "\n"
