"""Static files: read once at start, addressed by the hash of all of them, served from memory.

There is no folder to climb out of and nothing to list (SECURITY 112, 113): what is not in the manifest is not found.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fedblog.errors import NotFound
from fedblog.web.cache import CachedPage, etag_of

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file, as sent."""

    name: str
    media_type: str
    page: CachedPage


class Assets:
    """All files of `fedblog/static`, by name (`style.css`)."""

    def __init__(self, root: Traversable | None = None) -> None:
        found = sorted(
            _walk(root if root is not None else files("fedblog").joinpath("static"), ""), key=lambda a: a.name
        )
        self._by_name = {asset.name: asset for asset in found}
        digest = hashlib.sha256()
        for asset in found:
            digest.update(asset.name.encode() + b"\0" + asset.page.body + b"\0")
        self.version = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Path of a file, with the version in it. Raises `KeyError` for a template's mistake."""
        return f"/static/{self.version}/{self._by_name[name].name}"

    def get(self, name: str) -> Asset:
        """The file of that name. Raises `NotFound`."""
        asset = self._by_name.get(name)
        if asset is None:
            raise NotFound("no such file")
        return asset


def pack_css(text: str) -> str:
    """A stylesheet of ours without comments and needless blanks: a seventh of what every reader's first page weighs.

    No text in quotes may hold `/*`, braces, semicolons, `>` or two blanks.
    """
    text = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
    return re.sub(r"\s*([{};,>])\s*", r"\1", text).replace(": ", ":").replace(";}", "}").strip()


def _walk(folder: Traversable, prefix: str) -> list[Asset]:
    found: list[Asset] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
            continue
        if entry.name[entry.name.rfind(".") :] in MEDIA_TYPES:
            body = entry.read_bytes()
            if entry.name.endswith(".css"):
                body = pack_css(body.decode()).encode()
            found.append(packed(f"{prefix}{entry.name}", body))
    return found


def packed(name: str, body: bytes) -> Asset:
    """A file ready to be sent, its type told by its name."""
    return Asset(name, MEDIA_TYPES[name[name.rfind(".") :]], CachedPage(body, etag_of(body), hard=True))
