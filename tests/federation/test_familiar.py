"""Senders that were here a moment ago are not looked up, and nothing that changed since is overlooked.

The memory is told of no change, so what one process writes here stands for what another one would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fedblog.activitypub.urls import host_of
from fedblog.blog.model import Post
from fedblog.signatures.keys import PrivateKey
from fedblog.storage import actors, moderation
from fedblog.storage.database import Tx
from tests.federation.house import PUBLIC, House


async def known(house: House, post: Post) -> str:
    """Somebody whose reply was taken."""
    bob = house.person()
    assert await house.send(house.create(house.note(bob, post.uri))) == (202, "reply_published")
    return bob


async def another(house: House, bob: str, post: Post, key: PrivateKey | None = None) -> tuple[int, str]:
    return await house.send(house.create(house.note(bob, post.uri)), key=key)


class Reads:
    """Counts the reads of a database."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        read = house.db.read

        async def counted(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            return await read(*args, **kwargs)

        monkeypatch.setattr(house.db, "read", counted)


async def test_a_known_sender_costs_no_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One write takes a reply or a like; a copy is a duplicate all the same."""
    post = await house.publish()
    bob = await known(house, post)
    fetched, reads = len(house.world.seen), Reads(house, monkeypatch)
    create = house.create(house.note(bob, post.uri))
    like = house.activity("Like", bob, post.uri)
    assert await house.send(create) == (202, "reply_published")
    assert await house.send(like) == (202, "reaction_kept")
    assert await house.send(create) == (202, "duplicate")
    assert (reads.count, len(house.world.seen)) == (0, fetched)
    assert [entry.reason for entry in (await house.log())[:3]] == ["duplicate", "reaction_kept", "reply_published"]
    assert len(await house.thread(post)) == 2


async def test_KEY_05_a_key_that_was_replaced_is_not_trusted_any_more(house: House, rsa_keys: list[PrivateKey]) -> None:
    """Whoever learnt of the new key: the old one opens nothing, and the new one does."""
    post = await house.publish()
    bob = await known(house, post)
    old = house.world.key_of(bob)
    new = replace(next(key for key in rsa_keys if key.public.pem != old.public.pem), key_id=old.key_id)
    await house.db.write(
        lambda tx: tx.run("UPDATE keys SET public_pem = $1 WHERE key_id = $2", new.public.pem, old.key_id)
    )
    assert await another(house, bob, post, new) == (202, "reply_published")
    await house.db.write(lambda tx: tx.run("DELETE FROM keys WHERE key_id = $1", old.key_id))
    house.world.gone(bob.partition("#")[0], 404)
    assert (await another(house, bob, post, new))[0] == 401
    assert len(await house.thread(post)) == 2


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        (lambda tx, bob: moderation.block(tx, "actor", bob, ""), 403, "blocked"),
        (lambda tx, bob: moderation.block(tx, "domain", host_of(bob), ""), 403, "blocked"),
        (lambda tx, bob: _of(tx, bob, actors.mark_deleted), 202, "comment_dropped"),
        (lambda tx, bob: tx.run("UPDATE actors SET suspended_at = 1 WHERE uri = $1", bob), 202, "comment_dropped"),
    ],
    ids=["blocked", "domain-blocked", "deleted", "suspended"],
)
async def test_who_fell_from_grace_goes_the_long_way(
    house: House, change: Callable[[Tx, str], object], status: int, reason: str
) -> None:
    """The transaction that would keep the reply sees the change."""
    post = await house.publish()
    bob = await known(house, post)
    await house.db.write(change, bob)
    before = len(await house.log())
    assert await another(house, bob, post) == (status, reason)
    assert len(await house.log()) == before + 1, "one decision, one row"


def _of(tx: Tx, uri: str, act: Callable[..., None]) -> None:
    actor = actors.by_uri(tx, uri)
    assert actor is not None
    act(tx, actor.id)


async def test_what_needs_another_server_goes_the_long_way(house: House) -> None:
    """A Create that only names its object: it is asked for, once, though it comes twice."""
    post = await house.publish()
    bob = await known(house, post)
    note = house.note(bob, post.uri)
    house.world.serve(note)
    create = house.activity("Create", bob, note["id"], to=[PUBLIC])
    assert await house.send(create) == (202, "reply_published")
    assert await house.send(create) == (202, "duplicate")
    assert house.world.fetches(note["id"]) == 1


async def test_a_profile_is_fetched_again_after_a_day(house: House) -> None:
    """However familiar."""
    post = await house.publish()
    bob = await known(house, post)
    fetched = house.world.fetches(bob)
    house.clock.now += 86_401
    assert await another(house, bob, post) == (202, "reply_published")
    assert house.world.fetches(bob) > fetched


async def test_a_refusal_is_told_and_logged_once(house: House) -> None:
    """What a schema doesn't take, by somebody known."""
    post = await house.publish()
    bob = await known(house, post)
    before = len(await house.log())
    note = house.note(bob, post.uri)
    status, reason = await house.send({**house.create(note), "to": 5})
    assert (status, reason) == (400, "schema_to")
    assert len(await house.log()) == before + 1
    assert await another(house, bob, post) == (202, "reply_published")
