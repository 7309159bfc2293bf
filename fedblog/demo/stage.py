"""Performs the acts: everybody finds the blog by WebFinger, writes, and sends signed activities to its inboxes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fedblog.blog.model import ActorId, PostId, ReplyId
from fedblog.demo import habits
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.acts import ACTS, BLOG, ESSAYS, Act, Deed
from fedblog.demo.crowd import Crowd
from fedblog.demo.habits import Addressee
from fedblog.demo.people import AUTHORS, RESIDENTS
from fedblog.demo.server import DemoServer
from fedblog.federation.services import Services
from fedblog.storage import actors, replies

NAMES = {author.username: author.name for author in AUTHORS} | {who.username: who.name for who in RESIDENTS}
_TITLES = {essay.key: essay.title for essay in ESSAYS}


class SceneFailed(Exception):
    """An act could not be performed; the message says which and why."""


@dataclass
class Thing:
    """Something that can be answered, liked or boosted: a post or a reply, wherever it lives."""

    uri: str
    url: str
    author: Addressee
    essay: str
    text: str = ""
    note: dict[str, Any] = field(default_factory=dict)


class Stage:
    """The scene. `tell` gets one line for each act; `pace` stretches the pauses, 0 leaves them out."""

    def __init__(
        self,
        crowd: Crowd,
        services: Services,
        *,
        drafts: dict[str, PostId],
        tell: Callable[[str], None],
        pace: float = 1.0,
    ) -> None:
        self.things: dict[str, Thing] = {}
        self.first_reply_after = 0.0
        self._crowd, self._services, self._drafts = crowd, services, drafts
        self._tell, self._pace = tell, pace
        self._shared_inbox = ""
        self._people: dict[str, Addressee] = {}
        self._inboxes: dict[str, str] = {}

    async def arrive(self) -> None:
        """Looks up the authors and the posts over HTTP, as servers do. Raises `SceneFailed`."""
        asker = next(iter(self._crowd.servers.values()))
        base, domain = self._services.settings.base_url, self._services.settings.domain
        for name in (*(author.username for author in AUTHORS), self._services.settings.blog.handle):
            jrd = await asker.webfinger(f"@{name}@{domain}", base_url=base)
            uri = next(link["href"] for link in jrd["links"] if link["rel"] == "self")
            actor = await asker.object_of(uri)
            self._people[name] = Addressee(uri, actor["url"], f"@{name}@{domain}")
            self._inboxes[name] = actor["inbox"]
            self._shared_inbox = actor["endpoints"]["sharedInbox"]

    async def find_post(self, key: str, url: str) -> None:
        """Remembers a post by the link that a reader would paste."""
        asker = next(iter(self._crowd.servers.values()))
        article = await asker.object_of(url)
        essay = next(essay for essay in ESSAYS if essay.key == key)
        self.things[key] = Thing(article["id"], url, self._people[essay.author], key, essay.title)

    async def play(self, acts: Sequence[Act] = ACTS) -> None:
        """All acts in order. Raises `SceneFailed`."""
        started = time.monotonic()
        deeds: dict[Deed, Callable[[Act], Awaitable[None]]] = {
            "follow": self._follow,
            "reply": self._reply,
            "answer": self._answer,
            "like": self._like,
            "react": self._react,
            "boost": self._boost,
            "edit": self._edit,
            "delete": self._delete,
            "publish": self._publish,
            "author_like": self._author_like,
        }
        for act in acts:
            await asyncio.sleep(act.pause * self._pace)
            try:
                await deeds[act.deed](act)
            except (OSError, KeyError) as exc:
                raise SceneFailed(f"{act.deed} by {act.who} on {act.to}: {exc}") from exc
            if (
                act.deed == "reply"
                and self.things[act.to].text
                and act.to not in _TITLES
                and not self.first_reply_after
            ):
                self.first_reply_after = time.monotonic() - started

    # What people elsewhere do

    async def _follow(self, act: Act) -> None:
        server, actor = self._crowd.find(act.who)
        target = self._services.settings.blog.handle if act.to == BLOG else act.to
        await server.say(actor, self._inboxes[target], payloads.follow(actor, self._people[target].id))
        self._say(act.who, f"follows {'the blog' if act.to == BLOG else NAMES[act.to]}", server)

    async def _reply(self, act: Act) -> None:
        server, actor = self._crowd.find(act.who)
        parent = self.things[act.to]
        host = self.things[parent.essay].author
        mentions = list({person.id: person for person in (parent.author, host) if person.id != actor.id}.values())
        note = habits.write_note(actor, parent.uri, act.text, mentions, now=time.time())
        server.publish(note)
        me = Addressee(actor.id, actor.url, actor.handle)
        self.things[act.label] = Thing(note["id"], note["url"], me, parent.essay, act.text, note)
        await server.say(actor, self._shared_inbox, habits.write_create(actor, note))
        self._say(act.who, f"replies to {self._whose(act.to)}: “{_short(act.text)}”", server)

    async def _edit(self, act: Act) -> None:
        server, actor = self._crowd.find(act.who)
        thing = self.things[act.to]
        mentions = [self.things[thing.essay].author]
        changed = habits.rewrite(actor, thing.note, act.text, mentions)
        # A second later at least: what is not newer than the first version is no edit.
        update = payloads.update(actor, changed, now=time.time() + 1)
        thing.note = {**changed, "updated": update["object"]["updated"]}
        thing.text = act.text
        server.publish(thing.note)
        await server.say(actor, self._shared_inbox, update)
        self._say(act.who, f"corrects their reply: “{_short(act.text)}”", server)

    async def _delete(self, act: Act) -> None:
        server, actor = self._crowd.find(act.who)
        thing = self.things[act.to]
        server.gone(_path(thing.uri, server))
        del server.objects[_path(thing.uri, server)]
        await server.say(actor, self._shared_inbox, payloads.delete(actor, thing.uri))
        self._say(act.who, "deletes their reply; what others answered to it stays", server)

    async def _like(self, act: Act) -> None:
        await self._react_with(act, lambda actor, uri: payloads.like(actor, uri), f"likes {self._what(act.to)}")

    async def _react(self, act: Act) -> None:
        words = f"reacts with {act.text} to {self._what(act.to)}"
        await self._react_with(act, lambda actor, uri: habits.react(actor, uri, act.text), words)

    async def _boost(self, act: Act) -> None:
        def announce(actor: Any, uri: str) -> dict[str, Any]:
            return payloads.announce(actor, uri, cc=[actor.followers, self.things[act.to].author.id])

        await self._react_with(act, announce, f"boosts {self._what(act.to)}")

    async def _react_with(self, act: Act, make: Callable[[Any, str], dict[str, Any]], words: str) -> None:
        """To where the liked thing lives: to the blog, or to the server of whoever wrote that reply."""
        server, actor = self._crowd.find(act.who)
        thing = self.things[act.to]
        home = self._crowd.home_of(thing.uri)
        if home is server:
            server.add_like(thing.uri)
        else:
            inbox = f"{home.base_url}/inbox" if home is not None else self._shared_inbox
            await server.say(actor, inbox, make(actor, thing.uri))
        self._say(act.who, words, server)

    # What authors here do

    async def _answer(self, act: Act) -> None:
        parent = self.things[act.to]
        reply = await self._services.publisher.answer(
            author_id=await self._author(act.who), source=act.text, reply_id=await self._reply_id(parent)
        )
        me = self._people[act.who]
        self.things[act.label] = Thing(reply.uri, reply.url, me, parent.essay, act.text.replace("*", ""))
        self._say(act.who, f"answers {self._whose(act.to)}: “{_short(act.text)}”")

    async def _author_like(self, act: Act) -> None:
        reply_id = await self._reply_id(self.things[act.to])
        await self._services.publisher.like_reply(reply_id, author_id=await self._author(act.who))
        self._say(act.who, f"likes {self._what(act.to)}")

    async def _publish(self, act: Act) -> None:
        post = await self._services.publisher.publish(self._drafts[act.to])
        url = self._services.ids.post_page(act.who, post.slug)
        await self.find_post(act.to, url)
        self._say(act.who, f"publishes “{post.title}”: {url}")

    async def _author(self, username: str) -> ActorId:
        actor = await self._services.db.read(actors.by_local_name, username)
        if actor is None:
            raise KeyError(username)
        return actor.id

    async def _reply_id(self, thing: Thing) -> ReplyId:
        reply = await self._services.db.read(replies.by_uri, thing.uri)
        if reply is None:
            raise SceneFailed(f"{thing.uri} has not reached the blog")
        return reply.id

    # What the terminal shows

    def _whose(self, label: str) -> str:
        if label in _TITLES:
            return f"“{_TITLES[label]}”"
        handle = self.things[label].author.handle
        return NAMES[handle.split("@")[1]]

    def _what(self, label: str) -> str:
        return self._whose(label) if label in _TITLES else f"the reply of {self._whose(label)}"

    def _say(self, who: str, words: str, server: DemoServer | None = None) -> None:
        where = f" ({server.place.host.partition('.')[0]})" if server is not None else ""
        self._tell(f"{NAMES[who]}{where} {words}")


def _short(text: str, limit: int = 72) -> str:
    plain = text.replace("*", "")
    return plain if len(plain) <= limit else plain[:limit].rsplit(" ", 1)[0] + " …"


def _path(uri: str, server: DemoServer) -> str:
    return uri.removeprefix(server.base_url)
