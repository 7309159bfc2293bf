"""Keys in all spellings, and hostile ones."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitypub import base58
from fedblog.activitypub.urls import Uri
from fedblog.errors import InvalidInput
from fedblog.signatures.keys import (
    InvalidKey,
    PrivateKey,
    PublicKey,
    generate_ed25519,
    parse_multibase,
    parse_public_pem,
    private_from_pem,
    private_to_pem,
)
from tests.shared import fixture, needs_shared
from tests.signatures.support import ED25519_ID, RSA_ID, ed25519_key, key_of, patient, rsa_key

OWNER = Uri("https://peer.example/users/p")


def der(tag: int, content: bytes) -> bytes:
    """One DER element."""
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(value: int) -> bytes:
    return der(2, value.to_bytes(value.bit_length() // 8 + 1))


def pkcs1_pem(modulus: int, exponent: int) -> str:
    """PKCS#1 PEM of any numbers, sane or not."""
    data = base64.b64encode(der(0x30, integer(modulus) + integer(exponent))).decode()
    return f"-----BEGIN RSA PUBLIC KEY-----\n{data}\n-----END RSA PUBLIC KEY-----\n"


def modulus_of(bits: int) -> int:
    return (1 << (bits - 1)) | 1


def read(pem: Any) -> PublicKey:
    return parse_public_pem(pem, RSA_ID, OWNER)


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_KEY_08_round_trips(algorithm: str) -> None:
    key = key_of(algorithm)
    public = key.public
    assert public.owner == OWNER
    assert public.algorithm == algorithm
    assert parse_public_pem(public.pem, key.key_id, OWNER) == public
    assert parse_multibase(public.multibase, key.key_id, OWNER) == public
    again = private_from_pem(private_to_pem(key), key.key_id)
    assert public.verifies(again.sign(b"data"), b"data")
    assert not public.verifies(again.sign(b"data"), b"Data")
    assert "PRIVATE" not in repr(key)


def test_KEY_08_pkcs1_pem_and_untidy_pem_are_read() -> None:
    key = rsa_key().public
    assert isinstance(key.key, RSAPublicKey)
    pkcs1 = key.key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1).decode()
    assert read(pkcs1) == key
    assert read(f"\n  {key.pem.strip()}  \n\n") == key
    assert read(key.pem.replace("\n", "\r\n")) == key


@pytest.mark.parametrize("bits", [2048, 3072, 4096, 8192])
def test_KEY_08_rsa_sizes_that_are_taken(bits: int) -> None:
    assert read(pkcs1_pem(modulus_of(bits), 65537)).algorithm == "rsa"


@pytest.mark.parametrize("bits", [512, 1024, 2047, 8193, 16384, 65536])
@pytest.mark.proves("SEC-020")
def test_KEY_08_rsa_sizes_that_are_refused(bits: int) -> None:
    with pytest.raises(InvalidKey):
        read(pkcs1_pem(modulus_of(bits), 65537))


@pytest.mark.parametrize("exponent", [0, 1, 2, 4, 65536, 2**32 + 1, 2**64 + 1, 2**2000 + 1])
@pytest.mark.proves("SEC-020")
def test_KEY_08_exponents_that_are_refused(exponent: int) -> None:
    with pytest.raises(InvalidKey):
        read(pkcs1_pem(modulus_of(2048), exponent))


def test_KEY_08_smallest_and_greatest_exponents() -> None:
    for exponent in (3, 2**32 - 1):
        key = read(pkcs1_pem(modulus_of(2048), exponent)).key
        assert isinstance(key, RSAPublicKey)
        assert key.public_numbers().e == exponent


@pytest.mark.parametrize("modulus", [1 << 2047, 3 << 2046, (1 << 2048) - 1, modulus_of(8192)])
@pytest.mark.parametrize("signature", [b"", b"\0" * 256, b"\xff" * 256, b"\1" * 255, b"a" * 1024])
def test_KEY_08_numbers_that_are_no_rsa_key_verify_nothing_and_break_nothing(modulus: int, signature: bytes) -> None:
    assert not read(pkcs1_pem(modulus, 65537)).verifies(signature, b"data")


def foreign_pems() -> list[str]:
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return [
        ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(*form).decode(),
        x25519.X25519PrivateKey.generate().public_key().public_bytes(*form).decode(),
    ]


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "garbage",
        "\u00e9",
        None,
        7,
        [],
        "A" * 900_000,
        "-----BEGIN PUBLIC KEY-----\n" + "A" * 900_000,
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\n" + "QUJD\n" * 3000 + "-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        *foreign_pems(),
    ],
    ids=lambda pem: repr(pem)[:30],
)
@pytest.mark.proves("SEC-020")
def test_KEY_08_hostile_pem_is_refused(pem: Any) -> None:
    with pytest.raises(InvalidKey) as caught:
        read(pem)
    assert caught.value.reason == "key_invalid"
    assert isinstance(caught.value, InvalidInput)


@pytest.mark.proves("SEC-020")
def test_KEY_08_private_key_in_place_of_a_public_one_is_refused() -> None:
    for key in (rsa_key(), ed25519_key()):
        with pytest.raises(InvalidKey):
            read(private_to_pem(key))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        None,
        7,
        "u7QEB",
        "z6Mk",
        "z0OIl",
        "z" + "1" * 3000,
        base58.encode(b"\xed\x01" + b"a" * 31),
        base58.encode(b"\xed\x01" + b"a" * 33),
        base58.encode(b"\x85\x24garbage"),
        base58.encode(b"\x80\x24" + b"a" * 33),
        base58.encode(b"\x85\x24" + bytes.fromhex("302a300506032b6570032100") + b"a" * 32),
        base58.encode(b"\xed\x01" + b"a" * 32)[1:],
    ],
)
def test_KEY_08_hostile_multibase_is_refused(text: Any) -> None:
    with pytest.raises(InvalidKey):
        parse_multibase(text, ED25519_ID, OWNER)


@pytest.mark.parametrize(
    "pem", ["", "garbage", "-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----", "\u00e9"]
)
def test_private_pem_that_cannot_be_read(pem: str) -> None:
    with pytest.raises(InvalidKey):
        private_from_pem(pem, RSA_ID)


def test_private_pem_of_another_kind_is_refused() -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(InvalidKey):
        private_from_pem(pem.decode(), RSA_ID)


def test_whether_the_numbers_of_an_rsa_key_belong_together_is_looked_at_unless_told_not_to() -> None:
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
    odd = rsa.RSAPrivateNumbers(
        numbers.p, numbers.q, numbers.d + 2, numbers.dmp1 + 2, numbers.dmq1, numbers.iqmp, numbers.public_numbers
    )
    pem = private_to_pem(PrivateKey(RSA_ID, "rsa", odd.private_key(unsafe_skip_rsa_key_validation=True)))
    with pytest.raises(InvalidKey):
        private_from_pem(pem, RSA_ID)
    assert private_from_pem(pem, RSA_ID, check=False).algorithm == "rsa"


def test_generated_keys_differ() -> None:
    assert generate_ed25519(ED25519_ID).public != generate_ed25519(ED25519_ID).public


@patient
@given(st.binary(max_size=80))
def test_base58_round_trip(data: bytes) -> None:
    assert base58.decode(base58.encode(data)) == data


@patient
@given(st.text(max_size=200))
def test_KEY_08_no_text_breaks_the_readers(text: str) -> None:
    for candidate in (text, "z" + text, f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----"):
        with pytest.raises(InvalidKey):
            read(candidate)
        with pytest.raises(InvalidKey):
            parse_multibase(candidate, RSA_ID, OWNER)


@needs_shared
def test_KEY_08_fedify_person_with_two_keys_one_of_them_bad() -> None:
    person = fixture("fedify-person-two-keys")
    bad, good = person["assertionMethod"]
    with pytest.raises(InvalidKey):
        parse_multibase(bad["publicKeyMultibase"], Uri(bad["id"]), Uri(bad["controller"]))
    key = parse_multibase(good["publicKeyMultibase"], Uri(good["id"]), Uri(good["controller"]))
    assert key.multibase == good["publicKeyMultibase"]
    listed = person["publicKey"]
    assert parse_public_pem(listed["publicKeyPem"], Uri(listed["id"]), Uri(listed["owner"])).algorithm == "rsa"
