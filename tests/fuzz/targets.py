"""What is fuzzed: each target takes dice and does one input; what it raises is a finding."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from fedblog.activitypub import normalise, wire
from fedblog.activitypub.urls import Uri
from fedblog.activitypub.validate import validate_activity
from fedblog.app import services
from fedblog.blog.ledger import Profile, RemoteKey
from fedblog.config import make_settings
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer_actor import PeerActor, key_id_of
from fedblog.errors import FedblogError, FetchFailed, Refused, StorageUnavailable
from fedblog.federation.client import Client, Response
from fedblog.federation.services import Services
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.keys import PrivateKey, generate_ed25519
from fedblog.signatures.model import SignatureRefused, SignedRequest
from fedblog.signatures.proofs import create_proof, proof_key_id, verify_proof
from fedblog.signatures.rfc9421 import accepted_components, parse_accept_signature, sign_rfc9421
from fedblog.signatures.verify import check_claim, has_signature, read_claims
from fedblog.storage import actors
from fedblog.text.dates import parse_as2_datetime
from tests.fuzz.mutate import mutate_bytes, mutate_document, mutate_headers, mutate_text, to_bytes
from tests.samples import make_author, make_post
from tests.shared import fixture, fixture_index

NOW = 1_800_000_000
INBOX = Uri("https://blog.example/inbox")
PEER = "https://peer.example"


def make_person(name: str) -> PeerActor:
    """Somebody on the other server, with an Ed25519 key: signing must not be what takes the time."""
    actor = PeerActor(PEER, name, name.title(), generate_ed25519(Uri(f"{PEER}/none")))
    actor.key = PrivateKey(key_id_of(actor.id, "mastodon", "ed25519"), "ed25519", actor.key.key)
    return actor


def activities(person: PeerActor, post: str, ours: str) -> list[dict[str, Any]]:
    """One of each kind, as servers send them."""
    note = payloads.note(person, post, "A reply", mentions=[(ours, "@ana@blog.example")], now=NOW)
    poll = {**note, "type": "Question", "oneOf": [{"type": "Note", "name": "Yes", "replies": {"totalItems": 1}}]}
    picture = {"type": "Document", "mediaType": "image/png", "url": f"{PEER}/1.png", "name": "A cat", "blurhash": "x"}
    like = payloads.like(person, post)
    followed = payloads.follow(person, ours)
    return [
        payloads.create(person, note),
        payloads.create(person, {**note, "id": f"{note['id']}p", "attachment": [picture]}),
        payloads.create(person, {**poll, "id": f"{note['id']}q"}),
        payloads.update(person, note, now=NOW),
        payloads.update(person, person.document()),
        payloads.delete(person, note["id"]),
        like,
        payloads.emoji_react(person, post, ":blobcat:"),
        payloads.announce(person, post, now=NOW),
        payloads.undo(person, like),
        followed,
        payloads.undo(person, followed),
        payloads.accept(person, {"id": f"{ours}#follows/1", "type": "Follow", "actor": ours, "object": person.id}),
        payloads.block(person, ours),
        payloads.flag(person, [ours, post], "Spam"),
    ]


@dataclass
class Signatures:
    """The parsers of signatures: every header may be anything."""

    person: PeerActor = field(default_factory=lambda: make_person("bo"))
    results: Counter[str] = field(default_factory=Counter)

    async def __call__(self, dice: random.Random) -> None:
        """One request with changed headers. Only `SignatureRefused` may come of it."""
        body, key = b'{"type":"Like"}', self.person.key
        sign: Callable[..., dict[str, str]] = dice.choice((sign_cavage, sign_rfc9421))
        headers = tuple(sign(method="POST", url=INBOX, body=body, key=key, now=NOW).items())
        changed = mutate_headers(headers, dice)
        target = mutate_text("/inbox", dice) if dice.random() < 0.1 else "/inbox"
        request = SignedRequest("POST", target, changed, body, authority="blog.example")
        has_signature(changed)
        try:
            for claim in read_claims(request, now=NOW):
                check_claim(claim, key.public)
            self.results["accepted"] += 1
        except SignatureRefused as exc:
            self.results[exc.reason] += 1
        value = dict(changed).get("Signature-Input", "sig1=()")
        parse_accept_signature(value)
        accepted_components(value)


def real_ones() -> list[dict[str, Any]]:
    """Documents of real servers, where they lie beside this checkout: what is made up here lacks their oddities."""
    found = [fixture(str(entry["file"])) for entry in fixture_index()]
    return [one for one in found if isinstance(one, dict)]


@dataclass
class Documents:
    """The readers of documents, each on its own."""

    person: PeerActor = field(default_factory=lambda: make_person("bo"))
    results: Counter[str] = field(default_factory=Counter)
    sound: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Made once: making them took half of the time.
        self.sound = [*activities(self.person, f"{PEER}/post", f"{PEER}/users/ana"), *real_ones()]
        self.own = self.person.document()

    async def __call__(self, dice: random.Random) -> None:
        """One document, changed as JSON or as bytes. Only `Refused` may come of it."""
        sound: Any = dice.choice(self.sound)
        sound = dice.choice((sound, sound.get("object") or sound, self.own))
        data = to_bytes(mutate_document(sound, dice))
        if dice.random() < 0.3:
            data = mutate_bytes(data, dice)
        try:
            document = wire.parse_object(data)
        except Refused as exc:
            self.results[exc.reason] += 1
            return
        self.results["parsed"] += 1
        readers = (normalise.read_activity, normalise.read_actor, normalise.read_note, normalise.read_collection)
        for read in (*readers, validate_activity, normalise.has_forbidden_keyword, self._prove):
            try:
                read(document)
            except FedblogError as exc:
                if exc.status >= 500:
                    raise
        parse_as2_datetime(document.get("published"), now=NOW)

    def _prove(self, document: dict[str, object]) -> None:
        proven = create_proof(document, self.person.key, now=NOW)
        try:
            proof_key_id(proven)
            verify_proof(proven, self.person.key.public, now=NOW)
        except SignatureRefused:
            self.results["proof refused"] += 1


def _renamed(document: Any, dice: random.Random) -> Any:
    """As a rule under ids that were never seen: what is known already is answered without being looked at.

    What may end the sender or give them other keys stays as it is: nothing after it would be believed.
    """
    adds = isinstance(document, dict) and document.get("type") in ("Create", "Like", "Announce", "Flag", "EmojiReact")
    if adds and dice.random() < 0.7:
        suffix = f"-{dice.getrandbits(40)}"
        for one in (document, document.get("object")):
            if isinstance(one, dict) and isinstance(one.get("id"), str) and f"{PEER}/" in one["id"]:
                one["id"] += suffix
    return document


@dataclass
class InboxTarget:
    """The whole inbox over a real database: changed activities, well signed, and changed documents where it fetches."""

    parts: Services
    person: PeerActor
    sound: list[dict[str, Any]]
    fetched: random.Random
    results: Counter[str] = field(default_factory=Counter)

    async def __call__(self, dice: random.Random) -> None:
        """One POST. It is answered with 202 or 4xx."""
        document = _renamed(mutate_document(dice.choice(self.sound), dice), dice)
        body = to_bytes(document)
        if dice.random() < 0.2:
            body = mutate_bytes(body, dice)
        headers = tuple(sign_cavage(method="POST", url=INBOX, body=body, key=self.person.key, now=NOW).items())
        if dice.random() < 0.1:
            headers = mutate_headers(headers, dice)
        request = SignedRequest("POST", "/inbox", headers, body, authority="blog.example")
        try:
            receipt = await self.parts.inbox.receive(request, content_type="application/activity+json")
        except Refused as exc:
            self.results[exc.reason] += 1
            if exc.status >= 500:
                raise
            if exc.reason in ("key_not_listed", "key_gone"):
                # A changed profile without the key was believed; with it nothing later would get any further.
                await self.parts.db.write(actors.upsert_remote, _profile(self.person))
        except StorageUnavailable:
            raise
        else:
            self.results[receipt.reason] += 1

    async def fetch(self, uri: Uri, **_: Any) -> Response:
        """Instead of other servers: a changed document, or nothing."""
        if self.fetched.random() < 0.3:
            raise FetchFailed(f"{uri} is not there")
        sound: Any = self.fetched.choice([*(each.get("object") for each in self.sound), self.person.document()])
        document = sound if isinstance(sound, dict) else self.person.document()
        if self.fetched.random() < 0.5:
            document = {**document, "id": uri}
        body = to_bytes(mutate_document(document, self.fetched))
        kind = CIMultiDictProxy(CIMultiDict({"Content-Type": "application/activity+json"}))
        return Response(200, kind, body, uri)


@asynccontextmanager
async def inbox_target(folder: Path, seed: int) -> AsyncIterator[InboxTarget]:
    """A blog with a post, and somebody known whose key is at hand; nothing is ever dialled."""
    raw = {"server": {"domain": "blog.example", "data_dir": str(folder / "data")}}
    async with services(make_settings(raw, relative_to=folder), clock=lambda: float(NOW)) as parts:
        author = await make_author(parts)
        post = await make_post(parts, author.actor_id)
        person = make_person("bo")
        await parts.db.write(actors.upsert_remote, _profile(person))
        sound = activities(person, str(post.uri), parts.ids.actor("ana"))
        target = InboxTarget(parts, person, sound, random.Random(seed))
        real, Client.get = Client.get, lambda _, uri, **more: target.fetch(uri, **more)  # type: ignore[method-assign]
        try:
            yield target
        finally:
            Client.get = real  # type: ignore[method-assign]


def _profile(person: PeerActor) -> Profile:
    public = person.key.public
    return Profile(
        uri=person.id,
        type="Person",
        username=person.username,
        domain="peer.example",
        name=person.name,
        summary_html="",
        url=person.url,
        icon_url="",
        image_url="",
        inbox=person.inbox,
        shared_inbox=f"{PEER}/inbox",
        followers_uri=person.followers,
        manually_approves=False,
        fields=(),
        suspended=False,
        keys=(RemoteKey(public.key_id, person.id, "ed25519", public.pem, int(time.time())),),
    )
