"""What `fedblog doctor` looks at. Each examination is a function that gives findings and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import stat
import time
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from fedblog import __version__, app
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import Uri
from fedblog.activitypub.wire import ACCEPT, is_activity_type, parse_object
from fedblog.blog.model import Actor
from fedblog.cli.program import Program
from fedblog.config import Settings
from fedblog.errors import ConfigError, FedblogError, FetchFailed, StorageUnavailable
from fedblog.federation.client import Client, Response, user_agent
from fedblog.federation.guard import Guard
from fedblog.federation.setup import BASE_URL_KEY, DOMAIN_KEY
from fedblog.signatures.keys import private_from_pem
from fedblog.storage import accounts, actors, keys, meta
from fedblog.storage import migrate as migrations
from fedblog.storage.database import SQLITE_NAME, Database
from fedblog.storage.seal import Sealer, load_secret

State = Literal["ok", "warn", "fail", "skip"]
LOW_DISK, NO_DISK = 500 * 1024**2, 50 * 1024**2
EARLIEST = 1_767_225_600  # 2026-01-01: before this program was written
CLOCK_SECONDS = 60
ASK_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One result: what was looked at, how it stands, in words, and what to do about it."""

    name: str
    state: State
    words: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        """For scripts."""
        return asdict(self)


async def examine(program: Program) -> list[Finding]:
    """All findings, in an order in which one explains the next."""
    try:
        settings = program.settings()
    except ConfigError as error:
        return [Finding("configuration", "fail", str(error), "mend the configuration, then run this again")]
    found = [Finding("configuration", "ok", f"{settings.base_url}, fedblog {__version__}")]
    found += look_at_files(settings)
    found += look_at_disk(settings)
    found += look_at_clock()
    found += await look_at_database(settings)
    found += await ask_itself(settings)
    return found


def look_at_files(settings: Settings) -> list[Finding]:
    """The data directory and the secret: there, ours, and nobody else's."""
    folder, secret = settings.data_dir, settings.data_dir / app.SECRET_NAME
    if not folder.is_dir():
        return [Finding("data directory", "fail", f"{folder} is missing", "run `fedblog init`")]
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return [Finding("data directory", "fail", f"{folder} can't be written", "give it to the user who runs fedblog")]
    found = [_private("data directory", folder, wanted="700", state="warn")]
    if not secret.exists():
        found.append(Finding("secret", "fail", f"{secret} is missing", "restore it from a backup: it opens your keys"))
    else:
        found.append(_private("secret", secret, wanted="600", state="fail"))
    return found


def _private(name: str, path: Path, *, wanted: str, state: State) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Finding(name, state, f"{path} is open to others ({mode:o})", f"chmod {wanted} {path}")
    return Finding(name, "ok", str(path))


def look_at_disk(settings: Settings) -> list[Finding]:
    """Whether there is room."""
    if not settings.data_dir.is_dir():
        return []
    free = shutil.disk_usage(settings.data_dir).free
    words = f"{free // 1024**2:,} MB free in {settings.data_dir}"
    if free < NO_DISK:
        return [Finding("disk", "fail", words, "make room: nothing can be stored soon")]
    return [Finding("disk", "warn", words, "make room") if free < LOW_DISK else Finding("disk", "ok", words)]


def look_at_clock(now: float | None = None) -> list[Finding]:
    """A clock that is years off makes every signature void."""
    here = time.time() if now is None else now
    words = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(here))
    if not EARLIEST < here < EARLIEST + 20 * 365 * 86_400:
        return [Finding("clock", "fail", words, "set the clock, and keep it right with NTP: other servers refuse us")]
    return [Finding("clock", "ok", words)]


async def look_at_database(settings: Settings) -> list[Finding]:
    """Whether it opens, is up to date and whole, and belongs to this configuration."""
    if not settings.database.url and not (settings.data_dir / SQLITE_NAME).exists():
        return [Finding("database", "fail", f"{settings.data_dir / SQLITE_NAME} is missing", "run `fedblog init`")]
    try:
        database = await Database.open(settings)
    except (FedblogError, OSError) as error:
        return [Finding("database", "fail", str(error), "see [database] and the data directory")]
    try:
        return await _look_inside(database, settings)
    except (StorageUnavailable, ConfigError) as error:
        return [Finding("database", "fail", str(error), "stop the server and look at the file, or restore a backup")]
    finally:
        await database.close()


async def _look_inside(database: Database, settings: Settings) -> list[Finding]:
    waiting = await database.read(migrations.pending)
    if waiting:
        words = f"{len(waiting)} migration(s) to apply"
        return [Finding("database", "fail", words, "run `fedblog migrate`, or start the server")]
    found = []
    version = await database.schema_version()
    problems = await database.integrity()
    if problems:
        words = f"{len(problems)} problem(s): {'; '.join(problems[:3])}"
        found.append(Finding("database", "fail", words, "stop the server, copy the data directory, restore a backup"))
    else:
        found.append(Finding("database", "ok", f"{database.engine}, schema {version}, whole"))
    found.append(await _look_at_pins(database, settings))
    found += await _look_at_keys(database, settings)
    people = [account for account in await database.read(accounts.all) if account.disabled_at is None]
    if people:
        found.append(Finding("accounts", "ok", f"{len(people)} can log in"))
    else:
        found.append(Finding("accounts", "fail", "nobody can log in", "run `fedblog user add NAME --role owner`"))
    return found


async def _look_at_pins(database: Database, settings: Settings) -> Finding:
    for key, value in ((DOMAIN_KEY, settings.domain), (BASE_URL_KEY, settings.base_url)):
        pinned = await database.read(meta.get, key)
        if pinned is not None and pinned != value:
            words = f"the configuration says {value}, the database was made for {pinned}"
            return Finding("domain", "fail", words, f'write server.{key} = "{pinned}"')
    return Finding("domain", "ok", f"@{settings.blog.handle}@{settings.domain}")


async def _look_at_keys(database: Database, settings: Settings) -> list[Finding]:
    """Every private key opens with the secret and fits the public key that other servers see."""
    path = settings.data_dir / app.SECRET_NAME
    if not path.exists():
        return [Finding("keys", "skip", "not looked at without the secret")]
    try:
        sealer = Sealer(load_secret(path))
        everybody = await database.read(actors.local_actors)
        broken = [actor for actor in everybody if not await _keys_fit(database, sealer, actor)]
    except FedblogError as error:
        return [Finding("keys", "fail", str(error), "restore the secret that belongs to this database")]
    if broken:
        names = ", ".join(actor.username for actor in broken)
        return [Finding("keys", "fail", f"keys are missing or don't fit: {names}", "restore a backup")]
    if not everybody:
        return [Finding("keys", "fail", "there are no actors", "run `fedblog init`")]
    return [Finding("keys", "ok", f"{len(everybody)} actors, all keys open and fit")]


async def _keys_fit(database: Database, sealer: Sealer, actor: Actor) -> bool:
    found = await database.read(keys.local_keys, actor.id, sealer)
    fit = all(private_from_pem(key.private_pem, Uri(key.key_id)).public.pem == key.public_pem for key in found)
    return fit and any(key.algorithm == "rsa" for key in found)


async def ask_itself(settings: Settings) -> list[Finding]:
    """WebFinger and the actor, through base_url, as another server asks; and the clock of who answers."""
    actor = LocalIds(settings.base_url).actor(settings.blog.handle)
    account = quote(f"acct:{settings.blog.handle}@{settings.domain}", safe="")
    # The address is our own, by our own configuration: wherever it leads may be asked.
    guard = Guard(("0.0.0.0/0", "::/0"), allow_http=True)
    client = Client(guard, user_agent(settings), connect_timeout=ASK_SECONDS)
    try:
        url = Uri(f"{settings.base_url}/.well-known/webfinger?resource={account}")
        answer = await client.get(url, accept="application/jrd+json", timeout=ASK_SECONDS)
        found = [_read_webfinger(answer.status, answer.body, actor)]
        found += _compare_clocks(answer.header("Date") or "")
        if found[0].state == "ok":
            found.append(_read_actor(await client.get(actor, accept=ACCEPT, timeout=ASK_SECONDS), actor))
    except FetchFailed as error:
        fix = "if the server should be running: start it, and look at DNS, TLS and the proxy"
        return [Finding("discovery", "skip", f"{settings.base_url} does not answer: {error}", fix)]
    finally:
        await client.close()
    return found


def _read_webfinger(status: int, body: bytes, actor: str) -> Finding:
    if status != 200:
        fix = "pass /.well-known/ through to fedblog, with the Host header unchanged"
        return Finding("discovery", "fail", f"WebFinger answered {status}", fix)
    try:
        links: list[dict[str, Any]] = json.loads(body)["links"]
        found = next((link.get("href") for link in links if link.get("rel") == "self"), None)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Finding("discovery", "fail", "something else answers WebFinger", "look at the proxy's configuration")
    if found != actor:
        return Finding("discovery", "fail", f"WebFinger names {found}, not {actor}", "look at domain and base_url")
    return Finding("discovery", "ok", f"WebFinger leads to {actor}")


def _read_actor(answer: Response, actor: str) -> Finding:
    if answer.status != 200 or not is_activity_type(answer.content_type):
        words = f"the actor answered {answer.status} {answer.content_type}"
        return Finding("actor", "fail", words, "pass /ap/ and the Accept header through to fedblog")
    try:
        found = parse_object(answer.body).get("id")
    except FedblogError as error:
        return Finding("actor", "fail", f"the actor is unreadable: {error}", "look at the proxy's configuration")
    if found != actor:
        return Finding("actor", "fail", f"the actor says it is {found}", "look at domain and base_url")
    return Finding("actor", "ok", f"{actor} answers other servers")


def _compare_clocks(header: str) -> list[Finding]:
    """The Date header comes from whoever stands in front; the two should agree."""
    try:
        away = parsedate_to_datetime(header).timestamp() - time.time()
    except (TypeError, ValueError):
        return []
    if abs(away) > CLOCK_SECONDS:
        return [Finding("clock of the server", "warn", f"{away:+.0f} s from this one", "keep both right with NTP")]
    return [Finding("clock of the server", "ok", "agrees with this one")]
