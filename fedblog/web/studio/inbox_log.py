"""/studio/inbox-log: what arrived and what became of it, for the owner who asks why."""

from __future__ import annotations

from aiohttp import web

from fedblog.storage import inbox
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, show
from fedblog.web.studio.posts import page_number

PAGE = 100


async def inbox_log(request: web.Request, who: Who) -> web.StreamResponse:
    """Decisions of the inbox, newest first."""
    number = page_number(request)
    entries = await request.app[SERVICES].db.read(inbox.entries, limit=(number + 1) * PAGE + 1)
    older = f"/studio/inbox-log?page={number + 1}" if len(entries) > (number + 1) * PAGE else ""
    return await show(request, who, "inbox_log.html", entries=entries[number * PAGE : (number + 1) * PAGE], older=older)
