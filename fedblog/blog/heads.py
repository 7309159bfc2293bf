"""As much of a post and of a reply as it takes to answer them: the texts stay where they are."""

from __future__ import annotations

from dataclasses import dataclass

from fedblog.blog.model import (
    ActorId,
    HoldPolicy,
    Post,
    PostId,
    QuotePolicy,
    ReplyId,
    ReplyPolicy,
    ReplyState,
    Visibility,
)


@dataclass(frozen=True, slots=True)
class PostHead:
    """A published post: whose it is, and who may answer and quote it."""

    id: PostId
    uri: str
    author_id: ActorId
    visibility: Visibility
    comments_open: bool
    reply_policy: ReplyPolicy
    quote_policy: QuotePolicy
    mentions: tuple[str, ...]
    hold_policy: HoldPolicy

    @classmethod
    def of(cls, post: Post) -> PostHead:
        """The head of a whole post."""
        return cls(
            post.id,
            post.uri,
            post.author_id,
            post.visibility,
            post.comments_open,
            post.reply_policy,
            post.quote_policy,
            post.mentions,
            post.hold_policy,
        )


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """A reply with its place in the thread of `post_id`; see `Reply`."""

    id: ReplyId
    uri: str
    parent_id: ReplyId | None
    path: str
    depth: int
    state: ReplyState
    visibility: Visibility
    shown: bool


@dataclass(frozen=True, slots=True)
class Spot:
    """A place to answer: the post, and the reply under it when it is not the post itself."""

    post: PostHead
    reply: ReplyHead | None

    @property
    def post_id(self) -> PostId | None:
        """For storage functions that want one of both: the post when it is the post itself."""
        return self.post.id if self.reply is None else None

    @property
    def reply_id(self) -> ReplyId | None:
        """The reply, or None for the post itself."""
        return None if self.reply is None else self.reply.id

    @property
    def uri(self) -> str:
        """The id of the post or reply."""
        return self.post.uri if self.reply is None else self.reply.uri
