"""What picture files are called, and what their addresses say. A name is chance: nothing of the upload is in it."""

from __future__ import annotations

import re
import secrets
from enum import StrEnum
from typing import NamedTuple

PREFIX = "/media/"
LARGEST = 1600  # the widest variant, and the JPEG that other servers and link cards get
AVATAR_SMALL = 160
_FILE = re.compile(r"([aph][0-9a-f]{20})(?:-([1-9][0-9]{0,3})\.webp|\.jpg)")


class PictureKind(StrEnum):
    """What a picture is for; the value is the first letter of its name."""

    PICTURE = "p"
    AVATAR = "a"  # a square
    HEADER = "h"  # three times as wide as high


class PictureFile(NamedTuple):
    """One file of a picture: `width` names a WebP variant, 0 the JPEG."""

    name: str
    width: int

    @property
    def media_type(self) -> str:
        """The type it is served with, whatever anybody says."""
        return "image/webp" if self.width else "image/jpeg"


def new_name(kind: PictureKind) -> str:
    """A name that nobody guesses: pictures of drafts have addresses, too."""
    return kind.value + secrets.token_hex(10)


def file_name(name: str, width: int = 0) -> str:
    """`NAME-960.webp`, or `NAME.jpg` for width 0."""
    return f"{name}-{width}.webp" if width else f"{name}.jpg"


def parse_file(text: str) -> PictureFile | None:
    """The file that an address ends with; None for whatever we never made."""
    match = _FILE.fullmatch(text)
    return PictureFile(match[1], int(match[2] or 0)) if match else None


def picture_url(base_url: str, name: str, width: int = 0) -> str:
    """Absolute URL of a file."""
    return f"{base_url}{PREFIX}{file_name(name, width)}"


def name_of_url(base_url: str, url: str) -> str:
    """The name of our picture that `url` (absolute, or from the root) shows; "" for any other."""
    if url.startswith((f"{base_url}{PREFIX}", PREFIX)):
        found = parse_file(url.removeprefix(base_url).removeprefix(PREFIX))
        return found.name if found else ""
    return ""
