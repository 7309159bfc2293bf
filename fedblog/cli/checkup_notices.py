"""Whether authors can be told: the mail server, ntfy topics, browsers."""

from __future__ import annotations

import asyncio
import time

from fedblog.activitypub.urls import parse_uri
from fedblog.app import SECRET_NAME
from fedblog.blog.ledger import Account
from fedblog.cli.findings import Finding
from fedblog.config import Mail, Settings
from fedblog.errors import FedblogError
from fedblog.federation.guard import Guard
from fedblog.storage import accounts, meta, notice_settings
from fedblog.storage.database import Database, Tx
from fedblog.storage.notice_settings import NoticeSettings, PushSubscription
from fedblog.storage.seal import Sealer, load_secret
from fedblog.web.notices import mail, ntfy, web_push

_FIXES = {
    "535": "look at mail.user and mail.password",
    "534": "look at mail.user and mail.password; some providers want a password made for programs",
    "530": "the server wants a log-in: set mail.user and mail.password",
    "starttls": 'the server speaks no STARTTLS here: try mail.port = 465 with mail.security = "tls"',
    "wrong version": 'that port speaks no TLS at once: mail.security = "starttls" belongs to 587, "tls" to 465',
    "certificate": "the server's certificate does not fit mail.host: write the name that it was made for",
    "refused": "nothing listens there: look at mail.host and mail.port",
    "timed out": "look at mail.host and mail.port; many providers of servers block outgoing mail until one asks",
    "name": "look at mail.host: there is no such server",
}
_LOOK = "look at the [mail] section of the configuration"
Person = tuple[Account, NoticeSettings, list[PushSubscription]]


async def look_at_mail(settings: Settings, *, send_to: str = "") -> list[Finding]:
    """Connect, TLS, log-in; with `send_to` a mail to that address, without it none."""
    configured = settings.mail
    if not configured.host:
        words = "no server is set: authors see what happens in the studio only"
        return [Finding("mail", "fail" if send_to else "ok", words, "set mail.host" if send_to else "")]
    try:
        words = await asyncio.to_thread(mail.probe, configured)
        if send_to:
            message = mail.trial(settings, send_to, time.time())
            await asyncio.to_thread(mail.send, configured, message)
            words += f"; a mail went to {send_to}"
    except FedblogError as error:
        return [Finding("mail", "fail", str(error), _fix(str(error)))]
    if _is_open(configured):
        fix = 'use mail.security = "starttls" or "tls": anybody on the way can read it'
        return [Finding("mail", "warn", f"{words}, but the password goes over the network unencrypted", fix)]
    return [Finding("mail", "ok", words)]


def _fix(error: str) -> str:
    return next((fix for sign, fix in _FIXES.items() if sign in error.lower()), _LOOK)


def _is_open(configured: Mail) -> bool:
    near = configured.host in ("localhost", "127.0.0.1", "::1")
    return configured.security == "none" and bool(configured.password) and not near


async def look_at_notices(settings: Settings) -> list[Finding]:
    """What authors chose can be done, and went well the last time; for a database that was found whole."""
    database = await Database.open(settings)
    try:
        people, key = await database.read(_people)
    finally:
        await database.close()
    guard = Guard(settings.federation.allow_networks, settings.federation.allow_http, own_hosts=[settings.authority])
    troubles = [trouble for one in people for trouble in _troubles(settings, guard, *one)]
    if any(browsers for *_, browsers in people) or key is not None:
        troubles += _look_at_key(settings, key)
    if troubles:
        return troubles
    wanted = sum(bool(chosen.ntfy_url or browsers or chosen.mail != "off") for _, chosen, browsers in people)
    return [Finding("notices", "ok", f"{wanted} of {len(people)} authors are told outside the studio")]


def _people(tx: Tx) -> tuple[list[Person], str | None]:
    found = [one for one in accounts.all(tx) if one.disabled_at is None]
    people = [(one, notice_settings.of(tx, one.id), notice_settings.subscriptions(tx, one.id)) for one in found]
    return people, meta.get(tx, web_push.META_KEY)


def _troubles(
    settings: Settings, guard: Guard, account: Account, chosen: NoticeSettings, browsers: list[PushSubscription]
) -> list[Finding]:
    name, found = f"notices of {account.username}", list[Finding]()
    if chosen.mail != "off" and not settings.mail.host:
        found.append(Finding(name, "warn", "they want mail, and no mail server is set", "set mail.host"))
    if chosen.mail_error:
        found.append(Finding(name, "warn", f"the last mail failed: {chosen.mail_error}", "see `mail` above"))
    try:
        if chosen.ntfy_url:
            guard.check_uri(parse_uri(ntfy.check_topic(chosen.ntfy_url)))
        for browser in browsers:
            guard.check_uri(parse_uri(browser.endpoint))
    except FedblogError as error:
        fix = "they should choose it anew in the studio, under Notifications"
        found.append(Finding(name, "warn", f"their push address can't be used: {error}", fix))
    if chosen.push_error:
        fix = "they can send a test in the studio, under Notifications"
        found.append(Finding(name, "warn", f"the last push failed: {chosen.push_error}", fix))
    if browsers and not settings.base_url.startswith("https://"):
        found.append(
            Finding(name, "warn", "browsers take push messages of https sites only", "serve the blog by https")
        )
    return found


def _look_at_key(settings: Settings, key: str | None) -> list[Finding]:
    if key is None:
        fix = "they subscribe anew in the studio, under Notifications"
        return [Finding("web push", "warn", "browsers are subscribed to a key that is gone", fix)]
    try:
        Sealer(load_secret(settings.data_dir / SECRET_NAME)).open(key.encode("ascii"))
    except (FedblogError, ValueError, OSError):
        return [Finding("web push", "fail", "its key does not open", "restore the secret of this database")]
    return []
