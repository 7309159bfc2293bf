"""A mail to whoever's log-in was changed, so that a change by somebody else doesn't stay unseen.

It is planned in the transaction of the change and goes out whatever the account wants to be told otherwise.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any, Final

from fedblog.blog.ledger import AccountId
from fedblog.config import Settings
from fedblog.errors import FedblogError, FetchTemporary
from fedblog.storage import accounts, jobs
from fedblog.storage.database import Database, Tx
from fedblog.web.i18n import gettext, later, speaking
from fedblog.web.i18n import known as language_of
from fedblog.web.notices.mail import POLICY, is_address, send, sender
from fedblog.web.notices.words import plain

log = logging.getLogger(__name__)

KIND: Final = "tell_login_changed"
CHANGES: Final = {
    "password": later("Your password was changed."),
    "email": later("The mail address of your account was changed: mails go to another one from now on."),
    "codes_on": later("One-time codes are asked for at your log-in from now on."),
    "codes_off": later("One-time codes are no longer asked for at your log-in."),
    "recovery": later("You have new recovery codes; the old ones are worth nothing."),
    "passkey_added": later("A passkey was added: it opens your account without the password."),
    "passkey_removed": later("A passkey was removed."),
    "reset": later("Your codes and passkeys were forgotten by whoever runs the blog."),
}


def plan(tx: Tx, account_id: AccountId, change: str, *, to: str = "") -> None:
    """Tell the account of a change (a key of `CHANGES`) that this transaction makes; at the address that it has, or
    `to` one that it had."""
    payload = {"account": account_id, "change": change, "at": tx.now, "to": to}
    jobs.add(tx, KIND, f"{account_id} {tx.new_id()}", payload, tx.now)


class ChangeTeller:
    """The job: `{"account": id, "change": key, "at": seconds, "to": address or ""}`."""

    def __init__(self, db: Database, settings: Settings, clock: Callable[[], float]) -> None:
        self._db, self._settings, self._clock = db, settings, clock

    async def __call__(self, payload: dict[str, Any]) -> None:
        """Send it, if there is a mail server and an address. Raises `FetchTemporary` for another try later."""
        account = await self._db.read(accounts.by_id, AccountId(int(payload["account"])))
        if account is None or payload["change"] not in CHANGES or not self._settings.mail.host:
            return
        to = payload["to"] or account.email
        if not is_address(to):
            return
        with speaking(language_of(self._settings.blog.language)):
            message = self._compose(to, account.username, payload["change"], int(payload["at"]))
        try:
            await asyncio.to_thread(send, self._settings.mail, message)
        except FetchTemporary:
            raise
        except FedblogError as error:
            log.warning("account %s is not told of a change of its log-in: %s", account.username, error)

    def _compose(self, to: str, username: str, change: str, at: int) -> EmailMessage:
        settings = self._settings
        blog, where = plain(settings.blog.title)[:100], f"{settings.base_url}/studio/account"
        message = EmailMessage(POLICY)
        message["From"], message["To"] = sender(settings), to
        message["Subject"] = gettext("Your log-in at %(blog)s was changed") % {"blog": blog}
        message["Date"] = format_datetime(datetime.fromtimestamp(self._clock(), UTC))
        message["Message-ID"] = make_msgid("login", domain=settings.domain.partition(":")[0])
        message["Auto-Submitted"] = "auto-generated"
        when = format_datetime(datetime.fromtimestamp(at, UTC))
        lines = [
            f"@{username}, {when}",
            gettext(CHANGES[change]),
            gettext("If that wasn’t you, change your password and log out all other devices: %(url)s") % {"url": where},
        ]
        message.set_content("\n\n".join(lines) + "\n")
        return message
