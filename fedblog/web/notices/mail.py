"""Mail: the digest as a message (plain and HTML), and sending it by SMTP."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr

from fedblog.config import Mail, Settings
from fedblog.errors import FedblogError, FetchTemporary, InvalidInput
from fedblog.web.i18n import gettext as _
from fedblog.web.i18n import ngettext
from fedblog.web.notices.words import Group, plain
from fedblog.web.renderer import Renderer

# Addresses in headers stay in one line: not every mail program puts folded ones together again.
_FINE = 250
POLICY = SMTP.clone(max_line_length=250)


class MailFailed(FedblogError):
    """The mail server refuses this message for good, or our log-in."""

    reason = "mail_failed"


@dataclass(frozen=True, slots=True)
class Digest:
    """What a mail tells: to whom, of what, and the link that ends such mails."""

    to: str
    name: str
    groups: Sequence[Group]
    more: int
    unsubscribe: str


def is_address(text: str) -> bool:
    """Whether this may be a mail address: one `@`, no blanks, nothing that ends a header."""
    local, at, domain = text.rpartition("@")
    try:
        Address(username=local, domain=domain)
    except (ValueError, IndexError):
        return False
    return bool(at and local and domain) and text.isprintable() and not any(char in text for char in ' ,;<>()[]\\"')


def compose(settings: Settings, renderer: Renderer, digest: Digest, now: float) -> EmailMessage:
    """The message. Raises `InvalidInput` for an address that can't be one."""
    if not is_address(digest.to):
        raise InvalidInput("that is no mail address", reason="mail_address")
    message = EmailMessage(POLICY)
    message["From"] = sender(settings)
    message["To"] = Address(digest.name[:60].replace("\r", " ").replace("\n", " "), addr_spec=digest.to)
    message["Subject"] = subject(settings, digest)
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = make_msgid("notice", domain=settings.domain.partition(":")[0])
    message["Auto-Submitted"] = "auto-generated"
    message["List-Id"] = f"<notices.{settings.domain.partition(':')[0]}>"
    # RFC 8058: mail programs end the mails with one press, by a POST to this address.
    message["List-Unsubscribe"] = f"<{digest.unsubscribe}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text_of(settings, digest))
    html = renderer.html("mail/digest.html", digest=digest, subject=message["Subject"], lang=settings.blog.language)
    message.add_alternative(html, subtype="html")
    return message


def sender(settings: Settings) -> str:
    """`Blog <address>`: the configured one, else `fedblog@DOMAIN`."""
    name, address = parseaddr(settings.mail.from_)
    address = address or f"fedblog@{settings.domain.partition(':')[0]}"
    return str(Address(name or plain(settings.blog.title)[:60], addr_spec=address))


def subject(settings: Settings, digest: Digest) -> str:
    """One notice is its own subject; more are counted."""
    number = len(digest.groups) + digest.more
    if number == 1:
        return plain(digest.groups[0].sentence)[:200]
    words = ngettext("%(num)s thing happened on %(blog)s", "%(num)s things happened on %(blog)s", number)
    return words % {"num": number, "blog": settings.blog.title}


def text_of(settings: Settings, digest: Digest) -> str:
    """The plain part."""
    lines: list[str] = []
    for group in digest.groups:
        lines.append(f"* {plain(group.sentence)}")
        if group.text:
            lines += [f"  > {line}" for line in group.text.splitlines()[:6]]
        lines += [f"  {settings.base_url}{group.href}", ""]
    if digest.more:
        lines += [ngettext("And %(num)s more.", "And %(num)s more.", digest.more) % {"num": digest.more}, ""]
    lines += [
        "-- ",
        _("All notifications: %(url)s") % {"url": f"{settings.base_url}/studio/notifications"},
        _("No more of these mails: %(url)s") % {"url": digest.unsubscribe},
    ]
    return "\n".join(lines) + "\n"


def send(mail: Mail, message: EmailMessage) -> None:
    """Hand a message to the configured server; blocks, so for a thread.

    Raises `MailFailed` for a refusal that will stay one, `FetchTemporary` for everything that may pass.
    """
    with _failures(mail), _connect(mail) as server:
        if mail.user:
            server.login(mail.user, mail.password)
        server.send_message(message)


def probe(mail: Mail) -> str:
    """How the configured server takes us, in words; nothing is sent. Blocks; raises as `send` does."""
    with _failures(mail), _connect(mail) as server:
        server.ehlo_or_helo_if_needed()
        words = f"{mail.host}:{mail.port} answers"
        if isinstance(server.sock, ssl.SSLSocket):
            words += f", {server.sock.version()}"
        if mail.user:
            server.login(mail.user, mail.password)
            words += f", logged in as {mail.user}"
        code, told = server.noop()
        if code != _FINE:
            raise _verdict(code, told)
        return words


def trial(settings: Settings, to: str, now: float) -> EmailMessage:
    """A mail that says that mails arrive. Raises `InvalidInput` for an address that can't be one."""
    if not is_address(to):
        raise InvalidInput("that is no mail address", reason="mail_address")
    message = EmailMessage(POLICY)
    message["From"] = sender(settings)
    message["To"] = to
    message["Subject"] = f"Test of {plain(settings.blog.title)[:100]}"
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = make_msgid("test", domain=settings.domain.partition(":")[0])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"Mails of {settings.base_url} reach you. This one was asked for by `fedblog doctor`.\n")
    return message


@contextmanager
def _failures(mail: Mail) -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPRecipientsRefused as exc:
        code, words = next(iter(exc.recipients.values()))
        raise _verdict(code, words) from exc
    except smtplib.SMTPResponseException as exc:
        raise _verdict(exc.smtp_code, exc.smtp_error) from exc
    except smtplib.SMTPNotSupportedError as exc:
        raise MailFailed(str(exc)) from exc
    except (smtplib.SMTPException, OSError, ValueError) as exc:
        raise FetchTemporary(f"{mail.host} can't be reached: {exc}"[:300]) from exc


def _connect(mail: Mail) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if mail.security == "tls":
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=mail.timeout, context=context)
    server = smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout)
    if mail.security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _verdict(code: int, words: bytes | str) -> FedblogError:
    said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    text = f"the mail server answered {code} {' '.join(said.split())}"[:300]
    return MailFailed(text) if 500 <= code < 600 else FetchTemporary(text)
