"""/studio/reports: what other servers' people complain about here (INB-30), for editors and the owner."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from fedblog.activitypub.urls import host_of, maybe_uri
from fedblog.blog.ledger import Report
from fedblog.blog.model import Actor, Reply
from fedblog.errors import NotFound
from fedblog.storage import actors, moderation, outgoing, replies
from fedblog.storage.database import Tx
from fedblog.storage.outgoing import Flagged
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, number_in_path, show
from fedblog.web.studio.forms import Form

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Named:
    """Something that a report names: a reply or a person that is known here, else only its address."""

    uri: str
    reply: Reply | None
    actor: Actor | None
    flagged: Flagged | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A report and what it names; of who reported, only the server is told."""

    report: Report
    host: str
    named: list[Named]


async def list_reports(request: web.Request, who: Who) -> web.StreamResponse:
    """Open reports, or with `?all=1` the resolved ones too."""
    everything = request.query.get("all") == "1"
    cases = await request.app[SERVICES].db.read(_cases, not everything)
    return await show(request, who, "reports.html", cases=cases, everything=everything)


async def resolve(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Somebody dealt with it."""
    if not await request.app[SERVICES].db.write(moderation.resolve_report, number_in_path(request)):
        raise NotFound("no such report")
    return done("/studio/reports", "report_resolved")


def _cases(tx: Tx, open_only: bool) -> list[Case]:
    cases = []
    for report in moderation.reports(tx, open_only=open_only, limit=_SHOWN):
        reporter = maybe_uri(report.reporter_uri)
        cases.append(Case(report, host_of(reporter) if reporter else "", [_named(tx, uri) for uri in report.objects]))
    return cases


def _named(tx: Tx, uri: str) -> Named:
    reply = replies.by_uri(tx, uri)
    actor = actors.by_uri(tx, uri) if reply is None else actors.by_id(tx, reply.actor_id)
    return Named(uri, reply, actor, outgoing.flags_of(tx, [uri]).get(uri))
