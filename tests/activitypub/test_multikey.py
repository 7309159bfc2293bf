"""Keys between PEM and Multikey."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitypub.multikey import KeyMaterial, read_multibase, read_pem
from tests.shared import fixture, needs_shared

ED25519 = ed25519.Ed25519PrivateKey.generate().public_key()
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()


def pem_of(key: ed25519.Ed25519PublicKey | rsa.RSAPublicKey, form: serialization.PublicFormat) -> str:
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.mark.parametrize("key", [ED25519, RSA])
def test_pem_survives_the_round_trip_through_multibase(key: ed25519.Ed25519PublicKey | rsa.RSAPublicKey) -> None:
    pem = pem_of(key, serialization.PublicFormat.SubjectPublicKeyInfo)
    material = read_pem(pem)
    assert material.pem == pem
    assert read_multibase(material.multibase) == material


def test_KEY_08_pkcs1_pem_becomes_spki() -> None:
    spki = pem_of(RSA, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert read_pem(pem_of(RSA, serialization.PublicFormat.PKCS1)).pem == spki
    assert read_pem("  text before\n" + spki.replace("\n", "\r\n")).pem == spki


@needs_shared
def test_ACT_09_the_vectors_of_fep_521a() -> None:
    ed, rsa_key = fixture("vector-fep521a-multikeys")
    found = KeyMaterial("ed25519", bytes.fromhex(ed["public_key_hex"]))
    assert found.multibase == ed["multikey"]["publicKeyMultibase"]
    assert read_multibase(found.multibase) == found
    found = read_multibase(rsa_key["multikey"]["publicKeyMultibase"])
    assert (found.algorithm, found.raw.hex()) == ("rsa", rsa_key["public_key_pkcs1_der_hex"])
    assert isinstance(serialization.load_pem_public_key(found.pem.encode()), rsa.RSAPublicKey)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        "z6Mk",
        "m6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2do",
        "z0OIl",
        "z" + "1" * 5000,
    ],
)
def test_KEY_08_bad_multibase_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        read_multibase(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nA\n-----END PUBLIC KEY-----",
        "-----BEGIN RSA PUBLIC KEY-----\nMAA=\n-----END RSA PUBLIC KEY-----",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        "-----BEGIN PUBLIC KEY-----\n" + "A" * 900_000 + "\n-----END PUBLIC KEY-----",
    ],
)
def test_KEY_08_bad_pem_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        read_pem(text)


@given(st.text(max_size=100), st.binary(max_size=100))
def test_arbitrary_input_is_a_key_or_a_value_error(text: str, data: bytes) -> None:
    torn = KeyMaterial("rsa", data).pem
    for read, value in ((read_pem, text), (read_multibase, "z" + text), (read_pem, torn)):
        try:
            read(value)
        except ValueError:
            continue
