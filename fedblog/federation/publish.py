"""The one door for everything that our authors do: each act is one unit of work with its activities inside.

What needs the CPU or the network (rendering, looking up who is mentioned) is done before the unit starts; signatures
over HTTP are made when an activity is sent, by `delivery`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fedblog.activitypub.block_lists import is_or_holds
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import host_of, parse_uri
from fedblog.blog.ledger import AccountId, Decision
from fedblog.blog.model import (
    Actor,
    ActorId,
    Follower,
    Post,
    PostId,
    PostText,
    Quote,
    QuoteState,
    Reply,
    ReplyId,
    Visibility,
)
from fedblog.config import Settings
from fedblog.errors import InvalidInput, NotFound
from fedblog.federation.answers import Answering, AnswerText
from fedblog.federation.compose import Composer
from fedblog.federation.fetcher import Fetcher
from fedblog.federation.moving import Movers
from fedblog.federation.outbox import Outbox, open_outbox
from fedblog.federation.people import HIDDEN_BY_AUTHOR, People, ProfileText
from fedblog.federation.posting import Posting
from fedblog.federation.resolver import Resolver
from fedblog.storage import actors, moderation, planning, posts, replies
from fedblog.storage.database import Database, Tx
from fedblog.storage.seal import Sealer

MAX_ANSWER = 20_000
MAX_FIELDS = 20
MAX_REPORT = 5_000


class Publisher:
    """Posts, answers, profiles, followers and moderation, with their activities."""

    def __init__(
        self,
        db: Database,
        ids: LocalIds,
        settings: Settings,
        sealer: Sealer,
        *,
        fetcher: Fetcher | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """Without `fetcher` and `resolver` only people who are known here are linked when they are mentioned."""
        self._db, self._ids, self._settings, self._sealer = db, ids, settings, sealer
        self._fetcher, self._resolver = fetcher, resolver
        self._composer = Composer(db, ids, settings, fetcher, resolver)
        self.compose = self._composer.post

    # Posts

    async def save_draft(self, text: PostText, *, author_id: ActorId, editor_id: ActorId | None = None) -> Post:
        """A new draft; nothing leaves the house."""
        return await self._db.write(posts.create_draft, text, author_id=author_id, editor_id=editor_id or author_id)

    async def publish(self, post_id: PostId) -> Post:
        """Draft or withdrawn -> public. Raises `NotFound`, `Conflict` (already published)."""
        posting = await self._posting(post_id)
        return await self._db.write(posting.publish, post_id)

    async def edit(
        self,
        post_id: PostId,
        text: PostText,
        *,
        editor_id: ActorId,
        expected_version: int | None = None,
        note: str = "",
        silent: bool = False,
    ) -> Post:
        """Save a text, of a draft or of a published post (which sends an Update, unless it is `silent`: then the post
        isn't marked as edited either). `note` says why and stays with the revision. Raises `NotFound`, `Conflict` when
        somebody else saved it since `expected_version`."""
        posting = await self._posting(post_id)
        return await self._db.write(
            posting.edit,
            post_id,
            text,
            editor_id=editor_id,
            expected_version=expected_version,
            note=note,
            silent=silent,
        )

    async def send_out(
        self,
        post_id: PostId | None,
        text: PostText,
        *,
        editor_id: ActorId,
        expected_version: int | None = None,
        note: str = "",
        at: int | None = None,
    ) -> Post:
        """Save a text and publish it (`at`: then), in one unit of work; None for a new post of the editor's. Raises as
        `edit`, `publish` and `schedule` do, and nothing is saved then."""
        posting = await self._posting(post_id, editor_id)
        return await self._db.write(
            posting.send_out,
            post_id,
            text,
            editor_id=editor_id,
            expected_version=expected_version,
            note=note,
            at=at,
        )

    async def schedule(self, post_id: PostId, at: int | None) -> Post:
        """Publish it at `at`; None: not any more. Raises `NotFound`, `Conflict`."""
        return await self._db.write(planning.schedule, post_id, at)

    async def publish_planned(self, post_id: PostId, at: int) -> Post | None:
        """Publish what was planned for `at`, if that is still the plan; None where it isn't. Drafts are saved without
        looking up whom they mention, so that is done now. Raises `NotFound`."""
        posting = await self._posting(post_id)
        post = await self._db.read(posts.get, post_id)
        text = await self._composer.anew(post) if post.scheduled_at == at else None
        return await self._db.write(posting.publish_planned, post_id, at, text=text, version=post.version)

    async def close_planned(self, post_id: PostId, at: int) -> None:
        """Close the comments of a post whose time for that was `at`, if it still is. Raises `NotFound`."""
        posting = await self._posting(post_id)
        await self._db.write(posting.close_planned, post_id, at)

    async def trash(self, post_id: PostId) -> Post:
        """Put a draft or a withdrawn post into the trash. Raises `NotFound`, `Conflict` when it is published."""
        return await self._db.write(planning.trash, post_id)

    async def untrash(self, post_id: PostId) -> Post:
        """Take a post out of the trash. Raises `NotFound`."""
        return await self._db.write(planning.untrash, post_id)

    async def unpublish(self, post_id: PostId) -> Post:
        """Take a post back; it can be published again, under a new id. Raises `NotFound`, `Conflict`."""
        posting = await self._posting(post_id)
        return await self._db.write(posting.unpublish, post_id)

    async def delete(self, post_id: PostId) -> Post:
        """Delete a post for good, everywhere. Raises `NotFound`."""
        posting = await self._posting(post_id)
        return await self._db.write(posting.delete, post_id)

    async def set_comments(self, post_id: PostId, is_open: bool) -> Post:
        """Open or close the comments of a post. Raises `NotFound`."""
        posting = await self._posting(post_id)
        return await self._db.write(posting.set_comments, post_id, is_open)

    async def pin(self, post_id: PostId, pinned: bool) -> Post:
        """Put a post on its author's profile, or take it off (ACT-13). Raises `NotFound`, `Conflict` when the post is
        not public or five are pinned."""
        posting = await self._posting(post_id)
        return await self._db.write(posting.pin, post_id, pinned)

    async def announce_again(self, post_id: PostId) -> Post:
        """Author and blog boost a post that is out already. Raises `NotFound`, `Conflict` when it is not public or
        went around less than a day ago."""
        posting = await self._posting(post_id)
        return await self._db.write(posting.announce_again, post_id)

    # Answers

    async def answer(
        self,
        *,
        author_id: ActorId,
        source: str,
        post_id: PostId | None = None,
        reply_id: ReplyId | None = None,
        content_warning: str = "",
        language: str = "",
        visibility: Visibility = Visibility.PUBLIC,
    ) -> Reply:
        """Answer a post or a reply, in Markdown; one of both ids. Raises `NotFound`, `Conflict`, `InvalidInput`."""
        text = await self._answer_text(source, content_warning, language, visibility)
        answering = Answering(self._ids, await self._outbox(author_id))
        return await self._db.write(answering.answer, text, author_id=author_id, post_id=post_id, parent_id=reply_id)

    async def edit_answer(
        self, reply_id: ReplyId, *, author_id: ActorId, source: str, content_warning: str = "", language: str = ""
    ) -> Reply:
        """Change an answer; everybody who has it gets the Update. Raises `NotFound`, `Forbidden`, `InvalidInput`."""
        text = await self._answer_text(source, content_warning, language, Visibility.PUBLIC)
        answering = Answering(self._ids, await self._outbox(author_id))
        return await self._db.write(answering.edit, reply_id, text, author_id=author_id)

    async def delete_answer(self, reply_id: ReplyId, *, author_id: ActorId | None = None) -> None:
        """Take an answer back; `author_id` None: an editor does it for somebody. Raises `NotFound`, `Forbidden`."""
        reply = await self._db.read(replies.by_id, reply_id)
        if reply is None:
            raise NotFound("there is no such answer")
        answering = Answering(self._ids, await self._outbox(reply.actor_id))
        await self._db.write(answering.delete, reply_id, author_id=author_id)

    async def like_reply(self, reply_id: ReplyId, *, author_id: ActorId) -> bool:
        """Like somebody's reply; whether it was new. Raises `NotFound`."""
        return await self._db.write(Answering(self._ids, Outbox(self._ids, {})).like, reply_id, author_id=author_id)

    async def unlike_reply(self, reply_id: ReplyId, *, author_id: ActorId) -> bool:
        """Take a like back; whether there was one. Raises `NotFound`."""
        return await self._db.write(Answering(self._ids, Outbox(self._ids, {})).unlike, reply_id, author_id=author_id)

    # People

    async def update_profile(
        self,
        actor_id: ActorId,
        *,
        name: str,
        summary_source: str,
        icon_url: str = "",
        image_url: str = "",
        fields: tuple[tuple[str, str], ...] = (),
        manually_approves: bool = False,
    ) -> Actor:
        """Change what one of our actors says about itself; `fields` are (name, plain text or URL) pairs."""
        if len(fields) > MAX_FIELDS:
            raise InvalidInput(f"a profile has at most {MAX_FIELDS} fields", reason="too_many_fields")
        written = await self._composer.write(summary_source)
        text = ProfileText(
            name=" ".join(name.split()),
            summary_source=summary_source,
            summary_html=written.rendered.html,
            icon_url=icon_url,
            image_url=image_url,
            fields=fields,
            manually_approves=manually_approves,
        )
        people = self._people(await self._outbox(actor_id))
        return await self._db.write(people.update_profile, actor_id, text)

    async def set_aliases(self, actor_id: ActorId, names: Sequence[str]) -> Actor:
        """Say which accounts one of our authors also is: ids or @name@host, looked up. Raises `InvalidInput`,
        `FetchFailed`."""
        uris = await self._movers().find(names)
        people = self._people(await self._outbox(actor_id))
        return await self._db.write(people.set_aliases, actor_id, uris)

    async def move_to(self, actor_id: ActorId, name: str) -> Actor:
        """Move one of our authors to another account, which must name ours in its `alsoKnownAs` now (ACT-12); ""
        takes a move back. Raises `InvalidInput`, `Conflict`, `FetchFailed`."""
        author = await self._db.read(actors.by_id, actor_id)
        target = await self._movers().confirmed_target(author, name) if name else None
        people = self._people(await self._outbox(actor_id))
        return await self._db.write(people.move_to, actor_id, target)

    async def report_reply(self, reply_id: ReplyId, words: str) -> None:
        """Report a reply to the moderators of its server; the instance speaks, not the author (INB-30). Raises
        `NotFound`, `InvalidInput`."""
        if len(words) > MAX_REPORT:
            raise InvalidInput(f"a report has at most {MAX_REPORT} characters", reason="report_too_long")
        await self._db.write(self._people().report_reply, reply_id, words.strip())

    async def decide_quote(self, quote_id: int, state: QuoteState) -> Quote:
        """Accept, reject or take back a quote (FEP-044f). Raises `NotFound`."""
        return await self._db.write(self._people().decide_quote, quote_id, state)

    async def accept_follower(self, follower_id: ActorId, target_id: ActorId) -> Follower:
        """Accept somebody's wish to follow. Raises `NotFound`."""
        return await self._db.write(self._people().accept_follower, follower_id, target_id)

    async def reject_follower(self, follower_id: ActorId, target_id: ActorId) -> None:
        """Refuse a follow, or end one. Raises `NotFound`."""
        await self._db.write(self._people().reject_follower, follower_id, target_id)

    async def hide_reply(
        self, reply_id: ReplyId, *, reason: str = HIDDEN_BY_AUTHOR, by: AccountId | None = None
    ) -> Decision:
        """Take a reply off all public pages. Raises `NotFound`, `Conflict`."""
        return await self._db.write(self._people().hide_reply, reply_id, reason, by=by)

    async def approve_reply(
        self, reply_id: ReplyId, *, trust_author: bool = True, by: AccountId | None = None
    ) -> Decision:
        """Show a held or hidden reply. Raises `NotFound`, `Conflict`."""
        return await self._db.write(self._people().approve_reply, reply_id, trust_author=trust_author, by=by)

    async def mark_spam(self, reply_id: ReplyId, *, by: AccountId | None = None) -> Decision:
        """Take a reply off all public pages as spam, and hold what its author writes. Raises `NotFound`, `Conflict`."""
        return await self._db.write(self._people().mark_spam, reply_id, by=by)

    async def decide_replies(self, ids: Collection[ReplyId], kind: str, *, by: AccountId | None) -> list[Decision]:
        """Approve, hide or call spam (`kind`) several replies as one. Raises `NotFound`, `Conflict`: then none is."""
        return await self._db.write(self._people().decide_all, ids, kind, by=by)

    async def undo_decision(self, decision_id: int) -> Reply | None:
        """Take a decision about a reply back; None where something later stands. Raises `Conflict`."""
        return await self._db.write(self._people().undo_decision, decision_id)

    async def block_actor(self, uri: str, *, reason: str = "") -> None:
        """Hear nothing more from an actor. Raises `InvalidInput`."""
        await self._db.write(self._people().block_actor, parse_uri(uri), reason)

    async def unblock_actor(self, uri: str) -> None:
        """Hear an actor again."""
        await self._db.write(self._people().unblock_actor, uri)

    async def block_domain(self, domain: str, *, reason: str = "") -> None:
        """Hear nothing more from a server and its subdomains. Raises `InvalidInput`."""
        await self._db.write(self._people().block_domain, self._foreign(domain), reason)

    async def unblock_domain(self, domain: str) -> None:
        """Hear a server again."""
        await self._db.write(self._people().unblock_domain, _host(domain))

    async def limit_domain(self, domain: str, *, reason: str = "") -> None:
        """Hold what comes from a server and its subdomains until somebody approves it. Raises `InvalidInput`."""
        await self._db.write(moderation.block, "limit", self._foreign(domain), reason)

    async def unlimit_domain(self, domain: str) -> None:
        """Treat a server like any other again."""
        await self._db.write(moderation.unblock, "limit", _host(domain))

    # How

    def _foreign(self, domain: str) -> str:
        host = _host(domain)
        if is_or_holds(host, (self._settings.domain, self._settings.authority)):
            raise InvalidInput("this is our own domain", reason="domain_is_local")
        return host

    async def _posting(self, post_id: PostId | None, author_id: ActorId | None = None) -> Posting:
        """For a post, or for a new one of that author."""
        speakers = await self._db.read(_speakers, post_id, author_id)
        return Posting(self._ids, self._settings, await self._outbox(*speakers))

    def _movers(self) -> Movers:
        return Movers(self._db, self._ids, self._settings, self._fetcher, self._resolver)

    def _people(self, outbox: Outbox | None = None) -> People:
        return People(self._ids, self._settings, outbox or Outbox(self._ids, {}))

    async def _outbox(self, *speakers: ActorId) -> Outbox:
        return await open_outbox(self._db, self._ids, self._sealer, speakers)

    async def _answer_text(
        self, source: str, content_warning: str, language: str, visibility: Visibility
    ) -> AnswerText:
        if not source.strip():
            raise InvalidInput("an answer needs words", reason="answer_empty")
        if len(source) > MAX_ANSWER:
            raise InvalidInput(f"an answer has at most {MAX_ANSWER} characters", reason="answer_too_long")
        written = await self._composer.write(source)
        return AnswerText(source, written, content_warning.strip(), language, visibility)


def _speakers(tx: Tx, post_id: PostId | None, author_id: ActorId | None) -> tuple[ActorId, ActorId]:
    if post_id is None and author_id is not None:
        return author_id, actors.blog(tx).id
    post = posts.by_id(tx, post_id) if post_id is not None else None
    if post is None:
        raise NotFound("there is no such post")
    return post.author_id, actors.blog(tx).id


def _host(domain: str) -> str:
    """A host name as blocks keep it. Raises `InvalidInput`."""
    return host_of(parse_uri(f"https://{domain.strip().lower().removeprefix('https://').rstrip('/')}/"))
