"""Multibase base58btc, the `z…` spelling of keys and proof values (multiformats; used by FEP-521a and FEP-8b32)."""

from __future__ import annotations

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
MAX_LENGTH = 2048  # an RSA key of 8,192 bits has some 1,420 characters; the work grows with the square


def encode(data: bytes) -> str:
    """Bytes to multibase text, `z` in front."""
    number = int.from_bytes(data)
    digits: list[str] = []
    while number:
        number, remainder = divmod(number, 58)
        digits.append(ALPHABET[remainder])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "z" + "1" * zeros + "".join(reversed(digits))


def decode(text: str) -> bytes:
    """Multibase text to bytes. Raises `ValueError` for another base, a foreign character or too much of it."""
    if not text.startswith("z") or len(text) > MAX_LENGTH:
        raise ValueError("not multibase base58btc")
    digits = text[1:]
    number = 0
    for character in digits:
        value = _VALUES.get(character)
        if value is None:
            raise ValueError("not base58")
        number = number * 58 + value
    zeros = len(digits) - len(digits.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)
