"""Makers of records for storage tests; every argument has a sensible default."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from fedblog.blog.ledger import Profile, RemoteKey
from fedblog.blog.model import Actor, ActorId, NewReply, Post, PostId, PostText, ReplyState, Visibility
from fedblog.storage import actors, posts
from fedblog.storage.tx import Tx

START = 1_700_000_000
_numbers = itertools.count(1)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = float(START)

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def profile(name: str = "bob", host: str = "remote.example", **changes: Any) -> Profile:
    """A remote actor's profile with one key."""
    uri = f"https://{host}/users/{name}"
    made = Profile(
        uri=uri,
        type="Person",
        username=name,
        domain=host,
        name=name.title(),
        summary_html="<p>Hello</p>",
        url=f"https://{host}/@{name}",
        icon_url="",
        image_url="",
        inbox=f"{uri}/inbox",
        shared_inbox=f"https://{host}/inbox",
        followers_uri=f"{uri}/followers",
        manually_approves=False,
        fields=(("Site", "https://bob.example"),),
        suspended=False,
        keys=(RemoteKey(f"{uri}#main-key", uri, "rsa", "PEM", START),),
    )
    return replace(made, **changes)


def add_author(tx: Tx, name: str = "alice", local: str = "author") -> Actor:
    """An actor of ours."""
    uri = f"https://blog.example/ap/actors/{name}"
    return actors.add_local(
        tx,
        uri=uri,
        local=local,
        type="Person",
        username=name,
        domain="blog.example",
        name=name.title(),
        url=f"https://blog.example/@{name}",
        inbox=f"{uri}/inbox",
        shared_inbox="https://blog.example/inbox",
        followers_uri=f"{uri}/followers",
    )


def text(**changes: Any) -> PostText:
    """A post's text."""
    made = PostText(
        slug="hello",
        title="Hello",
        source="# Hello",
        source_type="text/markdown",
        content_html="<h1>Hello</h1>",
        summary="",
        content_warning="",
        language="en",
        image_url="",
        image_alt="",
        pictures=False,
        tags=("Fediverse", "Python"),
        mentions=(),
        word_count=1,
        visibility=Visibility.PUBLIC,
        comments_open=True,
    )
    return replace(made, **changes)


def post_uri(post_id: PostId, publication: int) -> str:
    """As `LocalIds.post` makes them."""
    return f"https://blog.example/ap/posts/{post_id}" + (f"-{publication}" if publication > 1 else "")


def add_post(tx: Tx, /, author: Actor | None = None, **changes: Any) -> Post:
    """A published post."""
    author = author or actors.by_local_name(tx, "alice") or add_author(tx)
    draft = posts.create_draft(tx, text(**changes), author_id=author.id, editor_id=author.id)
    return posts.publish(tx, draft.id, post_uri)


def new_reply(actor_id: ActorId, in_reply_to: str, **changes: Any) -> NewReply:
    """A reply as a handler hands it over."""
    number = next(_numbers)
    made = NewReply(
        uri=f"https://remote.example/notes/{number}",
        url=f"https://remote.example/@bob/{number}",
        actor_id=actor_id,
        in_reply_to=in_reply_to,
        state=ReplyState.PUBLISHED,
        visibility=Visibility.PUBLIC,
        local=False,
        type="Note",
        name="",
        content_html="<p>Nice</p>",
        source="",
        content_warning="",
        language="en",
        published_at=START,
        edited_at=None,
        context="",
        attachments=(),
        remote_likes=0,
        remote_announces=0,
        reason="",
        original=b'{"type":"Note"}',
    )
    return replace(made, **changes)
