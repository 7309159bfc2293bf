"""Pictures that a form brings along, and pictures that lie elsewhere: taken into the library, and put into a text."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from html import escape

from aiohttp import web

from fedblog.activitypub.urls import host_of, maybe_uri
from fedblog.blog.ledger import Media
from fedblog.blog.model import Writing
from fedblog.errors import Conflict, FedblogError, InvalidInput
from fedblog.federation.pictures import ACCEPT
from fedblog.media.names import PREFIX, PictureKind, file_name
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who
from fedblog.web.studio.forms import Form, Upload

MOST_AT_ONCE = 8
_FETCH_SECONDS = 20.0
_ALT = 1500


async def keep_upload(request: web.Request, who: Who, upload: Upload, kind: PictureKind, alt: str = "") -> Media:
    """Into the library of the person at work. Raises `InvalidInput` in words for them, and what the library raises."""
    library = request.app[SERVICES].library
    data = await asyncio.to_thread(upload.file.read, library.max_bytes + 1)
    return await _add(request, who, data, kind, alt, upload.filename)


async def _add(request: web.Request, who: Who, data: bytes, kind: PictureKind, alt: str, filename: str) -> Media:
    try:
        return await request.app[SERVICES].library.add(
            data, kind=kind, owner_id=who.actor.id, alt=alt, filename=filename
        )
    except Conflict as error:
        # To an editor, a conflict is another version of the text; this is none.
        raise InvalidInput(str(error), reason=error.reason) from error


def markdown_of(picture: Media, alt: str) -> str:
    """What shows the picture in a text."""
    words = " ".join(alt.split()).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return f"![{words}]({PREFIX}{file_name(picture.name)})"


async def with_uploads(request: web.Request, who: Who, form: Form, writing: Writing) -> Writing:
    """The text with the files that the editor's form brought: a picture at its end, a cover."""
    picture, cover = form.upload("picture"), form.upload("cover")
    if picture is not None:
        alt = form.line("picture_alt", limit=10_000)[:_ALT]
        kept = await keep_upload(request, who, picture, PictureKind.PICTURE, alt)
        writing = replace(writing, source=_appended(writing, kept, alt or kept.alt))
    if cover is not None:
        kept = await keep_upload(request, who, cover, PictureKind.PICTURE, writing.image_alt)
        url = request.app[SERVICES].library.url(kept)
        writing = replace(writing, image_url=url, image_alt=writing.image_alt or kept.alt)
    return writing


def _appended(writing: Writing, picture: Media, alt: str) -> str:
    if writing.source_type == "text/html":
        line = f'<p><img src="{PREFIX}{file_name(picture.name)}" alt="{escape(alt)}"></p>'
    else:
        line = markdown_of(picture, alt)
    return f"{writing.source.rstrip()}\n\n{line}\n".lstrip("\n")


async def bring_here(
    request: web.Request, who: Who, writing: Writing, urls: list[str]
) -> tuple[Writing, list[str], list[str]]:
    """Fetches pictures that lie elsewhere and puts ours in their place; what came, and the hosts that gave none."""
    came: list[str] = []
    failed: list[str] = []
    for url in urls[:MOST_AT_ONCE]:
        try:
            kept = await _fetched(request, who, url)
        except FedblogError:
            failed.append(host_of(url) if maybe_uri(url) else url)
            continue
        came.append(url)
        writing = _replaced(writing, url, request.app[SERVICES].library.url(kept), f"{PREFIX}{file_name(kept.name)}")
    return writing, came, failed


async def _fetched(request: web.Request, who: Who, url: str) -> Media:
    uri = maybe_uri(url)
    if uri is None:
        raise InvalidInput("that is no address of a picture", reason="form_url")
    services = request.app[SERVICES]
    answer = await services.client.get(
        uri, accept=f"{ACCEPT}, image/avif", max_bytes=services.library.max_bytes, timeout=_FETCH_SECONDS
    )
    if answer.status != 200:
        raise InvalidInput("there is no picture at that address", reason="form_url")
    return await _add(request, who, answer.body, PictureKind.PICTURE, "", uri.partition("?")[0])


def _replaced(writing: Writing, url: str, ours: str, path: str) -> Writing:
    source = writing.source
    for written in dict.fromkeys((url, escape(url))):
        source = source.replace(written, path)
    return replace(writing, source=source, image_url=ours if writing.image_url == url else writing.image_url)
