"""Every vector of the shared set, by what its index entry expects."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from fedblog.activitypub import base58
from fedblog.activitypub.urls import Uri
from fedblog.signatures import cavage, fields, rfc9421
from fedblog.signatures.components import read_components, signature_base
from fedblog.signatures.digest import followers_digest
from fedblog.signatures.headers import HeaderTable
from fedblog.signatures.keys import (
    InvalidKey,
    PublicKey,
    generate_ed25519,
    parse_multibase,
    parse_public_pem,
    private_from_pem,
    private_to_pem,
)
from fedblog.signatures.model import SignatureRefused
from fedblog.signatures.proofs import create_proof, proof_key_id, verify_proof
from fedblog.signatures.verify import check_claim, read_claims
from tests.shared import fixture, fixture_index, needs_shared
from tests.signatures.support import NOW, vector_key, vector_request, verify

pytestmark = needs_shared


def vectors(*expects: str) -> list[str]:
    return [
        entry["file"] for entry in fixture_index() if entry["file"].startswith("vector-") and entry["expect"] in expects
    ]


def http(names: list[str]) -> list[str]:
    return [name for name in names if "fep" not in name]


def test_every_vector_is_used_by_a_test_here() -> None:
    known = {"verified", "refused", "primitive-valid", "computed", "read"}
    found = {entry["expect"] for entry in fixture_index() if entry["file"].startswith("vector-")}
    assert found <= known
    assert len(http(vectors("verified"))) > 20
    assert len(http(vectors("refused"))) > 20


@pytest.mark.parametrize("name", http(vectors("verified")))
def test_SIG_04_SIG_05_SIG_07_SIG_08_SIG_13_vector_is_verified(name: str) -> None:
    vector = fixture(name)
    verify(vector_request(vector), vector_key(vector["key"]), now=vector["now"])


@pytest.mark.parametrize("name", http(vectors("refused")))
def test_SIG_01_vector_is_refused(name: str) -> None:
    vector = fixture(name)
    assert vector["expected_verified"] is False
    with pytest.raises(SignatureRefused) as caught:
        verify(vector_request(vector), vector_key(vector["key"]), now=vector["now"])
    assert caught.value.status in {400, 401}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("vector-style-post-digest-mismatch", "digest_mismatch"),
        ("vector-style-post-digest-one-of-two-wrong", "digest_mismatch"),
        ("vector-style-post-digest-not-covered", "coverage_insufficient"),
        ("vector-style-post-no-host", "coverage_insufficient"),
        ("vector-style-post-no-target", "coverage_insufficient"),
        ("vector-style-post-date-13h-old", "too_old"),
        ("vector-style-created-with-rsa-sha256", "created_with_rsa"),
        ("vector-style-rfc9421-expired", "expired"),
        ("vector-style-rfc9421-no-content-digest", "coverage_insufficient"),
        ("vector-style-rfc9421-content-digest-mismatch", "digest_mismatch"),
        ("vector-style-rfc9421-alg-contradicts-key", "algorithm_unsupported"),
        ("vector-mastodon-rfc9421-with-a-malformed-content-digest-header", "digest_malformed"),
        ("vector-mastodon-cavage-with-an-unparsable-date", "date_unparsable"),
        ("vector-mastodon-cavage-with-an-acct-key-id", "key_id_invalid"),
        ("vector-mastodon-cavage-with-mismatching-query-string", "signature_invalid"),
        ("vector-mastodon-rfc9421-with-a-tampered-path-in-a-post-request", "signature_invalid"),
    ],
)
def test_SIG_05_SIG_06_SIG_11_SIG_12_SIG_14_SIG_16_vector_is_refused_for_the_right_reason(name: str, code: str) -> None:
    vector = fixture(name)
    with pytest.raises(SignatureRefused) as caught:
        verify(vector_request(vector), vector_key(vector["key"]), now=vector["now"])
    assert caught.value.reason == code


def base_of(vector: dict[str, Any]) -> tuple[bytes, bytes]:
    """The base string and the signature, policy left aside."""
    request = vector_request(vector)
    table = HeaderTable.of(request)
    if vector["scheme"] == "rfc9421":
        [(label, member)] = fields.parse_dictionary(table.get("signature-input") or "").items()
        signature = fields.bare(fields.parse_dictionary(table.get("signature") or "")[label])
        assert isinstance(signature, bytes)
        components = read_components(fields.bare(member))
        return signature_base(request, table, components, fields.serialise(member)), signature
    parameters = cavage.parse_parameters(cavage.signature_value(table) or "")
    base = cavage.signing_string(request.method, request.target, table, parameters)
    return base, parameters.signature


@pytest.mark.parametrize("name", http(vectors("primitive-valid")))
def test_SIG_17_base_string_of_the_specifications(name: str) -> None:
    vector = fixture(name)
    base, signature = base_of(vector)
    assert base.decode() == vector.get("signing_string", vector.get("signature_base"))
    key = serialization.load_pem_public_key(vector["key"]["publicKeyPem"].encode())
    if isinstance(key, Ed25519PublicKey):
        key.verify(signature, base)
    elif vector["algorithm"] == "rsa-pss-sha512":
        assert isinstance(key, RSAPublicKey)
        key.verify(signature, base, padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())
    else:
        assert isinstance(key, RSAPublicKey)
        key.verify(signature, base, padding.PKCS1v15(), hashes.SHA256())
    with pytest.raises(SignatureRefused):  # right, and still not enough for us
        read_claims(vector_request(vector), now=vector["now"])


STYLES = [name for name in http(vectors("verified", "refused")) if "style" in name and "query-without" not in name]


@pytest.mark.parametrize("name", STYLES)
def test_SIG_17_base_string_as_its_maker_had_it(name: str) -> None:
    vector = fixture(name)
    assert base_of(vector)[0].decode() == vector.get("signing_string", vector.get("signature_base"))


def test_SIG_08_base_string_without_the_query_is_the_alternate() -> None:
    vector = fixture("vector-style-get-query-without")
    [claim] = read_claims(vector_request(vector), now=vector["now"])
    assert [base.decode() for base in claim.alternates] == [vector["signing_string"]]


def test_KEY_08_rsa_of_1024_bits_is_refused() -> None:
    key = fixture("vector-cavage-c1-default")["key"]
    with pytest.raises(InvalidKey, match="2048"):
        parse_public_pem(key["publicKeyPem"], Uri("https://a.example/k"), Uri("https://a.example"))


def proof_key(vector: dict[str, Any]) -> PublicKey:
    [listed] = vector["actor"]["assertionMethod"]
    return parse_multibase(listed["publicKeyMultibase"], Uri(listed["id"]), Uri(listed["controller"]))


@pytest.mark.parametrize("name", [n for n in vectors("verified", "refused") if "fep8b32" in n])
def test_INB_27_proof_vector(name: str) -> None:
    vector = fixture(name)
    assert proof_key_id(vector["document"]) == vector["document"]["proof"]["verificationMethod"]
    if vector["expected_verified"]:
        verify_proof(vector["document"], proof_key(vector), now=NOW)
    else:
        with pytest.raises(SignatureRefused) as caught:
            verify_proof(vector["document"], proof_key(vector), now=NOW)
        assert caught.value.reason.startswith("proof_")


def test_OUT_10_proof_comes_out_as_the_fep_prints_it() -> None:
    vector = fixture("vector-fep8b32-valid")
    secret = base58.decode(vector["secretKeyMultibase"])
    pem = private_to_pem(generate_ed25519(Uri("https://a.example/k")))
    key = private_from_pem(_with_seed(pem, secret[2:]), proof_key(vector).key_id)
    made = create_proof(vector["unsigned"], key, now=1677281798)
    assert made == vector["document"]


def _with_seed(pem: str, seed: bytes) -> str:
    """A PKCS#8 Ed25519 key is 16 bytes of frame and the seed."""
    frame = base64.b64decode("".join(pem.splitlines()[1:-1]))[:16]
    return f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(frame + seed).decode()}\n-----END PRIVATE KEY-----\n"


def test_ACT_09_KEY_08_multikeys_of_fep_521a() -> None:
    for vector in fixture("vector-fep521a-multikeys"):
        multikey = vector["multikey"]
        key = parse_multibase(multikey["publicKeyMultibase"], Uri(multikey["id"]), Uri(multikey["controller"]))
        assert key.algorithm == vector["type"]
        assert key.multibase == multikey["publicKeyMultibase"]
        assert parse_public_pem(key.pem, key.key_id, key.owner) == key
        if isinstance(key.key, Ed25519PublicKey):
            assert key.key.public_bytes_raw().hex() == vector["public_key_hex"]
        else:
            der = key.key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
            assert der.hex() == vector["public_key_pkcs1_der_hex"]


def test_DLV_14_followers_digest() -> None:
    vector = fixture("vector-fep8fcf-digest")
    assert followers_digest(vector["followers_on_that_host"]) == vector["digest"]
    assert followers_digest(reversed(vector["followers_on_that_host"])) == vector["digest"]
    assert followers_digest([]) == vector["empty_digest"]


def test_SIG_18_accept_signature_asks_for_what_the_mastodon_vector_has() -> None:
    request = vector_request(fixture("vector-style-rfc9421-mastodon-post"))
    claim = read_claims(request, now=NOW)[0]
    assert rfc9421.accepted_components(rfc9421.ACCEPT_SIGNATURE) == claim.covered
    check_claim(claim, vector_key(fixture("vector-style-rfc9421-mastodon-post")["key"]))
