"""/studio/followers: who follows, from where, whether they are reached; who asks to; and letting go of both."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from fedblog.activitypub.urls import host_of, maybe_uri
from fedblog.blog.ledger import HostState
from fedblog.blog.model import Actor, ActorId, Follower
from fedblog.errors import NotFound
from fedblog.storage import actors, desk, echo_stats, followers
from fedblog.storage.database import Tx
from fedblog.storage.hosts import host_states
from fedblog.web.charts import Chart, bars, spans
from fedblog.web.csv_answer import csv_answer
from fedblog.web.i18n import gettext as _
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, number_in_path, number_in_query, safe_back, show
from fedblog.web.studio.forms import Form

PAGE = 60
SERVERS = 200
DAY, GROWTH_DAYS = 86_400, 90
_STATES = ("accepted", "pending")


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether a follower's server takes what we send. `code`: fine, failing, or new (nothing was sent yet)."""

    code: str
    at: int = 0
    next_at: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A follower as the list shows them."""

    follower: Follower
    reach: Reach


@dataclass(frozen=True, slots=True)
class Found:
    """Everything on the page, from one read."""

    target: Actor
    targets: list[Actor]
    rows: list[Row]
    total: int
    pending: int
    growth: dict[int, int]


async def list_followers(request: web.Request, who: Who) -> web.StreamResponse:
    """Followers of this author, or of the blog for those who look after it."""
    db, clock = request.app[SERVICES].db, request.app[SERVICES].clock
    state = "pending" if request.query.get("state") == "pending" else "accepted"
    search = " ".join(request.query.get("q", "").split())[:200]
    server = request.query.get("server", "")[:255].lower()
    number = min(number_in_query(request, "page") or 0, 100_000)
    found = await db.read(
        _read, who, request.query.get("of", ""), state=state, search=search, server=server, skip=number * PAGE
    )
    query = {"of": found.target.username, "state": "" if state == "accepted" else state, "q": search, "server": server}
    older = ""
    if len(found.rows) > PAGE:
        older = _link("/studio/followers", {**query, "page": str(number + 1)})
    is_front = state == "accepted" and not (search or server or number)
    return await show(
        request,
        who,
        "followers.html",
        target=found.target,
        targets=found.targets,
        state=state,
        search=search,
        server=server,
        rows=found.rows[:PAGE],
        total=found.total,
        pending=found.pending,
        growth=_growth(found, int(clock()) // DAY) if is_front and found.total else None,
        older=older,
    )


def _link(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode({key: value for key, value in query.items() if value})}"


def _read(tx: Tx, who: Who, name: str, *, state: str, search: str, server: str, skip: int) -> Found:
    target, targets = _target(tx, who, name)
    found = followers.newest(tx, target.id, state=state, search=search, server=server, skip=skip, limit=PAGE + 1)
    hosts = {one.actor.id: _inbox_host(one.actor) for one in found}
    known = host_states(tx, set(hosts.values()) - {""})
    today = tx.now // DAY
    return Found(
        target=target,
        targets=targets,
        rows=[Row(one, reach_of(known.get(hosts[one.actor.id]))) for one in found],
        total=followers.count(tx, target.id),
        pending=desk.count_pending(tx, target.id),
        growth=dict(echo_stats.totals_by_day(tx, target.id, today - GROWTH_DAYS + 1, today)),
    )


def _inbox_host(actor: Actor) -> str:
    uri = maybe_uri(actor.shared_inbox or actor.inbox)
    return host_of(uri) if uri is not None else ""


def reach_of(host: HostState | None) -> Reach:
    """How deliveries to a host went last."""
    if host is not None and host.failing_since is not None:
        return Reach("failing", host.failing_since, host.open_until)
    if host is not None and host.last_success_at is not None:
        return Reach("fine", host.last_success_at)
    return Reach("new")


def _growth(found: Found, today: int) -> Chart:
    shown = spans(today - GROWTH_DAYS + 1, today)
    return bars("growth", _("Followers in the last 90 days"), shown, [(_("followers"), found.growth)], level=True)


def _target(tx: Tx, who: Who, name: str) -> tuple[Actor, list[Actor]]:
    """Whose followers are asked for, and whose this person may see."""
    targets = [who.actor, actors.blog(tx)] if who.edits_all else [who.actor]
    chosen = [actor for actor in targets if actor.username == name] if name else [who.actor]
    if not chosen:
        raise NotFound("no such actor")
    return chosen[0], targets


async def list_servers(request: web.Request, who: Who) -> web.StreamResponse:
    """/studio/followers/servers: where followers are, and how far each server is reached."""

    def read(tx: Tx) -> tuple[Actor, list[Actor], list[tuple[str, int, Reach]], int, int]:
        target, targets = _target(tx, who, request.query.get("of", ""))
        found = followers.servers(tx, target.id, SERVERS)
        known = host_states(tx, [host for host, _number in found])
        rows = [(host, number, reach_of(known.get(host))) for host, number in found]
        return target, targets, rows, followers.count(tx, target.id), desk.count_pending(tx, target.id)

    target, targets, rows, total, pending = await request.app[SERVICES].db.read(read)
    return await show(
        request,
        who,
        "follower_servers.html",
        target=target,
        targets=targets,
        rows=rows,
        total=total,
        pending=pending,
        state="servers",
    )


async def followers_csv(request: web.Request, who: Who) -> web.StreamResponse:
    """The list as Mastodon writes its own: `Account address`, one `name@host` a line."""

    def read(tx: Tx) -> tuple[Actor, list[str]]:
        target, _targets = _target(tx, who, request.query.get("of", ""))
        return target, followers.handles(tx, target.id)

    target, found = await request.app[SERVICES].db.read(read)
    return csv_answer(f"followers-{target.username}.csv", ["Account address"], ([handle] for handle in found), raw=True)


async def decide_follower(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """`do=accept` lets somebody follow, `reject` and `remove` end it."""
    services = request.app[SERVICES]
    target, _targets = await services.db.read(_target, who, form.line("of"))
    follower_id, todo = ActorId(number_in_path(request)), form.choice("do", ("accept", "reject", "remove"))
    home = f"/studio/followers?of={target.username}"
    if todo == "accept":
        await services.publisher.accept_follower(follower_id, target.id)
        return done(f"{home}&state=pending", "follower_accepted")
    await services.publisher.reject_follower(follower_id, target.id)
    if todo == "reject":
        return done(f"{home}&state=pending", "follower_rejected")
    return done(safe_back(form.text("back"), home), "follower_removed")
