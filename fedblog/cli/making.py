"""Making an instance, for `init` and for the set-up page: configuration, database, keys, the owner's account."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fedblog import app
from fedblog.blog.ledger import Account
from fedblog.blog.model import Role
from fedblog.cli.config_file import write_config
from fedblog.config import Settings, make_settings
from fedblog.errors import ConfigError, InvalidInput
from fedblog.federation.setup import add_author
from fedblog.storage import accounts
from fedblog.text.slug import valid_username
from fedblog.web.passwords import check_new_password, hash_password
from fedblog.web.setup_page import local_url


@dataclass(frozen=True, slots=True)
class Owner:
    """Who the blog will belong to; `username` becomes @username@domain."""

    username: str
    password: str
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the blog will be. `domain` is enough for a public one; `base_url` is for local use and odd ports."""

    domain: str
    base_url: str = ""
    title: str = ""
    data_dir: str = ""
    host: str = ""
    port: int | None = None


def chosen_settings(place: Place) -> dict[str, dict[str, Any]]:
    """What goes into the configuration file; a domain that is this machine means plain http.

    Raises `ConfigError` for a base URL that can't be read.
    """
    domain, base_url = place.domain.strip().lower(), place.base_url.strip()
    if not base_url and (local := local_url(domain)):
        domain, base_url = "", local
    is_http, local_port = base_url.lower().startswith("http:"), _port_of(base_url)
    server = {
        "domain": domain,
        "base_url": base_url,
        "data_dir": place.data_dir,
        "host": place.host,
        "port": (local_port if is_http else None) or place.port,
    }
    chosen: dict[str, dict[str, Any]] = {"server": {key: value for key, value in server.items() if value}}
    if place.title:
        chosen["blog"] = {"title": place.title}
    if is_http:
        chosen["federation"] = {"allow_http": True}
    return chosen


def _port_of(base_url: str) -> int | None:
    try:
        return urlsplit(base_url).port
    except ValueError:
        raise ConfigError(f'"{base_url}" has a port that is none: write for example http://localhost:8080') from None


def check_owner(owner: Owner) -> None:
    """Raises `InvalidInput` before anything is written."""
    if not valid_username(owner.username.lower()):
        raise InvalidInput(
            f'"{owner.username}" can\'t be a user name: use 1 to 30 of a-z, 0-9 and _, and no reserved word like admin'
        )
    check_new_password(owner.password)


def make_config(path: Path, place: Place) -> Settings:
    """Writes a new configuration file and returns what it means. Raises `ConfigError`, `Conflict`."""
    chosen = chosen_settings(place)
    settings = make_settings(chosen, relative_to=path.parent)
    if ":" in settings.domain and not settings.base_url.startswith("http:"):
        raise ConfigError(f'"{settings.domain}": write the host name only, or give --base-url for another port')
    write_config(path, chosen)
    return settings


async def make_instance(settings: Settings, owner: Owner | None) -> tuple[Account | None, bool]:
    """Database, secret, keys, actors; the owner's account where there is no owner yet.

    Returns the owner and whether it is new. With `owner` None, only what needs no person is made.
    """
    async with app.services(settings) as services:
        everybody = await services.db.read(accounts.all)
        known = next((account for account in everybody if account.role is Role.OWNER), None)
        if known is not None or owner is None:
            return known, False
        password_hash = await asyncio.to_thread(hash_password, owner.password)
        account = await add_author(
            services.db,
            services.ids,
            services.sealer,
            settings,
            username=owner.username,
            name=owner.name,
            email=owner.email,
            password_hash=password_hash,
            role=Role.OWNER,
        )
        return account, True
