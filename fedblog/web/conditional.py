"""Answers that can be kept: ETag, 304, gzip."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from fedblog.web.assets import Asset
from fedblog.web.cache import CachedPage, etag_of

PUBLIC = "public, max-age=60"
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
    return _answer(request, body, None, etag_of(body), content_type, cache_control, headers)


def cached_answer(request: web.Request, page: CachedPage, content_type: str, *, cache_control: str) -> web.Response:
    """A page out of the cache: compressed where the asker takes it, 304 where they have it."""
    return _answer(request, page.body, page.gzipped, page.etag, content_type, cache_control, page.headers)


def _answer(
    request: web.Request,
    body: bytes,
    gzipped: bytes | None,
    etag: str,
    content_type: str,
    cache_control: str,
    headers: Iterable[tuple[str, str]],
) -> web.Response:
    zipped = gzipped is not None and accepts_gzip(request.headers.get("Accept-Encoding", ""))
    # The compressed bytes are another representation, so a strong validator must differ.
    tag = f'"{etag}-gz"' if zipped else f'"{etag}"'
    out = web.Response(headers={"Cache-Control": cache_control, "ETag": tag, "Vary": "Accept"})
    if gzipped is not None:
        out.headers["Vary"] = "Accept, Accept-Encoding"
    for name, value in headers:
        out.headers.add(name, value)
    if _is_known(request.headers.get("If-None-Match", ""), etag):
        out.set_status(304)
        return out
    out.headers["Content-Type"] = content_type
    if zipped:
        out.headers["Content-Encoding"] = "gzip"
        out.body = gzipped
    else:
        out.body = body
    return out


def accepts_gzip(header: str) -> bool:
    """Whether `Accept-Encoding` names gzip without q=0."""
    for part in header.lower().split(","):
        name, _, parameter = part.partition(";")
        if name.strip() in ("gzip", "x-gzip"):
            return parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _is_known(header: str, etag: str) -> bool:
    """Weak comparison of RFC 9110 §13.1.2; proxies that compress mark our tag weak."""
    if header.strip() == "*":
        return True
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    return bool(tags & {etag, f"{etag}-gz"})


def asset_answer(request: web.Request, asset: Asset, *, immutable: bool) -> web.Response:
    """A static file: kept for ever where its address holds its version, else asked for again."""
    control = "public, max-age=31536000, immutable" if immutable else "no-cache"
    etag = etag_of(asset.body)
    response = _answer(request, asset.body, asset.gzipped, etag, asset.media_type, control, ())
    response.headers["Vary"] = "Accept-Encoding"
    return response
