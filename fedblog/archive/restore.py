"""Our own archive comes back. Where the domain is the same, everything keeps its id; elsewhere posts and our own
answers get new ones, and the author is also known as who they were. Nobody is told.

Nothing in the file is believed beyond its shape: texts are rendered and cleaned anew, a reply must lie on the server
of who is said to have written it, and nothing but public posts and replies comes in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fedblog.activitypub.urls import host_of, maybe_uri, same_origin
from fedblog.archive.container import Member, lines, members
from fedblog.archive.people import Move, put_person
from fedblog.archive.pictures import PictureFolder
from fedblog.archive.records import (
    FORMAT,
    MAX_LINE,
    About,
    BlockRecord,
    FollowerRecord,
    Manifest,
    PersonRecord,
    PostRecord,
    ReactionRecord,
    ReplyRecord,
    ThreadRecord,
)
from fedblog.archive.report import Report
from fedblog.archive.threads import Thread
from fedblog.blog.model import Actor
from fedblog.errors import InvalidInput, NotFound
from fedblog.federation.services import Services
from fedblog.storage import actors, archive, hiding, moderation
from fedblog.storage.database import Tx

T = TypeVar("T")
MAX_MANIFEST = 4 * 1024 * 1024
AT_ONCE = 200


class Restorer:
    """One import of an archive. `author` "" gives posts to authors of the same name."""

    def __init__(self, services: Services, report: Report, *, author: str = "", federate: bool = False) -> None:
        self._services, self._report, self._author, self._federate = services, report, author, federate
        self._thread_decoder = msgspec.json.Decoder(ThreadRecord)
        self._writers: dict[str, Actor] = {}
        self._move = Move("", "")
        self._pictures: PictureFolder | None = None
        self._ours = (services.settings.domain, services.settings.authority)

    async def restore(self, path: Path) -> None:
        """Read the file once, from begin to end. Raises `InvalidInput` (no archive of ours, or a hostile one),
        `NotFound` (an author who is not here)."""
        began = False
        for member in members(path):
            if not began:
                began = True
                await self._begin(member)
            elif member.name.endswith(".thread.jsonl"):
                await self._restore_thread(member)
            elif member.name.endswith("/followers.jsonl"):
                await self._restore_followers(member)
            elif member.name == "blocks.jsonl":
                await self._restore_blocks(member)
            elif member.name.startswith("media/") and self._pictures is not None:
                await self._pictures.take(member)
        if not began:
            raise InvalidInput("the archive is empty")

    async def _begin(self, member: Member) -> None:
        if member.name != "manifest.yml" or member.size > MAX_MANIFEST:
            raise InvalidInput("this is no archive of fedblog: it does not begin with manifest.yml")
        about: About = _decode(msgspec.json.Decoder(Manifest).decode, member.file.read(), "manifest.yml").fedblog
        if about.format != FORMAT:
            raise InvalidInput(f"the archive has format {about.format}, this fedblog reads {FORMAT}")
        if maybe_uri(about.base_url) is None or about.base_url.endswith("/"):
            raise InvalidInput("manifest.yml: base_url is no address")
        self._move = Move(about.base_url, self._services.settings.base_url)
        if not self._move.stays:
            self._report.warn("manifest.yml", f"it comes from {about.base_url}: posts get new ids here")
        self._writers = await self._services.db.read(_find_writers, about, self._author)
        self._pictures = PictureFolder(self._services, self._report, self._writers)
        if not self._move.stays and not self._report.dry_run:
            await self._services.db.write(_note_aliases, about, self._writers)

    async def _restore_thread(self, member: Member) -> None:
        thread = Thread(self._services, self._report, self._move, self._writers, federate=self._federate)
        waiting: list[PersonRecord | ReplyRecord | ReactionRecord] = []
        for number, line in lines(member, MAX_LINE):
            place = f"{member.name}, line {number}"
            record = _decode(self._thread_decoder.decode, line, place)
            if isinstance(record, PostRecord) != (number == 1):
                raise InvalidInput(f"{place}: a thread is one post, and what belongs to it")
            if isinstance(record, PostRecord):
                if not await thread.begin(record, place):
                    return
                continue
            waiting.append(record)
            if len(waiting) >= AT_ONCE:
                await thread.take(waiting)
                waiting = []
        await thread.take(waiting)

    async def _restore_followers(self, member: Member) -> None:
        """Only where the followed id is the same: nobody follows an id that they never heard of."""
        owner = member.name.split("/")[-2]
        target = await self._services.db.read(_followed, owner, self._writers)
        if target is None or not self._move.stays:
            return
        for number, line in lines(member, MAX_LINE):
            record: FollowerRecord = _decode(
                msgspec.json.Decoder(FollowerRecord).decode, line, f"{member.name}, line {number}"
            )
            if self._report.dry_run or await self._put_follower(record, target):
                self._report.count("followers")

    async def _put_follower(self, record: FollowerRecord, target: Actor) -> bool:
        return await self._services.db.write(_put_follower, self._move, record, target, self._ours)

    async def _restore_blocks(self, member: Member) -> None:
        for number, line in lines(member, MAX_LINE):
            place = f"{member.name}, line {number}"
            record: BlockRecord = _decode(msgspec.json.Decoder(BlockRecord).decode, line, place)
            if record.kind not in ("actor", "domain") or not record.value or self._move.is_own(record.value):
                self._report.warn(place, "this is nobody who can be blocked")
                continue
            if self._report.dry_run or await self._services.db.write(_put_block, record):
                self._report.count("blocks")


def _decode(decode: Callable[[bytes], T], data: bytes, place: str) -> T:
    try:
        return decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidInput(f"{place}: {exc}") from None


def _find_writers(tx: Tx, about: About, author: str) -> dict[str, Actor]:
    """Who gets the posts, by the author's name in the archive."""
    found: dict[str, Actor] = {}
    for one in about.authors:
        name = author.lower().removeprefix("@") or one.name
        actor = actors.by_local_name(tx, name)
        if actor is None or actor.local != "author" or actor.deleted_at is not None:
            raise NotFound(
                f"there is no author {name} here: `fedblog user add {name}` first, or give all posts to one author"
                " with --author NAME"
            )
        found[one.name] = actor
    return found


def _note_aliases(tx: Tx, about: About, writers: dict[str, Actor]) -> None:
    """The authors are also known as who they were, so that they can move their followers here."""
    for one in about.authors:
        actor = actors.by_id(tx, writers[one.name].id)
        if maybe_uri(one.uri) is not None and one.uri not in actor.also_known_as and one.uri != actor.uri:
            actors.set_aliases(tx, actor.id, (*actor.also_known_as, one.uri))


def _followed(tx: Tx, name: str, writers: dict[str, Actor]) -> Actor | None:
    """Whose followers a file holds: by the folder's name, or the only author's. None where the posts go to somebody
    else than who was followed."""
    if name == "activitypub" and len(writers) == 1:
        name = next(iter(writers))
    if name in writers:
        return writers[name] if writers[name].username == name else None
    blog = actors.blog(tx)
    return blog if name == blog.username else None


def _put_follower(tx: Tx, move: Move, record: FollowerRecord, target: Actor, ours: tuple[str, ...]) -> bool:
    person = record.person
    uri, inbox = maybe_uri(person.uri), maybe_uri(person.inbox)
    if uri is None or inbox is None or person.local or move.is_own(uri) or not same_origin(uri, inbox):
        return False
    if any(moderation.is_blocked(tx, actor_uri=uri, host=host) for host in (host_of(uri), person.domain)):
        return False
    actor = put_person(tx, person, our_domains=ours)
    follow: dict[str, Any] = {"id": record.follow_uri, "type": "Follow", "actor": uri, "object": target.uri}
    return archive.put_follower(
        tx,
        actor_id=actor.id,
        target_id=target.id,
        follow_uri=record.follow_uri,
        body=msgspec.json.encode(follow).decode(),
        at=min(record.created_at, tx.now),
    )


def _put_block(tx: Tx, record: BlockRecord) -> bool:
    if any((block.kind, block.value) == (record.kind, record.value) for block in moderation.blocks(tx)):
        return False
    moderation.block(tx, record.kind, record.value, record.reason)
    known = actors.by_uri(tx, record.value) if record.kind == "actor" else None
    gone = hiding.actors_of_domain(tx, record.value) if record.kind == "domain" else [known.id] if known else []
    for actor_id in gone:
        hiding.hide_all_of(tx, actor_id)
    return True
