"""Hands uploads to a process that decodes them: one at a time, with a deadline, and nothing of ours in its hands."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from fedblog.errors import FedblogError, InvalidInput
from fedblog.media.names import PictureKind
from fedblog.media.sniff import may_be_picture

log = logging.getLogger(__name__)

SECONDS = 60.0
_PROBLEMS = {
    "not_a_picture": "This is no picture that can be read: JPEG, PNG, WebP, GIF or AVIF.",
    "too_many_pixels": "This picture is too large: at most 64 million pixels.",
}
_PASSED_ON = ("PATH", "PYTHONPATH", "SYSTEMROOT", "LD_LIBRARY_PATH")


class MediaFailed(FedblogError):
    """A picture can't be worked on now; nothing was kept."""

    status = 503
    reason = "media_failed"


@dataclass(frozen=True, slots=True)
class MadePicture:
    """What became of an upload: `files` by width (0: the JPEG); the size is that of the largest."""

    width: int
    height: int
    blurhash: str
    files: Mapping[int, bytes]


class _Answer(msgspec.Struct):
    problem: str
    width: int
    height: int
    blurhash: str
    files: dict[int, bytes]


class PictureWorker:
    """Makes pictures anew, one at a time: more would only compete for memory."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        self._one = asyncio.Lock()
        self._seconds = seconds

    async def make(self, data: bytes, kind: PictureKind) -> MadePicture:
        """All files of a picture. Raises `InvalidInput` where it is none, `MediaFailed` where it can't be done."""
        if not may_be_picture(data):
            raise InvalidInput(_PROBLEMS["not_a_picture"], reason="media_not_a_picture")
        async with self._one:
            output = await self._run(msgspec.msgpack.encode({"kind": kind.value, "data": data}))
        try:
            answer = msgspec.msgpack.decode(output, type=_Answer)
        except msgspec.DecodeError as exc:
            # It was ended by its limits or broken by the file.
            raise InvalidInput(_PROBLEMS["not_a_picture"], reason="media_not_a_picture") from exc
        if answer.problem == "too_many_pixels":
            raise InvalidInput(_PROBLEMS["too_many_pixels"], reason="media_too_many_pixels")
        if answer.problem or not answer.files:
            raise InvalidInput(_PROBLEMS["not_a_picture"], reason="media_not_a_picture")
        return MadePicture(answer.width, answer.height, answer.blurhash, answer.files)

    async def _run(self, request: bytes) -> bytes:
        return await run_apart("fedblog.media.remake", request, self._seconds)


async def run_apart(module: str, request: bytes, seconds: float) -> bytes:
    """What a module, run as a process of its own, answers; b"" where it took too long or broke.

    Raises `MediaFailed` where there is no process to be had.
    """
    command = (sys.executable, "-P", "-B", "-m", module)
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
        )
    except OSError as exc:
        raise MediaFailed("pictures can't be worked on now") from exc
    try:
        async with asyncio.timeout(seconds):
            output, errors = await process.communicate(request)
    except TimeoutError:
        log.warning("a picture took longer than %s seconds", seconds)
        return b""
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        log.warning("a picture ended its worker (%s): %s", process.returncode, errors[-500:].decode("utf-8", "replace"))
    return output
