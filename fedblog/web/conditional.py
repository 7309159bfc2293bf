"""Answers that can be kept: ETag, 304, content codings."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from aiohttp import web

from fedblog.web.assets import Asset
from fedblog.web.cache import CachedPage, etag_of
from fedblog.web.codings import coding_for, tag_suffix

PUBLIC = "public, max-age=60"
FOR_ALL = "public, max-age=0, must-revalidate"
PUBLIC_ACTOR = "public, max-age=180"


def conditional(
    request: web.Request,
    body: bytes,
    content_type: str,
    *,
    cache_control: str = PUBLIC,
    headers: Iterable[tuple[str, str]] = (),
) -> web.Response:
    """200 with `body`, or 304 when the asker has it (NEG-04)."""
    etag = etag_of(body)
    out = _head(f'"{etag}"', cache_control, "Accept", headers)
    if is_known(request.headers.get("If-None-Match", ""), etag):
        out.set_status(304)
    else:
        out.headers["Content-Type"] = content_type
        out.body = body
    return out


async def cached_answer(
    request: web.Request, page: CachedPage, content_type: str, *, cache_control: str, vary: str = "Accept"
) -> web.Response:
    """A page out of the cache: compressed where the asker takes it, 304 where they have it."""
    coding = coding_for(request.headers.get("Accept-Encoding", ""))
    vary = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
    out = _head(f'"{page.etag}{tag_suffix(coding)}"', cache_control, vary, page.headers)
    if is_known(request.headers.get("If-None-Match", ""), page.etag):
        out.set_status(304)
        return out
    out.headers["Content-Type"] = content_type
    if coding:
        out.headers["Content-Encoding"] = coding
    out.body = await page.coded(coding)
    return out


def _head(tag: str, cache_control: str, vary: str, headers: Iterable[tuple[str, str]]) -> web.Response:
    out = web.Response(headers={"Cache-Control": cache_control, "ETag": tag, "Vary": vary})
    for name, value in headers:
        out.headers.add(name, value)
    return out


def bare_tag(tag: str) -> str:
    """A validator of ours without its quotes and what names its coding."""
    return tag.strip().removeprefix("W/").strip('"').partition("-")[0]


@lru_cache(maxsize=256)
def is_known(header: str, etag: str) -> bool:
    """Whether `If-None-Match` names this bare validator: the weak comparison of RFC 9110 §13.1.2, since proxies that
    compress mark our tag weak."""
    return header.strip() == "*" or etag in map(bare_tag, header.split(","))


async def asset_answer(request: web.Request, asset: Asset, *, immutable: bool) -> web.Response:
    """A static file: kept for ever where its address holds its version, else asked for again."""
    control = "public, max-age=31536000, immutable" if immutable else "no-cache"
    return await cached_answer(request, asset.page, asset.media_type, cache_control=control, vary="")
