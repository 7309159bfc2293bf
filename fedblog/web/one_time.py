"""One-time codes of an authenticator app (TOTP, RFC 6238), and recovery codes for the day the phone is lost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

SECRET_BYTES: Final = 20
DIGITS: Final = 6
STEP: Final = 30
RECOVERY_CODES: Final = 10
_RECOVERY_LENGTH: Final = 16


def new_secret() -> bytes:
    """160 bits, as RFC 4226 asks for (R6)."""
    return secrets.token_bytes(SECRET_BYTES)


def as_text(secret: bytes) -> str:
    """As people type it into an app: base 32 in groups of four."""
    text = base64.b32encode(secret).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def as_uri(secret: bytes, account: str, issuer: str) -> str:
    """What the picture for the app's camera says (the key URI format that all apps read)."""
    return _totp(secret).get_provisioning_uri(account, issuer.replace(":", " "))


def matching_step(secret: bytes, code: str, now: float) -> int | None:
    """The time step that a code is of: this one, the one before or after (RFC 6238 5.2); None for a wrong code."""
    steps = [int(now) // STEP + drift for drift in (0, -1, 1)]
    totp, given = _totp(secret), code.encode("utf-8", "replace")
    found = [step for step in steps if step >= 0 and hmac.compare_digest(totp.generate(step * STEP), given)]
    return found[0] if found else None


def tidy(typed: str) -> str:
    """A code as it was typed, without blanks and dashes, in small letters and ASCII digits."""
    kept = "".join(char for char in unicodedata.normalize("NFKC", typed) if char.isalnum())
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in kept).lower()


def is_recovery(tidied: str) -> bool:
    """Whether that looks like a recovery code rather than the app's."""
    return len(tidied) == _RECOVERY_LENGTH


def new_recovery_codes() -> list[str]:
    """Ten codes of 80 bits each: `abcd-efgh-ijkl-mnop`."""
    made = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    return ["-".join(code[at : at + 4] for at in range(0, _RECOVERY_LENGTH, 4)) for code in made]


def hash_recovery(code: str) -> str:
    """What is kept of a recovery code: 80 bits of chance can't be guessed from their hash."""
    return hashlib.sha256(b"fedblog recovery " + tidy(code).encode("utf-8", "replace")).hexdigest()


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP)  # noqa: S303 - what authenticator apps speak; HMAC needs no collisions
