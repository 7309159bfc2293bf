"""Our authors answer in a thread: a Note for everybody in that branch and for the followers (ART-21, DLV-03)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedblog.activitypub import serialise
from fedblog.activitypub.ids import LocalIds
from fedblog.blog.audience import narrower
from fedblog.blog.model import (
    Actor,
    ActorId,
    NewReply,
    Post,
    PostId,
    PostStatus,
    Reaction,
    ReactionKind,
    Reply,
    ReplyId,
    ReplyState,
    Visibility,
)
from fedblog.errors import Conflict, Forbidden, InvalidInput, NotFound
from fedblog.federation.compose import Written
from fedblog.federation.outbox import Outbox
from fedblog.storage import actors, branches, posts, reactions, replies
from fedblog.storage.database import Tx
from fedblog.storage.outgoing import Audience


@dataclass(frozen=True, slots=True)
class AnswerText:
    """What an author wrote as an answer, rendered."""

    source: str
    written: Written
    content_warning: str = ""
    language: str = ""
    visibility: Visibility = Visibility.PUBLIC


@dataclass(frozen=True, slots=True)
class Answering:
    """The acts on our own answers, inside a transaction. `outbox` holds the author's keys."""

    ids: LocalIds
    outbox: Outbox

    def answer(
        self, tx: Tx, text: AnswerText, *, author_id: ActorId, post_id: PostId | None, parent_id: ReplyId | None
    ) -> Reply:
        """Answer a reply (`parent_id`) or the post itself (`post_id`). Never wider than what it answers: an answer to
        a private reply goes to its author and to those it mentions, to nobody else.

        Raises `NotFound`, or `Conflict` for what was deleted or isn't published.
        """
        parent, post = self._find(tx, post_id, parent_id)
        author = actors.by_id(tx, author_id)
        reply_id = ReplyId(tx.new_id())
        visibility = _visibility(text.visibility, post, parent)
        new = NewReply(
            uri=self.ids.note(reply_id),
            url=self._page(tx, post, reply_id),
            actor_id=author.id,
            in_reply_to=parent.uri if parent is not None else post.uri,
            state=ReplyState.PUBLISHED,
            visibility=visibility,
            local=True,
            type="Note",
            name="",
            content_html=text.written.rendered.html,
            source=text.source,
            content_warning=text.content_warning,
            language=text.language or post.language,
            published_at=tx.now,
            edited_at=None,
            context=(parent.context if parent is not None else "") or self.ids.collection(post.uri, "context"),
            attachments=(),
            remote_likes=0,
            remote_announces=0,
            reason="",
            original=b"",
        )
        stored = replies.add(tx, new, post_id=post.id, parent_id=parent_id, reply_id=reply_id)
        self._send(tx, "create", stored, author, text.written.mentioned)
        return stored

    def edit(self, tx: Tx, reply_id: ReplyId, text: AnswerText, *, author_id: ActorId) -> Reply:
        """Change the text of an answer; the audience stays as it was."""
        stored = self._own(tx, reply_id, author_id)
        author = actors.by_id(tx, author_id)
        changed = NewReply(
            uri=stored.uri,
            url=stored.url,
            actor_id=stored.actor_id,
            in_reply_to=stored.in_reply_to,
            state=stored.state,
            visibility=stored.visibility,
            local=True,
            type=stored.type,
            name="",
            content_html=text.written.rendered.html,
            source=text.source,
            content_warning=text.content_warning,
            language=text.language or stored.language,
            published_at=stored.published_at,
            edited_at=tx.now,
            context=stored.context,
            attachments=stored.attachments,
            remote_likes=0,
            remote_announces=0,
            reason=stored.reason,
            original=b"",
        )
        updated = replies.update_remote(tx, reply_id, changed)
        if updated.edited_at != stored.edited_at or updated.content_html != stored.content_html:
            self._send(tx, "update", updated, author, text.written.mentioned)
        return updated

    def delete(self, tx: Tx, reply_id: ReplyId, *, author_id: ActorId | None) -> None:
        """Take an answer back everywhere; `author_id` None: an editor does it."""
        stored = self._own(tx, reply_id, author_id)
        author = actors.by_id(tx, stored.actor_id)
        audience = self._audience(tx, stored, author, ())
        when = tx.now
        public = stored.visibility.is_public
        self.outbox.add(
            tx,
            lambda uri: serialise.delete(
                stored.uri,
                actor=author,
                activity_id=uri,
                former_type=stored.type,
                deleted_at=when,
                to=[serialise.PUBLIC] if public else [],
                cc=[author.followers_uri] if public else [],
            ),
            actor=author,
            object_uri=stored.uri,
            audience=audience,
            public=public,
        )
        replies.remove(tx, reply_id)

    def like(self, tx: Tx, reply_id: ReplyId, *, author_id: ActorId) -> bool:
        """An author likes somebody's reply; its author is told. Whether it was new."""
        reply, author = _get_reply(tx, reply_id), actors.by_id(tx, author_id)
        if reply.imported:
            raise Conflict("this comment came from a file: nobody would hear of the like", reason="reply_imported")
        liked = actors.by_id(tx, reply.actor_id)
        if any(one.actor.id == author.id for one in _likes(tx, reply_id)):
            return False
        told = self.outbox.add(
            tx,
            lambda uri: serialise.like(reply.uri, actor=author, activity_id=uri, to=[liked.uri]),
            actor=author,
            object_uri=reply.uri,
            audience=Audience(personal=() if liked.local else (liked.id,)),
            public=False,
        )
        return reactions.add(
            tx, kind=ReactionKind.LIKE, actor_id=author.id, reply_id=reply_id, activity_uri=str(told["id"])
        )

    def unlike(self, tx: Tx, reply_id: ReplyId, *, author_id: ActorId) -> bool:
        """Take the like back; whether there was one."""
        reply, author = _get_reply(tx, reply_id), actors.by_id(tx, author_id)
        liked = actors.by_id(tx, reply.actor_id)
        mine = next((one for one in _likes(tx, reply_id) if one.actor.id == author.id), None)
        if mine is None:
            return False
        reactions.remove(tx, kind=ReactionKind.LIKE, actor_id=author.id, reply_id=reply_id)
        done = serialise.like(reply.uri, actor=author, activity_id=mine.activity_uri, to=[liked.uri])
        self.outbox.add(
            tx,
            lambda uri: serialise.undo(done, activity_id=uri),
            actor=author,
            object_uri=reply.uri,
            audience=Audience(personal=() if liked.local else (liked.id,)),
            public=False,
        )
        return True

    def tell_approved(self, tx: Tx, reply_id: ReplyId, mentioned: Sequence[Actor]) -> None:
        """The author of its parent approved an answer: everybody who has it gets it with the approval (INB-32)."""
        reply = replies.by_id(tx, reply_id)
        if reply is not None and reply.approved_by and reply.state is ReplyState.PUBLISHED:
            self._send(tx, "update", reply, actors.by_id(tx, reply.actor_id), mentioned)

    def _send(self, tx: Tx, verb: str, reply: Reply, author: Actor, mentioned: Sequence[Actor]) -> None:
        if reply.approval == "rejected":
            return  # whom it answers wants it in no conversation of theirs
        parent = replies.by_uri(tx, reply.in_reply_to)
        post = posts.by_id(tx, reply.post_id) if reply.post_id is not None else None
        answered = parent.actor_id if parent is not None else post.author_id if post is not None else author.id
        note = serialise.note(
            reply,
            actor=author,
            ids=self.ids,
            in_reply_to_actor=actors.by_id(tx, answered),
            mentions=[(person.uri, person.handle) for person in mentioned],
        )
        wrap = serialise.create if verb == "create" else serialise.update
        when = tx.now
        self.outbox.add(
            tx,
            lambda uri: wrap(note, activity_id=uri, published=when),
            actor=author,
            object_uri=reply.uri,
            audience=self._audience(tx, reply, author, mentioned),
            public=reply.visibility.is_public,
        )

    def _audience(self, tx: Tx, reply: Reply, author: Actor, mentioned: Sequence[Actor]) -> Audience:
        """Public: followers, the branch above and the mentioned; private: whom it answers and mentions, personally."""
        branch = [actor for actor in branches.branch_actors(tx, reply.id) if actor.id != author.id]
        if reply.visibility.is_public:
            return Audience(followers_of=(author.id,), actors=_remote_ids((*branch, *mentioned)))
        parent = replies.by_uri(tx, reply.in_reply_to)
        answered = [actor for actor in branch if parent is not None and actor.id == parent.actor_id]
        return Audience(personal=_remote_ids((*answered, *mentioned)))

    def _find(self, tx: Tx, post_id: PostId | None, parent_id: ReplyId | None) -> tuple[Reply | None, Post]:
        if (post_id is None) == (parent_id is None):
            raise InvalidInput("answer a post or a reply", reason="answer_target")
        parent = _get_reply(tx, parent_id) if parent_id is not None else None
        if parent is not None and parent.imported:
            raise Conflict("this comment came from a file: whoever wrote it can't be reached", reason="reply_imported")
        if parent is not None and parent.state is ReplyState.REMOVED:
            raise Conflict("this reply was deleted by its author", reason="reply_removed")
        found = parent.post_id if parent is not None else post_id
        post = posts.by_id(tx, found) if found is not None else None
        if post is None or post.status is PostStatus.DELETED:
            raise NotFound("there is no such post")
        if post.status is not PostStatus.PUBLISHED:
            raise Conflict("this post is not published", reason="not_published")
        return parent, post

    def _own(self, tx: Tx, reply_id: ReplyId, author_id: ActorId | None) -> Reply:
        stored = _get_reply(tx, reply_id)
        if not stored.local or stored.state is ReplyState.REMOVED:
            raise NotFound("there is no such answer")
        if author_id is not None and stored.actor_id != author_id:
            raise Forbidden("this answer is somebody else's", reason="not_yours")
        return stored

    def _page(self, tx: Tx, post: Post, reply_id: ReplyId) -> str:
        return self.ids.reply_page(actors.by_id(tx, post.author_id).username, post.slug, reply_id)


def _visibility(wanted: Visibility, post: Post, parent: Reply | None) -> Visibility:
    if parent is not None and not parent.visibility.is_public:
        return Visibility.DIRECT  # our followers are not theirs
    if not wanted.is_public:
        return Visibility.DIRECT
    return narrower(wanted, narrower(post.visibility, parent.visibility if parent is not None else wanted))


def _likes(tx: Tx, reply_id: ReplyId) -> list[Reaction]:
    found = reactions.of_replies(tx, [reply_id]).get(reply_id, [])
    return [one for one in found if one.kind is ReactionKind.LIKE]


def _remote_ids(people: Sequence[Actor]) -> tuple[ActorId, ...]:
    return tuple(dict.fromkeys(person.id for person in people if not person.local and person.deleted_at is None))


def _get_reply(tx: Tx, reply_id: ReplyId) -> Reply:
    reply = replies.by_id(tx, reply_id)
    if reply is None:
        raise NotFound("there is no such reply")
    return reply
