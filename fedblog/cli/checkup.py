"""What `fedblog doctor` looks at. Each examination is a function that gives findings and changes nothing."""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

from fedblog import __version__, app
from fedblog.activitypub.urls import Uri
from fedblog.blog.model import Actor
from fedblog.cli.checkup_notices import look_at_mail, look_at_notices
from fedblog.cli.checkup_public import ask_itself
from fedblog.cli.findings import Finding, State
from fedblog.cli.program import Program
from fedblog.config import Settings
from fedblog.errors import ConfigError, FedblogError, StorageUnavailable
from fedblog.federation.setup import BASE_URL_KEY, DOMAIN_KEY
from fedblog.signatures.keys import private_from_pem
from fedblog.storage import accounts, actors, keys, meta
from fedblog.storage import migrate as migrations
from fedblog.storage.database import SQLITE_NAME, Database
from fedblog.storage.seal import Sealer, load_secret

LOW_DISK, NO_DISK = 500 * 1024**2, 50 * 1024**2
EARLIEST = 1_767_225_600  # 2026-01-01: before this program was written


async def examine(program: Program, *, test_mail: str = "") -> list[Finding]:
    """All findings, in an order in which one explains the next. `test_mail`: whom to send a mail."""
    try:
        settings = program.settings()
    except ConfigError as error:
        return [Finding("configuration", "fail", str(error), "mend the configuration, then run this again")]
    found = [Finding("configuration", "ok", f"{settings.base_url}, fedblog {__version__}")]
    found += look_at_files(settings)
    found += look_at_disk(settings)
    found += look_at_clock()
    database = await look_at_database(settings)
    found += [*database, *await look_at_mail(settings, send_to=test_mail)]
    if all(one.state == "ok" for one in database):
        found += await look_at_notices(settings)
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
