"""/studio/notifications: what happened, alike things together, and how one is told of it elsewhere."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web

from fedblog.activitypub.urls import parse_uri
from fedblog.errors import DialRefused, FedblogError, InvalidInput, NotFound
from fedblog.federation.services import Services
from fedblog.storage import accounts, notice_settings, notices
from fedblog.storage.database import Tx
from fedblog.storage.notice_settings import MAIL_MODES, MailMode, NoticeSettings
from fedblog.storage.notices import Notice
from fedblog.web.i18n import gettext as _
from fedblog.web.keys import SERVICES, TELLER
from fedblog.web.notices import changes, ntfy, web_push
from fedblog.web.notices.mail import is_address
from fedblog.web.notices.words import groups, kind_names
from fedblog.web.sessions import user_agent_of
from fedblog.web.studio.access import Who, done, number_in_path, show
from fedblog.web.studio.account import device_name
from fedblog.web.studio.forms import Form
from fedblog.web.studio.news import is_unread, read_marks

SHOWN = 300
BROWSERS = 10
_HOME, _SETTINGS = "/studio/notifications", "/studio/notifications/settings"


async def list_notifications(request: web.Request, who: Who) -> web.StreamResponse:
    """The list; opening it changes nothing, "Mark all as read" does."""
    services = request.app[SERVICES]
    only = request.query.get("show") == "unread"

    def read(tx: Tx) -> tuple[list[Notice], int, int]:
        seen, talk_seen = read_marks(tx, who.account.id)
        return notices.recent(tx, who.account, since=0, until=tx.now, limit=SHOWN), seen, talk_seen

    found, seen, talk_seen = await services.db.read(read)
    shown = groups(found, lambda one: is_unread(one, seen, talk_seen))
    unread = sum(one.unread for one in shown)
    return await show(
        request,
        who,
        "notifications.html",
        groups=[one for one in shown if one.unread or not only],
        only=only,
        unread_groups=unread,
        as_of=int(services.clock()) - 1,
    )


async def mark_read(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Everything up to when the list was made is read; what came meanwhile stays unread."""
    services = request.app[SERVICES]
    as_of = min(form.number("as_of") or 0, int(services.clock()))
    await services.db.write(notice_settings.mark_seen, who.account.id, as_of)
    return done(_HOME, "notices_read")


async def settings(request: web.Request, who: Who) -> web.StreamResponse:
    """How one is told."""
    return await _settings_page(request, who)


async def _settings_page(
    request: web.Request, who: Who, *, form: Form | None = None, problem: str = "", status: int = 200
) -> web.Response:
    services = request.app[SERVICES]
    chosen = await services.db.read(notice_settings.of, who.account.id)
    browsers = await services.db.read(notice_settings.subscriptions, who.account.id)
    return await show(
        request,
        who,
        "notification_settings.html",
        status=status,
        problem=problem,
        chosen=chosen,
        mail_mode=form.line("mail") if form is not None else chosen.mail,
        email=form.line("email") if form is not None else who.account.email,
        ntfy_url=form.line("ntfy_url", limit=2_048) if form is not None else chosen.ntfy_url,
        wanted=form.texts("kind") if form is not None else [key for key in kind_names() if key not in chosen.muted],
        kinds=kind_names(),
        has_mail=bool(services.settings.mail.host),
        push_key=(await web_push.server_keys(services.db, services.sealer)).public,
        browsers=[(one, device_name(one.user_agent)) for one in browsers],
    )


async def save_settings(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Keep what was chosen; with `do=test_mail` or `test_push`, send a message that shows whether it works."""
    services = request.app[SERVICES]
    try:
        mail, email, url, token = await _read_form(services, who, form)
    except InvalidInput as error:
        return await _settings_page(request, who, form=form, problem=str(error), status=HTTPStatus.BAD_REQUEST)
    muted = tuple(key for key in kind_names() if key not in form.texts("kind"))

    def save(tx: Tx) -> NoticeSettings:
        if who.account.email and who.account.email != email:
            changes.plan(tx, who.account.id, "email", to=who.account.email)
        accounts.set_email(tx, who.account.id, email)
        notice_settings.save(tx, who.account.id, muted=muted, mail=mail, ntfy_url=url, ntfy_token=token)
        return notice_settings.of(tx, who.account.id)

    chosen = await services.db.write(save)
    todo = form.choice("do", ("save", "test_mail", "test_push"))
    if todo == "save":
        return done(_SETTINGS, "notices_saved")
    try:
        await request.app[TELLER].test(
            replace(who.account, email=email), chosen, "mail" if todo == "test_mail" else "push"
        )
    except FedblogError as error:
        words = _("It was saved, but the test did not get through: %(error)s") % {"error": error}
        return await _settings_page(request, who, problem=words, status=HTTPStatus.BAD_GATEWAY)
    return done(_SETTINGS, "notices_tested")


async def _read_form(services: Services, who: Who, form: Form) -> tuple[MailMode, str, str, bytes | None]:
    """(mail mode, mail address, ntfy topic, sealed token) of the form. Raises `InvalidInput`."""
    wanted = form.choice("mail", MAIL_MODES)
    mail: MailMode = next(mode for mode in MAIL_MODES if mode == wanted)
    email = form.line("email", limit=254)
    if email and not is_address(email):
        raise InvalidInput(_("That is no mail address."), reason="mail_address")
    if mail != "off" and not email:
        raise InvalidInput(_("Where shall the mails go? Write your address."), reason="mail_address")
    before = await services.db.read(notice_settings.of, who.account.id)
    url, token = form.line("ntfy_url", limit=2_048), form.line("ntfy_token", limit=200)
    if url:
        url = ntfy.check_topic(url)
        _check_dialled(services, url)
    sealed = before.ntfy_token if url and url == before.ntfy_url else None  # a token goes to its own server only
    if token:
        sealed = services.sealer.seal(token.encode())
    if form.flag("no_token"):
        sealed = None
    return mail, email, url, sealed


def _check_dialled(services: Services, url: str) -> None:
    """Whether the guard lets it be dialled, as far as its words tell. Raises `InvalidInput`."""
    try:
        services.client.guard.check_uri(parse_uri(url))
    except DialRefused as error:
        raise InvalidInput(_("That address can't be used: %(error)s") % {"error": error}, reason="push_url") from None


async def add_browser(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """A browser subscribed (the script fills the form)."""
    services = request.app[SERVICES]
    endpoint, p256dh, auth = (form.line(name, limit=2_000) for name in ("endpoint", "p256dh", "auth"))
    web_push.check_subscription(endpoint, p256dh, auth)
    _check_dialled(services, endpoint)
    kept = await services.db.write(
        notice_settings.add_subscription,
        who.account.id,
        endpoint=endpoint,
        p256dh=p256dh,
        auth=auth,
        user_agent=user_agent_of(request),
        at_most=BROWSERS,
    )
    if not kept:
        raise InvalidInput(_("Ten browsers are enough; remove one first."), reason="push_too_many")
    return done(_SETTINGS, "browser_added")


async def remove_browser(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """That browser shows nothing more."""
    db, number = request.app[SERVICES].db, number_in_path(request)
    if not await db.write(notice_settings.drop_subscription, number, who.account.id):
        raise NotFound("no such browser")
    return done(_SETTINGS, "browser_removed")
