"""Reading a submitted form from the wire: bounded in size and time, UTF-8 and nothing else.

The library decodes with whatever charset a sender names, and some take time that grows with the square of the text;
what it can't read it answers with errors of every kind. Forms are open to strangers, so they are read here.
"""

from __future__ import annotations

import asyncio
from tempfile import SpooledTemporaryFile
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web
from aiohttp.web_request import FileField
from multidict import MultiDict, MultiDictProxy

from fedblog.errors import Refused

FORM_SECONDS: Final = 60
MAX_FIELDS: Final = 200
SPOOLED_BYTES: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024
_NONE: Final = MultiDictProxy[Any](MultiDict())


async def read_form(request: web.Request) -> MultiDictProxy[Any]:
    """The fields of a form, urlencoded or multipart; files come as `FileField`, another kind of body as no fields.

    Raises `Refused`: 400 for what can't be read, 408 for a trickle, 413 over the application's `client_max_size`.
    """
    try:
        async with asyncio.timeout(FORM_SECONDS):
            if request.content_type == "application/x-www-form-urlencoded":
                return MultiDictProxy(_fields(await request.read()))
            if request.content_type == "multipart/form-data":
                return MultiDictProxy(await _parts(request))
            return _NONE
    except TimeoutError:
        raise Refused("the form took too long", reason="form_too_slow", status=408) from None
    except web.HTTPRequestEntityTooLarge:
        raise _too_large() from None
    except (ValueError, RuntimeError, AssertionError) as exc:
        raise Refused("this form can't be read", reason="form_unreadable") from exc


def _fields(body: bytes) -> MultiDict[Any]:
    text = body.decode("utf-8")
    return MultiDict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS))


async def _parts(request: web.Request) -> MultiDict[Any]:
    found: MultiDict[Any] = MultiDict()
    left = request.client_max_size
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or part.name is None or len(found) >= MAX_FIELDS:
            raise ValueError("a part that no form has")
        kept = SpooledTemporaryFile[bytes](max_size=SPOOLED_BYTES)
        while chunk := await part.read_chunk(_CHUNK):
            left -= len(chunk)
            if left < 0:
                kept.close()
                raise _too_large()
            await _write(kept, chunk)
        kept.seek(0)
        if part.filename is None:
            with kept:
                found.add(part.name, kept.read().decode("utf-8"))
        else:
            media_type = part.headers.get("Content-Type", "application/octet-stream")
            found.add(part.name, FileField(part.name, part.filename, kept, media_type, part.headers))
    return found


async def _write(kept: SpooledTemporaryFile[bytes], chunk: bytes) -> None:
    """In a thread once it goes to disk."""
    if kept.tell() + len(chunk) > SPOOLED_BYTES:
        await asyncio.to_thread(kept.write, chunk)
    else:
        kept.write(chunk)


def _too_large() -> Refused:
    return Refused("the form is too large", reason="body_too_large", status=413)
