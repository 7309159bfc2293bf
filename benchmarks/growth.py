"""How figures change from a thousand notes to a hundred thousand and more, and from ten followers to as many.

Notes stand under posts of a thousand each.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks import load
from benchmarks.crowd import HOST, fill, make_people, profile_of, publish, raw_settings, settle_in
from benchmarks.drawing import Chart, svg
from benchmarks.fanout import follow
from benchmarks.footprint import serving
from benchmarks.rounds import Rounds
from benchmarks.table import Row
from fedblog.app import services
from fedblog.config import make_settings
from fedblog.federation.services import Services
from fedblog.storage import actors, expansion, outgoing, replies
from fedblog.storage.database import SQLITE_NAME, Tx
from fedblog.web.assets import Assets
from fedblog.web.public.parts import Part, Wanted
from fedblog.web.public.post import read_view, render_view
from fedblog.web.renderer import Renderer

PICTURE = Path(__file__).parents[1] / "docs" / "growth.svg"
NOTES_A_POST = 1_000
FIRST, WHOLE = 1_000, 100_000  # notes
FOLLOWERS = (10, 100, 1_000, 10_000, 100_000)
PAGES_READ = 20
Points = dict[str, list[tuple[float, float]]]

TITLES = {
    "bytes": ("Disk", "bytes a note"),
    "store": ("Store a reply", "µs, 500 a commit"),
    "find": ("Find a reply by its id", "µs"),
    "page": ("Page of 1,000 replies, read and drawn", "ms"),
    "rss": (f"Memory after {PAGES_READ} pages", "MiB"),
    "expand": ("Expand a post to its deliveries", "ms"),
}


async def measure(rounds: Rounds, count: int, *, profile: Path | None = None) -> list[Row]:
    """Up to `count` notes and as many followers; the whole range draws docs/growth.svg."""
    del profile
    points: Points = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        await _notes(Path(name), rounds.most, max(count, FIRST), points)
    with tempfile.TemporaryDirectory() as name:
        await _followers(Path(name), rounds.most, [one for one in FOLLOWERS if one <= max(count, FIRST)], points)
    with tempfile.TemporaryDirectory() as name:
        sources = await _with_sources(Path(name))
    if count >= WHOLE:
        PICTURE.write_text(
            svg(
                [
                    Chart(*TITLES[key], "followers" if key == "expand" else "notes", found)
                    for key, found in points.items()
                ]
            )
        )
    return _rows(points, sources)


def _rows(points: Points, sources: float) -> list[Row]:
    rows = [
        Row("bytes", "disk without what arrived", "bytes a note", [points["bytes"][-1][1]], [800], smaller=True),
        Row("bytes_source", "disk with what arrived, 10^3 notes", "bytes a note", [sources], [1_600], smaller=True),
        Row("rss_full", TITLES["rss"][0].lower(), "MiB", [points["rss"][-1][1]], [150], smaller=True),
    ]
    rows[0].note = rows[2].note = f"{points['bytes'][-1][0]:,.0f} notes"
    for key in ("store", "find", "page"):
        (_, before), (size, after) = points[key][0], points[key][-1]
        title, unit = TITLES[key]
        row = Row(f"growth_{key}", f"{title}: {size:,.0f} notes", unit, [after], [before], goal=0.5, smaller=True)
        row.note = f"the limit is what it takes with {points[key][0][0]:,.0f}"
        rows.append(row)
    (few, before), (many, after) = points["expand"][-2], points["expand"][-1]
    row = Row("growth_expand", f"{TITLES['expand'][0]}: {many:,.0f} followers", "ms", [after], smaller=True, goal=0.5)
    row.limits = [before * many / few]
    row.note = f"the limit is {many / few:.0f} times what {few:,.0f} take"
    return [*rows, row]


async def _notes(place: Path, rounds: int, most: int, points: Points) -> None:
    crowd = await settle_in(place)
    empty = _bytes_of(place)
    paths: list[str] = []
    size = 0
    for wanted in _powers(FIRST, most):
        async with services(make_settings(raw_settings(place), relative_to=place)) as parts:
            started = time.perf_counter()
            while size < wanted:
                post = crowd.post if not size else await publish(parts, title=f"After {size} notes")
                here = replace(crowd, post=post, address=f"/@ana/{post.slug}")
                await fill(parts, here, NOTES_A_POST)
                paths.append(here.address)
                size += NOTES_A_POST
            added = size - (points["store"][-1][0] if points["store"] else 0)
            points["store"].append((size, (time.perf_counter() - started) / added * 1e6))
            points["find"].append((size, await _median(rounds, partial(_find, parts))))
            points["page"].append((size, await _median(rounds, partial(_page, parts, paths[-1]))))
            await parts.db.write(lambda tx: tx.run("DELETE FROM drawn_pages"))
        points["bytes"].append((size, (_bytes_of(place) - empty) / size))
        async with serving(place) as server:
            asked = [load.get(path, HOST, accept="text/html") for path in paths[-PAGES_READ:]]
            await load.storm("127.0.0.1", server.port, [*asked, load.get("/", HOST)], connections=2)
            points["rss"].append((size, server.rss_mib))


async def _find(parts: Services) -> float:
    """µs for one reply by its id, out of a hundred."""
    uris = await parts.db.read(
        lambda tx: [uri for (uri,) in tx.all("SELECT uri FROM replies ORDER BY uri LIMIT 100 OFFSET 300")]
    )

    def find(tx: Tx) -> float:
        started = time.perf_counter()
        for uri in uris:
            replies.by_uri(tx, uri)
        return (time.perf_counter() - started) / len(uris) * 1e6

    return await parts.db.read(find)


async def _page(parts: Services, address: str) -> float:
    """ms to read and draw a post's first page, nothing of which was drawn before."""
    _, name, slug = address.split("/")
    renderer = Renderer(parts.settings, Assets())
    renderer.compile_all()
    started = time.perf_counter()
    view = await parts.db.read(read_view, parts.ids, name[1:], slug, Wanted(Part()), None)
    await asyncio.to_thread(render_view, renderer, view, None, parts.ids)
    return (time.perf_counter() - started) * 1e3


async def _followers(place: Path, rounds: int, sizes: list[int], points: Points) -> None:
    await settle_in(place)
    person = profile_of(make_people()[0])
    async with services(make_settings(raw_settings(place), relative_to=place)) as parts:
        author = await parts.db.read(actors.by_local_name, "ana")
        if author is None:
            raise RuntimeError("no author")
        for size in sizes:
            await parts.db.write(follow, person, author.id, size // 5, 80)
            costs = []
            for number in range(rounds):
                await publish(parts, title=f"To {size}, round {number}")
                started = time.perf_counter()
                await parts.db.write(_expand)
                costs.append((time.perf_counter() - started) * 1e3)
            points["expand"].append((size, statistics.median(costs)))


def _expand(tx: Tx) -> None:
    for activity_id in outgoing.unexpanded(tx, 100):
        expansion.expand(tx, activity_id)


async def _with_sources(place: Path) -> float:
    """Bytes a note where the documents that arrived are kept, as they are."""
    crowd = await settle_in(place)
    before = _bytes_of(place)
    async with services(make_settings(raw_settings(place), relative_to=place)) as parts:
        await fill(parts, crowd, FIRST, source=_document)
    return (_bytes_of(place) - before) / FIRST


def _document(uri: str, html: str) -> bytes:
    return json.dumps({"@context": ["https://www.w3.org/ns/activitystreams"] * 3, "id": uri, "content": html}).encode()


async def _median(rounds: int, work: Callable[[], Awaitable[float]]) -> float:
    costs = [await work() for _ in range(rounds + 1)]
    return statistics.median(costs[1:])


def _bytes_of(place: Path) -> int:
    return sum(one.stat().st_size for one in (place / "data").glob(f"{SQLITE_NAME}*"))


def _powers(first: int, most: int) -> list[int]:
    sizes = [first]
    while sizes[-1] * 10 <= most:
        sizes.append(sizes[-1] * 10)
    return sizes
