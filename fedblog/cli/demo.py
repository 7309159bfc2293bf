"""`fedblog demo`: see it work."""

from __future__ import annotations

import asyncio
import signal

import click

from fedblog.demo.run import DEFAULT_PORT, run_demo
from fedblog.observe import set_up_logging


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    default=None,
    help=f"Port of the blog; the simulated servers take the next one. Default: {DEFAULT_PORT}, or any free one.",
)
@click.option("--once", is_flag=True, help="Play at full speed, check what the pages show, report, and end.")
def demo(port: int | None, once: bool) -> None:
    """Look at a throw-away blog, and at a small simulated fediverse that answers it.

    Needs no configuration and no network. Six servers with a dozen people follow, reply, like, boost, edit and delete,
    over real HTTP on this machine, with real signatures. Everything is removed at the end.
    """
    set_up_logging("error", "text")
    code = asyncio.run(_run(port, once))
    raise click.exceptions.Exit(code)


async def _run(port: int | None, once: bool) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    main_task = asyncio.current_task()

    def end() -> None:
        """The first signal ends it in order; a second one, or one during --once, at once."""
        if (stop.is_set() or once) and main_task is not None:
            main_task.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    try:
        return await run_demo(port=port, once=once, tell=click.echo, stop=stop)
    except asyncio.CancelledError:
        return 130
