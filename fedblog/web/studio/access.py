"""The door of the studio: who may come in, whose posts they may touch, and what every studio page gets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from aiohttp import web

from fedblog.blog.ledger import Account, Session
from fedblog.blog.model import Actor, ActorId, Post, PostId, PostStatus, Role
from fedblog.errors import FedblogError, Forbidden, NotFound, StorageUnavailable
from fedblog.federation.services import Services
from fedblog.storage import accounts, actors, desk, posts
from fedblog.storage.database import Tx
from fedblog.web.errors import retry_headers
from fedblog.web.form_data import read_form
from fedblog.web.i18n import gettext
from fedblog.web.keys import SERVICES, SESSION
from fedblog.web.redirects import see_other
from fedblog.web.render import render
from fedblog.web.sessions import check_csrf, check_origin, csrf_token
from fedblog.web.studio import news
from fedblog.web.studio.forms import Form
from fedblog.web.studio.messages import message

Page = Callable[[web.Request, "Who"], Awaitable[web.StreamResponse]]
Action = Callable[[web.Request, "Who", Form], Awaitable[web.StreamResponse]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_RANK: Mapping[Role, int] = {Role.AUTHOR: 0, Role.EDITOR: 1, Role.OWNER: 2}


@dataclass(frozen=True, slots=True)
class Who:
    """The person at work: their session, their account and the actor they write as."""

    session: Session
    actor: Actor

    @property
    def account(self) -> Account:
        """The account of this log-in."""
        return self.session.account

    @property
    def edits_all(self) -> bool:
        """Editors and the owner see and edit everybody's posts."""
        return _RANK[self.account.role] >= _RANK[Role.EDITOR]

    @property
    def is_owner(self) -> bool:
        """Whether this is the owner, who may do everything."""
        return self.account.role is Role.OWNER

    @property
    def reader(self) -> desk.Reader:
        """Whose conversations they read."""
        return desk.Reader(self.actor.id, self.edits_all)

    @property
    def scope(self) -> ActorId | None:
        """The author whose things are listed: None for everybody's. Goes into queries as `author_id`."""
        return None if self.edits_all else self.actor.id


def page(handler: Page, *, role: Role = Role.AUTHOR) -> Handler:
    """A GET screen for people who are logged in; others are sent to the log-in page and come back."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        if request.get(SESSION) is None:
            return see_other(f"/login?next={quote(request.path_qs, safe='')}")
        return await handler(request, await _enter(request, role))

    return guarded


def action(handler: Action, *, role: Role = Role.AUTHOR, uploads: bool = False) -> Handler:
    """A POST of somebody who is logged in, with the form's token checked before anything is done.

    Whatever goes wrong (a log-in that ended meanwhile, a conflict, a full disk), text that was sent is not lost: the
    answer shows it. With `uploads` the form may hold files; one that is too large is refused later, with the page.
    """

    async def guarded(request: web.Request) -> web.StreamResponse:
        check_origin(request)
        form = Form(await read_form(_with_room(request) if uploads else request))
        try:
            if request.get(SESSION) is None:
                return _give_back(request, form, "You were logged out", "Nothing was saved.", HTTPStatus.UNAUTHORIZED)
            check_csrf(request, form.text("csrf"))
            return await handler(request, await _enter(request, role), form)
        except FedblogError as error:
            if not any(form.text(name) for name in _KEPT):
                raise
            answer = _give_back(request, form, "That didn't work", str(error), error.status)
            answer.headers.update(retry_headers(error))
            return answer
        finally:
            form.close()

    return guarded


def _with_room(request: web.Request) -> web.Request:
    """The same request with a larger limit on its body, for somebody who is logged in: files wait on disk."""
    if request.get(SESSION) is None:
        return request
    return request.clone(client_max_size=request.client_max_size + 4 * request.app[SERVICES].library.max_bytes)


_KEPT = {"title": "Title", "source": "Text", "summary": "Summary", "bio": "About you"}


def _give_back(request: web.Request, form: Form, heading: str, words: str, status: int) -> web.Response:
    """The texts of a form that could not be taken, ready to copy."""
    is_out = status == HTTPStatus.UNAUTHORIZED
    if wants_json(request):
        return web.json_response({"error": "logged_out" if is_out else "refused"}, status=status)
    kept = [(label, form.text(name)) for name, label in _KEPT.items() if form.text(name)]
    back = safe_back(form.text("back"), "/studio")
    login = f"/login?next={quote(back, safe='')}" if is_out else ""
    return render(
        request, "studio/kept.html", status=status, heading=heading, words=words, kept=kept, login=login, back=back
    )


async def _enter(request: web.Request, role: Role) -> Who:
    session = request[SESSION]
    if _RANK[session.account.role] < _RANK[role]:
        raise Forbidden(gettext("Your role doesn't include this."), reason="role")
    actor = await request.app[SERVICES].db.read(actors.by_id, session.account.actor_id)
    if actor is None:
        raise NotFound("this account has no author")
    return Who(session, actor)


def safe_back(value: str, otherwise: str) -> str:
    """Where a form came from, if that is a page of the studio or of a post."""
    return value if value.startswith(("/studio/", "/@")) and value.isprintable() and "\\" not in value else otherwise


def wants_json(request: web.Request) -> bool:
    """Whether the studio's own scripts ask (fetch), rather than a form."""
    return "application/json" in request.headers.get("Accept", "")


async def show(
    request: web.Request, who: Who, template: str, *, status: int = 200, problem: str = "", **context: Any
) -> web.Response:
    """A studio page: with the person, the form token, unread count and the message of the step before."""
    try:
        unread, news = await request.app[SERVICES].db.read(_count_unread, who)
    except StorageUnavailable:
        if request.method != "POST":
            raise
        unread = news = 0  # what was done is told, also where nothing can be counted any more
    return render(
        request,
        f"studio/{template}",
        status=status,
        who=who,
        csrf=csrf_token(request),
        unread=unread,
        news=news,
        message=message(request.query.get("done", "")),
        undo=number_in_query(request, "undo"),
        undo_all=",".join(one for one in request.query.get("undo_all", "").split(",")[:100] if is_number(one)),
        problem=problem,
        now=int(request.app[SERVICES].clock()),
        **{"here": without_message(request), **context},
    )


def without_message(request: web.Request) -> str:
    """The address of this page, without what the step before had to say."""
    query = request.url.query
    return str(
        request.rel_url.with_query([pair for pair in query.items() if pair[0] not in ("done", "undo", "undo_all")])
    )


def _count_unread(tx: Tx, who: Who) -> tuple[int, int]:
    talk = desk.count_unread(tx, who.reader, accounts.seen_at(tx, who.account.id))
    return talk, news.count_unread(tx, who.account)


def done(path: str, code: str = "") -> web.Response:
    """After a POST that worked: back to a page, which says so (a code of messages.py)."""
    mark = "&" if "?" in path else "?"
    where, _, fragment = path.partition("#")
    target = f"{where}{mark}done={code}" if code else where
    return see_other(f"{target}#{fragment}" if fragment else target)


def number_in_path(request: web.Request, name: str = "id") -> int:
    """A number out of the URL; anything else is simply not found."""
    text = request.match_info[name]
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) >= 2**63:
        raise NotFound("no such thing")
    return int(text)


def is_number(text: str) -> bool:
    """Whether a text is a number that a database keeps."""
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) < 2**63


def number_in_query(request: web.Request, name: str) -> int | None:
    """A number out of the query; None for anything odd."""
    text = request.query.get(name, "")
    return int(text) if is_number(text) else None


def post_for(tx: Tx, post_id: PostId, scope: ActorId | None) -> Post:
    """A post that is there and that the asker may touch. Raises `NotFound` for both, alike."""
    post = posts.by_id(tx, post_id)
    if post is None or post.status is PostStatus.DELETED or scope not in (None, post.author_id):
        raise NotFound("no such post")
    return post


async def requested_post(request: web.Request, who: Who) -> Post:
    """The post that the URL names, if it is theirs."""
    services: Services = request.app[SERVICES]
    return await services.db.read(post_for, PostId(number_in_path(request)), who.scope)
