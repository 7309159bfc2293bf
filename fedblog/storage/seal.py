"""Private keys lie sealed in the database; the secret that opens them is a file of its own (0600)."""

from __future__ import annotations

import base64
import os
import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from fedblog.errors import ConfigError

SECRET_BYTES = 32


class Sealer:
    """Seals and opens with one secret of 32 bytes (Fernet: AES-128-CBC and HMAC-SHA-256)."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError("the secret has 32 bytes")
        self._fernet = Fernet(base64.urlsafe_b64encode(secret))

    def seal(self, plain: bytes) -> bytes:
        """What may be stored."""
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises `ConfigError` when it was sealed with another secret or was changed."""
        try:
            if not _is_as_written(sealed):
                raise InvalidToken
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise ConfigError(
                "a private key in the database can't be opened with the file `secret` of the data directory: "
                "restore the `secret` that belongs to this database"
            ) from None


def _is_as_written(sealed: bytes) -> bool:
    """Whether base 64 is written in the one way that we write it. Decoders leave out what they don't know, so that one
    sealed thing would have any number of spellings, each new to whoever counts or remembers spellings."""
    try:
        return base64.urlsafe_b64encode(base64.urlsafe_b64decode(sealed)) == sealed
    except ValueError:
        return False


def load_secret(path: Path) -> bytes:
    """The secret in a file; makes one (mode 0600) where there is none. Raises `ConfigError` for a damaged file."""
    if not path.exists():
        _create(path)
    try:
        secret = base64.urlsafe_b64decode(path.read_bytes().strip())
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path}: the secret can't be read: {exc}") from None
    if len(secret) != SECRET_BYTES:
        raise ConfigError(f"{path}: not a secret of 32 bytes in base 64; restore the file from a backup")
    return secret


def _create(path: Path) -> None:
    """Whole or not at all: written beside and linked, so that two processes at once agree on one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink()
