"""How each author is told of what happens: mail, ntfy, browsers; and how far they have been told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from fedblog.blog.ledger import AccountId
from fedblog.storage.rows import write_json
from fedblog.storage.tx import Tx

MailMode = Literal["off", "immediate", "daily", "weekly"]
MAIL_MODES: tuple[MailMode, ...] = ("off", "immediate", "daily", "weekly")
Channel = Literal["mail", "push"]
_NAMES = (
    "account_id, seen_at, muted, mail, mail_told_at, mail_error, mail_tried_at, ntfy_url, ntfy_token, push_told_at,"
    " push_error, push_tried_at, unsubscribe"
)


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """One account's. `ntfy_token` is sealed; `muted` are kinds that are not sent (the studio lists them all)."""

    account_id: AccountId
    seen_at: int
    muted: tuple[str, ...]
    mail: MailMode
    mail_told_at: int
    mail_error: str
    mail_tried_at: int
    ntfy_url: str
    ntfy_token: bytes | None
    push_told_at: int
    push_error: str
    push_tried_at: int
    unsubscribe: str


@dataclass(frozen=True, slots=True)
class PushSubscription:
    """A browser that shows notices; `p256dh` and `auth` are its keys, base64url as it gave them."""

    id: int
    account_id: AccountId
    endpoint: str
    p256dh: str
    auth: str
    user_agent: str
    created_at: int


def of(tx: Tx, account_id: AccountId) -> NoticeSettings:
    """An account's settings; those of a new one are: nothing is sent, everything up to now is known."""
    row = tx.one(f"SELECT {_NAMES} FROM notice_settings WHERE account_id = $1", account_id)
    if row is None:
        return NoticeSettings(account_id, 0, (), "off", tx.now, "", 0, "", None, tx.now, "", 0, "")
    return NoticeSettings(
        account_id=account_id,
        seen_at=row[1],
        muted=tuple(json.loads(row[2])),
        mail=row[3],
        mail_told_at=row[4],
        mail_error=row[5],
        mail_tried_at=row[6],
        ntfy_url=row[7],
        ntfy_token=bytes(row[8]) if row[8] is not None else None,
        push_told_at=row[9],
        push_error=row[10],
        push_tried_at=row[11],
        unsubscribe=row[12],
    )


def _ensure(tx: Tx, account_id: AccountId) -> None:
    tx.run(
        f"INSERT INTO notice_settings ({_NAMES})"
        " VALUES ($1, 0, '[]', 'off', $2, '', 0, '', NULL, $2, '', 0, $3) ON CONFLICT (account_id) DO NOTHING",
        account_id,
        tx.now,
        f"{tx.random_bits(128):032x}",
    )


def mark_seen(tx: Tx, account_id: AccountId, at: int) -> None:
    """They looked at the list as of a time."""
    _ensure(tx, account_id)
    tx.run("UPDATE notice_settings SET seen_at = $1 WHERE account_id = $2 AND seen_at < $1", at, account_id)


def save(
    tx: Tx,
    account_id: AccountId,
    *,
    muted: tuple[str, ...],
    mail: MailMode,
    ntfy_url: str,
    ntfy_token: bytes | None,
) -> None:
    """Replace what the author chose. What happened before something is switched on is not told by it."""
    _ensure(tx, account_id)
    before = of(tx, account_id)
    tx.run(
        "UPDATE notice_settings SET muted = $1, mail = $2, mail_told_at = $3, mail_error = '', mail_tried_at = 0,"
        " ntfy_url = $4, ntfy_token = $5, push_told_at = $6, push_error = '', push_tried_at = 0 WHERE account_id = $7",
        write_json(list(muted)),
        mail,
        tx.now if before.mail == "off" else before.mail_told_at,
        ntfy_url,
        ntfy_token,
        tx.now if before.ntfy_url != ntfy_url and not subscriptions(tx, account_id) else before.push_told_at,
        account_id,
    )


def told(tx: Tx, account_id: AccountId, channel: Channel, until: int) -> None:
    """Everything up to `until` was sent."""
    tx.run(
        f"UPDATE notice_settings SET {channel}_told_at = $1, {channel}_error = '', {channel}_tried_at = $2"
        f" WHERE account_id = $3 AND {channel}_told_at < $1",
        until,
        tx.now,
        account_id,
    )


def failed(tx: Tx, account_id: AccountId, channel: Channel, error: str) -> None:
    """It could not be sent; the author sees why."""
    tx.run(
        f"UPDATE notice_settings SET {channel}_error = $1, {channel}_tried_at = $2 WHERE account_id = $3",
        error[:300],
        tx.now,
        account_id,
    )


def active(tx: Tx) -> list[AccountId]:
    """Accounts that are told of anything outside of the studio."""
    rows = tx.all(
        "SELECT n.account_id FROM notice_settings n JOIN accounts c ON c.id = n.account_id WHERE c.disabled_at IS NULL"
        " AND (n.mail <> 'off' OR n.ntfy_url <> ''"
        " OR EXISTS (SELECT 1 FROM push_subscriptions s WHERE s.account_id = n.account_id)) ORDER BY n.account_id"
    )
    return [AccountId(row[0]) for row in rows]


def by_unsubscribe(tx: Tx, token: str) -> AccountId | None:
    """Whose mails a link ends."""
    row = tx.one("SELECT account_id FROM notice_settings WHERE unsubscribe = $1", token) if token else None
    return None if row is None else AccountId(row[0])


def end_mail(tx: Tx, account_id: AccountId) -> None:
    """No more mails."""
    tx.run("UPDATE notice_settings SET mail = 'off' WHERE account_id = $1", account_id)


def subscriptions(tx: Tx, account_id: AccountId) -> list[PushSubscription]:
    """The browsers that show an account's notices."""
    rows = tx.all(
        "SELECT id, account_id, endpoint, p256dh, auth, user_agent, created_at FROM push_subscriptions"
        " WHERE account_id = $1 ORDER BY id",
        account_id,
    )
    return [PushSubscription(*row) for row in rows]


def add_subscription(
    tx: Tx, account_id: AccountId, *, endpoint: str, p256dh: str, auth: str, user_agent: str, at_most: int
) -> bool:
    """Keep a browser; the same endpoint is renewed. False where there are `at_most` already."""
    _ensure(tx, account_id)
    others = [one for one in subscriptions(tx, account_id) if one.endpoint != endpoint]
    if len(others) >= at_most:
        return False
    if not others and not of(tx, account_id).ntfy_url:
        told(tx, account_id, "push", tx.now)
    tx.run(
        "INSERT INTO push_subscriptions (id, account_id, endpoint, p256dh, auth, user_agent, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (endpoint) DO UPDATE SET account_id = excluded.account_id,"
        " p256dh = excluded.p256dh, auth = excluded.auth, user_agent = excluded.user_agent",
        tx.new_id(),
        account_id,
        endpoint,
        p256dh,
        auth,
        user_agent[:300],
        tx.now,
    )
    return True


def drop_subscription(tx: Tx, subscription_id: int, account_id: AccountId) -> bool:
    """That browser shows nothing more; False if it is not this account's."""
    return tx.run("DELETE FROM push_subscriptions WHERE id = $1 AND account_id = $2", subscription_id, account_id) > 0
