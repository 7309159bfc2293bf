"""/studio/people: who writes here, for the owner."""

from __future__ import annotations

from aiohttp import web

from fedblog.blog.ledger import Account, AccountId
from fedblog.blog.model import Actor, Role
from fedblog.errors import Conflict, InvalidInput, NotFound
from fedblog.federation.setup import add_author
from fedblog.storage import accounts, actors, factors
from fedblog.storage.database import Tx
from fedblog.web.i18n import gettext
from fedblog.web.keys import PASSWORDS, SERVICES
from fedblog.web.notices import changes
from fedblog.web.passwords import MIN_LENGTH
from fedblog.web.studio.access import Who, done, number_in_path, show
from fedblog.web.studio.forms import Form

_ROLES = tuple(role.value for role in (Role.AUTHOR, Role.EDITOR, Role.OWNER))
_DONE = {"role": "role", "disable": "person_disabled", "enable": "person_enabled", "reset": "factors_reset"}
_EMPTY = {"username": "", "name": "", "email": "", "role": "author"}


async def people(request: web.Request, who: Who) -> web.StreamResponse:
    """Accounts with their actors, and the form for another one."""
    return await _page(request, who, _EMPTY)


async def _page(
    request: web.Request, who: Who, form: dict[str, str], *, problem: str = "", status: int = 200
) -> web.Response:
    rows, protected = await request.app[SERVICES].db.read(_rows)
    return await show(
        request,
        who,
        "people.html",
        status=status,
        problem=problem,
        people=rows,
        protected=protected,
        form=form,
        min_length=MIN_LENGTH,
    )


def _rows(tx: Tx) -> tuple[list[tuple[Account, Actor]], frozenset[AccountId]]:
    found = accounts.all(tx)
    authors = actors.by_ids(tx, {account.actor_id for account in found})
    return [(account, authors[account.actor_id]) for account in found], factors.protected(tx)


async def add_person(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Add an author: an account to log in with and an actor to write as."""
    services = request.app[SERVICES]
    written = {key: form.line(key, limit=300) for key in _EMPTY}
    try:
        role = Role(form.choice("role", _ROLES))
        password_hash = await request.app[PASSWORDS].hash(form.text("password"))
        await add_author(
            services.db,
            services.ids,
            services.sealer,
            services.settings,
            username=written["username"],
            name=written["name"],
            email=written["email"],
            password_hash=password_hash,
            role=role,
        )
    except (InvalidInput, Conflict) as error:
        return await _page(request, who, written, problem=str(error), status=error.status)
    return done("/studio/people", "person_added")


async def change_person(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """`do=role` gives a role, `do=disable` ends an account's log-ins and `do=enable` lets it in again, `do=reset`
    forgets codes and passkeys that somebody lost. Nobody does that to themselves."""
    account_id = AccountId(number_in_path(request))
    if account_id == who.account.id:
        raise InvalidInput(gettext("Somebody else has to change your own role."), reason="own_account")
    todo = form.choice("do", tuple(_DONE))
    role = Role(form.choice("role", _ROLES))

    def change(tx: Tx) -> None:
        if accounts.by_id(tx, account_id) is None:
            raise NotFound("no such account")
        if todo == "role":
            accounts.set_role(tx, account_id, role)
        elif todo == "reset":
            factors.drop_all(tx, account_id)
            changes.plan(tx, account_id, "reset")
            accounts.drop_sessions_of(tx, account_id)
        else:
            accounts.disable(tx, account_id, todo == "disable")

    await request.app[SERVICES].db.write(change)
    return done("/studio/people", _DONE[todo])
