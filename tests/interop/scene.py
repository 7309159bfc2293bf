"""A random conversation between a crowd and two blogs, and what every page must look like when it is over.

The scene is a function of its seed: acts are made in order of time, and each act's requests are then delayed, doubled,
shuffled or lost. The model below knows only what the crowd did, never what a blog made of it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.demo.peer_payloads import announce, create, delete, like, note, undo, update

Tree = tuple[tuple[str, Any], ...]
REMOVED = "(removed)"
#: Placeholders are told apart by where they stand, so a reply deeper than this is not deleted once it has answers.
MOST_DEPTH_REMOVED = 4
DELETE_LATER = 1


@dataclass
class Said:
    """A reply that somebody made: `sent` False means that its Create never reaches anybody."""

    uri: str
    text: str
    author: PeerActor | None
    depth: int
    sent: bool = True
    deleted: bool = False
    answers: list[Said] = field(default_factory=list)


@dataclass
class Thread:
    """One blog's post and what was said under it."""

    inbox: str
    post_uri: str
    author_uri: str
    answers: list[Said] = field(default_factory=list)
    likes: dict[str, dict[str, Any]] = field(default_factory=dict)
    boosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    taken_back: set[tuple[str, str]] = field(default_factory=set)

    def everything(self) -> Iterator[Said]:
        """Every reply, parents before children."""
        waiting = list(self.answers)
        while waiting:
            said = waiting.pop()
            yield said
            waiting += said.answers

    def tree(self) -> Tree:
        """What a page must show: texts with their answers, both in no particular order."""
        return _shown(self.answers)


@dataclass(frozen=True)
class Request:
    """One POST that the crowd makes, in round `when`."""

    actor: PeerActor
    inbox: str
    activity: dict[str, Any]
    when: int


def _shown(answers: list[Said]) -> Tree:
    shown = []
    for said in answers:
        below = _shown(said.answers)
        if not said.deleted:
            shown.append((said.text, below))
        elif below:
            shown.append((REMOVED, below))
    return tuple(sorted(shown, key=repr))


class Scene:
    """Makes acts and the requests that follow from them."""

    def __init__(
        self, seed: int, crowd: PeerServer, people: list[PeerActor], threads: list[Thread], start: int
    ) -> None:
        """`start` is the Unix time of the first act; each act takes a second."""
        self.random = random.Random(seed)
        self.crowd, self.people, self.threads = crowd, people, threads
        self.now, self.count = start, 0

    def act(self, round_number: int) -> list[Request]:
        """One random act and its requests."""
        self.now += 1
        self.count += 1
        kind = self.random.choices(
            ("reply", "edit", "delete", "like", "boost", "take_back"), weights=(34, 16, 8, 20, 12, 10)
        )[0]
        thread = self.random.choice(self.threads)
        made: list[tuple[PeerActor, dict[str, Any], int]] = getattr(self, f"_{kind}")(thread)
        return [
            Request(actor, thread.inbox, activity, round_number + later + self._delay())
            for actor, activity, later in made
            for _ in range(self._copies())
        ]

    def _delay(self) -> int:
        return self.random.choices((0, 1, 2), weights=(80, 15, 5))[0]

    def _copies(self) -> int:
        return self.random.choices((1, 2, 3), weights=(85, 12, 3))[0]

    def _person(self) -> PeerActor:
        return self.random.choice(self.people)

    def _reply(self, thread: Thread) -> list[tuple[PeerActor, dict[str, Any], int]]:
        parents = [said for said in thread.everything() if not said.deleted]
        parent = self.random.choice(parents) if parents and self.random.random() < 0.8 else None
        # What is lost must be findable: the parent's own server lists its answers.
        can_be_lost = parent is not None and parent.author is not None and parent.sent
        return self._say(thread, parent, lost=can_be_lost and self.random.random() < 0.08)

    def _say(self, thread: Thread, parent: Said | None, *, lost: bool) -> list[tuple[PeerActor, dict[str, Any], int]]:
        person = self._person()
        parent_uri = parent.uri if parent else thread.post_uri
        text = f"Said {self.count} by {person.username}."
        made = note(person, parent_uri, f"<p>{text}</p>", cc=[thread.author_uri], now=self.now)
        self.crowd.publish(made)
        said = Said(made["id"], text, person, parent.depth + 1 if parent else 1, sent=not lost)
        (parent.answers if parent else thread.answers).append(said)
        if parent is not None and parent.author is not None:
            self.crowd.set_replies(parent.uri, [answer.uri for answer in parent.answers])
        return [] if lost else [(person, create(person, made), 0)]

    def answers_to_the_lost(self, round_number: int) -> list[Request]:
        """Somebody answers each reply that never went out: now it must be found, whatever the time-tables say."""
        made = []
        for thread in self.threads:
            for said in [said for said in thread.everything() if not said.sent and not said.answers]:
                self.now += 1
                self.count += 1
                sent = self._say(thread, said, lost=False)
                made += [Request(actor, thread.inbox, activity, round_number) for actor, activity, _ in sent]
        return made

    def _edit(self, thread: Thread) -> list[tuple[PeerActor, dict[str, Any], int]]:
        said = self._somebodys(thread)
        if said is None or said.author is None:
            return []
        said.text = f"Said anew {self.count} by {said.author.username}."
        document = {**self._document(said), "content": f"<p>{said.text}</p>"}
        changed = update(said.author, document, now=self.now)
        self.crowd.publish(changed["object"])
        return [(said.author, changed, 0)]

    def _delete(self, thread: Thread) -> list[tuple[PeerActor, dict[str, Any], int]]:
        said = self._somebodys(thread)
        if said is None or said.author is None or (said.answers and said.depth > MOST_DEPTH_REMOVED):
            return []
        if not all(answer.sent for answer in said.answers):
            return []  # who is gone lists no answers any more: a lost one could not be found
        said.deleted = True
        path = said.uri.removeprefix(self.crowd.base_url)
        self.crowd.objects.pop(path, None)
        self.crowd.gone(path)
        # A Delete may overtake the Create of a reply that nobody answered; where answers hang, all of it came before.
        return [(said.author, delete(said.author, said.uri), 3 if said.answers else 0)]

    def _like(self, thread: Thread) -> list[tuple[PeerActor, dict[str, Any], int]]:
        return self._react(thread, thread.likes, "like")

    def _boost(self, thread: Thread) -> list[tuple[PeerActor, dict[str, Any], int]]:
        return self._react(thread, thread.boosts, "boost")

    def _react(
        self, thread: Thread, done: dict[str, dict[str, Any]], kind: str
    ) -> list[tuple[PeerActor, dict[str, Any], int]]:
        person = self._person()
        if person.id in done or (kind, person.id) in thread.taken_back:
            return []
        made = like(person, thread.post_uri) if kind == "like" else announce(person, thread.post_uri, now=self.now)
        done[person.id] = made
        return [(person, made, 0)]

    def _take_back(self, thread: Thread) -> list[tuple[PeerActor, dict[str, Any], int]]:
        kind, done = self.random.choice((("like", thread.likes), ("boost", thread.boosts)))
        if not done:
            return []
        person_id = self.random.choice(sorted(done))
        thread.taken_back.add((kind, person_id))  # a second like by the same person could not be told from the first
        person = next(person for person in self.people if person.id == person_id)
        return [(person, undo(person, done.pop(person_id)), 0)]

    def _somebodys(self, thread: Thread) -> Said | None:
        """A reply of the crowd that everybody was told of."""
        found = [said for said in thread.everything() if said.author and said.sent and not said.deleted]
        return self.random.choice(found) if found else None

    def _document(self, said: Said) -> dict[str, Any]:
        return dict(self.crowd.objects[said.uri.removeprefix(self.crowd.base_url)][0])
