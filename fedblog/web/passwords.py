"""Passwords: argon2id in a small pool of threads, so that a burst of log-ins can't take the processor or the memory.

Parameters are those of the OWASP password storage cheat sheet (19 MiB, two passes, one lane).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

from fedblog.errors import InvalidInput, StorageUnavailable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH: Final = 10
MAX_LENGTH: Final = 500
T = TypeVar("T")
# The hash of a password that was thrown away, with the parameters below: what unknown names are checked against.
NOBODY: Final = "$argon2id$v=19$m=19456,t=2,p=1$EgQIV/dyFa/iEFeb/DsQdQ$guTl0QYnSDR3iMRjGFWyeZwE+3HmeHGl78uOeMLotks"


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher, Type  # loaded by the first log-in

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, type=Type.ID)


def check_new_password(password: str) -> None:
    """Refuse what is too short or absurdly long; everything else is the person's choice (NIST SP 800-63B).

    Raises `InvalidInput` with reason `password_short` or `password_long`.
    """
    if len(password) < MIN_LENGTH:
        raise InvalidInput(f"A password has at least {MIN_LENGTH} characters.", reason="password_short")
    if len(password) > MAX_LENGTH:
        raise InvalidInput(f"A password has at most {MAX_LENGTH} characters.", reason="password_long")


def hash_password(password: str) -> str:
    """The argon2id hash to keep, with its parameters and salt; takes tens of milliseconds (command line, set-up)."""
    return _hasher().hash(password)


def _matches(stored: str, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


class Passwords:
    """Hashing and checking beside the event loop; at most `threads` at a time and `waiting` in line."""

    def __init__(self, *, threads: int = 2, waiting: int = 32) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="password")
        self._places = threads + waiting
        self._taken = 0

    async def hash(self, password: str) -> str:
        """Hash of a new password; raises `InvalidInput` where it can't be one, `StorageUnavailable` when overrun."""
        check_new_password(password)
        return await self._in_pool(hash_password, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` belongs to `stored`. None (no such account) costs the same time and is always False."""
        if len(password) > MAX_LENGTH:
            return False
        if stored is None:
            await self._in_pool(_matches, NOBODY, password)
            return False
        return await self._in_pool(_matches, stored, password)

    def close(self) -> None:
        """Let running work end and take no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _in_pool(self, work: Callable[..., T], *args: str) -> T:
        if self._taken >= self._places:
            raise StorageUnavailable("too many log-ins at once; try again in a moment", reason="busy")
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        finally:
            self._taken -= 1
