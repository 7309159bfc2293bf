"""One post of an archive with its thread, put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fedblog.activitypub.urls import maybe_uri, same_origin
from fedblog.archive.people import Move, keep_blocked_away, put_person
from fedblog.archive.records import PersonRecord, PostRecord, ReactionRecord, ReplyRecord
from fedblog.archive.rendering import merge_tags, render_source
from fedblog.archive.report import Report
from fedblog.archive.taking import tidy_path
from fedblog.blog.model import (
    Actor,
    Attachment,
    HoldPolicy,
    NewReply,
    Post,
    PostId,
    PostKind,
    PostStatus,
    PostText,
    QuotePolicy,
    ReactionKind,
    Reply,
    ReplyId,
    ReplyPolicy,
    ReplyState,
    Visibility,
)
from fedblog.federation.compose import HTML, MARKDOWN, MAX_SERIES
from fedblog.federation.services import Services
from fedblog.storage import actors, archive, posts, replies, tombstones
from fedblog.storage.archive import Dates
from fedblog.storage.database import Tx
from fedblog.text.markdown import MentionLink
from fedblog.text.plain import clean_name
from fedblog.text.sanitise import clean_author, clean_remote
from fedblog.text.slug import slugify_title

Below = PersonRecord | ReplyRecord | ReactionRecord


class Thread:
    """Takes a post (`begin`), then everything below it in its order (`take`)."""

    def __init__(
        self, services: Services, report: Report, move: Move, writers: Mapping[str, Actor], *, federate: bool
    ) -> None:
        self._services, self._report, self._move, self._writers = services, report, move, writers
        self._federate = federate and not move.stays  # where ids stay, everybody has it already
        self._record: PostRecord | None = None
        self._post: Post | None = None
        self._people: dict[str, PersonRecord] = {}
        self._ours = (services.settings.domain, services.settings.authority)

    # -- the post

    async def begin(self, record: PostRecord, place: str) -> bool:
        """Put the post back; False where its thread is of no use: it was deleted here, or can't be taken."""
        problem = self._problem(record)
        if problem:
            self._report.count("skipped")
            self._report.warn(place, f"left out: {problem}")
            return False
        self._record = record
        key = _key(record, self._move)
        gone, self._post = await self._services.db.read(_known, key, record.uri)
        if gone:
            self._report.count("deleted_here")
            return False
        text = await self._text(record)
        what = "posts" if record.status == PostStatus.PUBLISHED.value else "drafts"
        if self._post is not None:
            self._report.count("posts_already_here")
        elif self._report.dry_run:
            self._report.count(what)
        else:
            self._post = await self._services.db.write(self._keep, record, text, key)
            self._report.count(what)
            if self._post.slug != record.slug:
                self._report.warn(place, f"its address is /{self._post.slug}, since /{record.slug} is taken")
            if self._federate and what == "posts":
                self._post = await self._services.publisher.publish(self._post.id)
                self._report.count("federated")
        return True

    def _problem(self, record: PostRecord) -> str:
        if record.author not in self._writers:
            return f"its author {record.author} is not in the manifest"
        if record.visibility not in ("public", "unlisted") or record.source_type not in (MARKDOWN, HTML):
            return "it is not public, or of an unknown kind"
        if record.status not in ("published", "draft", "unpublished"):
            return f"its status {record.status[:40]} is unknown"
        if record.status == "published" and record.federated and not self._move.is_old_own(record.uri):
            return "its id is another server's"
        if record.uri and self._move.stays and self._own_id(record) is None:
            return "its id is not one that this blog makes"
        if record.reply_policy not in list(ReplyPolicy) or record.quote_policy not in list(QuotePolicy):
            return "its rules are unknown"
        if record.kind_of_post not in list(PostKind) or record.hold_policy not in list(HoldPolicy):
            return "its rules are unknown"
        if not record.federated and record.uri:
            return "it has an id that it should not have"
        return ""

    def _own_id(self, record: PostRecord) -> tuple[int, int] | None:
        """(number, publication) that a post's id says, where it is one of ours and says what the record does."""
        target = self._services.ids.parse(record.uri)
        if target is None or target.kind != "post" or target.id is None or str(target.id) != record.id:
            return None
        made = self._services.ids.post(target.id, target.publication)
        return (target.id, target.publication) if made == record.uri else None

    async def _text(self, record: PostRecord) -> PostText:
        services = self._services
        source, image_url = record.source, record.image_url
        if not self._move.stays:
            source = source.replace(f"{self._move.old}/media/", f"{self._move.new}/media/")
            image_url = image_url.replace(f"{self._move.old}/media/", f"{self._move.new}/media/")
        links = {
            one.acct: MentionLink(one.url, one.username, one.acct)
            for one in record.mentions
            if maybe_uri(one.uri) is not None and maybe_uri(one.url) is not None
        }
        made = await render_source(services.db, services.ids, services.settings, source, record.source_type, links)
        return PostText(
            slug=record.slug if slugify_title(record.slug) == record.slug else slugify_title(record.slug),
            title=" ".join(record.title.split()) or "Untitled",
            source=source,
            source_type=record.source_type,
            content_html=made.html,
            summary=record.summary,
            content_warning=record.content_warning,
            language=record.language[:35] or services.settings.blog.language,
            image_url=maybe_uri(image_url) or "",
            image_alt=record.image_alt,
            pictures=record.pictures,
            tags=merge_tags(record.tags, made.tags),
            mentions=tuple(one.uri for one in record.mentions if one.acct in links),
            word_count=made.word_count,
            visibility=Visibility(record.visibility),
            comments_open=record.comments_open,
            reply_policy=ReplyPolicy(record.reply_policy),
            quote_policy=QuotePolicy(record.quote_policy),
            kind=PostKind(record.kind_of_post),
            federated=record.federated,
            series=" ".join(record.series.split())[:MAX_SERIES],
            series_position=record.series_position,
            canonical_url=maybe_uri(record.canonical_url) or "",
            show_history=record.show_history,
            hold_policy=HoldPolicy(record.hold_policy),
            close_after_days=record.close_after_days,
        )

    def _keep(self, tx: Tx, record: PostRecord, text: PostText, key: str) -> Post:
        author = self._writers[record.author]
        dates = Dates(record.created_at, record.published_at, record.edited_at, record.pinned_at)
        own = self._own_id(record) if self._move.stays else None
        wanted = PostId(own[0] if own is not None else int(record.id))
        if posts.by_id(tx, wanted) is not None or (not self._move.stays and record.status == "published"):
            wanted = PostId(archive.id_of_time(tx, "posts", record.published_at or record.created_at))
        post = archive.put_post(tx, text, author_id=author.id, post_id=wanted, dates=dates)
        if record.status == PostStatus.PUBLISHED.value and not self._federate:
            kept = own is not None and own[0] == wanted
            uri = record.uri if kept else self._services.ids.post(wanted) if text.federated else None
            publication = own[1] if kept and own is not None else 1
            post = archive.show_post(tx, wanted, uri=uri, publication=publication, dates=dates)
        archive.note_import(tx, key, "post", wanted)
        for slug in record.old_slugs:
            archive.add_old_slug(tx, post, slugify_title(slug))
        for path in record.old_paths:
            archive.add_old_path(tx, tidy_path(path), wanted)
        return post

    # -- what is below it

    async def take(self, found: Sequence[Below]) -> None:
        """People, replies and reactions, in one unit of work."""
        if self._report.dry_run:
            for one in found:
                if not isinstance(one, PersonRecord):
                    self._report.count("replies" if isinstance(one, ReplyRecord) else "reactions")
            return
        if self._post is None or self._post.status is not PostStatus.PUBLISHED:
            return
        for what, number in (await self._services.db.write(self._put, self._post, found)).items():
            self._report.count(what, number)

    def _put(self, tx: Tx, post: Post, found: Sequence[Below]) -> dict[str, int]:
        counts: dict[str, int] = {}
        for one in found:
            if isinstance(one, PersonRecord):
                self._people[one.uri] = one
                continue
            made = self._put_reply(tx, post, one) if isinstance(one, ReplyRecord) else self._react(tx, post, one)
            counts[made] = counts.get(made, 0) + 1
        for person in {one.person for one in found if not isinstance(one, PersonRecord)}:
            keep_blocked_away(tx, person)
        return counts

    def _person(self, tx: Tx, uri: str) -> Actor | None:
        """Whoever wrote or liked it, as an actor of this blog: ours, a remote one, or one known from comments only."""
        record = self._people.get(uri)
        if record is None or maybe_uri(uri) is None:
            return None
        if self._move.is_old_own(uri):
            ours = next((one for one in self._writers.values() if one.uri == uri), None)
            ours = ours or (self._writers.get(record.username) if record.local else None)
            if ours is None and record.local and self._move.stays:
                ours = actors.by_uri(tx, uri)
            if ours is not None:
                return ours
            return archive.put_person(
                tx,
                uri=self._move.imported(uri)
                if record.imported
                else f"{self._move.new}/ap/imported/people/{record.username}",
                type="Person",
                username=clean_name(record.username, 100),
                domain="",
                name=clean_name(record.name or record.username, 100),
                url=maybe_uri(record.url) or "" if record.imported else "",
            )
        if self._move.is_own(uri):
            return None  # an id of ours that the other blog can't speak for
        return put_person(tx, record, our_domains=self._ours)

    def _reply_problem(self, record: ReplyRecord) -> str:
        """Why a reply is not taken, "" where it is. Whoever made its id must be whoever is said to have written it."""
        own_id, own_person = self._move.is_old_own(record.uri), self._move.is_old_own(record.person)
        if record.visibility not in ("public", "unlisted"):
            return "it is private"
        if maybe_uri(record.uri) is None or not same_origin(record.uri, record.person) or own_id != own_person:
            return "its id is not its author's"
        if not own_id and self._move.is_own(record.uri):
            return "its id is one of this blog"
        return ""

    def _put_reply(self, tx: Tx, post: Post, record: ReplyRecord) -> str:
        problem = self._reply_problem(record)
        person = self._person(tx, record.person) if not problem else None
        if person is None:
            self._report.warn(record.uri[:200], f"left out: {problem or 'nobody is said to have written it'}")
            return "skipped"
        if tombstones.is_deleted_by(tx, record.uri, record.person):
            return "deleted_here"
        known = self._find(tx, record.uri)
        if known is not None:
            return "replies_already_here"
        parent = self._find(tx, record.parent) if record.parent else None
        if parent is not None and parent.post_id != post.id:
            parent = None
        if record.parent and parent is None:
            self._report.warn(record.uri[:200], "what it answers is missing; it answers the post")
        reply_id, new, imported = self._new(tx, post, record, person, parent)
        stored, is_new = archive.put_reply(
            tx,
            new,
            post_id=post.id,
            parent_id=None if parent is None else parent.id,
            wanted_id=reply_id,
            removed=record.removed,
            imported=imported,
        )
        if not self._move.stays and self._move.is_old_own(record.uri):
            archive.note_import(tx, f"uri:{record.uri}", "reply", stored.id)
        return "replies" if is_new else "replies_already_here"

    def _find(self, tx: Tx, uri: str) -> Reply | None:
        """What an earlier line, or an earlier run, made of this reply."""
        known = replies.by_uri(tx, uri)
        if known is None and not self._move.stays and self._move.is_old_own(uri):
            made = archive.imported_as(tx, f"uri:{uri}")
            known = replies.by_id(tx, ReplyId(made)) if made is not None else None
        return known

    def _new(
        self, tx: Tx, post: Post, record: ReplyRecord, person: Actor, parent: Reply | None
    ) -> tuple[ReplyId, NewReply, bool]:
        """Its id, the reply, and whether it is only here. An answer of ours is a Note of ours again."""
        ids = self._services.ids
        own = self._move.is_old_own(record.uri)
        local = bool(own and record.local and person.local)
        uri, reply_id = record.uri, ReplyId(int(record.id))
        if local:
            target = ids.parse(record.uri)
            kept = self._move.stays and target is not None and target.kind == "note" and target.id == reply_id
            if not kept or replies.by_id(tx, reply_id) is not None:
                reply_id = ReplyId(archive.id_of_time(tx, "replies", record.published_at))
            uri = ids.note(reply_id)
        elif own:
            uri = self._move.imported(record.uri)
        made = NewReply(
            uri=uri,
            url=self._page(tx, post, reply_id) if local else maybe_uri(record.url) or "",
            actor_id=person.id,
            in_reply_to=self._in_reply_to(post, record, parent, own=own),
            state=ReplyState.PUBLISHED,
            visibility=Visibility(record.visibility),
            local=local,
            type=record.type[:40] or "Note",
            name=clean_name(record.name, 300),
            content_html=self._clean(record.content, local=local),
            source=record.source if local else "",
            content_warning=clean_name(record.content_warning, 500),
            language=record.language[:35],
            published_at=min(record.published_at, tx.now),
            edited_at=record.edited_at,
            context=self._context(post, record, own=own),
            attachments=tuple(
                Attachment(one.url, one.media_type, clean_name(one.name, 1500), one.sensitive)
                for one in record.attachments[:16]
                if maybe_uri(one.url) is not None
            ),
            remote_likes=record.remote_likes,
            remote_announces=record.remote_boosts,
            reason="",
            original=b"",
            options=tuple((clean_name(name, 300), count) for name, count in record.options[:100]),
        )
        if record.removed:
            made = replace(made, content_html="", source="", name="")
        return reply_id, made, own and not local

    def _clean(self, html: str, *, local: bool) -> str:
        if not local:
            return clean_remote(html)
        if not self._move.stays:
            html = html.replace(f"{self._move.old}/media/", f"{self._move.new}/media/")
        return clean_author(html, base_url=f"{self._move.new}/")

    def _in_reply_to(self, post: Post, record: ReplyRecord, parent: Reply | None, *, own: bool) -> str:
        """Remote replies say what they said; ours name what is here."""
        if own or not record.in_reply_to:
            return parent.uri if parent is not None else post.uri
        return record.in_reply_to

    def _context(self, post: Post, record: ReplyRecord, *, own: bool) -> str:
        if own and not self._move.stays and self._move.is_old_own(record.context):
            return self._services.ids.collection(post.uri, "context")
        return maybe_uri(record.context) or ""

    def _page(self, tx: Tx, post: Post, reply_id: ReplyId) -> str:
        return self._services.ids.reply_page(actors.by_id(tx, post.author_id).username, post.slug, reply_id)

    def _react(self, tx: Tx, post: Post, record: ReactionRecord) -> str:
        person = self._person(tx, record.person)
        reply = self._find(tx, record.reply) if record.reply else None
        wrong = record.type not in list(ReactionKind) or maybe_uri(record.activity_uri) is None
        if person is None or wrong or (record.reply and (reply is None or reply.post_id != post.id)):
            return "skipped"
        new = archive.put_reaction(
            tx,
            kind=record.type,
            actor_id=person.id,
            post_id=post.id,
            reply_id=None if reply is None else reply.id,
            emoji=clean_name(record.emoji, 100),
            activity_uri=record.activity_uri,
            created_at=min(record.created_at, tx.now),
        )
        return "reactions" if new else "reactions_already_here"


def _key(record: PostRecord, move: Move) -> str:
    return f"uri:{record.uri}" if record.uri else f"draft:{move.old}/{record.id}"


def _known(tx: Tx, key: str, uri: str) -> tuple[bool, Post | None]:
    """Whether it was deleted here, and the post that an earlier import made of it or that never went away."""
    made = archive.imported_as(tx, key)
    post = posts.by_id(tx, PostId(made)) if made is not None else posts.by_uri(tx, uri) if uri else None
    if post is not None:
        return post.status is PostStatus.DELETED, post
    return bool(uri) and tombstones.get(tx, uri) is not None, None
