"""The page cache: one maker a version, failures not kept, bounded."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from fedblog.blog.model import PostId
from fedblog.web.cache import CachedPage, PageCache, PostIndex, RenderedPage, pack
from fedblog.web.codings import CODINGS, coding_for, compress


def page(text: str) -> CachedPage:
    return pack(RenderedPage(text))


async def test_many_askers_share_one_making_and_its_failure() -> None:
    cache, made, go = PageCache(), [], asyncio.Event()

    async def make() -> CachedPage:
        made.append(1)
        await go.wait()
        if len(made) == 1:
            raise RuntimeError("first one fails")
        return page("fine")

    tasks = [asyncio.create_task(cache.get("key", 1, make)) for _ in range(5)]
    await asyncio.sleep(0)
    go.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert len(made) == 1
    assert all(isinstance(outcome, RuntimeError) for outcome in outcomes)
    assert (await cache.get("key", 1, make)).body == b"fine"
    assert (await cache.get("key", 1, make)).body == b"fine"
    assert len(made) == 2


async def test_another_version_is_made_anew_and_replaces_the_old_one() -> None:
    cache, made = PageCache(), []

    async def make() -> CachedPage:
        made.append(1)
        return page(f"version {len(made)}")

    assert (await cache.get("key", 1, make)).body == b"version 1"
    assert (await cache.get("key", 2, make)).body == b"version 2"
    assert (await cache.get("key", 2, make)).body == b"version 2"


async def test_a_cancelled_asker_does_not_spoil_the_page_for_others() -> None:
    cache, go = PageCache(), asyncio.Event()

    async def make() -> CachedPage:
        await go.wait()
        return page("fine")

    first, second = (asyncio.create_task(cache.get("key", 1, make)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    assert (await second).body == b"fine"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_the_least_used_pages_go_first() -> None:
    made: list[str] = []
    cache = PageCache(max_bytes=4 * page("x" * 1000).size)

    async def get(key: str) -> None:
        async def make() -> CachedPage:
            made.append(key)
            return page("x" * 1000)

        await cache.get(key, 1, make)

    for key in ("a", "b", "c", "d", "a", "e", "a", "b"):
        await get(key)
    assert made == ["a", "b", "c", "d", "e", "b"]


def test_the_index_forgets_rather_than_grows() -> None:
    index = PostIndex(size=2)
    for number in range(3):
        index.put("ana", str(number), PostId(number))
    assert index.get("ana", "2") == 2
    assert index.get("ana", "0") is None


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("gzip", "gzip"),
        ("made-up, GZIP;q=0.5", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip;q=0", ""),
        ("gzip; q=0.0", ""),
        ("", ""),
        ("identity", ""),
        (", ".join(reversed(CODINGS)), CODINGS[0]),
        (f"gzip, {CODINGS[0]};q=0.000", "gzip" if CODINGS[0] != "gzip" else ""),
    ],
)
def test_the_best_coding_of_those_that_are_taken(header: str, coding: str) -> None:
    assert coding_for(header) == coding


async def test_a_page_is_compressed_once_and_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pressed: list[str] = []

    def press(coding: str, body: bytes, *, hard: bool) -> bytes:
        pressed.append(coding)
        return compress(coding, body, hard=hard)

    monkeypatch.setattr("fedblog.web.cache.compress", press)
    kept = page("so " * 1000)
    assert await kept.coded("") == kept.body
    assert pressed == []
    both = await asyncio.gather(kept.coded("gzip"), kept.coded("gzip"))
    assert [gzip.decompress(one) for one in both] == [kept.body, kept.body]
    assert pressed == ["gzip"]


async def test_a_page_that_changes_all_the_time_is_not_made_all_the_time() -> None:
    now = 0.0
    cache, made = PageCache(lambda: now), []

    async def make() -> CachedPage:
        made.append(version)
        return page(str(version))

    for version in range(100):
        await cache.get("key", version, make)
    assert len(made) < 10
    now = 1.0
    version = 100
    assert (await cache.get("key", version, make)).body == b"100"
