"""/unsubscribe/TOKEN: ends an author's mails. The link itself is the proof: one press in a mail program does it."""

from __future__ import annotations

from aiohttp import web

from fedblog.errors import NotFound
from fedblog.storage import notice_settings
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES
from fedblog.web.render import render


async def ask(request: web.Request) -> web.StreamResponse:
    """The question: programs that look at links in mails must not end anything."""
    token = request.match_info["token"]
    if await request.app[SERVICES].db.read(notice_settings.by_unsubscribe, token) is None:
        raise NotFound("this link is of no use any more")
    return render(request, "public/unsubscribe.html", token=token, is_done=False)


async def end(request: web.Request) -> web.StreamResponse:
    """No more mails (RFC 8058: mail programs POST `List-Unsubscribe=One-Click` here, without a log-in)."""

    def write(tx: Tx) -> None:
        account_id = notice_settings.by_unsubscribe(tx, request.match_info["token"])
        if account_id is None:
            raise NotFound("this link is of no use any more")
        notice_settings.end_mail(tx, account_id)

    await request.app[SERVICES].db.write(write)
    return render(request, "public/unsubscribe.html", token="", is_done=True)
