"""Where an author of ours comes from and goes to: other accounts are looked up and asked themselves (ACT-12)."""

from __future__ import annotations

from collections.abc import Sequence

from fedblog.activitypub.discovery import parse_acct
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import Uri, maybe_uri, same_id
from fedblog.blog.model import Actor
from fedblog.config import Settings
from fedblog.errors import Conflict, InvalidInput
from fedblog.federation.fetcher import Fetcher
from fedblog.federation.resolver import Resolver
from fedblog.storage import actors
from fedblog.storage.database import Database

MAX_ALIASES = 10


class Movers:
    """Looks up the accounts that people name when they move. Without network (`fetcher` None) nothing is found."""

    def __init__(
        self, db: Database, ids: LocalIds, settings: Settings, fetcher: Fetcher | None, resolver: Resolver | None
    ) -> None:
        self._db, self._ids, self._settings = db, ids, settings
        self._fetcher, self._resolver = fetcher, resolver

    async def find(self, names: Sequence[str]) -> tuple[str, ...]:
        """Ids for what was typed: ids, profile addresses or @name@host, each once. Raises `InvalidInput`,
        `FetchFailed`."""
        typed = [name.strip() for name in names if name.strip()]
        if len(typed) > MAX_ALIASES:
            raise InvalidInput(f"at most {MAX_ALIASES} other accounts can be named", reason="too_many_aliases")
        return tuple(dict.fromkeys([await self._id_of(name) for name in typed]))

    async def confirmed_target(self, author: Actor, name: str) -> Actor:
        """The account that an author moves to, asked now: it must say that it is also the author.

        Raises `InvalidInput`, `Conflict` where it doesn't, `FetchFailed` where it can't be asked.
        """
        uri = await self._id_of(name)
        if same_id(uri, author.uri):
            raise InvalidInput("this is the account itself", reason="move_to_itself")
        if self._resolver is None:
            raise InvalidInput("other servers can't be asked here", reason="no_network")
        if self._ids.is_local(uri):
            target = await self._db.read(actors.by_uri, uri)
            aliases = target.also_known_as if target is not None else ()
        else:
            target, aliases = await self._resolver.actor_with_aliases(uri)
        if target is None or not any(maybe_uri(alias) is not None and same_id(alias, author.uri) for alias in aliases):
            raise Conflict(
                f"{name} doesn't say yet that it is also {author.handle}: add {author.uri} to its aliases first",
                reason="move_not_confirmed",
            )
        return target

    async def _id_of(self, name: str) -> Uri:
        uri = maybe_uri(name)
        if uri is None:
            handle = parse_acct(name)
            if handle.host == self._settings.domain:
                local = await self._db.read(actors.by_local_name, handle.name)
                if local is None:
                    raise InvalidInput(f"nobody here is called {handle.name}", reason="account_unknown")
                return Uri(local.uri)
            if self._fetcher is None:
                raise InvalidInput("other servers can't be asked here", reason="no_network")
            return await self._fetcher.webfinger_actor(handle)
        if self._resolver is None or self._ids.is_local(uri):
            return uri
        return Uri((await self._resolver.actor(uri)).uri)
