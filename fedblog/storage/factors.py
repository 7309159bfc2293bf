"""What a log-in asks for besides the password: one-time and recovery codes, passkeys; and tickets that count once."""

from __future__ import annotations

from collections.abc import Iterable

from fedblog.blog.ledger import AccountId, OneTimeCodes, Passkey
from fedblog.errors import Conflict
from fedblog.storage.tx import Row, Tx

MOST_PASSKEYS = 20
_PASSKEY = "id, account_id, credential_id, public_key, sign_count, name, created_at, used_at"


def one_time_codes(tx: Tx, account_id: AccountId) -> OneTimeCodes | None:
    """What an authenticator app was given; None where nothing was begun."""
    row = tx.one("SELECT sealed, created_at, confirmed_at FROM one_time_codes WHERE account_id = $1", account_id)
    return None if row is None else OneTimeCodes(sealed=bytes(row[0]), created_at=row[1], confirmed_at=row[2])


def needs_code(tx: Tx, account_id: AccountId) -> bool:
    """Whether the password alone lets nobody in."""
    found = one_time_codes(tx, account_id)
    return found is not None and found.confirmed_at is not None


def begin_codes(tx: Tx, account_id: AccountId, sealed: bytes) -> None:
    """Keep a secret that has to be confirmed yet. Raises `Conflict` where one is in use already."""
    if needs_code(tx, account_id):
        raise Conflict("one-time codes are asked for already", reason="codes_on")
    tx.run("DELETE FROM one_time_codes WHERE account_id = $1", account_id)
    tx.run(
        "INSERT INTO one_time_codes (account_id, sealed, created_at) VALUES ($1, $2, $3)", account_id, sealed, tx.now
    )


def confirm_codes(tx: Tx, account_id: AccountId, sealed: bytes, step: int) -> bool:
    """The app has shown a right code: it is asked for from now on. False where that secret isn't waiting any more."""
    return bool(
        tx.run(
            "UPDATE one_time_codes SET confirmed_at = $1, last_step = $2"
            " WHERE account_id = $3 AND sealed = $4 AND confirmed_at IS NULL",
            tx.now,
            step,
            account_id,
            sealed,
        )
    )


def take_step(tx: Tx, account_id: AccountId, step: int) -> bool:
    """Use a code: each counts once, and none counts that is older than one that was used (RFC 6238 5.2)."""
    return bool(
        tx.run(
            "UPDATE one_time_codes SET last_step = $1"
            " WHERE account_id = $2 AND confirmed_at IS NOT NULL AND last_step < $1",
            step,
            account_id,
        )
    )


def set_recovery(tx: Tx, account_id: AccountId, hashes: Iterable[str]) -> None:
    """New recovery codes; the old ones are worth nothing."""
    tx.run("DELETE FROM recovery_codes WHERE account_id = $1", account_id)
    tx.many("INSERT INTO recovery_codes (account_id, code_hash) VALUES ($1, $2)", [(account_id, one) for one in hashes])


def take_recovery(tx: Tx, account_id: AccountId, code_hash: str) -> bool:
    """Use a recovery code, where it is one: each counts once."""
    return bool(tx.run("DELETE FROM recovery_codes WHERE account_id = $1 AND code_hash = $2", account_id, code_hash))


def count_recovery(tx: Tx, account_id: AccountId) -> int:
    """How many recovery codes are left."""
    return int(tx.value("SELECT count(*) FROM recovery_codes WHERE account_id = $1", account_id))


def drop_codes(tx: Tx, account_id: AccountId) -> None:
    """The password is enough again."""
    tx.run("DELETE FROM one_time_codes WHERE account_id = $1", account_id)
    tx.run("DELETE FROM recovery_codes WHERE account_id = $1", account_id)


def drop_all(tx: Tx, account_id: AccountId) -> int:
    """Forget codes and passkeys, for somebody who lost them; how many passkeys went."""
    drop_codes(tx, account_id)
    return tx.run("DELETE FROM passkeys WHERE account_id = $1", account_id)


def passkeys_of(tx: Tx, account_id: AccountId) -> list[Passkey]:
    """An account's passkeys, the oldest first."""
    return [
        _read(row) for row in tx.all(f"SELECT {_PASSKEY} FROM passkeys WHERE account_id = $1 ORDER BY id", account_id)
    ]


def passkey(tx: Tx, credential_id: str) -> Passkey | None:
    """The passkey that an authenticator names."""
    row = tx.one(f"SELECT {_PASSKEY} FROM passkeys WHERE credential_id = $1", credential_id)
    return None if row is None else _read(row)


def add_passkey(
    tx: Tx, account_id: AccountId, *, credential_id: str, public_key: bytes, sign_count: int, name: str
) -> None:
    """Raises `Conflict` for one that is known, and for more than `MOST_PASSKEYS`."""
    if passkey(tx, credential_id) is not None:
        raise Conflict("this passkey is known already", reason="passkey_known")
    if len(passkeys_of(tx, account_id)) >= MOST_PASSKEYS:
        raise Conflict(f"{MOST_PASSKEYS} passkeys are enough; remove one first", reason="passkey_too_many")
    tx.run(
        "INSERT INTO passkeys (id, account_id, credential_id, public_key, sign_count, name, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        tx.new_id(),
        account_id,
        credential_id,
        public_key,
        sign_count,
        name,
        tx.now,
    )


def passkey_used(tx: Tx, credential_id: str, sign_count: int) -> bool:
    """It opened the door; False where it was removed meanwhile, or was used with that count by another (WebAuthn 7.2,
    step 21)."""
    return bool(
        tx.run(
            "UPDATE passkeys SET sign_count = $1, used_at = $2 WHERE credential_id = $3"
            " AND (sign_count < $1 OR (sign_count = 0 AND $1 = 0))",
            sign_count,
            tx.now,
            credential_id,
        )
    )


def drop_passkey(tx: Tx, account_id: AccountId, passkey_id: int) -> bool:
    """Remove one of this account's; False where it has no such one."""
    return bool(tx.run("DELETE FROM passkeys WHERE account_id = $1 AND id = $2", account_id, passkey_id))


def protected(tx: Tx) -> frozenset[AccountId]:
    """Accounts that have one-time codes or passkeys."""
    rows = tx.all(
        "SELECT account_id FROM one_time_codes WHERE confirmed_at IS NOT NULL UNION SELECT account_id FROM passkeys"
    )
    return frozenset(AccountId(row[0]) for row in rows)


def spend(tx: Tx, ticket_hash: str, until: int) -> bool:
    """Use a ticket that is good until then; False where it was used before."""
    tx.run("DELETE FROM spent_tickets WHERE until < $1", tx.now)
    sql = "INSERT INTO spent_tickets (hash, until) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING"
    return bool(tx.run(sql, ticket_hash, until))


def _read(row: Row) -> Passkey:
    return Passkey(
        id=row[0],
        account_id=AccountId(row[1]),
        credential_id=row[2],
        public_key=bytes(row[3]),
        sign_count=row[4],
        name=row[5],
        created_at=row[6],
        used_at=row[7],
    )
