"""Places in a list, as opaque text that stays right when something is inserted (COL-05)."""

from __future__ import annotations

import base64
import binascii

from fedblog.errors import NotFound

MAX_LENGTH = 128


def encode(*numbers: int) -> str:
    """A cursor for a position made of numbers."""
    plain = ".".join(str(number) for number in numbers)
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def decode(text: str, count: int) -> tuple[int, ...]:
    """The `count` numbers of a cursor. Raises `NotFound` for anything that `encode` did not make."""
    if len(text) > MAX_LENGTH:
        raise NotFound("no such page")
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        numbers = tuple(int(part) for part in plain.split("."))
    except (ValueError, binascii.Error):
        raise NotFound("no such page") from None
    if len(numbers) != count or any(not 0 <= number < 2**63 for number in numbers) or encode(*numbers) != text:
        raise NotFound("no such page")
    return numbers
