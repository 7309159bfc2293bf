"""/studio/inbox-log: what arrived and what became of it, for the owner who asks why."""

from __future__ import annotations

from aiohttp import web

from fedblog.storage import inbox
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, number_in_query, show

PAGE = 100


async def inbox_log(request: web.Request, who: Who) -> web.StreamResponse:
    """Decisions of the inbox, newest first."""
    entries = await request.app[SERVICES].db.read(
        inbox.entries, limit=PAGE + 1, before_id=number_in_query(request, "before")
    )
    older = f"/studio/inbox-log?before={entries[PAGE - 1].id}" if len(entries) > PAGE else ""
    return await show(request, who, "inbox_log.html", entries=entries[:PAGE], older=older)
