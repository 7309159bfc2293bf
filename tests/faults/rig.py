"""A blog in a process of its own under mixed load, killed at random moments; and the account of what it owes.

Whatever was answered with success is written down here, in another process, and held against the database and against
what followers received. Every choice comes from one seed, which is printed.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from fedblog.activitypub.urls import Uri
from fedblog.app import services
from fedblog.config import Settings, load_settings
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.federation.services import Services
from fedblog.signatures.keys import PrivateKey, generate_rsa
from fedblog.storage.database import Tx
from tests.cli.conftest import PASSWORD, Shell
from tests.cli.test_serve import FEDBLOG, free_port
from tests.faults.studio import Studio, post_id

PEERS, PEOPLE, SENDERS = 3, 6, 4
LEASE = 3_600
GONE = (aiohttp.ClientError, OSError, TimeoutError, AssertionError)


@dataclass
class Account:
    """What was promised: ids of activities that got 2xx, posts and edits that the studio took."""

    notes: dict[str, str] = field(default_factory=dict)
    likes: list[tuple[str, str]] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    unsure_deleted: set[str] = field(default_factory=set)
    posts: dict[int, list[str]] = field(default_factory=dict)
    unsure_texts: dict[int, set[str]] = field(default_factory=dict)
    backups: list[Path] = field(default_factory=list)

    def promises(self) -> int:
        """How many there are."""
        return len(self.notes) + len(self.likes) + len(self.deleted) + sum(map(len, self.posts.values()))


@dataclass
class Rig:
    """The blog's folder, the servers of its followers, the dice and the account."""

    folder: Path
    port: int
    dice: random.Random
    peers: list[PeerServer]
    people: list[PeerActor]
    account: Account = field(default_factory=Account)
    kills: int = 0
    numbers: int = 0
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def base_url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def settings(self) -> Settings:
        return load_settings(self.folder / "config.toml", environment())

    def number(self) -> int:
        """A number that was not used yet."""
        self.numbers += 1
        return self.numbers


def environment() -> dict[str, str]:
    """Settings of the blog: it may dial this machine, and takes as much as it can."""
    return {
        **os.environ,
        "FEDBLOG_FEDERATION__ALLOW_NETWORKS": "127.0.0.0/8",
        "FEDBLOG_LIMITS__INBOX_PER_MINUTE": "1000000",
        "FEDBLOG_LIMITS__LOGIN_ATTEMPTS": "1000000",
        "FEDBLOG_LOGGING__LEVEL": "warning",
        "PYTHONUNBUFFERED": "1",
    }


@asynccontextmanager
async def make_rig(folder: Path, seed: int) -> AsyncIterator[Rig]:
    """A new blog and the servers around it."""
    port, key = free_port(), generate_rsa(Uri("https://unnamed.invalid/#main-key"))
    shell = Shell(folder)
    await asyncio.to_thread(
        shell, "init", "--domain", f"localhost:{port}", "--admin", "alice", "--password-stdin", stdin=PASSWORD
    )
    peers = [PeerServer() for _ in range(PEERS)]
    for number, peer in enumerate(peers):
        await peer.start(name=f"peer{number}.localhost")
    people = [_person(peers[number % PEERS], number, key) for number in range(PEOPLE)]
    try:
        yield Rig(folder, port, random.Random(seed), peers, people)
    finally:
        for peer in peers:
            await peer.stop()


def _person(peer: PeerServer, number: int, key: PrivateKey) -> PeerActor:
    return peer.add_person(f"person{number}", key=key)


@asynccontextmanager
async def serving(rig: Rig) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The blog's process, answering; killed at the end if it is still there."""
    with (rig.folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [*FEDBLOG, "serve"], cwd=rig.folder, env=environment(), stdout=subprocess.DEVNULL, stderr=log
        )
    try:
        await _answering(rig, process)
        yield process
    finally:
        process.kill()
        process.wait()


async def _answering(rig: Rig, process: subprocess.Popen[bytes]) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(3_000):
            assert process.poll() is None, (rig.folder / "server.log").read_text()[-3_000:]
            with suppress(aiohttp.ClientError, OSError):
                async with session.get(f"{rig.base_url}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.02)
    raise AssertionError("the blog did not start")


async def follow_all(rig: Rig) -> None:
    """Somebody on each server follows alice, and is told so."""
    async with serving(rig):
        for person, peer in zip(rig.people[:PEERS], rig.peers, strict=True):
            target = f"{rig.base_url}/ap/actors/alice"
            status, _ = await peer.post_activity(person, f"{target}/inbox", payloads.follow(person, target))
            assert status == 202
            await peer.wait_for("Accept")
        await _publish_first(rig)


async def _publish_first(rig: Rig) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        studio = Studio(rig.base_url, session)
        await studio.log_in("alice", PASSWORD)
        await _write(rig, studio)
    assert rig.account.posts


async def load_until_killed(rig: Rig, seconds: float, *, backup: bool) -> None:
    """Start the blog, load it, kill it after so many seconds."""
    async with serving(rig) as process, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        studio = Studio(rig.base_url, session)
        tasks = [asyncio.create_task(_repeat(lambda number=number: _send(rig, number))) for number in range(SENDERS)]  # type: ignore[misc]
        tasks.append(asyncio.create_task(_author(rig, studio)))
        saving = _start_backup(rig) if backup else None
        await asyncio.sleep(seconds)
        if saving is not None and rig.dice.random() < 0.5:
            saving.send_signal(signal.SIGKILL)
        process.send_signal(signal.SIGKILL)
        process.wait()
        rig.kills += 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if saving is not None:
            await asyncio.to_thread(saving.wait)


async def _repeat(act: Callable[[], Any]) -> None:
    while True:
        try:
            await act()
        except GONE:
            await asyncio.sleep(0.02)


async def _author(rig: Rig, studio: Studio) -> None:
    with suppress(*GONE):
        await studio.log_in("alice", PASSWORD)
    await _repeat(lambda: _write(rig, studio))


async def _write(rig: Rig, studio: Studio) -> None:
    """Publish something, or change something."""
    posts, mark = rig.account.posts, f"text {rig.number()}"
    if posts and rig.dice.random() < 0.6:
        post = rig.dice.choice(list(posts))
        rig.account.unsure_texts.setdefault(post, set()).add(mark)
        status, _, _ = await studio.edit(post, "Edited", mark)
        if status == 303:
            posts[post].append(mark)
    else:
        status, _, headers = await studio.publish(f"Post {mark}", mark)
        if status == 303:
            posts[post_id(headers)] = [mark]
    rig.statuses[status] += 1


async def _send(rig: Rig, number: int) -> None:
    """One activity to the inbox; written down when it is taken."""
    account, choice = rig.account, rig.dice.random()
    at = rig.dice.randrange(len(rig.people))
    person, peer = rig.people[at], rig.peers[at % PEERS]
    target = rig.dice.choice([*list(account.notes)[-20:], *map(rig_post(rig), account.posts)])
    if choice < 0.6:
        note = payloads.note(person, target, f"Reply {number}")
        peer.publish(note)
        if await _post(rig, peer, person, payloads.create(person, note)):
            account.notes[note["id"]] = person.id
    elif choice < 0.9:
        post = rig_post(rig)(
            rig.dice.choice(list(account.posts))
        )  # likes of strangers' replies are read at their origin
        if await _post(rig, peer, person, payloads.like(person, post)):
            account.likes.append((person.id, post))
    else:
        mine = [uri for uri, owner in account.notes.items() if owner == person.id and uri not in account.unsure_deleted]
        if mine:
            uri = rig.dice.choice(mine)
            account.unsure_deleted.add(uri)
            if await _post(rig, peer, person, payloads.delete(person, uri)):
                account.deleted.add(uri)


def rig_post(rig: Rig) -> Callable[[int], str]:
    """The URI of a post by its number."""
    return lambda number: f"{rig.base_url}/ap/posts/{number}"


async def _post(rig: Rig, peer: PeerServer, person: PeerActor, activity: dict[str, Any]) -> bool:
    status, _ = await peer.post_activity(person, f"{rig.base_url}/inbox", activity)
    rig.statuses[status] += 1
    return 200 <= status < 300


def _start_backup(rig: Rig) -> subprocess.Popen[bytes]:
    target = rig.folder / f"backup-{rig.kills}.tar.gz"
    rig.account.backups.append(target)
    return subprocess.Popen(
        [*FEDBLOG, "backup", str(target)],
        cwd=rig.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


async def check_stored(rig: Rig) -> None:
    """Everything that was promised is in the database exactly once, and the database is whole."""
    async with opened(rig) as parts:
        assert await parts.db.integrity() == []
        await parts.db.read(_check_rows, rig)


@asynccontextmanager
async def opened(rig: Rig, *, later: float = 0) -> AsyncIterator[Services]:
    """The blog's parts in this process, `later` seconds from now."""
    async with services(rig.settings, clock=lambda: time.time() + later) as parts:
        yield parts


def _check_rows(tx: Tx, rig: Rig) -> None:
    account = rig.account
    states: dict[str, str] = dict(tx.all("SELECT uri, state FROM replies WHERE local = 0"))
    for uri in account.notes:
        if uri in account.deleted:
            assert states.get(uri, "removed") == "removed", uri
        elif uri not in account.unsure_deleted:
            assert states.get(uri) == "published", (uri, states.get(uri))
    likes = Counter(
        tx.all(
            "SELECT a.uri, coalesce(p.uri, r.uri) FROM reactions x JOIN actors a ON a.id = x.actor_id"
            " LEFT JOIN posts p ON p.id = x.post_id LEFT JOIN replies r ON r.id = x.reply_id"
        )
    )
    for person, target in account.likes:
        assert likes[person, target] == 1, (person, target)
    _check_posts(tx, rig)


def _check_posts(tx: Tx, rig: Rig) -> None:
    for number, texts in rig.account.posts.items():
        row = tx.one("SELECT status, source FROM posts WHERE id = $1", number)
        assert row is not None
        assert row[0] == "published"
        assert row[1] == texts[-1] or row[1] in rig.account.unsure_texts.get(number, ())
        creates = tx.value(
            "SELECT count(*) FROM outgoing WHERE object_uri = $1 AND type = 'Create'", rig_post(rig)(number)
        )
        assert creates == 1


async def check_delivered(rig: Rig) -> int:
    """Every server of a follower has every post and its last text, in order; how many copies came twice.

    Leases of killed processes run out: time is moved, not waited.
    """
    for round_number in range(1, 4):
        async with opened(rig, later=LEASE * round_number) as parts:
            for peer in rig.peers:
                peer.clock = lambda at=LEASE * round_number: time.time() + at  # type: ignore[misc]
            await parts.worker.drain()
            assert await parts.db.read(lambda tx: tx.all("SELECT * FROM deliveries WHERE state = 'failed'")) == []
    async with opened(rig) as parts:
        waiting = await parts.db.read(
            lambda tx: tx.all("SELECT inbox, attempts, last_error FROM deliveries WHERE state = 'waiting'")
        )
        assert waiting == []
        texts: dict[str, str] = dict(await parts.db.read(lambda tx: tx.all("SELECT uri, content_html FROM posts")))
    twice = [_check_received(rig, peer, texts) for peer in rig.peers]
    return sum(twice)


def _check_received(rig: Rig, peer: PeerServer, texts: dict[str, str]) -> int:
    seen: dict[str, list[dict[str, Any]]] = {}
    copies = Counter[str]()
    for received in peer.inbox:
        if not received.verified:  # answered 401: the blog was killed before it could be asked for its key
            continue
        copies[received.activity["id"]] += 1
        thing = received.activity.get("object")
        if received.type in ("Create", "Update") and isinstance(thing, dict) and copies[received.activity["id"]] == 1:
            seen.setdefault(thing["id"], []).append(received.activity)
    for number in rig.account.posts:
        uri = rig_post(rig)(number)
        came = seen.get(uri, [])
        assert came, f"{uri} never came to {peer.base_url}"
        assert came[0]["type"] == "Create"
        assert came[-1]["object"]["content"] == texts[uri]
    return sum(copies.values()) - len(copies)


async def check_backups(rig: Rig) -> int:
    """A backup is whole or not there at all; how many there are."""
    made = [path for path in rig.account.backups if path.exists()]
    for path in made:
        command = [*FEDBLOG, "backup", "--verify", str(path)]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=rig.folder, env=environment(), capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
    return len(made)


async def run(folder: Path, *, seed: int, kills: int, tell: Callable[[str], None]) -> None:
    """The whole story. Raises `AssertionError` for anything that was lost."""
    tell(f"seed {seed}, {kills} kills")
    async with make_rig(folder, seed) as rig:
        await follow_all(rig)
        for number in range(kills):
            await load_until_killed(rig, rig.dice.uniform(0.02, 1.2), backup=number % 4 == 2)
            await check_stored(rig)
            if (number + 1) % 10 == 0:
                tell(f"{number + 1} kills, {rig.account.promises()} promises kept, answers {dict(rig.statuses)}")
        assert not [status for status in rig.statuses if status >= 500 and status != 503], rig.statuses
        async with serving(rig):  # the followers' servers ask it for its keys
            twice = await check_delivered(rig)
        backups = await check_backups(rig)
        log = (rig.folder / "server.log").read_text()
        assert "Traceback" not in log, log[:4_000]
    tell(f"{rig.account.promises()} promises, none broken; {twice} deliveries came twice; {backups} backups are whole")


def main() -> None:
    """`python -m tests.faults.rig FOLDER KILLS [SEED]`."""
    folder, kills = Path(sys.argv[1]), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(2**32)
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(run(folder, seed=seed, kills=kills, tell=lambda words: print(words, flush=True)))


if __name__ == "__main__":
    main()
