"""What must be true after the scene, asked over HTTP as readers and servers ask. Each expectation is a named check."""

from __future__ import annotations

import asyncio
import html
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from fedblog.demo.acts import ACTS, BLOG, ESSAYS, Act
from fedblog.demo.crowd import Crowd
from fedblog.demo.people import AUTHORS
from fedblog.demo.reading import PageReader
from fedblog.demo.stage import NAMES, Stage, Thing

HTML = "text/html"
PATIENCE_SECONDS = 15.0


class CheckFailed(Exception):
    """What was expected is not there."""


@dataclass
class Result:
    """How one check ended; `problem` is empty when it passed."""

    name: str
    seconds: float
    problem: str = ""


@dataclass
class Witness:
    """What the checks look at."""

    base_url: str
    crowd: Crowd
    stage: Stage
    acts: tuple[Act, ...] = ACTS
    results: list[Result] = field(default_factory=list)

    async def text(self, url: str, accept: str = HTML) -> str:
        """A document. Raises `CheckFailed` where it is not answered with 200."""
        server = next(iter(self.crowd.servers.values()))
        status, _, body = await server.fetch(url, accept=accept)
        need(status == 200, f"{url} answered {status}")
        return body.decode()

    async def json(self, url: str) -> Any:
        """A document as ActivityStreams."""
        return json.loads(await self.text(url, "application/activity+json"))

    async def page(self, key: str) -> PageReader:
        """The page of a post."""
        return PageReader(await self.text(self.stage.things[key].url))

    async def article(self, key: str) -> dict[str, Any]:
        """The ActivityStreams object of a post."""
        return dict(await self.json(self.stage.things[key].uri))

    def of(self, *deeds: str) -> list[Act]:
        """The acts of some kinds."""
        return [act for act in self.acts if act.deed in deeds]

    def home(self, label: str) -> str:
        """The essay that a thing belongs to."""
        return self.stage.things[label].essay

    def removed(self) -> set[str]:
        """Labels of what was deleted."""
        return {act.to for act in self.of("delete")}

    def depth(self, label: str) -> int:
        """How deep a reply stands, by the script."""
        act = next(act for act in self.of("reply", "answer") if act.label == label)
        return 1 if self.stage.things[act.to].essay == act.to else 1 + self.depth(act.to)

    def thread(self, key: str) -> dict[str, Thing]:
        """The replies of an essay that are there at the end."""
        labels = (act.label for act in self.of("reply", "answer"))
        return {
            label: self.stage.things[label]
            for label in labels
            if self.home(label) == key and label not in self.removed()
        }


def need(condition: object, problem: str) -> None:
    """Raises `CheckFailed` with the problem unless the condition holds."""
    if not condition:
        raise CheckFailed(problem)


async def posts_are_listed(seen: Witness) -> None:
    """The front page and the feed show all posts."""
    page = PageReader(await seen.text(f"{seen.base_url}/")).text
    feed = await seen.text(f"{seen.base_url}/feed.atom", "application/atom+xml")
    for essay in ESSAYS:
        need(essay.title in page, f"“{essay.title}” is not on the front page")
        need(essay.title in feed, f"“{essay.title}” is not in the feed")


async def replies_are_nested(seen: Witness) -> None:
    """Every reply stands under its post, at its depth, with its author's name and handle."""
    for essay in ESSAYS:
        page = await seen.page(essay.key)
        for label, thing in seen.thread(essay.key).items():
            found = page.find(thing.text)
            if found is None:
                raise CheckFailed(f"“{thing.text[:50]}…” is not under “{essay.title}”")
            wanted = seen.depth(label)
            need(found.depth == wanted, f"“{thing.text[:50]}…” stands at depth {found.depth}, not {wanted}")
            name = NAMES[thing.author.handle.split("@")[1]]
            need(name in found.text, f"{name} is not named at “{thing.text[:50]}…”")
            need(thing.author.handle in found.text, f"{thing.author.handle} is not shown")


async def edit_is_shown(seen: Witness) -> None:
    """A corrected reply has its new words and says so; the old ones are gone."""
    for act in seen.of("edit"):
        page = await seen.page(seen.home(act.to))
        found = page.find(act.text)
        if found is None:
            raise CheckFailed("the corrected text is not there")
        need("edited" in found.text, "the reply does not say that it was edited")
        old = next(one.text for one in seen.of("reply") if one.label == act.to)
        need(old not in page.text, "the text before the correction is still there")


async def deletion_leaves_a_place(seen: Witness) -> None:
    """A deleted reply is a placeholder, and what others answered to it still stands below."""
    for act in seen.of("delete"):
        page = await seen.page(seen.home(act.to))
        thing = seen.stage.things[act.to]
        need(thing.text not in page.text, "the deleted words are still there")
        need(any("removed" in reply.text for reply in page.replies), "no placeholder is there")


async def likes_of_posts_are_counted(seen: Witness) -> None:
    """Likes and boosts of a post are counted, and their people are named on the page."""
    for essay in ESSAYS:
        article, page = await seen.article(essay.key), await seen.page(essay.key)
        for collection, deeds in (("likes", ("like", "react")), ("shares", ("boost",))):
            people = [act.who for act in seen.of(*deeds) if act.to == essay.key]
            total = article[collection]["totalItems"]
            need(total == len(people), f"“{essay.title}” has {total} {collection}, not {len(people)}")
            for who in people:
                need(NAMES[who] in page.text, f"{NAMES[who]} is not named under “{essay.title}”")


async def likes_of_answers_are_named(seen: Witness) -> None:
    """Likes of our authors' answers come by inbox, and show with names."""
    answers = {act.label: act for act in seen.of("answer")}
    for label, people in _likers(seen).items():
        if label not in answers:
            continue
        found = (await seen.page(seen.home(label))).find(seen.stage.things[label].text)
        words = f"Liked by {len(people)} {'person' if len(people) == 1 else 'people'}"
        if found is None or words not in found.text:
            raise CheckFailed(f"“{words}” is not at the answer “{answers[label].text[:40]}…”")
        for who in people:
            need(NAMES[who] in found.text, f"{NAMES[who]} is not named at “{answers[label].text[:40]}…”")


async def likes_of_remote_replies_are_read(seen: Witness) -> None:
    """Likes of remote replies are read from their own servers (COL-08b)."""
    answers = {act.label for act in seen.of("answer")}
    for label, people in _likers(seen).items():
        if label in answers:
            continue
        found = (await seen.page(seen.home(label))).find(seen.stage.things[label].text)
        words = f"Liked by {len(people)} {'person' if len(people) == 1 else 'people'}"
        if found is None or words not in found.text:
            raise CheckFailed(f"“{words}” is not at “{seen.stage.things[label].text[:40]}…”")


async def collections_agree(seen: Witness) -> None:
    """`replies` lists the direct answers of a post, `context` the whole conversation."""
    for essay in ESSAYS:
        article = await seen.article(essay.key)
        thread = seen.thread(essay.key)
        direct = {thing.uri for label, thing in thread.items() if seen.depth(label) == 1}
        listed = await _items(seen, article["replies"]["id"])
        need(direct <= listed, f"`replies` of “{essay.title}” lacks {sorted(direct - listed)}")
        whole = await _items(seen, article["context"])
        missing = {thing.uri for thing in thread.values()} - whole
        need(not missing, f"`context` of “{essay.title}” lacks {sorted(missing)}")


async def comments_feed_has_them(seen: Witness) -> None:
    """The feed of a post's conversation has its replies."""
    for essay in ESSAYS:
        feed = await seen.text(f"{seen.stage.things[essay.key].url}/comments.atom", "application/atom+xml")
        words = PageReader(html.unescape(feed)).text
        for thing in seen.thread(essay.key).values():
            need(thing.text in words, f"“{thing.text[:40]}…” is not in the feed")


async def followers_are_counted(seen: Witness) -> None:
    """Each actor has the followers who asked, and each of them got a signed Accept."""
    wanted = Counter(act.to for act in seen.of("follow"))
    for target, count in wanted.items():
        name = "blog" if target == BLOG else target
        actor = await seen.json(f"{seen.base_url}/@{name}")
        total = (await seen.json(actor["followers"]))["totalItems"]
        need(total == count, f"@{name} has {total} followers, not {count}")
    for act in seen.of("follow"):
        server, actor_there = seen.crowd.find(act.who)
        accepted = [
            one
            for one in server.inbox
            if one.type == "Accept" and one.verified and one.activity["object"]["actor"] == actor_there.id
        ]
        need(accepted, f"{act.who} never got an Accept")


async def new_post_is_delivered(seen: Witness) -> None:
    """A post published meanwhile has reached every server with a follower, well signed."""
    for act in seen.of("publish"):
        uri = seen.stage.things[act.to].uri
        followers = [one for one in seen.of("follow") if one.to in (act.who, BLOG)]
        for who in {one.who for one in followers}:
            server, _ = seen.crowd.find(who)
            got = [one for one in server.inbox if one.verified and uri in one.body.decode() and one.type != "Accept"]
            need(got, f"“{act.to}” has not reached {server.place.host}")


async def answers_are_delivered(seen: Witness) -> None:
    """Our authors' answers have reached the servers of those whom they answer, well signed."""
    for act in seen.of("answer"):
        server, _ = seen.crowd.find(seen.stage.things[act.to].author.handle.split("@")[1])
        uri = seen.stage.things[act.label].uri
        got = [one for one in server.inbox if one.verified and one.type == "Create" and uri in one.body.decode()]
        need(got, f"the answer “{act.text[:40]}…” has not reached {server.place.host}")


async def names_are_found(seen: Witness) -> None:
    """WebFinger leads to each author and back (DISC-05)."""
    server = next(iter(seen.crowd.servers.values()))
    domain = seen.base_url.partition("://")[2]
    for name in (*(author.username for author in AUTHORS), "blog"):
        jrd = await server.webfinger(f"@{name}@{domain}", base_url=seen.base_url)
        uri = next(link["href"] for link in jrd["links"] if link["rel"] == "self")
        actor = await seen.json(uri)
        need((actor["id"], actor["preferredUsername"]) == (uri, name), f"{uri} does not lead back to @{name}")


CHECKS: dict[str, Callable[[Witness], Awaitable[None]]] = {
    "posts are on the front page and in the feed": posts_are_listed,
    "replies stand under their posts, at their depth, with names": replies_are_nested,
    "a corrected reply shows its new text, marked as edited": edit_is_shown,
    "a deleted reply is a placeholder, its answers stay": deletion_leaves_a_place,
    "likes and boosts of posts are counted and named": likes_of_posts_are_counted,
    "likes of the authors' answers show names": likes_of_answers_are_named,
    "likes of remote replies are read from their servers": likes_of_remote_replies_are_read,
    "replies and context collections agree with the page": collections_agree,
    "the comments feed has the conversation": comments_feed_has_them,
    "followers are counted and were accepted": followers_are_counted,
    "the new post reached every follower's server, signed": new_post_is_delivered,
    "the authors' answers reached those they answer": answers_are_delivered,
    "WebFinger leads to every author and back": names_are_found,
}


async def run_checks(seen: Witness, *, patience: float = PATIENCE_SECONDS) -> list[Result]:
    """Every check, each repeated until it holds or `patience` seconds (of all checks together) are over."""
    started = time.monotonic()
    for name, check in CHECKS.items():
        problem = await _until(check, seen, started + patience)
        seen.results.append(Result(name, time.monotonic() - started, problem))
    return seen.results


async def _until(check: Callable[[Witness], Awaitable[None]], seen: Witness, deadline: float) -> str:
    while True:
        try:
            await check(seen)
        except (CheckFailed, OSError, KeyError, ValueError) as exc:
            if time.monotonic() >= deadline:
                return str(exc) if isinstance(exc, CheckFailed) else repr(exc)
        else:
            return ""
        await asyncio.sleep(0.1)


def _likers(seen: Witness) -> dict[str, list[str]]:
    """Who likes which reply, by the script."""
    essays = {essay.key for essay in ESSAYS}
    found: dict[str, list[str]] = {}
    for act in seen.of("like", "author_like"):
        if act.to not in essays:
            found.setdefault(act.to, []).append(act.who)
    return found


async def _items(seen: Witness, uri: str) -> set[str]:
    """All ids of a collection, page by page."""
    found: set[str] = set()
    place = await seen.json(uri)
    while place is not None:
        for item in (*place.get("items", ()), *place.get("orderedItems", ())):
            found.add(item if isinstance(item, str) else item["id"])
        following = place.get("first") if "first" in place else place.get("next")
        place = await seen.json(following) if isinstance(following, str) else following
    return found
