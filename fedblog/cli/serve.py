"""`fedblog serve`: runs the blog; without a configuration, the set-up page first."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.util
import logging
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, NamedTuple

import click
import msgspec
from aiohttp import web

from fedblog.app import build_app, set_up
from fedblog.cli.making import Owner, Place, check_owner, make_config, make_instance
from fedblog.cli.program import Program, pass_program
from fedblog.cli.supervisor import Supervisor
from fedblog.config import Settings
from fedblog.errors import ConfigError
from fedblog.observe import set_up_logging
from fedblog.storage.database import Database
from fedblog.web.connections import Sweeper
from fedblog.web.keys import SERVICES
from fedblog.web.setup_page import SetupPage, Wish

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8080
GRACE_SECONDS = 3.0
STOP_SECONDS = 5.0
BACKLOG = 1024
MANY_FILES = 65_536
log = logging.getLogger(__name__)


@click.command()
@click.option("--host", default=None, help="Address to listen on. Default: server.host.")
@click.option("--port", type=click.IntRange(0, 65_535), default=None, help="Port to listen on. Default: server.port.")
@pass_program
def serve(program: Program, host: str | None, port: int | None) -> None:
    """Run the blog: pages, inbox, delivery. Brings the database up to date first.

    Without a configuration it prints a link to a set-up page on this machine, and goes on when that is filled in.
    SIGTERM and Ctrl-C end it in order within five seconds; nothing that was acknowledged is lost.
    """
    if not program.is_configured() and program.config_file is not None:
        raise ConfigError(f"there is no {program.config_file}: make it with `fedblog --config FILE init`")
    run_loop(lambda: _serve(program, host, port))


class Served(NamedTuple):
    """What answers requests: its database, and where it listens, in words."""

    db: Database
    where: str


def run_loop(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """On uvloop where it is installed (`pip install fedblog[speed]`)."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if importlib.util.find_spec("uvloop") is not None:
        factory = importlib.import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


async def _serve(program: Program, host: str | None, port: int | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if not program.is_configured():
        set_up_logging("warning", "text")
        if not await _set_up(program, host or DEFAULT_HOST, DEFAULT_PORT if port is None else port, stop):
            return
    settings = program.settings()
    set_up_logging(settings.logging.level, settings.logging.format)
    _allow_many_files()
    server = msgspec.structs.replace(
        settings.server,
        host=settings.server.host if host is None else host,
        port=settings.server.port if port is None else port,
    )
    settings = msgspec.structs.replace(settings, server=server)
    if server.workers > 1:
        await Supervisor(settings).run(stop)
        return
    async with serve_until(stop, settings) as served:
        click.echo(f"fedblog serves {settings.base_url}  (listening on {served.where})")
        sys.stdout.flush()
        await stop.wait()


def _allow_many_files() -> None:
    """A post to thousands of servers has a thousand connections open, and readers need theirs: as many as we may have,
    where the usual limit is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(MANY_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.asynccontextmanager
async def serve_until(
    stop: asyncio.Event, settings: Settings, sockets: Sequence[socket.socket] = (), *, background: bool = True
) -> AsyncIterator[Served]:
    """Serves while the block runs, on `sockets` or else where the settings say, and ends in order after it.

    `background`: deliveries and jobs are done here too. Raises `ConfigError` for a changed domain, `OSError` for a
    port that is taken.
    """
    app = build_app(settings, background=background)
    runner = await set_up(app, shutdown_timeout=GRACE_SECONDS)
    sweeping: asyncio.Task[None] | None = None
    try:
        for one in sockets:
            await web.SockSite(runner, one, backlog=BACKLOG).start()
        if not sockets:
            await web.TCPSite(runner, settings.server.host, settings.server.port, backlog=BACKLOG).start()
        if runner.server is not None:
            sweeping = asyncio.create_task(Sweeper(runner.server).run())
        gc.freeze()  # what is there now stays: the collector need not look at it again and again
        yield Served(app[SERVICES].db, ", ".join(_address(address) for address in runner.addresses))
        log.info("stopping")
        # Workers end while the last requests do.
        await asyncio.gather(app[SERVICES].worker.stop(), app[SERVICES].jobs.stop())
    finally:
        if sweeping is not None:
            sweeping.cancel()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await runner.cleanup()
        except TimeoutError:
            log.warning("some work did not end in time; it is kept and goes on after the next start")


def _address(address: tuple[Any, ...] | str) -> str:
    if isinstance(address, str):
        return address
    host = f"[{address[0]}]" if ":" in str(address[0]) else address[0]
    return f"{host}:{address[1]}"


async def _set_up(program: Program, host: str, port: int, stop: asyncio.Event) -> bool:
    """Shows the set-up page until somebody has filled it in; False when it was stopped before."""

    async def make(wish: Wish) -> str:
        owner = Owner(wish.username, wish.password, wish.name)
        check_owner(owner)
        place = Place(wish.domain, wish.base_url, wish.title, host=host if host != DEFAULT_HOST else "", port=port)
        settings = make_config(program.place(), place)
        try:
            await make_instance(settings, owner)
        except BaseException:
            program.place().unlink(missing_ok=True)
            raise
        return settings.base_url

    page = SetupPage(make)
    link = await page.start(port)
    click.echo(f"No {program.place()} here yet. Set up your blog with this link, within an hour:\n\n  {link}\n")
    sys.stdout.flush()
    done = asyncio.create_task(page.done.wait())
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({done, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (done, stopped):
        task.cancel()
    await page.stop()
    return page.done.is_set()
