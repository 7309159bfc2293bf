"""People, posts and replies for tests of pages: made through the real storage functions."""

from __future__ import annotations

from typing import Any

from fedblog.blog.ledger import Account, Profile
from fedblog.blog.model import (
    Actor,
    ActorId,
    Attachment,
    NewReply,
    Post,
    PostId,
    ReactionKind,
    Reply,
    ReplyId,
    ReplyState,
    Role,
    Visibility,
    Writing,
)
from fedblog.federation.services import Services
from fedblog.federation.setup import add_author
from fedblog.storage import actors, reactions, replies


async def make_author(services: Services, username: str = "ana", name: str = "Ana Lima", **more: Any) -> Account:
    """An author with an account that nobody can log in to."""
    return await add_author(
        services.db,
        services.ids,
        services.sealer,
        services.settings,
        username=username,
        name=name,
        role=more.pop("role", Role.OWNER),
        **more,
    )


async def make_post(services: Services, author: ActorId, title: str = "First light", **text: Any) -> Post:
    """A published post; `source` is Markdown."""
    text.setdefault("source", "The kettle sings. Outside, the day begins.")
    draft = await services.publisher.save_draft(
        await services.publisher.compose(Writing(title=title, **text)), author_id=author
    )
    return await services.publisher.publish(draft.id)


async def make_person(services: Services, name: str = "Bo Berg", host: str = "social.example", **more: Any) -> Actor:
    """A remote actor as it would be stored after a fetch."""
    username = more.pop("username", name.split()[0].lower())
    uri = f"https://{host}/users/{username}"
    values: dict[str, Any] = {
        "uri": uri,
        "type": "Person",
        "username": username,
        "domain": host,
        "name": name,
        "summary_html": "",
        "url": f"https://{host}/@{username}",
        "icon_url": "",
        "image_url": "",
        "inbox": f"{uri}/inbox",
        "shared_inbox": f"https://{host}/inbox",
        "followers_uri": f"{uri}/followers",
        "manually_approves": False,
        "fields": (),
        "suspended": False,
        "keys": (),
    }
    return await services.db.write(actors.upsert_remote, Profile(**{**values, **more}))


async def make_reply(
    services: Services,
    who: Actor,
    html: str,
    *,
    post: Post | None = None,
    parent: Reply | None = None,
    **more: Any,
) -> Reply:
    """A remote reply to a post or to another reply, as the inbox would store it."""
    number = more.pop("number", None) or abs(hash((html, who.uri))) % 10**12
    uri = f"{who.uri}/statuses/{number}"
    values: dict[str, Any] = {
        "uri": uri,
        "url": f"{who.url}/{number}",
        "actor_id": who.id,
        "in_reply_to": parent.uri if parent else post.uri if post else "",
        "state": ReplyState.PUBLISHED,
        "visibility": Visibility.PUBLIC,
        "local": False,
        "type": "Note",
        "name": "",
        "content_html": html,
        "source": "",
        "content_warning": "",
        "language": "en",
        "published_at": int(services.clock()),
        "edited_at": None,
        "context": "",
        "attachments": (),
        "remote_likes": 0,
        "remote_announces": 0,
        "reason": "",
        "original": b"{}",
    }
    post_id = post.id if post is not None and parent is None else None
    parent_id = parent.id if parent is not None else None
    return await services.db.write(
        replies.add, NewReply(**{**values, **more}), post_id=_post_id(post_id), parent_id=_reply_id(parent_id)
    )


async def react(
    services: Services, who: Actor, *, post: Post | None = None, reply: Reply | None = None, kind: ReactionKind
) -> None:
    """A like or boost."""
    await services.db.write(
        reactions.add,
        kind=kind,
        actor_id=who.id,
        post_id=post.id if post else None,
        reply_id=reply.id if reply else None,
        activity_uri=f"{who.uri}/{kind.value}/{post.id if post else reply.id if reply else 0}",
    )


def picture(url: str, name: str) -> Attachment:
    """A picture somebody attached."""
    return Attachment(url, "image/png", name)


def _post_id(value: PostId | None) -> PostId | None:
    return value


def _reply_id(value: ReplyId | None) -> ReplyId | None:
    return value
