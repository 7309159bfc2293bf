"""Sends what happened to authors who want it sent: a planner looks for news, durable jobs send it.

A job begins from how far the author was told, so a restart, a failed try or a second process tell nothing twice and
leave nothing out.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from fedblog.blog.ledger import Account, AccountId
from fedblog.config import Settings
from fedblog.errors import FedblogError, FetchFailed, FetchTemporary, StorageUnavailable
from fedblog.federation.client import Client
from fedblog.storage import accounts, jobs, notice_settings, notices
from fedblog.storage.database import Database, Tx
from fedblog.storage.notice_settings import Channel, NoticeSettings, PushSubscription
from fedblog.storage.notices import Notice
from fedblog.storage.seal import Sealer
from fedblog.web.i18n import known as language_of
from fedblog.web.i18n import speaking
from fedblog.web.notices import mail, ntfy, web_push
from fedblog.web.notices.words import Group, groups
from fedblog.web.renderer import Renderer

log = logging.getLogger(__name__)

KIND = "tell_author"
LOOK_SECONDS = 15.0
# What arrives at the same moment may be stored a little later: the last seconds wait for the next time.
SETTLE_SECONDS = 5
AFTER_ERROR = 3_600
MOST = 1_000
IN_MAIL, IN_PUSH = 50, 5
_PAUSES = {"immediate": 0, "daily": 86_400 - 900, "weekly": 7 * 86_400 - 900}


class Teller:
    """The job: `{"account": id, "channel": "mail" | "push"}`."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        sealer: Sealer,
        client: Client,
        renderer: Callable[[], Renderer],
        clock: Callable[[], float],
    ) -> None:
        self._db, self._settings, self._sealer, self._client = db, settings, sealer, client
        self._renderer, self._clock = renderer, clock

    async def __call__(self, payload: dict[str, Any]) -> None:
        """Tell one account what is new. Raises `FetchTemporary` for what should be tried again."""
        account_id, channel = AccountId(int(payload["account"])), payload["channel"]
        known = await self._db.read(_known, account_id, "mail" if channel == "mail" else "push")
        if known is None:
            return
        account, chosen, news, until = known
        try:
            with speaking(language_of(self._settings.blog.language)):
                await (self._mail if channel == "mail" else self._push)(account, chosen, news)
        except (StorageUnavailable, FetchTemporary) as error:
            if isinstance(error, FetchTemporary):
                await self._db.write(notice_settings.failed, account_id, _channel(channel), str(error))
            raise
        except FedblogError as error:
            log.warning("account %s is not told by %s: %s", account.username, channel, error)
            await self._db.write(notice_settings.failed, account_id, _channel(channel), str(error))
            return
        await self._db.write(notice_settings.told, account_id, _channel(channel), until)

    async def test(self, account: Account, chosen: NoticeSettings, channel: Channel) -> None:
        """Send a message that says that it works. Raises what sending raises."""
        note = Notice(notices.Kind.TEST, int(self._clock()), "/studio/notifications")
        trial = [Group(note, (), 1, unread=True)]
        if channel == "mail":
            await self._send_mail(account, chosen, trial, 0)
        else:
            await self._send_push(chosen, await self._subscriptions(account), trial, 0)

    async def _mail(self, account: Account, chosen: NoticeSettings, news: list[Notice]) -> None:
        together = groups(news, lambda _one: True)
        if chosen.mail != "off" and account.email and self._settings.mail.host and together:
            await self._send_mail(account, chosen, together[:IN_MAIL], max(0, len(together) - IN_MAIL))

    async def _send_mail(self, account: Account, chosen: NoticeSettings, shown: list[Group], more: int) -> None:
        link = f"{self._settings.base_url}/unsubscribe/{chosen.unsubscribe}"
        digest = mail.Digest(account.email, account.username, shown, more, link)
        message = await asyncio.to_thread(mail.compose, self._settings, self._renderer(), digest, self._clock())
        await asyncio.to_thread(mail.send, self._settings.mail, message)

    async def _push(self, account: Account, chosen: NoticeSettings, news: list[Notice]) -> None:
        together = groups(news, lambda _one: True)
        if together:
            browsers = await self._subscriptions(account)
            await self._send_push(chosen, browsers, together[:IN_PUSH], max(0, len(together) - IN_PUSH))

    async def _subscriptions(self, account: Account) -> list[PushSubscription]:
        return await self._db.read(notice_settings.subscriptions, account.id)

    async def _send_push(
        self, chosen: NoticeSettings, browsers: list[PushSubscription], shown: list[Group], more: int
    ) -> None:
        for group in reversed(shown):  # the newest comes last, and so on top
            if chosen.ntfy_url:
                token = self._sealer.open(chosen.ntfy_token).decode() if chosen.ntfy_token else ""
                uri, body = ntfy.message(chosen.ntfy_url, group, self._settings.base_url)
                await ntfy.publish(self._client, uri, body, token)
            for browser in browsers:
                await self._to_browser(browser, group, more)

    async def _to_browser(self, browser: PushSubscription, group: Group, more: int) -> None:
        """One browser's trouble is not the others': a gone one is forgotten, the rest waits for the next news."""
        keys = await web_push.server_keys(self._db, self._sealer)
        body = web_push.notice_json(group, self._settings)
        try:
            sent = await web_push.send(self._client, keys, browser, body, self._settings, self._clock())
        except FetchFailed as error:
            log.info("a browser of account %s is not reached: %s", browser.account_id, error)
            return
        if not sent:
            await self._db.write(notice_settings.drop_subscription, browser.id, browser.account_id)


def _channel(text: str) -> Channel:
    return "mail" if text == "mail" else "push"


def _known(tx: Tx, account_id: AccountId, channel: Channel) -> tuple[Account, NoticeSettings, list[Notice], int] | None:
    """What there is to tell; None for nobody to be told."""
    account = accounts.by_id(tx, account_id)
    if account is None or account.disabled_at is not None:
        return None
    chosen = notice_settings.of(tx, account_id)
    until = tx.now - SETTLE_SECONDS
    return account, chosen, news_for(tx, account, chosen, channel, until), until


def news_for(tx: Tx, account: Account, chosen: NoticeSettings, channel: Channel, until: int) -> list[Notice]:
    """What a channel has not told yet, without the kinds that are switched off."""
    since = chosen.mail_told_at if channel == "mail" else chosen.push_told_at
    found = notices.recent(tx, account, since=since, until=until, limit=MOST)
    return [one for one in found if one.kind.value not in chosen.muted]


class NewsPlanner:
    """Looks every few seconds whether somebody has to be told, and plans a job for it."""

    def __init__(self, db: Database, settings: Settings, *, every: float = LOOK_SECONDS) -> None:
        self._db, self._has_mail, self._every = db, bool(settings.mail.host), every
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`."""
        while not self._stop.is_set():
            try:
                await self.look()
            except StorageUnavailable as exc:
                log.warning("looking for news waits: %s", exc)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._stop.wait()

    async def look(self) -> int:
        """Plan what is due now; how many jobs."""
        due = await self._db.read(_due, self._has_mail)
        if due:
            await self._db.write(_plan, due)
        return len(due)

    async def stop(self) -> None:
        """`run` returns soon after."""
        self._stop.set()


def _due(tx: Tx, has_mail: bool) -> list[tuple[AccountId, Channel]]:
    found: list[tuple[AccountId, Channel]] = []
    for account_id in notice_settings.active(tx):
        account, chosen = accounts.by_id(tx, account_id), notice_settings.of(tx, account_id)
        if account is None:
            continue
        for channel in _open_channels(tx, account, chosen, has_mail):
            planned = jobs.get(tx, KIND, f"{channel} {account_id}") is not None
            if not planned and news_for(tx, account, chosen, channel, tx.now - SETTLE_SECONDS):
                found.append((account_id, channel))
    return found


def _open_channels(tx: Tx, account: Account, chosen: NoticeSettings, has_mail: bool) -> list[Channel]:
    """The channels that may be used now."""
    found: list[Channel] = []
    wants_mail = has_mail and account.email and chosen.mail != "off"
    if wants_mail and tx.now - chosen.mail_told_at >= _PAUSES.get(chosen.mail, 0):
        found.append("mail")
    if chosen.ntfy_url or notice_settings.subscriptions(tx, account.id):
        found.append("push")
    errors = {"mail": (chosen.mail_error, chosen.mail_tried_at), "push": (chosen.push_error, chosen.push_tried_at)}
    return [one for one in found if not errors[one][0] or tx.now - errors[one][1] >= AFTER_ERROR]


def _plan(tx: Tx, due: list[tuple[AccountId, Channel]]) -> None:
    for account_id, channel in due:
        jobs.add(tx, KIND, f"{channel} {account_id}", {"account": account_id, "channel": channel}, tx.now)
