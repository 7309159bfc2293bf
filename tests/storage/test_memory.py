"""Accounts and sessions, moderation, and the inbox's memory."""

from __future__ import annotations

import pytest

from fedblog.blog.ledger import Account
from fedblog.blog.model import Actor, Role
from fedblog.errors import Conflict
from fedblog.storage import (
    accounts,
    actors,
    followers,
    inbox,
    meta,
    moderation,
    tombstones,
)
from fedblog.storage.database import Database, Tx
from tests.storage.support import START, Clock, add_author, profile


@pytest.fixture
async def alice(db: Database) -> Actor:
    return await db.write(add_author)


@pytest.fixture
async def bob(db: Database) -> Actor:
    return await db.write(actors.upsert_remote, profile())


async def account(db: Database, name: str = "Alice", role: Role = Role.OWNER) -> Account:
    actor = await db.write(add_author, name.lower())
    return await db.write(
        accounts.add, username=name, email="a@b.example", password_hash="hash", role=role, actor_id=actor.id
    )


async def test_accounts_and_their_sessions(db: Database, clock: Clock) -> None:
    made = await account(db)
    assert await db.read(accounts.by_username, "ALICE") == await db.read(accounts.by_id, made.id) == made
    assert await db.read(accounts.all) == [made]
    with pytest.raises(Conflict):
        await account(db, "alice")
    for name in ("s1", "s2"):
        await db.write(
            accounts.add_session, id_hash=name, account_id=made.id, expires_at=START + 100, user_agent="x" * 999
        )
    clock.forward(50)
    await db.write(accounts.touch_session, "s1", START + 500)
    found = await db.read(accounts.session, "s1")
    assert found is not None
    assert (found.account, found.last_seen_at, found.expires_at) == (made, START + 50, START + 500)
    assert [each.id_hash for each in await db.read(accounts.sessions_of, made.id)] == ["s1", "s2"]
    clock.forward(50)
    assert await db.read(accounts.session, "s2") is None
    await db.write(accounts.drop_session, "s1")
    assert await db.read(accounts.session, "s1") is None
    assert await db.read(accounts.seen_at, made.id) == 0
    await db.write(accounts.mark_seen, made.id)
    assert await db.read(accounts.seen_at, made.id) == START + 100


async def test_a_new_password_or_a_lock_out_ends_sessions(db: Database) -> None:
    owner, dora = await account(db), await account(db, "dora", Role.AUTHOR)
    for each in (owner, dora):
        await db.write(
            accounts.add_session, id_hash=each.username, account_id=each.id, expires_at=START + 9, user_agent=""
        )
    await db.write(accounts.set_password, owner.id, "new")
    assert await db.read(accounts.session, "alice") is None
    await db.write(accounts.disable, dora.id)
    assert await db.read(accounts.session, "dora") is None
    for forbidden in (
        db.write(accounts.disable, owner.id),
        db.write(accounts.set_role, owner.id, Role.AUTHOR),
    ):
        with pytest.raises(Conflict, match="only owner"):
            await forbidden
    await db.write(accounts.disable, dora.id, False)
    await db.write(accounts.set_role, dora.id, Role.OWNER)
    await db.write(accounts.set_role, owner.id, Role.EDITOR)
    changed = await db.read(accounts.by_id, owner.id)
    assert changed is not None
    assert (changed.role, changed.password_hash) == (Role.EDITOR, "new")


async def test_log_in_attempts_are_counted(db: Database, clock: Clock) -> None:
    for _ in range(3):
        await db.write(accounts.record_attempt, "1.2.3.4")
        clock.forward(10)
    assert await db.read(accounts.attempts_since, "1.2.3.4", START + 10) == 2
    assert await db.read(accounts.attempts_since, "other", 0) == 0
    await db.write(accounts.clear_attempts, "1.2.3.4")
    assert await db.read(accounts.attempts_since, "1.2.3.4", 0) == 0


async def test_blocks_cover_subdomains_and_end_follows(db: Database, alice: Actor, bob: Actor) -> None:
    near = await db.write(actors.upsert_remote, profile("near", "notremote.example"))
    below = await db.write(actors.upsert_remote, profile("below", "sub.remote.example"))
    for person in (bob, near, below):
        await db.write(
            followers.add, actor_id=person.id, target_id=alice.id, state="accepted", follow_uri="f", follow_json="{}"
        )
    await db.write(moderation.block, "domain", "Remote.example", "spam")

    async def blocked(host: str, actor_uri: str = "https://x.example/1") -> bool:
        return await db.read(moderation.is_blocked, actor_uri=actor_uri, host=host)

    assert [await blocked(host) for host in ("remote.example", "a.b.remote.example", "REMOTE.example:8443")] == [
        True
    ] * 3
    assert [await blocked(host) for host in ("notremote.example", "example", "remote.example.evil")] == [False] * 3
    assert [each.actor.id for each in await db.read(followers.list, alice.id, limit=9)] == [near.id]
    await db.write(moderation.block, "actor", near.uri, "rude")
    assert await blocked("notremote.example", near.uri)
    assert await db.read(followers.count, alice.id) == 0
    assert [(each.kind, each.value, each.reason) for each in await db.read(moderation.blocks)] == [
        ("actor", near.uri, "rude"),
        ("domain", "remote.example", "spam"),
    ]
    assert await db.write(moderation.unblock, "domain", "REMOTE.example")
    assert not await db.write(moderation.unblock, "domain", "remote.example")
    assert not await blocked("remote.example")
    assert not await blocked(".".join("a" * 500))


async def test_INB_29_who_blocks_us_follows_no_more(db: Database, alice: Actor, bob: Actor) -> None:
    await db.write(
        followers.add, actor_id=bob.id, target_id=alice.id, state="accepted", follow_uri="f", follow_json="{}"
    )
    await db.write(moderation.blocked_by_add, bob.id, alice.id)
    await db.write(moderation.blocked_by_add, bob.id, alice.id)
    assert await db.read(moderation.is_blocked_by, bob.id, alice.id)
    assert await db.write(moderation.blocked_by_remove, bob.id, alice.id)
    assert not await db.write(moderation.blocked_by_remove, bob.id, alice.id)
    assert await db.read(followers.count, alice.id) == 0


async def test_INB_30_reports_are_kept_once(db: Database) -> None:
    def report(tx: Tx) -> bool:
        return moderation.add_report(
            tx,
            activity_uri="https://r.example/1",
            reporter_uri="https://r.example/actor",
            objects=("a", "b"),
            content="c",
        )

    assert [await db.write(report), await db.write(report)] == [True, False]
    (found,) = await db.read(moderation.reports, open_only=True)
    assert (found.objects, found.content, found.resolved_at) == (("a", "b"), "c", None)
    assert await db.write(moderation.resolve_report, found.id)
    assert not await db.write(moderation.resolve_report, found.id)
    assert await db.read(moderation.reports, open_only=True) == []
    assert len(await db.read(moderation.reports)) == 1


def log(tx: Tx, /, number: int, status: int = 202, **changes: str) -> None:
    texts = {"activity_uri": f"https://r.example/{number}", "type": "Create", "actor_uri": "u", "host": "r.example"}
    texts |= {"reason": "", "detail": ""} | changes
    inbox.log(tx, status=status, **texts)


async def test_the_inbox_log_says_why(db: Database) -> None:
    await db.write(log, 1)
    await db.write(log, 2, 401, reason="signature_missing", detail="a\x00b" + "x" * 9_999, host="\ud800")
    entry, other = await db.read(inbox.entries, limit=10)
    assert (entry.status, entry.reason, len(entry.detail), entry.detail[:3]) == (401, "signature_missing", 2_048, "a�b")
    assert (other.activity_uri, other.received_at) == ("https://r.example/1", START)
    assert await db.read(inbox.entries, limit=10, refused_only=True) == [entry]
    assert await db.read(inbox.entries, limit=10, before_id=entry.id) == [other]
    assert await db.read(inbox.entries, limit=10, host="r.example") == [other]
    assert await db.read(inbox.by_activity, "https://r.example/1") == [other]


async def test_the_inbox_log_is_trimmed(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "_TRIM_TO", 20)

    def fill(tx: Tx) -> None:
        for number in range(2_000):
            log(tx, number)

    await db.write(fill)
    count = await db.read(lambda tx: tx.value("SELECT count(*) FROM inbox_log"))
    assert 20 <= count < 1_500
    await db.write(inbox.prune)
    assert [entry.activity_uri for entry in await db.read(inbox.entries, limit=99)][::19] == [
        "https://r.example/1999",
        "https://r.example/1980",
    ]


async def test_INB_05_an_activity_is_taken_once_for_its_type_and_actor(db: Database, clock: Clock) -> None:
    assert not await db.read(inbox.was_received, "Create", "x", "bob")
    assert await db.write(inbox.receive, "Create", "x", "bob")
    assert not await db.write(inbox.receive, "Create", "x", "bob")
    assert await db.write(inbox.receive, "Delete", "x", "bob")
    assert await db.read(inbox.was_received, "Create", "x", "bob")
    assert not await db.read(inbox.was_received, "Create", "x", "eve")
    assert await db.write(inbox.receive, "Create", "x", "eve")
    clock.forward(inbox.REMEMBER_SECONDS + 1)
    await db.write(inbox.prune)
    assert not await db.read(inbox.was_received, "Create", "x", "bob")


async def test_INB_05_what_older_versions_took_holds_for_every_actor(db: Database) -> None:
    old = "INSERT INTO received (type, uri, actor_uri, received_at) VALUES ('Create', 'x', '', $1)"
    await db.write(lambda tx: tx.run(old, tx.now))
    assert await db.read(inbox.was_received, "Create", "x", "bob")
    assert not await db.write(inbox.receive, "Create", "x", "bob")
    assert await db.write(inbox.receive, "Create", "y", "bob")


async def test_INB_22_an_undo_that_came_first_is_remembered(db: Database, clock: Clock) -> None:
    await db.write(inbox.remember_undo, "bob", "Like", "post", "", START + 10)
    await db.write(inbox.remember_undo, "bob", "Like", "post", "", START + 20)
    await db.write(inbox.remember_undo, "bob", "", "", "like-7", START + 20)

    async def undone(*act: str) -> bool:
        return await db.read(inbox.was_undone, *act)

    assert await undone("bob", "Like", "post", "any")
    assert await undone("bob", "Like", "other", "like-7")
    assert not await undone("bob", "Like", "other", "like-8")
    assert not await undone("bob", "Announce", "post", "")
    assert not await undone("eve", "Like", "post", "like-7")
    clock.forward(20)
    assert not await undone("bob", "Like", "post", "any")
    await db.write(inbox.prune)
    assert await db.read(lambda tx: tx.all("SELECT * FROM undone")) == []


async def test_facts_and_tombstones(db: Database) -> None:
    assert await db.read(meta.get, "domain") is None
    await db.write(meta.put, "domain", "a")
    await db.write(meta.put, "domain", "b")
    assert await db.read(meta.get, "domain") == "b"
    await db.write(tombstones.add, "ours", "Article", "alice", True)
    await db.write(tombstones.add, "theirs", "Note", "bob", False)
    await db.write(tombstones.add, "theirs", "Person", "eve", False)
    stone = await db.read(tombstones.get, "theirs")
    assert stone is not None
    assert (stone.former_type, stone.actor_uri) == ("Note", "bob eve")
    for number in range(20):
        await db.write(tombstones.add, "theirs", "Note", f"neighbour{number}", False)
    assert await db.read(tombstones.is_deleted_by, "theirs", "neighbour19")
    assert not await db.read(tombstones.is_deleted_by, "theirs", "neighbour1")
    assert not await db.read(tombstones.is_deleted_by, "others", "bob")
    await db.write(tombstones.add, "theirs", "Note", "", False)  # its own server said so
    assert await db.read(tombstones.is_deleted_by, "theirs", "anybody")
    await db.write(tombstones.add, "ours", "Note", "eve", False)
    assert not await db.read(tombstones.is_deleted_by, "ours", "eve")
    assert await db.write(tombstones.prune, START + 1) == 1
    assert await db.read(tombstones.get, "ours") is not None


async def test_INB_30_a_neighbour_keeps_no_report_out(db: Database) -> None:
    async def report(reporter: str) -> bool:
        return await db.write(
            lambda tx: moderation.add_report(
                tx, activity_uri="flag-1", reporter_uri=reporter, objects=("post",), content=reporter
            )
        )

    assert [await report(one) for one in ("eve", "bob", "bob", "eve")] == [True, True, False, False]
    assert {one.reporter_uri for one in await db.read(moderation.reports)} == {"eve", "bob"}
