"""Other systems' posts and comments come in: as ours, with their dates, and without telling anybody.

A post and what leads to it are one unit of work; comments follow in their order. Each is known by a name of its own,
so a second run, or one after a run that was cut off, adds what is missing and changes nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fedblog.activitypub.urls import maybe_uri
from fedblog.archive.entries import Comment, Entry, Skipped
from fedblog.archive.rendering import at_home, merge_tags, render_source
from fedblog.archive.report import Report
from fedblog.blog.ledger import Account
from fedblog.blog.model import NewReply, Post, PostId, PostKind, PostStatus, PostText, ReplyId, ReplyState, Visibility
from fedblog.errors import InvalidInput, NotFound
from fedblog.federation.compose import HTML, MAX_SERIES, MAX_TITLE
from fedblog.federation.services import Services
from fedblog.media.figures import foreign_pictures
from fedblog.storage import accounts, actors, archive, posts, replies
from fedblog.storage.archive import Dates
from fedblog.storage.database import Tx
from fedblog.text.excerpt import excerpt
from fedblog.text.plain import clean_name, plain_text
from fedblog.text.sanitise import clean_remote
from fedblog.text.slug import slugify_title

COMMENTS_AT_ONCE = 100
MAX_SUMMARY = 1_000
_ANONYMOUS = "Anonymous"


@dataclass(frozen=True, slots=True)
class _Placed:
    """A comment ready to store, and the one above it."""

    uri: str
    parent: str
    person: str
    name: str
    person_url: str
    html: str
    published_at: int
    held: bool


class Taker:
    """One import. `author` "" takes the authors' own names; `federate`: new posts are published as from the studio."""

    def __init__(self, services: Services, report: Report, *, author: str = "", federate: bool = False) -> None:
        self._services, self._report = services, report
        self._author, self._federate = author, federate

    async def take(self, found: Iterable[Entry | Skipped]) -> None:
        """Everything in order. Raises `InvalidInput`, `NotFound` before the post that can't be given to anybody."""
        writers = await self._services.db.read(_writers)
        if self._author and self._author.lower().removeprefix("@") not in writers:
            raise NotFound(f"there is no author {self._author}; `fedblog user list` shows who there is")
        for one in found:
            if isinstance(one, Entry):
                await self._take(one, self._writer(one, writers))
            else:
                self._report.count("skipped")
                if not one.quiet:
                    self._report.warn(one.place, f"left out: {one.what}")

    def _writer(self, entry: Entry, writers: Mapping[str, Account]) -> Account:
        wanted = (self._author or entry.author).lower().removeprefix("@")
        if wanted in writers:
            return writers[wanted]
        if len(writers) == 1:
            return next(iter(writers.values()))
        raise InvalidInput(
            f"{entry.place}: nobody here is called “{entry.author}”; say who gets the posts with --author NAME",
        )

    async def _take(self, entry: Entry, writer: Account) -> None:
        report = self._report
        known = await self._services.db.read(_known_post, entry.key)
        if known is not None and known.status is PostStatus.DELETED:
            report.count("deleted_here")
            return
        for words in entry.warnings:
            report.warn(entry.place, words)
        try:
            text = await self._text(entry)
        except InvalidInput as error:
            report.count("skipped")
            report.warn(entry.place, f"left out: {error}")
            return
        if known is not None:
            report.count("posts_already_here")
        elif report.dry_run:
            report.count("drafts" if entry.draft else "posts")
        else:
            known = await self._services.db.write(self._keep, entry, text, writer)
            report.count("drafts" if entry.draft else "posts")
            if known.slug != text.slug:
                report.warn(entry.place, f"its address is /{known.slug}, since /{text.slug} is taken")
            if self._federate and not entry.draft:
                known = await self._services.publisher.publish(known.id)
                report.count("federated")
        await self._take_comments(entry, known)

    async def _text(self, entry: Entry) -> PostText:
        services = self._services
        source = entry.source
        if entry.source_type == HTML:
            source = at_home(source, entry.url, services.settings.base_url)
        made = await render_source(services.db, services.ids, services.settings, source, entry.source_type)
        if pictures := foreign_pictures(made.html, services.settings.base_url):
            self._report.warn(entry.place, f"{len(pictures)} pictures stay on other servers; they show as links")
        return PostText(
            slug=slugify_title(entry.slug or entry.title),
            title=clean_name(entry.title, MAX_TITLE) or excerpt(made.html, 60) or "Untitled",
            source=source,
            source_type=entry.source_type,
            content_html=made.html,
            summary=plain_text(entry.summary)[:MAX_SUMMARY].strip() if entry.summary else "",
            content_warning=clean_name(entry.content_warning, 500),
            language=entry.language[:35] or services.settings.blog.language,
            image_url="",
            image_alt="",
            pictures=False,
            tags=merge_tags(entry.tags, made.tags),
            mentions=(),
            word_count=made.word_count,
            visibility=Visibility.PUBLIC,
            comments_open=entry.comments_open,
            kind=PostKind(entry.kind),
            federated=entry.kind == PostKind.POST.value,
            series=" ".join(entry.series.split())[:MAX_SERIES],
            series_position=entry.series_position,
            canonical_url=maybe_uri(entry.canonical_url) or "",
        )

    def _keep(self, tx: Tx, entry: Entry, text: PostText, writer: Account) -> Post:
        at = min(entry.published_at, tx.now) if entry.published_at is not None else tx.now
        dates = Dates(at, None if entry.draft else at, entry.edited_at)
        post_id = PostId(archive.id_of_time(tx, "posts", at))
        post = archive.put_post(tx, text, author_id=writer.actor_id, post_id=post_id, dates=dates)
        if not entry.draft and not self._federate:
            uri = self._services.ids.post(post_id) if text.federated else None
            post = archive.show_post(tx, post_id, uri=uri, publication=1, dates=dates)
        archive.note_import(tx, entry.key, "post", post_id)
        archive.add_old_slug(tx, post, slugify_title(entry.slug) if entry.slug else "")
        for path in entry.paths:
            archive.add_old_path(tx, tidy_path(path), post_id)
        return post

    # -- comments

    async def _take_comments(self, entry: Entry, post: Post | None) -> None:
        placed = self._placed(entry)
        if self._report.dry_run or post is None:
            self._report.count("comments", len(placed))
            return
        if post.status is not PostStatus.PUBLISHED:
            if placed:
                self._report.warn(
                    entry.place, f"{len(placed)} comments wait until the draft is published: import again"
                )
            return
        for at in range(0, len(placed), COMMENTS_AT_ONCE):
            some = placed[at : at + COMMENTS_AT_ONCE]
            new, there = await self._services.db.write(self._keep_comments, post, some)
            self._report.count("comments", new)
            self._report.count("comments_already_here", there)

    def _placed(self, entry: Entry) -> list[_Placed]:
        """Parents before their children; what names a parent that is not there answers the post."""
        base = f"{self._services.settings.base_url}/ap/imported"
        known = {comment.id: comment for comment in entry.comments if comment.id}
        made = []
        for comment in _in_order(entry, known, self._report):
            parent = comment.parent if comment.parent in known and comment.parent != comment.id else ""
            name = clean_name(comment.author, 100) or _ANONYMOUS
            published_at = comment.published_at or entry.published_at
            if comment.published_at is None:
                self._report.warn(f"line {comment.line}", "the comment has no readable date; it takes the post's")
            html = clean_remote(comment.content_html)
            if not plain_text(html).strip():
                self._report.warn(f"line {comment.line}", "the comment has no text")
            made.append(
                _Placed(
                    uri=f"{base}/{_digest(entry.key, comment.id or f'line {comment.line}')}",
                    parent=f"{base}/{_digest(entry.key, parent)}" if parent else "",
                    person=f"{base}/people/{_digest(name, comment.author_url)}",
                    name=name,
                    person_url=comment.author_url,
                    html=html,
                    published_at=published_at or 0,
                    held=comment.held,
                )
            )
        return made

    def _keep_comments(self, tx: Tx, post: Post, some: Sequence[_Placed]) -> tuple[int, int]:
        new = 0
        for one in some:
            if replies.by_uri(tx, one.uri) is not None:
                continue
            parent = replies.by_uri(tx, one.parent) if one.parent else None
            person = archive.put_person(
                tx, uri=one.person, type="Person", username=one.name, domain="", name=one.name, url=one.person_url
            )
            comment = NewReply(
                uri=one.uri,
                url="",
                actor_id=person.id,
                in_reply_to=parent.uri if parent is not None else post.uri or f"{self._services.settings.base_url}/",
                state=ReplyState.PUBLISHED,
                visibility=Visibility.PUBLIC,
                local=False,
                type="Note",
                name="",
                content_html=one.html,
                source="",
                content_warning="",
                language="",
                published_at=min(one.published_at or post.published_at or tx.now, tx.now),
                edited_at=None,
                context="",
                attachments=(),
                remote_likes=0,
                remote_announces=0,
                reason="",
                original=b"",
            )
            if one.held:
                comment = replace(comment, state=ReplyState.HELD, reason="reply_imported")
            parent_id = ReplyId(parent.id) if parent is not None else None
            archive.put_reply(tx, comment, post_id=post.id, parent_id=parent_id, wanted_id=None, imported=True)
            new += 1
        return new, len(some) - new


def _in_order(entry: Entry, known: Mapping[str, Comment], report: Report) -> list[Comment]:
    """Each after the one it answers, otherwise as in the file; without recursion, whatever the depth."""
    below: dict[str, list[Comment]] = {}
    top: list[Comment] = []
    for comment in entry.comments:
        if not comment.parent or comment.parent == comment.id:
            top.append(comment)
        elif comment.parent not in known:
            report.warn(f"line {comment.line}", f"the comment answers {comment.parent[:40]}, which is not in the file")
            top.append(comment)
        else:
            below.setdefault(comment.parent, []).append(comment)
    ordered: list[Comment] = []
    seen: set[int] = set()

    def follow(begin: list[Comment]) -> None:
        waiting = list(reversed(begin))
        while waiting:
            comment = waiting.pop()
            if id(comment) in seen:
                continue
            seen.add(id(comment))
            ordered.append(comment)
            waiting.extend(reversed(below.get(comment.id, [])))

    follow(top)
    for comment in entry.comments:  # those that answer each other in a circle
        if id(comment) not in seen:
            report.warn(f"line {comment.line}", "the comment answers itself in a circle")
            follow([comment])
    return ordered


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:40]


def tidy_path(path: str) -> str:
    """A path as it is looked up: without its last slash, and not too long."""
    return (path.rstrip("/") or "/")[:500]


def _known_post(tx: Tx, key: str) -> Post | None:
    found = archive.imported_as(tx, key)
    if found is not None:
        return posts.by_id(tx, PostId(found))
    return posts.by_uri(tx, key.removeprefix("uri:")) if key.startswith("uri:") else None


def _writers(tx: Tx) -> dict[str, Account]:
    """Who may own posts, by name."""
    gone = {actor.id for actor in actors.local_actors(tx) if actor.deleted_at is not None}
    return {account.username.lower(): account for account in accounts.all(tx) if account.actor_id not in gone}
