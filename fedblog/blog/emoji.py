"""Custom emoji: `:name:` in what somebody wrote, and the picture that their server has for it (FEP-9098).

Only what an object's own `tag` names counts. Of each, rows keep the name and a key; where the picture lies is kept once
a key (`storage/emoji.py`). The server that names it is part of the key: two servers' pictures are never mixed up, and
who isn't heard here any more has none of theirs shown.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2s

MOST = 64  # of one text, or of one person's name
MAX_URL = 2_048
NAME = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
KEY_PATTERN = "[A-Za-z0-9_-]{12}"

Named = tuple[tuple[str, str], ...]  # name and key, as rows hold them


@dataclass(frozen=True, slots=True)
class Emoji:
    """One emoji as a server names it: `host` is the server's, `url` the picture's, wherever that lies."""

    name: str
    url: str
    host: str

    @property
    def key(self) -> str:
        """What the picture is called here."""
        digest = blake2s(f"{self.host}\0{self.url}".encode("utf-8", "replace"), digest_size=9).digest()
        return urlsafe_b64encode(digest).decode("ascii")


def is_kept(url: str) -> bool:
    """Whether a picture's URL is one that is kept: there, and of a sane length."""
    return 0 < len(url) <= MAX_URL


def named(found: Iterable[Emoji]) -> Named:
    """What rows hold of them."""
    return tuple((one.name, one.key) for one in found)
