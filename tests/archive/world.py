"""Small blogs in folders of their own, and what they hold as plain values to compare."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fedblog import app
from fedblog.archive.report import Report
from fedblog.archive.restore import Restorer
from fedblog.blog.model import (
    ActorId,
    NewReply,
    Post,
    PostId,
    ReactionKind,
    Reply,
    ReplyId,
    ReplyState,
    Visibility,
    Writing,
)
from fedblog.config import make_settings
from fedblog.federation.services import Services
from fedblog.federation.setup import add_author
from fedblog.storage import actors, followers, moderation, posts, reactions, replies, threads
from fedblog.storage.database import Tx
from tests.storage.support import profile

NOW = 1_780_000_000
_numbers = itertools.count(1)


@contextlib.asynccontextmanager
async def blog(
    folder: Path, domain: str = "blog.example", authors: tuple[str, ...] = ("alice",)
) -> AsyncIterator[Services]:
    """A blog with its authors; its clock stands still."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = make_settings({"server": {"domain": domain, "data_dir": str(folder)}}, relative_to=folder)
    async with app.services(settings, clock=lambda: float(NOW)) as services:
        for name in authors:
            if await services.db.read(actors.by_local_name, name) is None:
                await add_author(services.db, services.ids, services.sealer, settings, username=name)
        yield services


async def write_post(services: Services, title: str, source: str, *, draft: bool = False, **more: Any) -> Post:
    """A post of alice's."""
    author = await author_id(services)
    text = await services.publisher.compose(Writing(title=title, source=source, **more), look_up=False)
    made = await services.publisher.save_draft(text, author_id=author)
    return made if draft else await services.publisher.publish(made.id)


async def author_id(services: Services, name: str = "alice") -> ActorId:
    """The actor that somebody writes as."""
    found = await services.db.read(actors.by_local_name, name)
    assert found is not None
    return found.id


async def reply(
    services: Services,
    post: Post,
    text: str,
    *,
    by: str = "bob",
    to: Reply | None = None,
    visibility: Visibility = Visibility.PUBLIC,
    state: ReplyState = ReplyState.PUBLISHED,
    at: int = NOW - 5_000,
) -> Reply:
    """Somebody's reply, as the inbox would store it."""
    return await services.db.write(_reply, post, text, by, to, visibility, state, at)


def _reply(
    tx: Tx, post: Post, text: str, by: str, to: Reply | None, visibility: Visibility, state: ReplyState, at: int
) -> Reply:
    actor = actors.upsert_remote(tx, profile(by))
    number = next(_numbers)
    uri = f"https://remote.example/notes/{number}"
    new = NewReply(
        uri=uri,
        url=f"https://remote.example/@{by}/{number}",
        actor_id=actor.id,
        in_reply_to=post.uri if to is None else to.uri,
        state=state,
        visibility=visibility,
        local=False,
        type="Note",
        name="",
        content_html=f"<p>{text}</p>",
        source="",
        content_warning="",
        language="en",
        published_at=at + number,
        edited_at=None,
        context="",
        attachments=(),
        remote_likes=3,
        remote_announces=1,
        reason="",
        original=b"{}",
    )
    return replies.add(tx, new, post_id=None if to else post.id, parent_id=to.id if to else None)


async def like(services: Services, by: str, *, post_id: PostId | None = None, reply_id: ReplyId | None = None) -> None:
    """Somebody likes something."""
    await services.db.write(_like, by, post_id, reply_id)


def _like(tx: Tx, by: str, post_id: PostId | None, reply_id: ReplyId | None) -> None:
    actor = actors.upsert_remote(tx, profile(by))
    uri = f"https://remote.example/likes/{next(_numbers)}"
    reactions.add(tx, kind=ReactionKind.LIKE, actor_id=actor.id, post_id=post_id, reply_id=reply_id, activity_uri=uri)


async def follow(services: Services, by: str, name: str = "alice") -> None:
    """Somebody follows an author."""
    await services.db.write(_follow, by, await author_id(services, name))


def _follow(tx: Tx, by: str, target: ActorId) -> None:
    actor = actors.upsert_remote(tx, profile(by))
    uri = f"https://remote.example/follows/{by}"
    followers.add(tx, actor_id=actor.id, target_id=target, state="accepted", follow_uri=uri, follow_json="{}")


async def everything(services: Services) -> dict[str, Any]:
    """All that a reader, a follower and a moderator could tell apart."""
    return await services.db.read(_everything)


def _everything(tx: Tx) -> dict[str, Any]:
    found = []
    for (post_id,) in tx.all("SELECT id FROM posts ORDER BY published_at, slug"):
        post = posts.by_id(tx, post_id)
        assert post is not None
        thread = [
            (
                row.reply.id,
                row.reply.uri,
                row.reply.parent_id,
                row.reply.depth,
                row.reply.state.value,
                row.reply.content_html,
                row.reply.url,
                row.reply.in_reply_to,
                row.reply.published_at,
                row.reply.local,
                row.reply.imported,
                row.reply.like_count,
                row.reply.remote_likes,
                row.actor.uri,
                "" if row.reply.state is ReplyState.REMOVED else row.actor.name,
                row.actor.inbox,
            )
            for row in threads.thread(tx, post.id)
        ]
        found.append(
            (
                post.id, post.uri, post.slug, post.title, post.source, post.content_html, post.summary, post.tags,
                post.language, post.status.value, post.created_at, post.published_at, post.reply_count,
                post.like_count, post.mentions, post.kind, post.federated, post.series, post.series_position,
                post.canonical_url, post.show_history, post.hold_policy, post.close_after_days, thread,
            )
        )  # fmt: skip
    return {
        "posts": found,
        "followers": tx.all(
            "SELECT a.uri, a.inbox, f.state, f.follow_uri FROM followers f JOIN actors a ON a.id = f.actor_id"
            " ORDER BY a.uri"
        ),
        "blocks": [(block.kind, block.value, block.reason) for block in moderation.blocks(tx)],
    }


async def outgoing(services: Services) -> int:
    """How many activities there are to send or were."""
    return int(await services.db.read(lambda tx: tx.value("SELECT count(*) FROM outgoing")))


async def restore(services: Services, path: Path, **options: Any) -> Report:
    """Import an archive."""
    report = Report(dry_run=options.pop("dry_run", False))
    await Restorer(services, report, **options).restore(path)
    return report
