"""The composition root: opens the parts of an instance in order, and makes the web application of them.

`services` is for commands and tests that need no HTTP; `build_app` for the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web

from fedblog import __version__
from fedblog.activitypub.ids import LocalIds
from fedblog.config import Settings
from fedblog.federation import websub
from fedblog.federation.approvals import ApprovalTeller
from fedblog.federation.askers import Askers
from fedblog.federation.backfill import Backfill
from fedblog.federation.block_lists import BlockListReader
from fedblog.federation.client import Client
from fedblog.federation.counts import CountReader
from fedblog.federation.delivery import DeliveryWorker
from fedblog.federation.fetcher import Fetcher
from fedblog.federation.forget_media import MediaForgetter
from fedblog.federation.guard import Guard
from fedblog.federation.housekeeping import Housekeeper
from fedblog.federation.inbox import Inbox
from fedblog.federation.jobs import JobHandler, JobRunner
from fedblog.federation.keyring import Keyring
from fedblog.federation.look_after import KIND as LOOK_AFTER
from fedblog.federation.look_after import LookAfter
from fedblog.federation.parents import ParentFetch
from fedblog.federation.pictures import RemotePictures
from fedblog.federation.privacy import IndexTidier
from fedblog.federation.publish import Publisher
from fedblog.federation.recheck import InboxCheck
from fedblog.federation.resolver import Resolver
from fedblog.federation.schedule import timed_acts
from fedblog.federation.services import Services
from fedblog.federation.setup import ensure_instance
from fedblog.federation.signer import Signer
from fedblog.federation.synchronise import KIND as SYNCHRONISE
from fedblog.federation.synchronise import FollowersSync
from fedblog.media.cards import Cards
from fedblog.media.kept import AVATAR_LIMITS, EMOJI_LIMITS, Limits, PictureStore, attached_limits
from fedblog.media.library import Library
from fedblog.storage import block_subscriptions, erasing, reply_media
from fedblog.storage.database import Database
from fedblog.storage.indexer import Indexer
from fedblog.storage.seal import Sealer, load_secret
from fedblog.web import inbox_door, live, login, routes
from fedblog.web.assets import Assets
from fedblog.web.cache import PageCache, PostIndex
from fedblog.web.closed import Closed, closed_middleware
from fedblog.web.counting import Counter, CountKeeper
from fedblog.web.drawn_rows import DrawnKeeper
from fedblog.web.headers import add_headers
from fedblog.web.hot import HotAnswers, put_before
from fedblog.web.inbox_door import DOOR, InboxDoor
from fedblog.web.inboxes import LOAD, InboxLoad
from fedblog.web.keys import (
    CARDS,
    COUNTER,
    COUNTS,
    HOT,
    LIMITS,
    PAGES,
    POST_INDEX,
    RENDERER,
    SERVICES,
    SETTINGS,
    TELLER,
)
from fedblog.web.limits import RateLimits
from fedblog.web.middleware import errors_middleware, host_middleware, observe_middleware
from fedblog.web.notices import changes
from fedblog.web.notices.teller import KIND as TELL_AUTHOR
from fedblog.web.notices.teller import NewsPlanner, Teller
from fedblog.web.public.ahead import DrawAhead
from fedblog.web.renderer import Renderer

log = logging.getLogger(__name__)

SECRET_NAME = "secret"  # noqa: S105
SIGNING_THREADS = 2
STOP_SECONDS = 4.0
FORM_BYTES = 4 * 1024 * 1024

Clock = Callable[[], float]


@contextlib.asynccontextmanager
async def services(
    settings: Settings, *, clock: Clock = time.time, renderer: Renderer | None = None
) -> AsyncIterator[Services]:
    """The parts of an instance, opened in order and closed in reverse; nothing works in the background yet.

    Brings the database up to date and makes what an instance needs. Raises `ConfigError` or `StorageUnavailable`.
    """
    async with contextlib.AsyncExitStack() as stack:
        db = await Database.open(settings, clock=clock)
        stack.push_async_callback(db.close)
        await db.migrate()
        sealer = Sealer(load_secret(settings.data_dir / SECRET_NAME))
        ids = LocalIds(settings.base_url)
        await ensure_instance(db, ids, settings, sealer)
        federation = settings.federation
        guard = Guard(federation.allow_networks, federation.allow_http, own_hosts=[settings.authority])
        client = Client(guard, f"fedblog/{__version__} {settings.user_agent}")
        stack.push_async_callback(client.close)
        executor = stack.enter_context(ThreadPoolExecutor(SIGNING_THREADS, thread_name_prefix="sign"))
        signer = Signer(db, sealer, executor, clock)
        fetcher = Fetcher(client, signer, db, clock)
        keyring = Keyring(fetcher, db, clock)
        resolver = Resolver(fetcher, db, clock)

        avatars, emoji, attached = _remote_pictures(client, settings, clock)
        for kept in (avatars, emoji, attached):
            stack.push_async_callback(kept.close)
        publisher = Publisher(db, ids, settings, sealer, fetcher=fetcher, resolver=resolver)
        handlers: dict[str, JobHandler] = {
            **_reading_jobs(db, fetcher, resolver, ids, settings, clock),
            **_telling_jobs(db, client, ids, settings, sealer, clock),
            **timed_acts(publisher),
            TELL_AUTHOR: Teller(db, settings, sealer, client, lambda: renderer or Renderer(settings, Assets()), clock),
            reply_media.KIND: MediaForgetter(db, attached.store, settings),
        }
        yield Services(
            settings=settings,
            clock=clock,
            ids=ids,
            db=db,
            sealer=sealer,
            client=client,
            signer=signer,
            fetcher=fetcher,
            keyring=keyring,
            resolver=resolver,
            askers=Askers(db, keyring, settings, clock),
            inbox=Inbox(db, keyring, resolver, settings, ids, clock),
            publisher=publisher,
            worker=_delivery(db, client, signer, settings, clock),
            jobs=JobRunner(db, handlers, clock=clock, slow=("backfill",)),
            library=Library(db, settings),
            avatars=avatars,
            emoji=emoji,
            attached=attached,
            indexer=Indexer(db),
        )


def _delivery(db: Database, client: Client, signer: Signer, settings: Settings, clock: Clock) -> DeliveryWorker:
    return DeliveryWorker(
        db,
        client,
        signer,
        clock=clock,
        jitter=random.SystemRandom().random,
        concurrency=settings.federation.delivery_concurrency,
    )


def _remote_pictures(
    client: Client, settings: Settings, clock: Clock
) -> tuple[RemotePictures, RemotePictures, RemotePictures]:
    """The proxies for avatars, for custom emoji and for pictures of replies."""
    media = settings.media

    def proxy(folder: str, max_bytes: int, limits: Limits) -> RemotePictures:
        return RemotePictures(client, PictureStore(settings.data_dir / folder, max_bytes, limits, clock), clock)

    return (
        proxy("avatars", media.avatar_cache_bytes, AVATAR_LIMITS),
        proxy("emoji", media.emoji_cache_bytes, EMOJI_LIMITS),
        proxy("attached", media.remote_media_cache_bytes, attached_limits(media.remote_media_bytes)),
    )


def _reading_jobs(
    db: Database, fetcher: Fetcher, resolver: Resolver, ids: LocalIds, settings: Settings, clock: Clock
) -> dict[str, JobHandler]:
    """What asks other servers, and what looks after what came."""
    return {
        "backfill": Backfill(db, resolver, ids, settings, clock),
        "fetch_parent": ParentFetch(db, resolver, ids, settings, clock),
        LOOK_AFTER: LookAfter(db, settings),
        "refresh_counts": CountReader(db, resolver, after=settings.federation.counts_after),
        "check_inbox": InboxCheck(db, resolver),
        SYNCHRONISE: FollowersSync(db, fetcher, ids),
        erasing.TIDY: IndexTidier(db),
    }


def _telling_jobs(
    db: Database, client: Client, ids: LocalIds, settings: Settings, sealer: Sealer, clock: Clock
) -> dict[str, JobHandler]:
    """What tells somebody, or reads a list for somebody."""
    return {
        "tell_approved": ApprovalTeller(db, ids, sealer),
        websub.KIND: websub.HubTeller(client, settings),
        changes.KIND: changes.ChangeTeller(db, settings, clock),
        block_subscriptions.KIND: BlockListReader(db, client, settings),
    }


def build_app(settings: Settings, *, clock: Clock = time.time, background: bool = True) -> web.Application:
    """The web application. Its parts are opened when it starts and closed when it stops.

    `background`: it delivers and does jobs too, unless the settings say no; one process of several does.
    """
    closed = Closed()
    app = web.Application(
        middlewares=[
            observe_middleware(settings),
            errors_middleware,
            host_middleware(settings),
            closed_middleware(closed),
            login.session_middleware,
        ],
        client_max_size=FORM_BYTES,
        # Requests are refused compressed (INB-02), so nothing may be unpacked before they are looked at.
        handler_args={"access_log": None, "auto_decompress": False},
    )
    app[SETTINGS] = settings
    app[RENDERER] = Renderer(settings, Assets())
    app[PAGES] = PageCache(time.monotonic)
    app[CARDS] = Cards(settings.data_dir / "cards")
    app[COUNTER] = Counter(settings.authority, clock)
    app[LOAD] = InboxLoad()
    app[HOT] = HotAnswers(time.monotonic, time.time, app[COUNTER].page, app[LOAD].is_crowded)
    app[POST_INDEX] = PostIndex()
    app[LIMITS] = RateLimits(time.monotonic)
    app[DOOR] = InboxDoor(app, closed)
    app.on_response_prepare.append(add_headers(settings))
    app.on_response_prepare.append(app[HOT].keep)  # the last one: what it keeps is complete
    app.cleanup_ctx.append(_open_services(settings, clock))
    app.cleanup_ctx.append(_keep_counts)
    app.cleanup_ctx.append(_keep_drawn)
    if settings.federation.deliver and background:
        app.cleanup_ctx.append(_run_workers)
    login.add_login(app)
    live.add_live(app)
    routes.add_all(app)
    return app


async def set_up(app: web.Application, **options: Any) -> web.AppRunner:
    """Start an application of `build_app`; what remains is to listen. `options` are those of aiohttp's runner.

    Pages that were answered a moment ago, and most of what comes to the shared inbox, are answered before the
    application is asked. Raises what its parts raise.
    """
    runner = web.AppRunner(app, access_log=None, **options)
    await runner.setup()
    if runner.server is not None:
        inbox_door.put_before(app[DOOR], runner.server)
        put_before(app[HOT], runner.server)
    return runner


def _open_services(settings: Settings, clock: Clock) -> Callable[[web.Application], AsyncIterator[None]]:
    async def opened(app: web.Application) -> AsyncIterator[None]:
        async with services(settings, clock=clock, renderer=app[RENDERER]) as parts:
            app[SERVICES] = parts
            app[TELLER] = Teller(parts.db, settings, parts.sealer, parts.client, lambda: app[RENDERER], clock)
            parts.db.add_listener(app[HOT].on_event)
            parts.db.add_listener(app[RENDERER].on_event)
            await app[RENDERER].refresh(parts.db)
            yield
            app[HOT].close()
            app[DOOR].close()

    return opened


async def _keep_counts(app: web.Application) -> AsyncIterator[None]:
    """What pages count is stored while they are served, and at the end."""
    app[COUNTS] = keeper = CountKeeper(app[SERVICES].db, app[COUNTER])
    task = asyncio.create_task(keeper.run(), name="counts")
    task.add_done_callback(_report)
    yield
    await keeper.stop()
    await asyncio.wait([task], timeout=STOP_SECONDS)


async def _keep_drawn(app: web.Application) -> AsyncIterator[None]:
    """Rows that pages draw are stored, so that the next start draws them no more."""
    keeper = DrawnKeeper(app[SERVICES].db, app[RENDERER].rows)
    task = asyncio.create_task(keeper.run(), name="drawn")
    task.add_done_callback(_report)
    yield
    await keeper.stop()
    await asyncio.wait([task], timeout=STOP_SECONDS)


async def _run_workers(app: web.Application) -> AsyncIterator[None]:
    """Delivery, jobs, housekeeping. At the end, what is under way has a few seconds; the rest is kept."""
    parts = app[SERVICES]
    workers: dict[str, DeliveryWorker | JobRunner | Housekeeper | Indexer | NewsPlanner | DrawAhead] = {
        "delivery": parts.worker,
        "jobs": parts.jobs,
        "housekeeping": Housekeeper(
            parts.db,
            avatars=parts.avatars,
            clock=parts.clock,
            unused_days=parts.settings.privacy.forget_unused_after_days,
        ),
        "search index": parts.indexer,
        "news": NewsPlanner(parts.db, parts.settings),
        "drawing": DrawAhead(parts, app[RENDERER]),
    }
    tasks = [asyncio.create_task(worker.run(), name=name) for name, worker in workers.items()]
    for task in tasks:
        task.add_done_callback(_report)
    yield
    for worker in workers.values():
        await worker.stop()
    _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("the worker %s ended by an error", task.get_name(), exc_info=error)
