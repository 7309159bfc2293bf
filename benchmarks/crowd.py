"""A blog with a post, a hundred people with keys who answer, and their signed requests as bytes."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import load
from fedblog.activitypub.urls import Uri
from fedblog.app import services
from fedblog.blog.ledger import Profile, RemoteKey
from fedblog.blog.model import Actor, NewReply, Post, Reply, ReplyState, Role, Visibility, Writing
from fedblog.config import make_settings
from fedblog.demo.peer_actor import PeerActor
from fedblog.demo.peer_payloads import create, like, note
from fedblog.federation.services import Services
from fedblog.federation.setup import add_author
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.keys import PrivateKey, generate_rsa
from fedblog.storage import actors, replies, threads
from fedblog.storage.database import Tx

HOST = "blog.example"
AS_CONTEXT = "https://www.w3.org/ns/activitystreams"
PEOPLE = 100
KEYS = 8
TEXT = (
    "the kettle sings while rain writes small letters on the window and somebody reads them aloud to the cat who has"
    " heard better stories but stays because the chair is warm and the evening long enough for one more page"
)
WORDS = tuple(TEXT.split())


def raw_settings(place: Path, **federation: Any) -> dict[str, Any]:
    """A blog in `place`, with no limit that a single load generator would meet."""
    return {
        "server": {"domain": HOST, "data_dir": str(place / "data"), "host": "127.0.0.1"},
        "limits": {"inbox_per_minute": 1_000_000_000},
        "federation": federation,
    }


def words(dice: random.Random, count: int) -> str:
    """Text of so many words."""
    return " ".join(dice.choice(WORDS) for _ in range(count))


@dataclass(frozen=True, slots=True)
class Crowd:
    """The people, and the post that they talk about."""

    people: list[PeerActor]
    post: Post
    address: str

    def creates(self, count: int, dice: random.Random, parents: list[str]) -> list[bytes]:
        """Distinct signed replies; a third answers the post, the others somebody's reply out of `parents`, which
        grows by what was made."""
        made = []
        for number in range(count):
            who = self.people[number % len(self.people)]
            above = self.post.uri if not parents or dice.random() < 1 / 3 else dice.choice(parents)
            doc = note(who, above, f"<p>{words(dice, 40)}</p>", now=time.time())
            parents.append(str(doc["id"]))
            made.append((who, create(who, doc)))
        return _signed(made)

    def likes(self, count: int, targets: list[str]) -> list[bytes]:
        """Signed likes of posts, no pair of actor and object twice as long as there are targets enough."""
        made = []
        for number in range(count):
            who = self.people[number % len(self.people)]
            made.append((who, like(who, targets[number // len(self.people) % len(targets)])))
        return _signed(made)

    def farewells(self, count: int, base: str) -> list[bytes]:
        """`Delete` of themselves by so many people whose ids begin with `base`, and whom nobody knows."""
        key = self.people[0].key
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(lambda number: _farewell(f"{base}{number}", key), range(count)))


def _farewell(actor: str, key: PrivateKey) -> bytes:
    doc = {"@context": AS_CONTEXT, "id": f"{actor}#delete", "type": "Delete", "actor": actor, "object": actor}
    body = json.dumps(doc).encode()
    own = replace(key, key_id=Uri(f"{actor}#main-key"))
    headers = sign_cavage(method="POST", url=Uri(f"https://{HOST}/inbox"), body=body, key=own, now=time.time())
    return load.post("/inbox", body, headers)


def _signed(made: list[tuple[PeerActor, dict[str, Any]]]) -> list[bytes]:
    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(_sign, made))


def _sign(item: tuple[PeerActor, dict[str, Any]]) -> bytes:
    who, doc = item
    body = json.dumps(doc, ensure_ascii=False).encode()
    url = Uri(f"https://{HOST}/inbox")
    headers = sign_cavage(method="POST", url=url, body=body, key=who.key, now=time.time())
    return load.post("/inbox", body, {**headers, "User-Agent": "peer/1.0", "Accept-Encoding": "gzip"})


def make_people() -> list[PeerActor]:
    """People on ten servers. Making keys is slow, so some of them share one under names of their own."""
    with ThreadPoolExecutor(2) as threads:
        keys = list(threads.map(generate_rsa, [Uri(f"https://s0.example/{number}") for number in range(KEYS)]))
    people = []
    for number in range(PEOPLE):
        base = f"https://s{number % 10}.example"
        key = replace(keys[number % KEYS], key_id=Uri(f"{base}/users/p{number}#main-key"))
        people.append(PeerActor(base, f"p{number}", f"Person {number}", key))
    return people


def profile_of(person: PeerActor) -> Profile:
    """A person as they would be stored after a fetch."""
    key = RemoteKey(person.key.key_id, person.id, "rsa", person.key.public.pem, int(time.time()))
    return Profile(
        uri=person.id,
        type="Person",
        username=person.username,
        domain=person.host,
        name=person.name,
        summary_html="",
        url=person.url,
        icon_url="",
        image_url="",
        inbox=person.inbox,
        shared_inbox=f"{person.base_url}/inbox",
        followers_uri=person.followers,
        manually_approves=False,
        fields=(),
        suspended=False,
        keys=(key,),
    )


async def settle_in(place: Path) -> Crowd:
    """Make the blog in `place` with an author, a post and the people."""
    people = await asyncio.to_thread(make_people)
    async with services(make_settings(raw_settings(place), relative_to=place)) as parts:
        await add_author(
            parts.db, parts.ids, parts.sealer, parts.settings, username="ana", name="Ana Lima", role=Role.OWNER
        )
        post = await publish(parts)
        for person in people:
            await parts.db.write(actors.upsert_remote, profile_of(person))
    return Crowd(people, post, f"/@ana/{post.slug}")


async def publish(parts: Services, title: str = "First light") -> Post:
    """One more post of the author's."""
    author = await parts.db.read(actors.by_local_name, "ana")
    if author is None:
        raise RuntimeError("no author")
    text = await parts.publisher.compose(Writing(title=title, source="The kettle sings.\n\n" + words(_dice(1), 400)))
    draft = await parts.publisher.save_draft(text, author_id=author.id)
    return await parts.publisher.publish(draft.id)


async def publish_more(place: Path, count: int) -> list[str]:
    """The ids of so many more posts."""
    async with services(make_settings(raw_settings(place), relative_to=place)) as parts:
        return [(await publish(parts, title=f"Light {number}")).uri for number in range(count)]


def _dice(seed: int) -> random.Random:
    return random.Random(seed)


async def fill(
    parts: Services,
    crowd: Crowd,
    count: int,
    *,
    start: int = 0,
    chain: bool = False,
    source: Callable[[str, str], bytes] | None = None,
) -> None:
    """Replies straight into the store, a random tree or one `chain`, numbered from `start`; `source` makes the document
    that arrived."""
    dice, parents = _dice(count + start), list[Reply]()
    known = [actor for person in crowd.people if (actor := await parts.db.read(actors.by_uri, person.id)) is not None]

    def add_some(tx: Tx, first: int, end: int) -> None:
        for number in range(first, end):
            alone = not parents or (not chain and dice.random() < 1 / 3)
            parent = None if alone else parents[-1] if chain else dice.choice(parents)
            new = _reply(dice.choice(known), number, words(dice, 50), crowd.post)
            if parent is not None:
                new = replace(new, in_reply_to=parent.uri)
            if source is not None:
                new = replace(new, original=source(new.uri, new.content_html))
            parent_id = None if parent is None else parent.id
            parents.append(replies.add(tx, new, post_id=crowd.post.id if parent is None else None, parent_id=parent_id))

    for first in range(start, start + count, 500):
        await parts.db.write(add_some, first, min(start + count, first + 500))


async def answer_first(parts: Services, crowd: Crowd, number: int) -> None:
    """One more answer to the first reply under the post, so that it stands on the first page."""
    known = await parts.db.read(actors.by_uri, crowd.people[0].id)
    first = (await parts.db.read(threads.thread, crowd.post.id, limit=1))[0].reply
    if known is not None:
        new = replace(
            _reply(known, number, words(_dice(number), 50), crowd.post),
            uri=f"{known.uri}/statuses/a{number}",
            in_reply_to=first.uri,
        )
        await parts.db.write(replies.add, new, post_id=None, parent_id=first.id)


def _reply(who: Actor, number: int, text: str, post: Post) -> NewReply:
    blank = NewReply(
        uri=f"{who.uri}/statuses/{post.id}-{number}",
        url=f"{who.url}/{post.id}-{number}",
        actor_id=who.id,
        in_reply_to=post.uri,
        state=ReplyState.PUBLISHED,
        visibility=Visibility.PUBLIC,
        local=False,
        type="Note",
        name="",
        content_html="",
        source="",
        content_warning="",
        language="en",
        published_at=int(time.time()) - 100_000 + number,
        edited_at=None,
        context="",
        attachments=(),
        remote_likes=0,
        remote_announces=0,
        reason="",
        original=b"",
    )
    return replace(blank, content_html=f"<p>{text}</p>")
