"""Making an instance: its actors, its keys, and the domain that it keeps for ever."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import Uri
from fedblog.blog.ledger import Account, LocalKey
from fedblog.blog.model import Actor, ActorId, Role
from fedblog.config import Settings
from fedblog.errors import ConfigError, Conflict, InvalidInput
from fedblog.signatures.keys import PrivateKey, generate_ed25519, generate_rsa, private_to_pem
from fedblog.storage import accounts, actors, keys, meta
from fedblog.storage.database import Database, Tx
from fedblog.storage.seal import Sealer
from fedblog.text.slug import valid_username

DOMAIN_KEY, BASE_URL_KEY = "domain", "base_url"


@dataclass(frozen=True, slots=True)
class _NewActor:
    """A local actor that is about to be made."""

    uri: Uri
    local: str
    type: str
    username: str
    name: str
    url: str
    keys: tuple[PrivateKey, ...]


async def ensure_instance(db: Database, ids: LocalIds, settings: Settings, sealer: Sealer) -> None:
    """Make the instance actor and the blog actor with their keys, where they are missing; pin the domain.

    Raises `ConfigError` when domain or base URL are others than the ones this database was made for: all object ids
    are made of them.
    """
    await db.read(_check_pinned, settings)
    handles = await db.read(_local_handles)
    missing = [new for new in (_instance(ids, settings), _blog(ids, settings)) if new.local not in handles]
    made = [await _with_keys(new, ids) for new in missing]
    await db.write(_make_instance, settings, sealer, ids, made)


async def add_author(
    db: Database,
    ids: LocalIds,
    sealer: Sealer,
    settings: Settings,
    *,
    username: str,
    name: str = "",
    email: str = "",
    password_hash: str = "",
    role: Role = Role.AUTHOR,
) -> Account:
    """A new account with the Person it writes as (@username@domain).

    Raises `InvalidInput` for a name that can't be one, `Conflict` for one that is or was taken.
    """
    username = username.strip().lower()
    if not valid_username(username):
        raise InvalidInput("a user name is 1 to 30 of a-z, 0-9 and _, and no reserved word", reason="username_invalid")
    await db.read(_check_free, username)
    uri = ids.actor(username)
    author = _NewActor(uri, "author", "Person", username, name or username, ids.profile_page(username), ())
    made = await _with_keys(author, ids)
    return await db.write(_add_author, settings, sealer, ids, made, email, password_hash, role)


def _instance(ids: LocalIds, settings: Settings) -> _NewActor:
    # Its name is the domain (ACT-10): that is how peers know a server's own actor.
    return _NewActor(
        ids.instance(), "instance", "Application", settings.domain, settings.blog.title, f"{settings.base_url}/", ()
    )


def _blog(ids: LocalIds, settings: Settings) -> _NewActor:
    handle = settings.blog.handle
    return _NewActor(ids.actor(handle), "blog", "Group", handle, settings.blog.title, ids.profile_page(handle), ())


async def _with_keys(new: _NewActor, ids: LocalIds) -> _NewActor:
    """Every actor has key pairs of its own (ACT-07): RSA for everybody, Ed25519 for proofs."""
    rsa, ed25519 = await asyncio.gather(
        asyncio.to_thread(generate_rsa, ids.main_key(new.uri)),
        asyncio.to_thread(generate_ed25519, ids.ed25519_key(new.uri)),
    )
    return _NewActor(new.uri, new.local, new.type, new.username, new.name, new.url, (rsa, ed25519))


def _check_pinned(tx: Tx, settings: Settings) -> None:
    for key, value, name in (
        (DOMAIN_KEY, settings.domain, "server.domain"),
        (BASE_URL_KEY, settings.base_url, "server.base_url"),
    ):
        pinned = meta.get(tx, key)
        if pinned is not None and pinned != value:
            raise ConfigError(
                f'{name} = "{value}": this database was made for "{pinned}", and every id in it says so;'
                f' write {name} = "{pinned}", or start with an empty data directory'
            )


def _local_handles(tx: Tx) -> dict[str, str]:
    return {actor.local: actor.username for actor in actors.local_actors(tx)}


def _make_instance(tx: Tx, settings: Settings, sealer: Sealer, ids: LocalIds, made: list[_NewActor]) -> None:
    _check_pinned(tx, settings)
    meta.put(tx, DOMAIN_KEY, settings.domain)
    meta.put(tx, BASE_URL_KEY, settings.base_url)
    there = _local_handles(tx)
    for new in made:
        if new.local not in there:
            _add_actor(tx, settings, sealer, ids, new)


def _check_free(tx: Tx, username: str) -> None:
    if actors.by_local_name(tx, username) is not None or accounts.by_username(tx, username) is not None:
        raise Conflict(f"the name {username} is taken", reason="username_taken")


def _add_author(
    tx: Tx,
    settings: Settings,
    sealer: Sealer,
    ids: LocalIds,
    new: _NewActor,
    email: str,
    password_hash: str,
    role: Role,
) -> Account:
    _check_free(tx, new.username)
    actor = _add_actor(tx, settings, sealer, ids, new)
    return accounts.add(
        tx, username=new.username, email=email, password_hash=password_hash, role=role, actor_id=actor.id
    )


def _add_actor(tx: Tx, settings: Settings, sealer: Sealer, ids: LocalIds, new: _NewActor) -> Actor:
    actor = actors.add_local(
        tx,
        uri=new.uri,
        local=new.local,
        type=new.type,
        username=new.username,
        domain=settings.domain,
        name=new.name,
        url=new.url,
        inbox=ids.inbox(new.uri),
        shared_inbox=ids.shared_inbox(),
        followers_uri=ids.followers(new.uri),
    )
    for key in new.keys:
        keys.add_local(tx, _local_key(key, actor.id), sealer)
    return actor


def _local_key(key: PrivateKey, actor_id: ActorId) -> LocalKey:
    return LocalKey(key.key_id, actor_id, key.algorithm, key.public.pem, private_to_pem(key))
