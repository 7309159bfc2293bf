"""/studio/followers: who follows, who asks to, and letting go of both."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from fedblog.blog.model import Actor, ActorId
from fedblog.errors import NotFound
from fedblog.storage import actors, desk, followers
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, number_in_path, number_in_query, show
from fedblog.web.studio.forms import Form

PAGE = 60


async def list_followers(request: web.Request, who: Who) -> web.StreamResponse:
    """Followers of this author, or of the blog for those who look after it."""
    db = request.app[SERVICES].db
    target, targets = await db.read(_target, who, request.query.get("of", ""))
    state = "pending" if request.query.get("state") == "pending" else "accepted"
    after = number_in_query(request, "after") or 0
    rows = await db.read(followers.list, target.id, after=after, limit=PAGE + 1, state=state)
    older = ""
    if len(rows) > PAGE:
        rows = rows[:PAGE]
        older = "/studio/followers?" + urlencode(
            {"of": target.username, "state": state, "after": str(rows[-1].actor.id)}
        )
    return await show(
        request,
        who,
        "followers.html",
        target=target,
        targets=targets,
        state=state,
        followers=rows,
        total=await db.read(followers.count, target.id),
        pending=await db.read(desk.count_pending, target.id),
        older=older,
    )


def _target(tx: Tx, who: Who, name: str) -> tuple[Actor, list[Actor]]:
    """Whose followers are asked for, and whose this person may see."""
    targets = [who.actor, actors.blog(tx)] if who.edits_all else [who.actor]
    chosen = [actor for actor in targets if actor.username == name] if name else [who.actor]
    if not chosen:
        raise NotFound("no such actor")
    return chosen[0], targets


async def decide_follower(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """`do=accept` lets somebody follow, `reject` and `remove` end it."""
    services = request.app[SERVICES]
    target, _ = await services.db.read(_target, who, form.line("of"))
    follower_id, todo = ActorId(number_in_path(request)), form.choice("do", ("accept", "reject", "remove"))
    back = f"/studio/followers?of={target.username}"
    if todo == "accept":
        await services.publisher.accept_follower(follower_id, target.id)
        return done(f"{back}&state=pending", "follower_accepted")
    await services.publisher.reject_follower(follower_id, target.id)
    if todo == "reject":
        return done(f"{back}&state=pending", "follower_rejected")
    return done(back, "follower_removed")
