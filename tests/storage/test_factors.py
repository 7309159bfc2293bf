"""One-time codes, recovery codes, passkeys and spent tickets, on both engines."""

from __future__ import annotations

import pytest

from fedblog.blog.ledger import AccountId
from fedblog.blog.model import Role
from fedblog.errors import Conflict
from fedblog.storage import accounts, factors
from fedblog.storage.database import Database
from fedblog.storage.tx import Tx
from tests.storage.support import Clock, add_author


def somebody(tx: Tx, name: str) -> AccountId:
    author = add_author(tx, name)
    made = accounts.add(tx, username=name, email="", password_hash="x", role=Role.OWNER, actor_id=author.id)
    return made.id


def give(tx: Tx, account_id: AccountId, credential_id: str) -> None:
    factors.add_passkey(tx, account_id, credential_id=credential_id, public_key=b"\x01\x02", sign_count=3, name="Phone")


async def test_codes_are_begun_confirmed_used_once_and_dropped(db: Database) -> None:
    ana = await db.write(somebody, "ana")
    await db.write(factors.begin_codes, ana, b"first")
    await db.write(factors.begin_codes, ana, b"second")
    assert not await db.read(factors.needs_code, ana)
    assert not await db.write(factors.take_step, ana, 50), "not in use yet"
    assert not await db.write(factors.confirm_codes, ana, b"first", 7), "that one was replaced"
    assert await db.write(factors.confirm_codes, ana, b"second", 7)
    assert not await db.write(factors.confirm_codes, ana, b"second", 9)
    with pytest.raises(Conflict):
        await db.write(factors.begin_codes, ana, b"third")
    assert await db.read(factors.protected) == {ana}
    assert [await db.write(factors.take_step, ana, step) for step in (7, 8, 8, 6, 10)] == [0, 1, 0, 0, 1]
    await db.write(factors.set_recovery, ana, ["a", "b"])
    assert [await db.write(factors.take_recovery, ana, code) for code in ("a", "a", "c")] == [True, False, False]
    assert await db.read(factors.count_recovery, ana) == 1
    await db.write(factors.drop_codes, ana)
    assert not await db.read(factors.needs_code, ana)
    assert await db.read(factors.count_recovery, ana) == 0


async def test_passkeys_belong_to_one_account_and_go_with_it(db: Database) -> None:
    ana, bea = await db.write(somebody, "ana"), await db.write(somebody, "bea")
    await db.write(give, ana, "one")
    with pytest.raises(Conflict):
        await db.write(give, bea, "one")
    assert await db.read(factors.protected) == {ana}
    kept = await db.read(factors.passkey, "one")
    assert kept is not None
    assert (kept.account_id, kept.public_key, kept.sign_count, kept.used_at) == (ana, b"\x01\x02", 3, None)
    assert await db.write(factors.passkey_used, "one", 4)
    for count in (4, 3, 0):
        assert not await db.write(factors.passkey_used, "one", count), "a copy of it says that"
    assert not await db.write(factors.passkey_used, "none", 4)
    assert not await db.write(factors.drop_passkey, bea, kept.id)
    assert await db.write(factors.drop_passkey, ana, kept.id)
    for number in range(factors.MOST_PASSKEYS):
        await db.write(give, bea, f"b{number}")
    await db.write(lambda tx: tx.run("UPDATE passkeys SET sign_count = 0 WHERE credential_id = 'b1'"))
    for _ in range(2):
        assert await db.write(factors.passkey_used, "b1", 0), "many never count"
    with pytest.raises(Conflict):
        await db.write(give, bea, "more")
    await db.write(factors.begin_codes, bea, b"x")
    await db.write(factors.set_recovery, bea, ["r"])
    await db.write(accounts.remove, bea)
    assert await db.read(factors.passkeys_of, bea) == []
    assert await db.read(factors.count_recovery, bea) == 0
    assert await db.read(factors.one_time_codes, bea) is None


async def test_a_ticket_is_spent_once_and_forgotten_in_time(db: Database, clock: Clock) -> None:
    until = int(clock.now) + 60
    assert [await db.write(factors.spend, "t", until) for _ in range(2)] == [True, False]
    clock.forward(61)
    await db.write(factors.spend, "other", until + 100)
    assert await db.read(lambda tx: tx.value("SELECT count(*) FROM spent_tickets")) == 1
