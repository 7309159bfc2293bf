"""Keys: RSA and Ed25519, read from PEM and Multikey, bounded before any arithmetic (KEY-08, SECURITY 20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key

from fedblog.activitypub import base58
from fedblog.activitypub.urls import Uri, without_fragment
from fedblog.errors import InvalidInput

Algorithm = Literal["rsa", "ed25519"]
HashName = Literal["sha256", "sha512"]

MAX_PEM_LENGTH = 16 * 1024
MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
MAX_RSA_EXPONENT = 2**32

# multicodec prefixes (unsigned varint) of public keys: ed25519-pub and rsa-pub
_ED25519_PREFIX = b"\xed\x01"
_RSA_PREFIX = b"\x85\x24"
_PEM_BEGINNINGS = ("-----BEGIN PUBLIC KEY-----", "-----BEGIN RSA PUBLIC KEY-----")


_PKCS1, _SHA256, _SHA512 = padding.PKCS1v15(), hashes.SHA256(), hashes.SHA512()


class InvalidKey(InvalidInput):
    """Key material that can't or won't be used."""

    reason = "key_invalid"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key and who it belongs to: `key_id` is its URL, `owner` the actor that lists it."""

    key_id: Uri
    owner: Uri
    algorithm: Algorithm
    key: RSAPublicKey | Ed25519PublicKey

    @property
    def pem(self) -> str:
        """SubjectPublicKeyInfo PEM, as `publicKeyPem` has it."""
        return self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()

    @property
    def multibase(self) -> str:
        """`publicKeyMultibase` of a Multikey (FEP-521a): z6Mk… for Ed25519, z4MX… for RSA."""
        if isinstance(self.key, Ed25519PublicKey):
            return base58.encode(_ED25519_PREFIX + self.key.public_bytes_raw())
        der = self.key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        return base58.encode(_RSA_PREFIX + der)

    def verifies(self, signature: bytes, data: bytes, hash_name: HashName = "sha256") -> bool:
        """Whether `signature` is this key's over `data`; RSA is PKCS#1 v1.5 with that hash, Ed25519 ignores it."""
        try:
            # By name: these types are abstract classes, and asking for one costs as much as hashing what was signed.
            if self.algorithm == "ed25519":
                cast("Ed25519PublicKey", self.key).verify(signature, data)
            else:
                cast("RSAPublicKey", self.key).verify(
                    signature, data, _PKCS1, _SHA256 if hash_name == "sha256" else _SHA512
                )
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """One of our own keys; never logged, `repr` leaves the key itself to its library, which hides it."""

    key_id: Uri
    algorithm: Algorithm
    key: RSAPrivateKey | Ed25519PrivateKey

    @property
    def public(self) -> PublicKey:
        """The public half; the owner is the document that holds the key id's fragment."""
        return PublicKey(self.key_id, without_fragment(self.key_id), self.algorithm, self.key.public_key())

    def sign(self, data: bytes) -> bytes:
        """RSA: PKCS#1 v1.5 with SHA-256; Ed25519: as it is."""
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(data)
        return self.key.sign(data, _PKCS1, _SHA256)


def parse_public_pem(pem: str, key_id: Uri, owner: Uri) -> PublicKey:
    """A public key out of SPKI or PKCS#1 PEM text. Raises `InvalidKey`."""
    if not isinstance(pem, str) or len(pem) > MAX_PEM_LENGTH:
        raise InvalidKey("the key is no PEM text of usable size")
    text = pem.strip()
    if not text.isascii() or not text.startswith(_PEM_BEGINNINGS):
        raise InvalidKey("the key is no PEM public key")
    try:
        key = serialization.load_pem_public_key(text.encode("ascii"))
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise InvalidKey("the PEM public key can't be read") from exc
    return _public_key(key, key_id, owner)


def parse_multibase(text: str, key_id: Uri, owner: Uri) -> PublicKey:
    """A public key out of `publicKeyMultibase`: Ed25519 (ed01) or RSA as PKCS#1 DER (8524). Raises `InvalidKey`."""
    try:
        data = base58.decode(text) if isinstance(text, str) else b""
        if data.startswith(_ED25519_PREFIX):
            return _public_key(Ed25519PublicKey.from_public_bytes(data[2:]), key_id, owner)
        if data.startswith(_RSA_PREFIX):
            key = serialization.load_der_public_key(data[2:])
            return _public_key(key if isinstance(key, RSAPublicKey) else None, key_id, owner)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise InvalidKey("the multibase key can't be read") from exc
    raise InvalidKey("neither an Ed25519 nor an RSA Multikey")


def _public_key(key: object, key_id: Uri, owner: Uri) -> PublicKey:
    if isinstance(key, Ed25519PublicKey):
        return PublicKey(key_id, owner, "ed25519", key)
    if not isinstance(key, RSAPublicKey):
        raise InvalidKey("neither an RSA nor an Ed25519 key")
    if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise InvalidKey(f"RSA keys have {MIN_RSA_BITS} to {MAX_RSA_BITS} bits here")
    # even ones and those under 3 the library refuses already
    if key.public_numbers().e > MAX_RSA_EXPONENT:
        raise InvalidKey("unusable RSA exponent")
    return PublicKey(key_id, owner, "rsa", key)


def generate_rsa(key_id: Uri) -> PrivateKey:
    """A new RSA key of 2,048 bits: what every peer can verify. Takes some 100 ms of CPU."""
    return PrivateKey(key_id, "rsa", generate_private_key(public_exponent=65537, key_size=MIN_RSA_BITS))


def generate_ed25519(key_id: Uri) -> PrivateKey:
    """A new Ed25519 key, for object proofs and for peers that say they take it."""
    return PrivateKey(key_id, "ed25519", Ed25519PrivateKey.generate())


def private_to_pem(key: PrivateKey) -> str:
    """PKCS#8 PEM without a passphrase."""
    return key.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def private_from_pem(pem: str, key_id: Uri, *, check: bool = True) -> PrivateKey:
    """One of our own keys back from PEM. Raises `InvalidKey`.

    `check=False` believes that its numbers belong together, which for RSA takes 36 ms of CPU to find out.
    """
    try:
        key = serialization.load_pem_private_key(
            pem.encode("ascii"), password=None, unsafe_skip_rsa_key_validation=not check
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise InvalidKey("the private key can't be read") from exc
    if isinstance(key, Ed25519PrivateKey):
        return PrivateKey(key_id, "ed25519", key)
    if isinstance(key, RSAPrivateKey):
        return PrivateKey(key_id, "rsa", key)
    raise InvalidKey("neither an RSA nor an Ed25519 key")
