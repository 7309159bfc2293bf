"""Content codings: which of them an asker takes, and making them. Brotli and zstd where Python or a package has them.

The levels are those at which a page that changes costs a few milliseconds; what never changes is pressed harder.
"""

from __future__ import annotations

import gzip
import importlib
import importlib.util
from collections.abc import Callable
from functools import lru_cache

_Press = Callable[[bytes, bool], bytes]


def _gzip(body: bytes, hard: bool) -> bytes:
    return gzip.compress(body, 9 if hard else 5, mtime=0)


def _brotli(body: bytes, hard: bool) -> bytes:
    pressed: bytes = importlib.import_module("brotli").compress(body, quality=11 if hard else 4)
    return pressed


def _zstd(body: bytes, hard: bool) -> bytes:
    level = 19 if hard else 3
    pressed: bytes
    if _has("compression.zstd"):
        pressed = importlib.import_module("compression.zstd").compress(body, level=level)
    else:
        pressed = importlib.import_module("zstandard").compress(body, level)
    return pressed


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is not there
        return False


def _found() -> dict[str, _Press]:
    found: dict[str, _Press] = {}
    if _has("compression.zstd") or _has("zstandard"):
        found["zstd"] = _zstd
    if _has("brotli"):
        found["br"] = _brotli
    return {**found, "gzip": _gzip}


_PRESSES = _found()
CODINGS = tuple(_PRESSES)
"""The codings that can be made here, the one we like best first."""

_SUFFIXES = {"gzip": "-gz", "br": "-br", "zstd": "-zstd"}


def compress(coding: str, body: bytes, *, hard: bool = False) -> bytes:
    """The body in one of `CODINGS`; CPU work, for a thread."""
    return _PRESSES[coding](body, hard)


def tag_suffix(coding: str) -> str:
    """What the validator of a coded body ends with: it is another representation, so a strong one must differ."""
    return _SUFFIXES.get(coding, "")


@lru_cache(maxsize=256)
def coding_for(header: str) -> str:
    """The best coding that `Accept-Encoding` names without q=0 (RFC 9110 §12.5.3); "" for none."""
    taken = set()
    for part in header.lower().split(","):
        name, _, parameter = part.partition(";")
        if parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            taken.add(name.strip().removeprefix("x-"))
    return next((coding for coding in CODINGS if coding in taken), "")
