"""Digests of bodies: `Digest` (RFC 3230), `Content-Digest` (RFC 9530), and of follower lists (FEP-8fcf)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from functools import lru_cache

from fedblog.signatures import fields
from fedblog.signatures.model import Reason, SignatureRefused

_REMEMBERED = 16  # one activity goes out to many inboxes
_HASHES = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


@lru_cache(_REMEMBERED)
def make_digest(body: bytes) -> str:
    """Value of a `Digest` header: one `SHA-256=`, as the strictest peers want it (OUT-02)."""
    return _digest_of(body)


def _digest_of(body: bytes) -> str:
    return f"SHA-256={binascii.b2a_base64(hashlib.sha256(body).digest(), newline=False).decode()}"


@lru_cache(_REMEMBERED)
def make_content_digest(body: bytes) -> str:
    """Value of a `Content-Digest` header with sha-256, the one algorithm that all peers take."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def check_digest(value: str | None, body: bytes) -> None:
    """Holds a `Digest` header against the body (SIG-11).

    Every entry with a known algorithm must match and there must be one. Raises `SignatureRefused` (401).
    """
    if value is None:
        raise SignatureRefused(Reason.DIGEST_MISSING)
    if value == _digest_of(body):  # how nearly all write it
        return
    known = 0
    for entry in value.split(","):
        name, _, encoded = entry.strip(" \t").partition("=")
        algorithm = name.strip(" \t").lower()
        if algorithm not in _HASHES:
            continue
        known += 1
        _compare(algorithm, _decode(encoded.strip(" \t")), body)
    if not known:
        raise SignatureRefused(Reason.DIGEST_UNSUPPORTED)


def check_content_digest(value: str | None, body: bytes) -> None:
    """Holds a `Content-Digest` header against the body (SIG-12).

    Raises `SignatureRefused`: 400 where it is no dictionary of byte sequences, 401 for a mismatch, none or unknown
    algorithms only.
    """
    if value is None:
        raise SignatureRefused(Reason.DIGEST_MISSING)
    members = fields.parse_dictionary(value, malformed=Reason.DIGEST_MALFORMED)
    known = 0
    for algorithm, member in members.items():
        digest = fields.bare(member)
        if not isinstance(digest, bytes):
            raise SignatureRefused(Reason.DIGEST_MALFORMED)
        if algorithm in _HASHES:
            known += 1
            _compare(algorithm, digest, body)
    if not known:
        raise SignatureRefused(Reason.DIGEST_UNSUPPORTED)


def followers_digest(ids: Iterable[str]) -> str:
    """Digest of a follower list: XOR of the SHA-256 of each id, 64 lower-case hex digits (FEP-8fcf)."""
    total = 0
    for follower in set(ids):
        total ^= int.from_bytes(hashlib.sha256(follower.encode()).digest())
    return f"{total:064x}"


def _decode(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise SignatureRefused(Reason.DIGEST_MISMATCH) from exc


def _compare(algorithm: str, digest: bytes, body: bytes) -> None:
    if not hmac.compare_digest(_HASHES[algorithm](body).digest(), digest):
        raise SignatureRefused(Reason.DIGEST_MISMATCH)
