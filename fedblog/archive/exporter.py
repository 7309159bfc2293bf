"""Writing the archive: everything that authors own and the public may see, in forms that others read.

    manifest.yml                       what is in here (FEP-6fcd; JSON, which is YAML as well)
    activitypub/[NAME/]actor.json      the author's actor document, outbox.json the posts as Creates (ActivityStreams),
                                       followers.csv as Mastodon imports it, followers.jsonl with their inboxes
    activitypub/blog/…                 the same of the blog's own actor, when all authors are exported
    blocked_domains.csv, blocked_accounts.csv, blocks.jsonl
    media/…                            uploaded pictures in all sizes, and media/index.jsonl that describes them
    posts/NAME/SLUG.md                 each post with a head for people and for other programs
    posts/NAME/SLUG.thread.jsonl       the same post with its thread, line by line: what `fedblog import` reads
    wordpress.xml                      posts and comments for WordPress and Ghost (WXR 1.2)

Private, held and hidden replies never leave; keys, passwords and mail addresses neither. Everything is read in pages
and written at once, so that memory does not grow with the blog.
"""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from fedblog import __version__
from fedblog.activitypub import serialise
from fedblog.activitypub.block_lists import blocked_accounts, blocked_domains
from fedblog.archive import lists, wxr_write
from fedblog.archive.container import add_bytes, add_file
from fedblog.archive.describe import (
    describe_person,
    describe_picture,
    describe_post,
    describe_reaction,
    describe_reply,
    markdown_of,
)
from fedblog.archive.records import FORMAT, About, AuthorRecord, BlockRecord, FollowerRecord
from fedblog.blog.ledger import Block
from fedblog.blog.model import Actor, Post, PostStatus, ReplyState, ThreadRow
from fedblog.errors import NotFound
from fedblog.federation.services import Services
from fedblog.media.library import pictures_of
from fedblog.media.names import PictureFile, file_name
from fedblog.storage import actors, archive, followers, keys, moderation, threads
from fedblog.storage.database import Tx

PAGE = 200
REPLIES = 500
_SPEC = "https://w3id.org/fep/6fcd"
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Exported:
    """How much went into the file."""

    posts: int
    replies: int
    pictures: int
    followers: int


class Exporter:
    """One export. `author` "" means everybody; `drafts`: what isn't published as well."""

    def __init__(self, services: Services, *, author: str = "", drafts: bool = False) -> None:
        self._services, self._name, self._drafts = services, author, drafts
        self._now = int(services.clock())
        self._counts = {"posts": 0, "replies": 0, "pictures": 0, "followers": 0}

    async def write(self, path: Path) -> Exported:
        """Write the archive; a file that is there is replaced when the new one is whole. Raises `NotFound`."""
        authors, blog = await self._services.db.read(_speakers, self._name)
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as raw:
                part.chmod(0o600)  # drafts and the list of followers are nobody else's
                with tarfile.open(fileobj=raw, mode="w:gz", format=tarfile.PAX_FORMAT, compresslevel=6) as tar:
                    await self._fill(tar, authors, None if self._name else blog, path.parent)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return Exported(**self._counts)

    async def _fill(self, tar: tarfile.TarFile, authors: Sequence[Actor], blog: Actor | None, folder: Path) -> None:
        self._add(tar, "manifest.yml", _pretty(self._manifest(authors, blog)))
        alone = len(authors) == 1 and blog is None
        homes = {author.username: "activitypub" if alone else f"activitypub/{author.username}" for author in authors}
        for actor in (*authors, *([blog] if blog is not None else [])):
            home = homes.setdefault(actor.username, f"activitypub/{actor.username}")
            await self._add_actor(tar, actor, home, folder)
        await self._add_blocks(tar)
        await self._add_pictures(tar, authors if self._name else None, folder)
        with tempfile.TemporaryFile(dir=folder) as wxr:
            wxr.write(self._wxr_head(authors).encode())
            for author in authors:
                await self._add_posts(tar, author, homes[author.username], wxr, folder)
            wxr.write(wxr_write.END.encode())
            self._add_large(tar, "wordpress.xml", wxr)

    # -- small things

    def _add(self, tar: tarfile.TarFile, name: str, data: bytes) -> None:
        add_bytes(tar, name, data, self._now)

    def _add_large(self, tar: tarfile.TarFile, name: str, file: IO[bytes]) -> None:
        size = file.tell()
        file.seek(0)
        add_file(tar, name, file, size, self._now)

    def _manifest(self, authors: Sequence[Actor], blog: Actor | None) -> dict[str, Any]:
        settings = self._services.settings
        actor_files = {
            "actor.json": {"url": "https://www.w3.org/TR/activitypub/#actor-objects"},
            "outbox.json": {"url": "https://www.w3.org/TR/activitystreams-core/#collections"},
            "followers.csv": {"url": "https://docs.joinmastodon.org/user/moving/#export"},
        }
        alone = len(authors) == 1 and blog is None
        names = [actor.username for actor in (*authors, *([blog] if blog is not None else []))]
        about = About(
            format=FORMAT,
            base_url=settings.base_url,
            domain=settings.domain,
            authors=tuple(AuthorRecord(author.username, author.uri) for author in authors),
            drafts=self._drafts,
        )
        return {
            "ubc-version": "0.1",
            "meta": {"createdBy": {"client": {"name": f"fedblog {__version__}", "url": settings.base_url}}},
            "contents": {
                "manifest.yml": {"url": f"{_SPEC}#manifest-file"},
                "activitypub": {
                    "contents": actor_files if alone else {name: {"contents": actor_files} for name in names}
                },
                "media": {"contents": {}},
                "posts": {"contents": {}},
                "blocked_domains.csv": {"url": "https://docs.joinmastodon.org/user/moving/#export"},
                "blocked_accounts.csv": {"url": "https://docs.joinmastodon.org/user/moving/#export"},
                "wordpress.xml": {"url": "http://wordpress.org/export/1.2/"},
            },
            "fedblog": msgspec.to_builtins(about),
        }

    async def _add_actor(self, tar: tarfile.TarFile, actor: Actor, home: str, folder: Path) -> None:
        services = self._services
        public_keys = await services.db.read(keys.public_keys, actor.id)
        document = serialise.actor_document(actor, ids=services.ids, settings=services.settings, keys=public_keys)
        self._add(tar, f"{home}/actor.json", _pretty(serialise.with_context(document)))
        with tempfile.TemporaryFile(dir=folder) as table, tempfile.TemporaryFile(dir=folder) as records:
            table.write(lists.FOLLOWERS_HEAD.encode())
            after = 0
            while found := await services.db.read(followers.list, actor.id, after=after, limit=PAGE):
                after = found[-1].actor.id
                for one in found:
                    table.write(lists.row(one.actor.handle[1:]).encode())
                    record = FollowerRecord(describe_person(one.actor), one.follow_uri, one.created_at)
                    records.write(_encode(record) + b"\n")
                    self._counts["followers"] += 1
            self._add_large(tar, f"{home}/followers.csv", table)
            self._add_large(tar, f"{home}/followers.jsonl", records)

    async def _add_blocks(self, tar: tarfile.TarFile) -> None:
        blocks, handles = await self._services.db.read(_blocks)
        records = [BlockRecord(block.kind, block.value, block.reason) for block in blocks]
        self._add(tar, "blocked_domains.csv", blocked_domains(blocks).encode())
        self._add(tar, "blocked_accounts.csv", blocked_accounts(handles).encode())
        self._add(tar, "blocks.jsonl", b"".join(_encode(record) + b"\n" for record in records))

    async def _add_pictures(self, tar: tarfile.TarFile, owners: Sequence[Actor] | None, folder: Path) -> None:
        """Files first: the list that names them comes when they are there."""
        db, library = self._services.db, self._services.library
        names = {actor.id: actor.username for actor in await db.read(actors.local_actors)}
        owner_id = owners[0].id if owners else None
        with tempfile.TemporaryFile(dir=folder) as index:
            before = None
            while found := await db.read(archive.pictures, owner_id, before, PAGE):
                before = found[-1][0].id
                for picture, source_hash in found:
                    for width in (0, *picture.widths):
                        self._add_picture(tar, library.path(PictureFile(picture.name, width)), picture.name, width)
                    record = describe_picture(picture, names.get(picture.owner_id, ""), source_hash)
                    index.write(_encode(record) + b"\n")
                    self._counts["pictures"] += 1
            self._add_large(tar, "media/index.jsonl", index)

    def _add_picture(self, tar: tarfile.TarFile, path: Path, name: str, width: int) -> None:
        try:
            with path.open("rb") as file:
                add_file(tar, f"media/{file_name(name, width)}", file, path.stat().st_size, self._now)
        except FileNotFoundError:
            return  # its owner gave it up meanwhile

    def _wxr_head(self, authors: Sequence[Actor]) -> str:
        settings = self._services.settings
        return wxr_write.start(
            title=settings.blog.title,
            url=settings.base_url,
            language=settings.blog.language,
            generator=f"fedblog {__version__}",
            authors=[(author.username, author.display_name) for author in authors],
        )

    # -- posts

    async def _add_posts(self, tar: tarfile.TarFile, author: Actor, home: str, wxr: IO[bytes], folder: Path) -> None:
        db, ids = self._services.db, self._services.ids
        with tempfile.TemporaryFile(dir=folder) as outbox:
            outbox.write(b'{"@context":"https://www.w3.org/ns/activitystreams","type":"OrderedCollection","id":')
            outbox.write(_encode(ids.outbox(author.uri)) + b',"orderedItems":[')
            after, written = 0, 0
            while found := await db.read(
                archive.posts_after, after, author_id=author.id, drafts=self._drafts, limit=PAGE // 10
            ):
                after = found[-1].id
                for post in found:
                    if post.uri and post.status is PostStatus.PUBLISHED:
                        create = await db.read(_create, self._services, post)
                        outbox.write((b",\n" if written else b"\n") + _encode(create))
                        written += 1
                    await self._add_post(tar, post, author, wxr, folder)
            outbox.write(b'\n],"totalItems":' + str(written).encode() + b"}\n")
            self._add_large(tar, f"{home}/outbox.json", outbox)

    async def _add_post(self, tar: tarfile.TarFile, post: Post, author: Actor, wxr: IO[bytes], folder: Path) -> None:
        services = self._services
        record = await services.db.read(describe_post, post, author)
        url = services.ids.post_page(author.username, post.slug)
        base = f"posts/{author.username}/{post.slug}"
        self._add(tar, f"{base}.md", markdown_of(record, url).encode("utf-8", "replace"))
        self._counts["posts"] += 1
        published = post.status is PostStatus.PUBLISHED
        wxr.write(
            wxr_write.item_start(
                number=self._counts["posts"],
                guid=post.uri or f"{services.settings.base_url}/#draft-{post.id}",
                url=url,
                title=post.title,
                author=author.username,
                slug=post.slug,
                content=post.content_html,
                summary=post.summary,
                tags=post.tags,
                published=published,
                comments_open=post.comments_open,
                kind=post.kind.value,
                published_at=post.published_at,
                created_at=post.created_at,
                edited_at=post.edited_at,
            ).encode("utf-8", "replace")
        )
        with tempfile.TemporaryFile(dir=folder) as thread:
            thread.write(_encode(record) + b"\n")
            if published:
                await self._add_thread(thread, wxr, post)
            self._add_large(tar, f"{base}.thread.jsonl", thread)
        wxr.write(wxr_write.ITEM_END.encode())

    async def _add_thread(self, thread: IO[bytes], wxr: IO[bytes], post: Post) -> None:
        db = self._services.db
        told: set[int] = set()
        path = ""
        while rows := await db.read(threads.thread, post.id, after_path=path, limit=REPLIES):
            path = rows[-1].reply.path
            above = await db.read(_uris_above, rows)
            for row in rows:
                if row.actor.id not in told:
                    removed = row.reply.state is ReplyState.REMOVED
                    told.update(() if removed else (row.actor.id,))
                    thread.write(_encode(describe_person(row.actor, nameless=removed)) + b"\n")
                thread.write(_encode(describe_reply(row, above.get(row.reply.parent_id or 0, ""))) + b"\n")
                wxr.write(_wxr_comment(row).encode("utf-8", "replace"))
                self._counts["replies"] += 1
        after = 0
        while found := await db.read(archive.reactions_after, post.id, after, REPLIES):
            after = found[-1].id
            for one in found:
                if one.actor.id not in told:
                    told.add(one.actor.id)
                    thread.write(_encode(describe_person(one.actor)) + b"\n")
                thread.write(_encode(describe_reaction(one)) + b"\n")


def _pretty(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8", "replace") + b"\n"


def _speakers(tx: Tx, name: str) -> tuple[list[Actor], Actor]:
    everybody = [actor for actor in actors.local_actors(tx) if actor.deleted_at is None]
    authors = [actor for actor in everybody if actor.local == "author"]
    if name:
        wanted = name.lower().removeprefix("@")
        authors = [actor for actor in authors if actor.username.lower() == wanted]
        if not authors:
            raise NotFound(f"there is no author {name}; `fedblog user list` shows who there is")
    return authors, actors.blog(tx)


def _blocks(tx: Tx) -> tuple[list[Block], list[str]]:
    """All blocks, and the handles of blocked people (their ids where nobody knows them)."""
    return moderation.blocks(tx), moderation.blocked_handles(tx)


def _create(tx: Tx, services: Services, post: Post) -> dict[str, Any]:
    """The post as an activity. Its id is made of the post's: the one that was sent may be forgotten by now."""
    people = [actor for uri in post.mentions if (actor := actors.by_uri(tx, uri)) is not None]
    article = serialise.article(
        post,
        author=actors.by_id(tx, post.author_id),
        blog=actors.blog(tx),
        ids=services.ids,
        settings=services.settings,
        mentions=[(person.uri, person.handle) for person in people],
        pictures=pictures_of(tx, services.settings.base_url, post.content_html, post.image_url),
    )
    return serialise.create(article, activity_id=f"{post.uri}#create", published=post.published_at or post.created_at)


def _uris_above(tx: Tx, rows: Sequence[ThreadRow]) -> dict[int, str]:
    """URIs of what the rows answer, by id."""
    found = {int(row.reply.id): row.reply.uri for row in rows}
    missing = {row.reply.parent_id for row in rows if row.reply.parent_id is not None} - set(found)
    return found | archive.reply_uris(tx, missing)


def _wxr_comment(row: ThreadRow) -> str:
    reply, actor = row.reply, row.actor
    removed = reply.state is ReplyState.REMOVED
    return wxr_write.comment(
        number=reply.id,
        parent=reply.parent_id or 0,
        author="" if removed else actor.display_name,
        author_url="" if removed else actor.url,
        content="<p>(removed)</p>" if removed else reply.content_html,
        published_at=reply.published_at,
        uri="" if removed else reply.uri,
    )
