"""What the start loads: nothing that the first readers don't need. Whether it is fast, `make bench` says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

# Each of them takes a tenth of the start or more, and waits until somebody writes, logs in or is refused.
LATER = {
    "argon2",
    "http_sf",
    "jsonschema",
    "jsonschema_rs",
    "markdown_it",
    "mdit_py_plugins",
    "PIL",
    "psycopg",
    "slugify",
}
LATER |= {"fedblog.archive", "fedblog.demo", "linkify_it", "pygments.lexers", "text_unidecode"}

FIRST_ANSWER = """
import asyncio, sys
from pathlib import Path
from fedblog.app import build_app, set_up
from fedblog.config import make_settings
from aiohttp import web

async def main():
    place = Path(sys.argv[1])
    raw = {"server": {"domain": "blog.example", "data_dir": str(place)}}
    runner = await set_up(build_app(make_settings(raw, relative_to=place)))
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
    writer.write(b"GET / HTTP/1.1\\r\\nHost: blog.example\\r\\nConnection: close\\r\\n\\r\\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    await runner.cleanup()

asyncio.run(main())
print(*sys.modules)
"""


def loaded_by(code: str, *arguments: str) -> set[str]:
    """The modules that a fresh process has when it has run this."""
    run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_first_answer_loads_nothing_that_can_wait(tmp_path: Path) -> None:
    modules = loaded_by(FIRST_ANSWER, str(tmp_path))
    assert "fedblog.web.public.home" in modules
    assert modules & LATER == set()


def test_the_list_of_commands_loads_none_of_them() -> None:
    modules = loaded_by(
        "import sys; from fedblog.cli import main; main(['--help'], standalone_mode=False)\nprint(*sys.modules)"
    )
    assert modules & (LATER | {"aiohttp", "cryptography", "jinja2", "fedblog.app", "fedblog.cli.serve"}) == set()
