"""Posts go out: published, edited, withdrawn, deleted. Each act is one unit of work with its activities inside."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fedblog.activitypub import serialise
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.vocab import Json
from fedblog.blog.model import Actor, ActorId, Post, PostId, PostKind, PostStatus, PostText, Visibility
from fedblog.config import Settings
from fedblog.errors import Conflict, NotFound
from fedblog.federation import websub
from fedblog.federation.outbox import Outbox
from fedblog.media.library import pictures_of
from fedblog.storage import actors, listing, outgoing, planning, posts
from fedblog.storage.database import Tx
from fedblog.storage.outgoing import Audience

MAX_PARTICIPANTS = 5_000
MAX_PINNED = 5
BOOST_PAUSE = 86_400


@dataclass(frozen=True, slots=True)
class Posting:
    """The acts on posts, inside a transaction. `outbox` holds the keys of the author and of the blog."""

    ids: LocalIds
    settings: Settings
    outbox: Outbox

    def publish(self, tx: Tx, post_id: PostId) -> Post:
        """Draft or withdrawn post -> public; the author's Create, and the blog's Announce of it (ART-08). What is not
        federated only shows here.

        Raises `NotFound`, or `Conflict` when it is out already.
        """
        # Locked before it is looked at: of two at once (PostgreSQL), the second finds it out, and sends nothing.
        before = posts.lock(tx, post_id)
        if before.status is PostStatus.PUBLISHED:
            raise Conflict("this post is published already", reason="already_published")
        post = posts.publish(tx, post_id, self.ids.post)
        self._tell_hub(tx, post)
        if not post.federated:
            return post
        author, blog = actors.by_id(tx, post.author_id), actors.blog(tx)
        people = _people(tx, post.mentions)
        # Without an Announce, the blog's followers get the Create itself.
        announced = post.visibility is Visibility.PUBLIC
        created = self.outbox.add(
            tx,
            self._about(tx, serialise.create, post, author, blog, people),
            actor=author,
            object_uri=post.uri,
            audience=Audience(
                followers_of=(author.id,) if announced else (author.id, blog.id),
                actors=tuple(person.id for person in people if not person.local),
            ),
            public=True,
        )
        if announced:
            self._announce(tx, created, post, author, blog)
        return post

    def publish_planned(self, tx: Tx, post_id: PostId, at: int, *, text: PostText | None, version: int) -> Post | None:
        """Publish what is planned for `at`; None where it isn't any more. `text` is version `version` with everybody
        found whom it mentions: it is saved first, unless the post was saved meanwhile."""
        post = posts.lock(tx, post_id)
        if not planning.is_due(post, at, tx.now):
            return None
        if text is not None and (text.content_html, text.mentions) != (post.content_html, post.mentions):
            with contextlib.suppress(Conflict):
                posts.save_text(tx, post_id, text, editor_id=post.author_id, expected_version=version)
        return self.publish(tx, post_id)

    def close_planned(self, tx: Tx, post_id: PostId, at: int) -> None:
        """Close the comments, if `at` still is the time for it."""
        if planning.closes_at(posts.lock(tx, post_id)) == at <= tx.now:
            self.set_comments(tx, post_id, False)

    def edit(
        self,
        tx: Tx,
        post_id: PostId,
        text: PostText,
        *,
        editor_id: ActorId,
        expected_version: int | None,
        note: str = "",
        silent: bool = False,
    ) -> Post:
        """Save a text; where the post is out, everybody who has it gets the Update (ART-10), unless it is `silent`."""
        before = _get(tx, post_id)
        post = posts.save_text(
            tx,
            post_id,
            text,
            editor_id=editor_id,
            expected_version=expected_version,
            note=note,
            mark_edited=not silent,
        )
        if post.status is PostStatus.PUBLISHED:
            self._tell_hub(tx, post)
        if post.uri and not silent:
            self.send_update(tx, post, also=before.mentions)
        return post

    def send_out(
        self,
        tx: Tx,
        post_id: PostId | None,
        text: PostText,
        *,
        editor_id: ActorId,
        expected_version: int | None,
        note: str,
        at: int | None,
    ) -> Post:
        """Save a text (None: as a new post) and publish it, or plan that for `at`. Sent twice, it goes out once."""
        sent = planning.sent_already(tx, post_id, text, expected_version, author_id=editor_id, at=at)
        if sent is not None:
            return sent
        if post_id is None:
            post = posts.create_draft(tx, text, author_id=editor_id, editor_id=editor_id)
        else:
            post = self.edit(tx, post_id, text, editor_id=editor_id, expected_version=expected_version, note=note)
        return self.publish(tx, post.id) if at is None else planning.schedule(tx, post.id, at)

    def send_update(self, tx: Tx, post: Post, *, also: tuple[str, ...] = ()) -> None:
        """Update with the whole object to followers, blog followers, mentioned and everybody who took part."""
        author, blog = actors.by_id(tx, post.author_id), actors.blog(tx)
        people = _people(tx, post.mentions)
        self.outbox.add(
            tx,
            self._about(tx, serialise.update, post, author, blog, people),
            actor=author,
            object_uri=post.uri,
            audience=self._everybody(tx, post, author, blog, also=also),
            public=True,
        )

    def unpublish(self, tx: Tx, post_id: PostId) -> Post:
        """Take a post back from everywhere; publishing it again gives it a new id (ART-22)."""
        before = _get(tx, post_id)
        if before.status is not PostStatus.PUBLISHED:
            raise Conflict("this post is not published", reason="not_published")
        if before.uri:
            self._send_delete(tx, before)
        return posts.unpublish(tx, post_id)

    def delete(self, tx: Tx, post_id: PostId) -> Post:
        """Delete for good: here the text is emptied, elsewhere a Tombstone takes its place."""
        before = _get(tx, post_id)
        if before.uri:
            self._send_delete(tx, before)
        return posts.delete(tx, post_id)

    def _tell_hub(self, tx: Tx, post: Post) -> None:
        """The feeds that show the post have changed."""
        if post.visibility is Visibility.PUBLIC and post.kind is PostKind.POST:
            websub.plan(tx, self.settings, self.ids, actors.by_id(tx, post.author_id))

    def set_comments(self, tx: Tx, post_id: PostId, is_open: bool) -> Post:
        """Open or close the comments; peers learn it by an Update (ART-18)."""
        before = _get(tx, post_id)
        if before.comments_open == is_open:
            return before
        posts.set_comments_open(tx, post_id, is_open)
        post = _get(tx, post_id)
        if post.uri:
            self.send_update(tx, post)
        return post

    def pin(self, tx: Tx, post_id: PostId, pinned: bool) -> Post:
        """Add to or Remove from the author's pinned posts; followers' servers are told (ACT-13, COL-07)."""
        post = _get(tx, post_id)
        if (post.pinned_at is not None) == pinned:
            return post
        if pinned and not (post.status is PostStatus.PUBLISHED and post.visibility is Visibility.PUBLIC):
            raise Conflict("only a public post can be pinned", reason="not_public")
        if pinned and len(listing.pinned(tx, post.author_id)) >= MAX_PINNED:
            raise Conflict(f"at most {MAX_PINNED} posts are pinned; take one off first", reason="too_many_pinned")
        posts.set_pinned(tx, post_id, tx.now if pinned else None)
        if not post.uri:
            return _get(tx, post_id)
        author = actors.by_id(tx, post.author_id)
        self.outbox.add(
            tx,
            lambda uri: serialise.pin(
                "Add" if pinned else "Remove",
                post.uri,
                actor=author,
                activity_id=uri,
                target=self.ids.featured(author.uri),
            ),
            actor=author,
            object_uri=post.uri,
            audience=Audience(followers_of=(author.id,)),
            public=True,
        )
        return _get(tx, post_id)

    def announce_again(self, tx: Tx, post_id: PostId) -> Post:
        """Author and blog boost a post that is out, for everybody who follows them since.

        Servers keep one boost of a thing by each actor, so the author's one before is undone first; the blog undoes
        nothing (ACT-02), and its boost counts where none has arrived yet. Raises `NotFound`, and `Conflict` for what
        is not public (`not_public`) or went around less than a day ago (`boosted_lately`).
        """
        post = posts.lock(tx, post_id)  # of two presses at once, the second finds the first
        if post.status is not PostStatus.PUBLISHED or post.visibility is not Visibility.PUBLIC or not post.uri:
            raise Conflict("only a public post can be boosted", reason="not_public")
        speakers = (actors.by_id(tx, post.author_id), actors.blog(tx))
        before = [outgoing.last_announce(tx, speaker.id, post.uri) for speaker in speakers]
        lately = max((post.published_at or 0, *(one.created_at for one in before if one is not None)))
        if tx.now - lately < BOOST_PAUSE:
            raise Conflict("this post went around less than a day ago", reason="boosted_lately")
        for speaker, last in zip(speakers, before, strict=True):
            if last is not None and speaker.id == post.author_id:
                done = serialise.announce(post.uri, actor=speaker, activity_id=last.uri, published=last.created_at)
                self._send_about(tx, post, speaker, partial(serialise.undo, done))
            self._send_about(tx, post, speaker, partial(serialise.announce, post.uri, actor=speaker, published=tx.now))
        return post

    def _send_about(self, tx: Tx, post: Post, speaker: Actor, make: Callable[..., Json]) -> None:
        self.outbox.add(
            tx,
            lambda uri: make(activity_id=uri),
            actor=speaker,
            object_uri=post.uri,
            audience=Audience(followers_of=(speaker.id,)),
            public=True,
        )

    def _about(
        self,
        tx: Tx,
        wrap: Callable[..., Json],
        post: Post,
        author: Actor,
        blog: Actor,
        people: list[Actor],
    ) -> Callable[[str], Json]:
        article = serialise.article(
            post,
            author=author,
            blog=blog,
            ids=self.ids,
            settings=self.settings,
            mentions=[(person.uri, person.handle) for person in people],
            pictures=pictures_of(tx, self.settings.base_url, post.content_html, post.image_url),
        )
        when = tx.now
        return lambda uri: wrap(article, activity_id=uri, published=when)

    def _announce(self, tx: Tx, created: Json, post: Post, author: Actor, blog: Actor) -> None:
        """The blog passes the author's Create on to its own followers. The whole Create is inside for readers of
        groups; others take the id and fetch it. A follower of both sees the post once: boosts of what is in a home
        feed already are left out there."""
        when = tx.now
        self.outbox.add(
            tx,
            lambda uri: serialise.announce(created, actor=blog, activity_id=uri, published=when, cc=[author.uri]),
            actor=blog,
            object_uri=post.uri,
            audience=Audience(followers_of=(blog.id,)),
            public=True,
        )

    def _send_delete(self, tx: Tx, post: Post) -> None:
        author, blog = actors.by_id(tx, post.author_id), actors.blog(tx)
        when = tx.now
        self.outbox.add(
            tx,
            lambda uri: serialise.delete(
                post.uri,
                actor=author,
                activity_id=uri,
                former_type="Article",
                deleted_at=when,
                to=[serialise.PUBLIC],
                cc=[author.followers_uri, blog.followers_uri],
            ),
            actor=author,
            object_uri=post.uri,
            audience=self._everybody(tx, post, author, blog),
            public=True,
        )

    def _everybody(self, tx: Tx, post: Post, author: Actor, blog: Actor, *, also: tuple[str, ...] = ()) -> Audience:
        """Everybody who may have it: followers of both, mentioned then and now, everybody who took part."""
        people = _people(tx, (*post.mentions, *also))
        took_part = posts.participants(tx, post.id)[:MAX_PARTICIPANTS]
        return Audience(
            followers_of=(author.id, blog.id),
            actors=tuple(dict.fromkeys((*(person.id for person in people if not person.local), *took_part))),
        )


def _get(tx: Tx, post_id: PostId) -> Post:
    post = posts.by_id(tx, post_id)
    if post is None or post.status is PostStatus.DELETED:
        raise NotFound("there is no such post")
    return post


def _people(tx: Tx, uris: tuple[str, ...]) -> list[Actor]:
    found = (actors.by_uri(tx, uri) for uri in dict.fromkeys(uris))
    return [actor for actor in found if actor is not None and actor.deleted_at is None]
