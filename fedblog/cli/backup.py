"""`fedblog backup` and `fedblog restore`: the whole blog in one file, and back."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

import click

from fedblog import __version__
from fedblog.app import SECRET_NAME
from fedblog.cli import archive
from fedblog.cli.archive import Manifest
from fedblog.cli.config_file import toml_value
from fedblog.cli.program import Program, pass_program
from fedblog.config import Settings, load_settings
from fedblog.errors import ConfigError, Conflict, InvalidInput
from fedblog.federation.setup import BASE_URL_KEY, DOMAIN_KEY
from fedblog.observe import set_up_logging
from fedblog.storage import actors, dump, keys, meta
from fedblog.storage.database import SQLITE_NAME, Database, Tx
from fedblog.storage.seal import Sealer, load_secret
from fedblog.text.dates import iso


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--verify", is_flag=True, help="Make nothing: check a backup that is there.")
@pass_program
def backup(program: Program, file: Path, verify: bool) -> None:
    """Write the whole blog into FILE (a .tar.gz): database, keys, configuration and pictures.

    Works while the server runs, and holds one moment of it. The file opens your keys: keep it where nobody else reads.
    """
    set_up_logging("warning", "text")
    if verify:
        click.echo(asyncio.run(check(file)))
        return
    settings = program.settings()
    if file.exists():
        raise Conflict(f"{file} is there already")
    place = program.place()
    manifest = asyncio.run(make(settings, place if place.exists() else None, file))
    rows = sum(table.rows for table in manifest.dump.tables)
    pictures = sum(1 for name in manifest.files if name.startswith(f"{archive.MEDIA}/"))
    click.echo(f"{file}: {rows:,} rows, {pictures:,} pictures, {file.stat().st_size:,} bytes")
    click.echo(f"sha256 {archive.entry_of(file).sha256}")


async def make(settings: Settings, config: Path | None, target: Path) -> Manifest:
    """Write a backup of a blog that may be running. Raises `Conflict`, `StorageUnavailable`, `OSError`."""
    database = await Database.open(_existing(settings))
    try:
        with tempfile.TemporaryDirectory(prefix=".fedblog-backup-", dir=target.parent) as folder:
            made = await database.dump(Path(folder))
            domain, base_url = await database.read(_pins)
            # Pictures after the rows: what the rows name is there, and never changes under its name.
            sources = _sources(settings, config, Path(folder), made)
            manifest = Manifest(
                format=archive.FORMAT,
                fedblog=__version__,
                made_at=iso(int(time.time())),
                domain=domain or settings.domain,
                base_url=base_url or settings.base_url,
                engine=database.engine,
                dump=made,
                files={name: archive.entry_of(path) for name, path in sources.items()},
            )
            await asyncio.to_thread(archive.write_archive, target, manifest, sources)
            return manifest
    finally:
        await database.close()


def _existing(settings: Settings) -> Settings:
    """The settings, when there is something to keep: opening would make an empty database."""
    if not settings.database.url and not (settings.data_dir / SQLITE_NAME).exists():
        raise ConfigError(f"there is no database in {settings.data_dir}: is this the right configuration?")
    if not (settings.data_dir / SECRET_NAME).exists():
        raise ConfigError(f"there is no {settings.data_dir / SECRET_NAME}: without it a backup can't open its own keys")
    return settings


def _pins(tx: Tx) -> tuple[str | None, str | None]:
    return meta.get(tx, DOMAIN_KEY), meta.get(tx, BASE_URL_KEY)


def _sources(settings: Settings, config: Path | None, folder: Path, made: dump.Dump) -> dict[str, Path]:
    """Name in the archive and place on the disk of every file that belongs to the blog."""
    found = {archive.CONFIG: config} if config is not None else {}
    found[archive.SECRET] = settings.data_dir / SECRET_NAME
    for table in made.tables:
        found[f"{archive.TABLES}/{table.name}.jsonl"] = folder / f"{table.name}.jsonl"
    for path in sorted((settings.data_dir / archive.MEDIA).rglob("*")):
        name = path.relative_to(settings.data_dir).as_posix()
        if archive.is_backed_up(name) and path.is_file() and not path.is_symlink():
            found[name] = path
    return found


async def check(file: Path) -> str:
    """Unpack a backup into a folder of its own and look whether a blog comes out; words about it.

    Raises `InvalidInput` for one that is damaged, `ConfigError` for one that a newer fedblog made.
    """
    with tempfile.TemporaryDirectory(prefix="fedblog-verify-") as name:
        folder = Path(name)
        manifest = await asyncio.to_thread(archive.unpack, file, folder)
        database = await Database.open(str(folder / SQLITE_NAME))
        try:
            await fill(database, manifest, folder)
        finally:
            await database.close()
    rows = sum(table.rows for table in manifest.dump.tables)
    return f"{file}: {manifest.base_url}, made {manifest.made_at} by fedblog {manifest.fedblog}; {rows:,} rows, whole"


async def fill(database: Database, manifest: Manifest, folder: Path) -> None:
    """Load an unpacked backup into an empty database, bring it up to date and check it; its keys must open.

    Raises `InvalidInput`, `Conflict`, `ConfigError`.
    """
    await database.write(dump.read_tables, manifest.dump, folder / archive.TABLES)
    await database.migrate()
    problems = await database.integrity()
    if problems:
        raise InvalidInput(f"the backup is not whole: {'; '.join(problems[:3])}", reason="backup_damaged")
    if not (folder / archive.SECRET).exists():
        raise InvalidInput("the backup has no secret: its keys can't be opened", reason="backup_damaged")
    await database.read(_open_keys, Sealer(load_secret(folder / archive.SECRET)))


def _open_keys(tx: Tx, sealer: Sealer) -> None:
    for actor in actors.local_actors(tx):
        keys.local_keys(tx, actor.id, sealer)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Data directory to make.")
@pass_program
def restore(program: Program, file: Path, data: Path | None) -> None:
    """Make the blog of a backup FILE again, where there is none yet.

    A configuration that is here already is kept, so that a backup can move to PostgreSQL or another folder; otherwise
    the one in the backup is written. Refuses a data directory or a database that is not empty.
    """
    set_up_logging("warning", "text")
    place = program.place()
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fedblog-restore-", dir=place.parent) as name:
        folder = Path(name)
        manifest = archive.unpack(file, folder)
        settings, config = _settings(program, folder, data)
        if manifest.base_url != settings.base_url or manifest.domain != settings.domain:
            raise ConfigError(
                f"the backup is of {manifest.base_url}, the configuration of {settings.base_url}: "
                "ids are made of it, so it can't be changed"
            )
        asyncio.run(put(settings, manifest, folder))
        if config:
            with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
                out.write(config)
    _say_next(program, settings, manifest, wrote=bool(config))


def _settings(program: Program, folder: Path, data: Path | None) -> tuple[Settings, str]:
    """What holds here, and the text of a configuration that is to be written ("" where one stands)."""
    place = program.place()
    if (program.config_file is None and program.is_configured()) or place.exists():
        settings = program.settings()
        if data is not None and data.resolve() != settings.data_dir:
            raise Conflict(f"--data {data}: the configuration is kept, and it says {settings.data_dir}")
        return settings, ""
    packed = folder / archive.CONFIG
    if not packed.exists():
        raise ConfigError(f"the backup has no configuration: make {place} first (see config.example.toml)")
    text = packed.read_text("utf-8")
    if data is not None:
        text = with_data_dir(text, str(data.resolve()))
    # Read where it will stand: paths in it are relative to that.
    trial = place.with_name(f"{folder.name}.toml")
    try:
        trial.write_text(text, "utf-8")
        return load_settings(trial, os.environ), text
    finally:
        trial.unlink()


def with_data_dir(config: str, folder: str) -> str:
    """A configuration file's text with another data directory; everything else as it was."""
    wanted: dict[str, Any] = tomllib.loads(config)
    wanted.setdefault("server", {})["data_dir"] = folder
    line = f"data_dir = {toml_value(folder)}"
    lines, section, done, out = config.splitlines(), "", False, list[str]()
    for text in lines:
        if text.strip().startswith("["):
            section = text.strip()
        if section == "[server]" and text.split("=")[0].strip() == "data_dir":
            continue
        out.append(text)
        if text.strip() == "[server]" and not done:
            out.append(line)
            done = True
    made = "\n".join(out if done else [*out, "[server]", line]) + "\n"
    try:
        fits = tomllib.loads(made) == wanted
    except tomllib.TOMLDecodeError:
        fits = False
    if not fits:
        raise ConfigError("the configuration in the backup can't be given another data directory: restore without it")
    return made


async def put(settings: Settings, manifest: Manifest, folder: Path) -> None:
    """Make data directory and database of an unpacked backup; they appear when they are whole.

    Raises `Conflict` where something is there.
    """
    target = settings.data_dir
    if target.exists() and any(target.iterdir()):
        raise Conflict(f"{target} is not empty: a backup is restored where there is nothing")
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".fedblog-restore-", dir=target.parent))
    try:
        database = await Database.open(settings.database.url or str(made / SQLITE_NAME))
        try:
            await fill(database, manifest, folder)
        finally:
            await database.close()
        for name in (archive.SECRET, archive.MEDIA):
            if (folder / name).exists():
                shutil.move(folder / name, made / name)
        made.rename(target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _say_next(program: Program, settings: Settings, manifest: Manifest, *, wrote: bool) -> None:
    option = f"--config {program.config_file} " if program.config_file else ""
    if wrote:
        click.echo(f"Configuration  {program.place()}")
    click.echo(f"Data           {settings.data_dir}")
    click.echo(f"Blog           {settings.base_url}, as of {manifest.made_at}")
    click.echo("\nNext:")
    click.echo("  Make sure that the old server is off: two with one name confuse everybody.")
    click.echo(f"  fedblog {option}doctor     looks at everything")
    click.echo(f"  fedblog {option}serve      listens on {settings.server.host}:{settings.server.port}")
    click.echo("  What waited to be sent when the backup was made is sent then, some of it perhaps again.")
