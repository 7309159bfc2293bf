"""Local things to serialise: an author, the blog, the instance actor, a post and an answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.model import Actor, ActorId, Post, PostId, PostStatus, Reply, ReplyId, ReplyState, Visibility
from fedblog.config import Settings, make_settings

BASE = "https://blog.example"
IDS = LocalIds(BASE)
NOW = 1_795_500_000
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


def settings(**blog: Any) -> Settings:
    """Settings of blog.example."""
    return make_settings({"server": {"domain": "blog.example"}, "blog": blog}, relative_to=Path("/nowhere"))


def actor(local: str = "author", name: str = "ana", **changes: Any) -> Actor:
    """A local actor: author, blog or instance."""
    uri = IDS.instance() if local == "instance" else IDS.actor(name)
    made = Actor(
        id=ActorId(1),
        uri=uri,
        local=local,
        type={"author": "Person", "blog": "Group", "instance": "Application"}.get(local, "Person"),
        username=name,
        domain="blog.example",
        name="Ana Ruiz",
        summary_html="<p>Writes.</p>",
        url=IDS.profile_page(name),
        icon_url=f"{BASE}/media/ana.png",
        image_url="",
        inbox=IDS.inbox(uri),
        shared_inbox=IDS.shared_inbox(),
        followers_uri=IDS.followers(uri),
        manually_approves=False,
        fields=(("Site", "https://ana.example/"), ("Likes", "tea & <b>")),
        created_at=NOW - 1000,
        fetched_at=0,
        suspended_at=None,
        deleted_at=None,
    )
    return replace(made, **changes)


AUTHOR = actor()
BLOG = actor("blog", "blog")


MIA = actor(
    uri="https://m.example/users/mia",
    local="",
    username="mia",
    domain="m.example",
    followers_uri="https://m.example/users/mia/followers",
)


def post(**changes: Any) -> Post:
    """A published post."""
    made = Post(
        id=PostId(7),
        uri=IDS.post(7),
        author_id=ActorId(1),
        slug="friendship",
        title="Friendship & <Ruin>",
        source="Full *text*.",
        source_type="text/markdown",
        content_html="<p>Full <em>text</em>. More of it.</p>",
        summary="",
        content_warning="",
        language="en",
        image_url="",
        image_alt="",
        pictures=False,
        tags=("Therapy",),
        mentions=(),
        word_count=5,
        status=PostStatus.PUBLISHED,
        visibility=Visibility.PUBLIC,
        comments_open=True,
        created_at=NOW - 50,
        published_at=NOW,
        edited_at=None,
        deleted_at=None,
        version=1,
        thread_version=1,
        reply_count=0,
        like_count=3,
        announce_count=2,
    )
    return replace(made, **changes)


def answer(**changes: Any) -> Reply:
    """An answer of our author in a thread."""
    made = Reply(
        id=ReplyId(9),
        uri=IDS.note(9),
        url=IDS.reply_page("ana", "friendship", 9),
        actor_id=ActorId(1),
        post_id=PostId(7),
        parent_id=ReplyId(8),
        in_reply_to="https://m.example/users/mia/statuses/1",
        path="a",
        depth=2,
        state=ReplyState.PUBLISHED,
        visibility=Visibility.PUBLIC,
        local=True,
        type="Note",
        name="",
        content_html="<p>Thank you.</p>",
        source="Thank you.",
        content_warning="",
        language="en",
        published_at=NOW,
        edited_at=None,
        received_at=NOW,
        like_count=1,
        announce_count=0,
        remote_likes=0,
        remote_announces=0,
        context=f"{BASE}/ap/posts/7/context",
        attachments=(),
        reason="",
    )
    return replace(made, **changes)
