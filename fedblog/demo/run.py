"""`fedblog demo`: makes a throw-away blog, starts it beside the crowd, plays the scene, and removes everything."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from aiohttp import web

from fedblog.app import build_app, services, set_up
from fedblog.blog.model import ActorId, Post, Role, Writing
from fedblog.config import Settings, make_settings
from fedblog.demo.acts import ACTS, BICYCLE, ESSAYS, Act, Essay
from fedblog.demo.checks import Result, Witness, run_checks
from fedblog.demo.crowd import Crowd
from fedblog.demo.peer_server import Received
from fedblog.demo.people import AUTHORS, BLOG_TAGLINE, BLOG_TITLE, VISITOR
from fedblog.demo.server import DemoServer
from fedblog.demo.stage import SceneFailed, Stage
from fedblog.errors import ConfigError, FedblogError
from fedblog.federation.services import Services
from fedblog.federation.setup import add_author
from fedblog.media.names import PictureKind
from fedblog.web.keys import SERVICES
from fedblog.web.passwords import hash_password

DEFAULT_PORT = 8080
DAY = 86_400
Tell = Callable[[str], None]


@dataclass
class PastClock:
    """A clock that can be set back, so that older posts are older."""

    days_ago: float = 0.0

    def __call__(self) -> float:
        """Unix seconds."""
        return time.time() - self.days_ago * DAY


@dataclass(frozen=True, slots=True)
class Demo:
    """An open demo: the blog serves, the crowd answers, nothing has happened yet."""

    settings: Settings
    crowd: Crowd
    stage: Stage
    links: Mapping[str, str]
    password: str

    async def play(self, acts: Sequence[Act] = ACTS) -> None:
        """The scene. Raises `SceneFailed`."""
        await self.stage.arrive()
        for key, link in self.links.items():
            await self.stage.find_post(key, link)
        await self.stage.play(acts)

    def witness(self) -> Witness:
        """What the checks look at."""
        return Witness(self.settings.base_url, self.crowd, self.stage)


async def run_demo(*, port: int | None, once: bool, tell: Tell, stop: asyncio.Event) -> int:
    """The whole demo; returns the exit code. `stop` ends it early, `once` plays at full speed and checks the result.

    Raises `ConfigError` when a given port is taken.
    """
    started = time.monotonic()
    async with open_demo(port=port, any_port=once, tell=_stamped(tell), pace=0.0 if once else 1.0) as demo:
        _welcome(tell, demo, time.monotonic() - started)
        play = asyncio.create_task(demo.play())
        if once:
            return await _check(play, demo.witness(), tell, started)
        await _watch(play, stop, tell)
        return 0


@asynccontextmanager
async def open_demo(*, port: int | None, any_port: bool, tell: Tell, pace: float) -> AsyncIterator[Demo]:
    """A throw-away blog and its crowd, in a folder that is removed at the end. Raises `ConfigError`."""
    blog_socket, crowd_socket = _listen(port, any_port=any_port)
    folder = Path(tempfile.mkdtemp(prefix="fedblog-demo-"))
    try:
        settings = _settings(folder, blog_socket.getsockname()[1])
        password = secrets.token_urlsafe(9)
        # Both make keys, in threads: side by side it takes half the time.
        furnishing = asyncio.create_task(_furnish(settings, password))
        async with Crowd(crowd_socket, arrived=_arrived(tell)) as crowd:
            essays = await furnishing
            async with _serving(settings, blog_socket) as parts:
                links = {
                    essay.key: parts.ids.post_page(essay.author, essays[essay.key].slug)
                    for essay in ESSAYS
                    if essay.days_ago is not None
                }
                drafts = {key: post.id for key, post in essays.items()}
                stage = Stage(crowd, parts, drafts=drafts, tell=tell, pace=pace)
                yield Demo(settings, crowd, stage, links, password)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _listen(port: int | None, *, any_port: bool) -> tuple[socket.socket, socket.socket]:
    """Sockets for the blog and for everybody else; any free ones if asked so, or where the usual ones are taken."""
    wanted = 0 if any_port and port is None else port if port is not None else DEFAULT_PORT
    try:
        blog = _bound(wanted)
    except OSError as exc:
        if port is not None:
            raise ConfigError(f"port {port} can't be used: {exc.strerror}; choose another with --port") from None
        blog = _bound(0)
    try:
        return blog, _bound(blog.getsockname()[1] + 1 if wanted else 0)
    except (OSError, OverflowError):
        return blog, _bound(0)


def _bound(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(("127.0.0.1", port))
    except BaseException:
        made.close()
        raise
    return made


def _settings(folder: Path, port: int) -> Settings:
    return make_settings(
        {
            "server": {"base_url": f"http://localhost:{port}", "data_dir": str(folder), "port": port},
            "blog": {"title": BLOG_TITLE, "tagline": BLOG_TAGLINE},
            "federation": {
                "allow_http": True,
                "allow_networks": ("127.0.0.0/8",),
                "counts_after": (1, 2, 4, 6, 9, 12, 16, 20, 25, 30, 45, 60, 120, 300),
                "backfill_after": (2, 5, 10, 30, 60, 300),
                "backfill_pause": 0.05,
            },
            "limits": {"inbox_per_minute": 100_000},
            "logging": {"level": "warning"},
        },
        relative_to=folder,
    )


async def _furnish(settings: Settings, password: str) -> dict[str, Post]:
    """Authors, profiles and essays; those of the past are published with the clock set back."""
    clock = PastClock(days_ago=max(essay.days_ago or 0.0 for essay in ESSAYS) + 1)
    password_hash = await asyncio.to_thread(hash_password, password)
    made: dict[str, Post] = {}
    async with services(settings, clock=clock) as parts:
        writers = {}
        for author in AUTHORS:
            account = await add_author(
                parts.db,
                parts.ids,
                parts.sealer,
                settings,
                username=author.username,
                name=author.name,
                password_hash=password_hash,
                role=Role.OWNER if author is AUTHORS[0] else Role.AUTHOR,
            )
            writers[author.username] = account.actor_id
            await parts.publisher.update_profile(
                account.actor_id, name=author.name, summary_source=author.bio, fields=author.fields
            )
        for essay in ESSAYS:
            clock.days_ago = essay.days_ago or 0.0
            writing = await _write(parts, essay, writers[essay.author])
            text = await parts.publisher.compose(writing, look_up=False)
            post = await parts.publisher.save_draft(text, author_id=writers[essay.author])
            made[essay.key] = await parts.publisher.publish(post.id) if essay.days_ago is not None else post
    return made


async def _write(parts: Services, essay: Essay, author: ActorId) -> Writing:
    """An essay with its cover, which is uploaded as from the editor."""
    folder = resources.files("fedblog.demo") / "essays"
    cover = await parts.library.add(
        (folder / f"{essay.key}.webp").read_bytes(), kind=PictureKind.PICTURE, owner_id=author, alt=essay.cover
    )
    source = (folder / f"{essay.key}.md").read_text("utf-8")
    return Writing(title=essay.title, source=source, image_url=parts.library.url(cover), image_alt=essay.cover)


@asynccontextmanager
async def _serving(settings: Settings, listener: socket.socket) -> AsyncIterator[Services]:
    """The blog itself, as `fedblog serve` runs it."""
    app = build_app(settings)
    runner = await set_up(app, shutdown_timeout=0.5)
    try:
        await web.SockSite(runner, listener).start()
        yield app[SERVICES]
    finally:
        await runner.cleanup()


async def _watch(play: asyncio.Task[None], stop: asyncio.Event, tell: Tell) -> None:
    """Until the visitor has seen enough."""
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({play, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if play.done():
        try:
            play.result()
            tell("\nThat was the scene. The blog stays open: look around, log in, reply. Ctrl-C ends it.")
        except (SceneFailed, FedblogError, OSError) as exc:
            tell(f"\nThe scene ends here: {exc}. The blog stays open; Ctrl-C ends it.")
        await stopping
    play.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await play
    tell("\nEverything is removed.")


async def _check(play: asyncio.Task[None], seen: Witness, tell: Tell, started: float) -> int:
    """Plays to the end and reports; the exit code."""
    try:
        await play
    except (SceneFailed, FedblogError, OSError) as exc:
        tell(f"\nFAILED  the scene: {exc}")
        return 1
    played = time.monotonic() - started
    results = await run_checks(seen)
    nested = seen.stage.first_reply_after
    tell(f"\nThe scene was over after {played:.1f} s; the first reply to a reply came {nested:.1f} s into it.")
    for result in results:
        tell(f"{'ok     ' if not result.problem else 'FAILED '} {result.name}" + _reason(result))
    failed = sum(1 for result in results if result.problem)
    total = time.monotonic() - started
    tell(f"{len(results) - failed} of {len(results)} checks passed in {total:.1f} s")
    return 1 if failed else 0


def _reason(result: Result) -> str:
    return f": {result.problem}" if result.problem else ""


def _arrived(tell: Tell) -> Callable[[DemoServer, Received], None]:
    """Tells of the posts that come out of the blog; the small change (Accept, Update, answers) goes unsaid."""

    def arrived(server: DemoServer, received: Received) -> None:
        inner = received.activity.get("object")
        if received.type == "Create" and isinstance(inner, dict) and inner.get("type") == "Article":
            tell(f"{server.place.title} ({server.place.host.partition('.')[0]}) receives “{inner.get('name')}”")

    return arrived


def _stamped(tell: Tell) -> Tell:
    return lambda line: tell(f"{time.strftime('%H:%M:%S')}  {line}")


def _welcome(tell: Tell, demo: Demo, seconds: float) -> None:
    base_url = demo.settings.base_url
    tell(f"{BLOG_TITLE} is open (after {seconds:.1f} s): a throw-away blog, and a small fediverse that answers it.\n")
    tell(f"  The blog   {base_url}/")
    tell(f"  Watch      {demo.links[BICYCLE]}  (reload it while replies come in)")
    tell(f"  Log in     {base_url}/login  as {AUTHORS[0].username}, password {demo.password}")
    tell(f"  Reply      choose “Reply” on a page and type  {VISITOR}@mastodon.localhost:{demo.crowd.port}\n")
