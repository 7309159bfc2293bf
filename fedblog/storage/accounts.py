"""Who can log in, their sessions, and the throttle on guessing."""

from __future__ import annotations

from fedblog.blog.ledger import Account, AccountId, Session
from fedblog.blog.model import ActorId, Role
from fedblog.errors import Conflict, NotFound
from fedblog.storage.tx import Row, Tx

_NAMES = ("id", "username", "email", "password_hash", "role", "actor_id", "created_at", "disabled_at")
_ACCOUNT = ", ".join(f"c.{name}" for name in _NAMES)
_SESSION = f"s.id_hash, s.created_at, s.last_seen_at, s.expires_at, s.user_agent, {_ACCOUNT}"


def _read(row: Row, at: int = 0) -> Account:
    return Account(
        id=AccountId(row[at]),
        username=row[at + 1],
        email=row[at + 2],
        password_hash=row[at + 3],
        role=Role(row[at + 4]),
        actor_id=ActorId(row[at + 5]),
        created_at=row[at + 6],
        disabled_at=row[at + 7],
    )


def add(tx: Tx, *, username: str, email: str, password_hash: str, role: Role, actor_id: ActorId) -> Account:
    """A new account, its name in lower case. Raises `Conflict` where the name is taken."""
    if by_username(tx, username) is not None:
        raise Conflict(f"the name {username} is taken", reason="name_taken")
    account_id = AccountId(tx.new_id())
    tx.run(
        "INSERT INTO accounts (id, username, email, password_hash, role, actor_id, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        account_id,
        username.lower(),
        email,
        password_hash,
        role.value,
        actor_id,
        tx.now,
    )
    return _get(tx, account_id)


def _get(tx: Tx, account_id: AccountId) -> Account:
    account = by_id(tx, account_id)
    if account is None:
        raise NotFound("there is no such account")
    return account


def by_id(tx: Tx, account_id: AccountId) -> Account | None:
    """An account, disabled or not."""
    row = tx.one(f"SELECT {_ACCOUNT} FROM accounts c WHERE c.id = $1", account_id)
    return None if row is None else _read(row)


def by_username(tx: Tx, username: str) -> Account | None:
    """An account by name, in any case."""
    row = tx.one(f"SELECT {_ACCOUNT} FROM accounts c WHERE c.username = $1", username.lower())
    return None if row is None else _read(row)


def all(tx: Tx) -> list[Account]:  # noqa: A001 - reads as `accounts.all`
    """All accounts, oldest first."""
    return [_read(row) for row in tx.all(f"SELECT {_ACCOUNT} FROM accounts c ORDER BY c.id")]


def set_password(tx: Tx, account_id: AccountId, password_hash: str) -> None:
    """Replace the password; all sessions end."""
    tx.run("UPDATE accounts SET password_hash = $1 WHERE id = $2", password_hash, account_id)
    drop_sessions_of(tx, account_id)


def set_email(tx: Tx, account_id: AccountId, email: str) -> None:
    """Change where mails to this account go; "" for nowhere."""
    tx.run("UPDATE accounts SET email = $1 WHERE id = $2", email, account_id)


def set_role(tx: Tx, account_id: AccountId, role: Role) -> None:
    """Change what an account may do. Raises `Conflict` rather than leave the blog without an owner."""
    if role is not Role.OWNER:
        _keep_an_owner(tx, account_id)
    tx.run("UPDATE accounts SET role = $1 WHERE id = $2", role.value, account_id)


def disable(tx: Tx, account_id: AccountId, disabled: bool = True) -> None:
    """Lock an account out (or let it in again); its sessions end. The last owner can't be disabled."""
    if disabled:
        _keep_an_owner(tx, account_id)
    tx.run("UPDATE accounts SET disabled_at = $1 WHERE id = $2", tx.now if disabled else None, account_id)
    drop_sessions_of(tx, account_id)


def remove(tx: Tx, account_id: AccountId) -> None:
    """Forget an account; its actor stays, so that the name does. The last owner can't go."""
    _keep_an_owner(tx, account_id)
    drop_sessions_of(tx, account_id)
    tx.run("DELETE FROM accounts WHERE id = $1", account_id)


def _keep_an_owner(tx: Tx, account_id: AccountId) -> None:
    tx.lock("owners")
    account = _get(tx, account_id)
    others = tx.value(
        "SELECT count(*) FROM accounts WHERE role = 'owner' AND disabled_at IS NULL AND id <> $1", account_id
    )
    if account.role is Role.OWNER and account.disabled_at is None and not others:
        raise Conflict("this is the only owner; make somebody else owner first", reason="last_owner")


def mark_seen(tx: Tx, account_id: AccountId) -> None:
    """The conversations page was looked at now."""
    tx.run("UPDATE accounts SET seen_at = $1 WHERE id = $2", tx.now, account_id)


def seen_at(tx: Tx, account_id: AccountId) -> int:
    """When the conversations page was looked at last; 0 for never."""
    return tx.value("SELECT seen_at FROM accounts WHERE id = $1", account_id) or 0


def add_session(tx: Tx, *, id_hash: str, account_id: AccountId, expires_at: int, user_agent: str) -> None:
    """Keep a log-in by the hash of its token."""
    tx.run("DELETE FROM sessions WHERE expires_at <= $1", tx.now)
    tx.run(
        "INSERT INTO sessions (id_hash, account_id, created_at, last_seen_at, expires_at, user_agent)"
        " VALUES ($1, $2, $3, $3, $4, $5)",
        id_hash,
        account_id,
        tx.now,
        expires_at,
        user_agent[:300],
    )


def session(tx: Tx, id_hash: str) -> Session | None:
    """A log-in that is not over and whose account is not disabled."""
    row = tx.one(
        f"SELECT {_SESSION} FROM sessions s JOIN accounts c ON c.id = s.account_id"
        " WHERE s.id_hash = $1 AND s.expires_at > $2 AND c.disabled_at IS NULL",
        id_hash,
        tx.now,
    )
    return None if row is None else _read_session(row)


def sessions_of(tx: Tx, account_id: AccountId) -> list[Session]:
    """An account's log-ins, the last used first."""
    rows = tx.all(
        f"SELECT {_SESSION} FROM sessions s JOIN accounts c ON c.id = s.account_id"
        " WHERE s.account_id = $1 AND s.expires_at > $2 ORDER BY s.last_seen_at DESC, s.id_hash",
        account_id,
        tx.now,
    )
    return [_read_session(row) for row in rows]


def _read_session(row: Row) -> Session:
    return Session(
        id_hash=row[0],
        account=_read(row, 5),
        created_at=row[1],
        last_seen_at=row[2],
        expires_at=row[3],
        user_agent=row[4],
    )


def touch_session(tx: Tx, id_hash: str, expires_at: int | None = None) -> None:
    """It was used now; it may live longer for that."""
    tx.run("UPDATE sessions SET last_seen_at = $1 WHERE id_hash = $2", tx.now, id_hash)
    if expires_at is not None:
        tx.run("UPDATE sessions SET expires_at = $1 WHERE id_hash = $2", expires_at, id_hash)


def drop_session(tx: Tx, id_hash: str) -> None:
    """Log out."""
    tx.run("DELETE FROM sessions WHERE id_hash = $1", id_hash)


def drop_sessions_of(tx: Tx, account_id: AccountId) -> None:
    """Log out everywhere."""
    tx.run("DELETE FROM sessions WHERE account_id = $1", account_id)


def record_attempt(tx: Tx, bucket: str) -> None:
    """One more failed log-in in a bucket (an address, an account)."""
    tx.run("DELETE FROM login_attempts WHERE at < $1", tx.now - 86_400)
    tx.run("INSERT INTO login_attempts (bucket, at) VALUES ($1, $2)", bucket, tx.now)


def attempts_since(tx: Tx, bucket: str, since: int) -> int:
    """How many failed log-ins a bucket has since a time."""
    return int(tx.value("SELECT count(*) FROM login_attempts WHERE bucket = $1 AND at >= $2", bucket, since))


def clear_attempts(tx: Tx, bucket: str) -> None:
    """A log-in worked."""
    tx.run("DELETE FROM login_attempts WHERE bucket = $1", bucket)
