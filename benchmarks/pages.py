"""A post with a thousand replies: warm, unchanged and cold."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession

from benchmarks import load
from benchmarks.crowd import HOST, Crowd, answer_first, fill, raw_settings, settle_in
from benchmarks.processes import Server, running
from benchmarks.rounds import Rounds
from benchmarks.table import Row
from fedblog.app import services
from fedblog.config import make_settings
from fedblog.federation.services import Services
from fedblog.web.assets import Assets
from fedblog.web.cache import RenderedPage, pack
from fedblog.web.drawn_rows import DrawnKeeper, DrawnRows
from fedblog.web.public import post as post_page
from fedblog.web.public.parts import Part
from fedblog.web.renderer import Renderer

NOTES = 1_000
CONNECTIONS = 32
COLD_BUDGET = 8.0  # µs a note


async def measure(rounds: Rounds, count: int, *, profile: Path | None = None) -> list[Row]:
    """Rates of warm pages and of 304s against plain aiohttp, and the time to make the page anew."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        crowd = await settle_in(place)
        async with services(make_settings(raw_settings(place), relative_to=place)) as parts:
            await fill(parts, crowd, NOTES)
            cold = await _cold(parts, crowd, rounds)
        arguments = {"settings": raw_settings(place), "place": name, "profile": str(profile) if profile else None}
        async with running("fedblog", arguments, log=place / "log") as server:
            rows = await _against_bare(server, crowd, place, rounds, count)
    return [*rows, *cold]


async def _against_bare(server: Server, crowd: Crowd, place: Path, rounds: Rounds, count: int) -> list[Row]:
    rows: list[Row] = []
    for coding, key in (("gzip", "page_warm"), ("identity", "page_warm_identity")):
        body, etag = await _fetch(server, crowd.address, coding)
        (place / coding).write_bytes(body)
        sent = {"Content-Encoding": "gzip"} if coding == "gzip" else {}
        bare_arguments = {"path": str(place / coding), "headers": sent}
        async with running("bare_page", bare_arguments) as bare:
            warm = Row(key, f"page, warm, {coding}, {len(body) // 1000} kB", "per second", goal=0.9)
            ours = load.get(crowd.address, HOST, accept="text/html", accept_encoding=coding)
            theirs = load.get("/page", "localhost", accept="text/html", accept_encoding=coding)
            share = 0.65 if coding == "gzip" else 1.0
            await _compare(warm, server, ours, bare, theirs, rounds.until(share), count)
            rows.append(warm)
            if coding == "gzip":
                same = Row("page_304", "page, 304", "per second", goal=0.9)
                ours = load.get(crowd.address, HOST, accept="text/html", accept_encoding=coding, if_none_match=etag)
                theirs = load.get("/unchanged", "localhost", accept="text/html", if_none_match='"a"')
                await _compare(same, server, ours, bare, theirs, rounds.until(0.8), count)
                rows.append(same)
    return rows


async def _compare(
    row: Row, server: Server, ours: bytes, bare: Server, theirs: bytes, numbers: Iterator[int], count: int
) -> None:
    await _storm(server, ours, 100)
    await _storm(bare, theirs, 100)
    before, used = server.cpu_seconds, bare.cpu_seconds
    for _ in numbers:
        row.limits.append((await _storm(bare, theirs, count)).rate)
        row.values.append((await _storm(server, ours, count)).rate)
    each = [
        (one.cpu_seconds - start) / len(row.values) / count * 1e6 for one, start in ((server, before), (bare, used))
    ]
    row.note = f"{each[0]:.0f} µs of CPU each, the limit {each[1]:.0f}"


async def _storm(server: Server, request: bytes, count: int) -> load.Result:
    result = await load.storm("127.0.0.1", server.port, [request] * count, connections=CONNECTIONS)
    if len(result.statuses) != 1 or not {200, 304}.issuperset(result.statuses):
        raise RuntimeError(f"unexpected answers: {dict(result.statuses)}")
    return result


async def _fetch(server: Server, path: str, coding: str) -> tuple[bytes, str]:
    headers = {"Host": HOST, "Accept": "text/html", "Accept-Encoding": coding}
    async with (
        ClientSession(auto_decompress=False) as session,
        session.get(f"http://127.0.0.1:{server.port}{path}", headers=headers) as answer,
    ):
        answer.raise_for_status()
        return await answer.read(), answer.headers["ETag"]


@dataclass(frozen=True, slots=True)
class _Made:
    """A page that was made, and µs a note for its read and for the whole of it, and processor time for the whole."""

    page: RenderedPage
    notes: int
    read: float
    whole: float
    cpu: float


async def _made(parts: Services, crowd: Crowd, renderer: Renderer) -> _Made:
    _, name, slug = crowd.address.split("/")
    used, started = time.process_time(), time.perf_counter()
    made = await parts.db.read(post_page.read_page, parts.ids, name[1:], slug, crowd.post.id, Part(), renderer)
    was_read = time.perf_counter()
    if isinstance(made, RenderedPage):
        page = made
    else:
        page = await asyncio.to_thread(post_page.render_view, renderer, made, None, parts.ids)
    ended, used = time.perf_counter(), time.process_time() - used
    notes = page.html.count('<article class="reply ')
    read, whole, cpu = (one / notes * 1e6 for one in (was_read - started, ended - started, used))
    return _Made(page, notes, read, whole, cpu)


def _forgetful(renderer: Renderer) -> DrawnRows:
    """As after a start, once the templates are loaded: nothing is drawn yet."""
    recipe = renderer.rows.recipe
    return DrawnRows(lambda: recipe)


def _cost(key: str, name: str) -> Row:
    return Row(key, name, "µs a note", limits=[COLD_BUDGET], smaller=True)


async def _cold(parts: Services, crowd: Crowd, rounds: Rounds) -> list[Row]:
    """The first page, read and rendered, in µs a note: drawn for the first time, after a start, after a new reply."""
    first = Row("page_first", "page, drawn for the first time", "µs a note", limits=[COLD_BUDGET], smaller=True)
    cold = Row(
        "page_cold", "page, cold: read and render after a start", "µs a note", limits=[COLD_BUDGET], smaller=True
    )
    read = Row("page_read", "of which the read", "µs a note", limits=[COLD_BUDGET], smaller=True)
    again = Row("page_again", "page, after one new reply", "µs a note", limits=[COLD_BUDGET], smaller=True)
    packed = Row("page_pack", "beside it: encode and gzip", "µs a note", limits=[COLD_BUDGET], smaller=True)
    cold_cpu, again_cpu = list[float](), list[float]()
    notes = 0
    for number in rounds.until(0.4, first=1):
        await parts.db.write(lambda tx: tx.run("DELETE FROM drawn_pages"))
        renderer = Renderer(parts.settings, Assets())  # a new one has drawn nothing yet
        renderer.compile_all()
        renderer.rows = _forgetful(renderer)
        first.values.append((await _made(parts, crowd, renderer)).whole)
        await DrawnKeeper(parts.db, renderer.rows).flush()
        renderer.rows = _forgetful(renderer)
        made = await _made(parts, crowd, renderer)
        read.values.append(made.read)
        cold.values.append(made.whole)
        cold_cpu.append(made.cpu)
        await answer_first(parts, crowd, number)
        made = await _made(parts, crowd, renderer)
        again.values.append(made.whole)
        again_cpu.append(made.cpu)
        notes = made.notes
        started = time.perf_counter()
        await (await asyncio.to_thread(pack, made.page)).coded("gzip")
        packed.values.append((time.perf_counter() - started) / made.notes * 1e6)
    rows = [first, cold, read, again, packed]
    for one in rows:
        del one.values[0]
    first.note = "once a reply, in the background as a rule"
    cold.note = f"{statistics.median(cold_cpu[1:]):.1f} µs of CPU; {notes} notes on the first page"
    again.note = f"{statistics.median(again_cpu[1:]):.1f} µs of CPU"
    return rows
