"""Public keys between their spellings: PEM (SPKI or PKCS#1) and Multikey (FEP-521a, W3C Controlled Identifiers §2.2.2).

Only the wrapping is read here, never the numbers inside: whether a key is strong and whole is decided by
`signatures/keys.py` when it is used. RFC 5280 §4.1 (SubjectPublicKeyInfo), RFC 8017 A.1.1, RFC 8410 §4.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Literal, NamedTuple

from fedblog.activitypub import base58

KeyAlgorithm = Literal["rsa", "ed25519"]

MAX_PEM = 8192
_MULTICODEC: dict[KeyAlgorithm, bytes] = {"ed25519": b"\xed\x01", "rsa": b"\x85\x24"}
_ALGORITHM_DER: dict[KeyAlgorithm, bytes] = {
    "ed25519": bytes.fromhex("300506032b6570"),
    "rsa": bytes.fromhex("300d06092a864886f70d0101010500"),
}
_SEQUENCE, _BIT_STRING = 0x30, 0x03
_PEM = re.compile(r"-----BEGIN (RSA )?PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END (?:RSA )?PUBLIC KEY-----")


class KeyMaterial(NamedTuple):
    """A public key's algorithm and its bare bytes: 32 for Ed25519, a PKCS#1 RSAPublicKey (DER) for RSA."""

    algorithm: KeyAlgorithm
    raw: bytes

    @property
    def pem(self) -> str:
        """SPKI PEM with a closing newline."""
        der = _tlv(_SEQUENCE, _ALGORITHM_DER[self.algorithm] + _tlv(_BIT_STRING, b"\0" + self.raw))
        text = base64.b64encode(der).decode()
        lines = [text[start : start + 64] for start in range(0, len(text), 64)]
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])

    @property
    def multibase(self) -> str:
        """`z…` with the multicodec prefix: what `publicKeyMultibase` holds."""
        return base58.encode(_MULTICODEC[self.algorithm] + self.raw)


def read_pem(pem: str) -> KeyMaterial:
    """An RSA or Ed25519 public key in PEM. Raises `ValueError` for anything else."""
    match = _PEM.search(pem) if len(pem) <= MAX_PEM else None
    if match is None:
        raise ValueError("no public key in PEM")
    try:
        der = base64.b64decode("".join(match[2].split()), validate=True)
    except binascii.Error as exc:
        raise ValueError("broken base64 in PEM") from exc
    if match[1]:
        return KeyMaterial("rsa", _whole_sequence(der))
    body = _content(der, _SEQUENCE)
    for algorithm, identifier in _ALGORITHM_DER.items():
        if body.startswith(identifier):
            bits = _content(body[len(identifier) :], _BIT_STRING)
            return _material(algorithm, bits[1:])
    raise ValueError("neither RSA nor Ed25519")


def read_multibase(text: str) -> KeyMaterial:
    """A Multikey's `publicKeyMultibase`. Raises `ValueError` for another base, another kind of key or a torn one."""
    data = base58.decode(text)
    for algorithm, prefix in _MULTICODEC.items():
        if data.startswith(prefix):
            return _material(algorithm, data[len(prefix) :])
    raise ValueError("neither RSA nor Ed25519")


def _material(algorithm: KeyAlgorithm, raw: bytes) -> KeyMaterial:
    if algorithm == "ed25519" and len(raw) != 32:
        raise ValueError("an Ed25519 key has 32 bytes")
    return KeyMaterial(algorithm, raw if algorithm == "ed25519" else _whole_sequence(raw))


def _whole_sequence(der: bytes) -> bytes:
    _content(der, _SEQUENCE)
    return der


def _tlv(tag: int, content: bytes) -> bytes:
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def _content(der: bytes, tag: int) -> bytes:
    """The content of one DER value that fills `der` exactly."""
    if len(der) < 2 or der[0] != tag:
        raise ValueError("not the DER that was expected")
    start, length = 2, der[1]
    if length & 0x80:
        count = length & 0x7F
        start, length = 2 + count, int.from_bytes(der[2 : 2 + count])
    if len(der) != start + length or length == 0:
        raise ValueError("torn DER")
    return der[start:]
