"""One fixture in one house: the document moved to our servers, bound to what is ours, and sent twice."""

from __future__ import annotations

import copy
from typing import Any

from fedblog.activitypub.normalise import id_of, one_or_many, type_of
from fedblog.activitypub.vocab import ACTIVITY_TYPES, CHAT_TYPES, REPLY_TYPES
from fedblog.blog.model import Post, Reply
from fedblog.storage import followers
from fedblog.storage.database import Tx
from tests.federation.house import BASE_URL, PUBLIC, House, actor_of
from tests.shared import fixture

ANA = f"{BASE_URL}/ap/actors/ana"
Json = dict[str, Any]
# Expected to be about a foreign object, which binding would make ours.
UNBOUND = {"peertube-announce-video.json"}


class Case:
    """One fixture in one house."""

    def __init__(self, house: House, entry: Json, post: Post, answer: Reply) -> None:
        self.house, self.entry, self.post = house, entry, post
        self.local = {"post": post.uri, "actor": ANA, "blog": f"{BASE_URL}/ap/actors/blog", "own-reply": answer.uri}
        self.doc = self._load()

    def _load(self) -> Json:
        doc = copy.deepcopy(fixture(self.entry["file"]))
        for pointer, what in self.entry["bind"].items() if self.entry["file"] not in UNBOUND else ():
            _set(doc, pointer, self.local[what])
        doc = self.house.world.localise(self._our_names(doc))
        if (
            type_of(doc) in REPLY_TYPES
            or type_of(doc) in CHAT_TYPES
            or (type_of(doc) not in ACTIVITY_TYPES and "actor" not in doc)
        ):
            owner = _first_id(doc.get("attributedTo")) or _first_id(doc.get("actor")) or str(id_of(doc))
            doc = {"id": f"{id_of(doc)}/activity", "type": "Create", "actor": owner, "object": doc}
        return dict(doc)

    def _our_names(self, value: Any) -> Any:
        """The index's names of our post, author, blog and answer -> the real ones."""
        if isinstance(value, dict):
            return {key: self._our_names(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._our_names(one) for one in value]
        names = {
            f"{BASE_URL}/posts/friendship": self.local["post"],
            f"{BASE_URL}/authors/ana": ANA,
            f"{BASE_URL}/blog": self.local["blog"],
            f"{BASE_URL}/replies/1": self.local["own-reply"],
        }
        return names.get(value, value) if isinstance(value, str) else value

    @property
    def actor(self) -> str:
        """Who acts."""
        return actor_of(self.doc)

    @property
    def object(self) -> Any:
        """The first object."""
        return next(iter(one_or_many(self.doc.get("object"))), None)

    @property
    def object_id(self) -> str:
        """Its id."""
        return str(id_of(self.object))

    def meet(self, uri: str | None = None, **extra: Any) -> str:
        """Serve an actor with a key."""
        return self.house.world.person(uri or self.actor, **extra)

    async def send(self, doc: Json | None = None, **how: Any) -> tuple[int, str]:
        """Send it twice: the second time changes nothing."""
        activity = self.doc if doc is None else doc
        first = await self.house.send(activity, **how)
        before = await self.house.db.read(state_of)
        second = await self.house.send(activity, **how)
        assert second[0] == first[0]
        assert await self.house.db.read(state_of) == before
        return first

    async def before(self, kind: str, target: Any, **extra: Any) -> Json:
        """Something that the same actor did before."""
        activity = self.house.activity(kind, self.actor, target, **{"to": [PUBLIC], **extra})
        assert (await self.house.send(activity))[0] == 202
        return activity

    async def comment_before(self, **extra: Any) -> Json:
        """The reply that this is about is here already."""
        note = {**self.house.note(self.actor, self.post.uri, "<p>before</p>"), "id": self.object_id, **extra}
        assert await self.house.send(self.house.create(note)) == (202, "reply_published")
        return note

    async def answer_to_actor(self) -> Reply:
        """An answer of ours to something that the actor wrote: only they decide about it."""
        note = self.house.note(self.actor, self.post.uri)
        assert await self.house.send(self.house.create(note)) == (202, "reply_published")
        parent = await self.house.reply(note["id"])
        assert parent is not None
        return await self.house.publisher.answer(
            author_id=self.house.author.id, reply_id=parent.id, source="Our answer"
        )

    async def counts(self) -> tuple[int, int, int]:
        """Public replies, likes and boosts of the post."""
        post = await self.house.get_post(self.post)
        return post.reply_count, post.like_count, post.announce_count

    async def follower(self) -> str | None:
        """The state of the actor's follow, None without one."""
        actor = await self.house.actor(self.actor)
        for target in (self.house.author, self.house.blog):
            found = await self.house.db.read(followers.get, actor.id, target.id)
            if found is not None:
                return found.state
        return None


def _set(doc: Any, pointer: str, value: str) -> None:
    *path, last = pointer.strip("/").split("/")
    for part in path:
        doc = doc[int(part)] if isinstance(doc, list) else doc[part]
    doc[int(last) if isinstance(doc, list) else last] = value


def _first_id(value: Any) -> str | None:
    return next((found for item in one_or_many(value) if (found := id_of(item))), None)


def state_of(tx: Tx) -> list[Any]:
    """All that an activity may change, but for the log."""
    return [
        tx.all("SELECT uri, state, visibility, content_html, edited_at FROM replies ORDER BY uri"),
        tx.all("SELECT kind, actor_id, post_id, reply_id, emoji FROM reactions ORDER BY id"),
        tx.all("SELECT actor_id, target_id, state FROM followers ORDER BY 1, 2"),
        tx.all("SELECT reply_count, like_count, announce_count FROM threads ORDER BY post_id"),
        tx.all("SELECT uri FROM tombstones ORDER BY uri"),
        tx.all("SELECT actor_id, target_id FROM blocked_by ORDER BY 1, 2"),
        tx.all("SELECT activity_uri FROM reports ORDER BY 1"),
        tx.all("SELECT uri, target_uri, state, listed FROM quotes ORDER BY 1, 2"),
        tx.all("SELECT uri, approval, approved_by FROM replies WHERE local = 1 ORDER BY 1"),
        tx.all("SELECT uri, name, deleted_at FROM actors ORDER BY uri"),
    ]
