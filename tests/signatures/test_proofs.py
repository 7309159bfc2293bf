"""FEP-8b32 proofs, ours and bad ones."""

from __future__ import annotations

from typing import Any

import pytest

from fedblog.activitypub import base58
from fedblog.activitypub.urls import Uri
from fedblog.signatures.model import SignatureRefused
from fedblog.signatures.proofs import _hash_data, create_proof, proof_key_id, verify_proof
from tests.signatures.support import ED25519_ID, NOW, ed25519_key, rsa_key

CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v2"]
DOCUMENT: dict[str, Any] = {
    "@context": CONTEXT,
    "id": "https://peer.example/a/1",
    "type": "Create",
    "actor": "https://peer.example/users/p",
    "object": {"type": "Note", "content": "Grüße \U0001f600", "n": [1, 1.5, -0.0, 1e21, True, None]},
}


def proven(**changes: Any) -> dict[str, Any]:
    return create_proof({**DOCUMENT, **changes}, ed25519_key(), now=NOW)


def reason(document: dict[str, Any], *, now: float = NOW) -> str:
    with pytest.raises(SignatureRefused) as caught:
        verify_proof(document, ed25519_key().public, now=now)
    assert caught.value.status == 401
    return caught.value.reason


def resigned(**changes: Any) -> dict[str, Any]:
    """A document whose proof carries other options and is rightly signed over them."""
    proof = {**proven()["proof"], **changes}
    options = {name: value for name, value in proof.items() if name != "proofValue" and value is not None}
    value = base58.encode(ed25519_key().sign(_hash_data(options, DOCUMENT)))
    return {**DOCUMENT, "proof": {**options, "proofValue": value}}


def test_OUT_10_what_we_prove_verifies() -> None:
    document = proven()
    assert {name: value for name, value in document.items() if name != "proof"} == DOCUMENT
    assert document["proof"]["@context"] == CONTEXT
    assert document["proof"]["created"] == "2026-11-20T10:00:00Z"
    assert document["proof"]["proofPurpose"] == "assertionMethod"
    assert proof_key_id(document) == ED25519_ID
    verify_proof(document, ed25519_key().public, now=NOW + 365 * 86_400)


def test_OUT_10_proof_needs_an_ed25519_key_and_canonical_json() -> None:
    with pytest.raises(ValueError, match="Ed25519"):
        create_proof(DOCUMENT, rsa_key(), now=NOW)
    with pytest.raises(SignatureRefused):
        proven(number=2**60)


def test_OUT_10_second_proof_replaces_the_first() -> None:
    again = create_proof(proven(), ed25519_key(), now=NOW)
    assert again == proven()


def test_INB_27_old_ld_signature_is_left_out() -> None:
    verify_proof({**proven(), "signature": {"type": "RsaSignature2017"}}, ed25519_key().public, now=NOW)


@pytest.mark.parametrize("member", [name for name in DOCUMENT if name != "@context"])
def test_INB_27_any_change_spoils_the_proof(member: str) -> None:
    assert reason({**proven(), member: "other"}) == "proof_invalid"
    assert reason({name: value for name, value in proven().items() if name != member}) == "proof_invalid"
    assert reason({**proven(), "extra": 1}) == "proof_invalid"


def test_OUT_10_context_of_the_proof_is_a_prefix() -> None:
    verify_proof({**proven(), "@context": [*CONTEXT, "https://more.example"]}, ed25519_key().public, now=NOW)
    assert reason({**proven(), "@context": CONTEXT[:1]}) == "proof_context_mismatch"
    assert reason({**proven(), "@context": ["https://more.example", *CONTEXT]}) == "proof_context_mismatch"
    assert reason({name: value for name, value in proven().items() if name != "@context"}) == "proof_context_mismatch"


def test_INB_27_proof_without_context_and_single_context() -> None:
    single = create_proof({**DOCUMENT, "@context": CONTEXT[0]}, ed25519_key(), now=NOW)
    verify_proof(single, ed25519_key().public, now=NOW)
    verify_proof({**single, "@context": CONTEXT}, ed25519_key().public, now=NOW)
    bare = create_proof({name: value for name, value in DOCUMENT.items() if name != "@context"}, ed25519_key(), now=NOW)
    assert "@context" not in bare["proof"]
    verify_proof(bare, ed25519_key().public, now=NOW)
    verify_proof(resigned(**{"@context": None}), ed25519_key().public, now=NOW)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"proofPurpose": "authentication"}, "proof_wrong_purpose"),
        ({"proofPurpose": None}, "proof_wrong_purpose"),
        ({"verificationMethod": "https://peer.example/users/q#ed25519-key"}, "proof_key_mismatch"),
        ({"verificationMethod": None}, "proof_key_mismatch"),
        ({"type": "RsaSignature2017"}, "proof_missing"),
        ({"cryptosuite": "eddsa-rdfc-2022"}, "proof_missing"),
        ({"created": "2026-11-20T11:00:01Z"}, "proof_in_future"),
        ({"expires": "2026-11-20T09:59:59Z"}, "proof_expired"),
        ({"created": "yesterday"}, "proof_malformed"),
        ({"created": "2026-11-20T10:00:00"}, "proof_malformed"),
        ({"created": 5}, "proof_malformed"),
        ({"created": "2026-13-20T10:00:00Z"}, "proof_malformed"),
        ({"expires": ""}, "proof_malformed"),
        ({"nonce": 2**60}, "proof_malformed"),
    ],
)
def test_INB_27_proof_options_that_are_refused_though_signed(changes: dict[str, Any], code: str) -> None:
    if changes.get("nonce"):
        assert reason({**proven(), "proof": {**proven()["proof"], **changes}}) == code
    else:
        assert reason(resigned(**changes)) == code


@pytest.mark.parametrize(
    "changes",
    [
        {"created": None},
        {"created": "2026-11-20T11:00:00Z"},
        {"created": "2026-11-20T12:00:00.123456789+02:00"},
        {"expires": "2026-11-20T10:00:00Z"},
        {"challenge": "x"},
    ],
)
def test_INB_27_proof_options_that_are_taken(changes: dict[str, Any]) -> None:
    verify_proof(resigned(**changes), ed25519_key().public, now=NOW)


@pytest.mark.parametrize("value", [None, 1, "", "z", "zzz", "u" + "A" * 86, "z" + "1" * 65, "z0", "z" + "2" * 9000])
def test_INB_27_unreadable_proof_values(value: object) -> None:
    assert reason({**proven(), "proof": {**proven()["proof"], "proofValue": value}}) == "proof_malformed"


@pytest.mark.parametrize("proof", [None, "text", 1, [], {}, [None], ["x"], {"type": ["DataIntegrityProof"]}])
def test_INB_27_no_proof_at_all(proof: object) -> None:
    document = {**DOCUMENT, "proof": proof}
    assert proof_key_id(document) is None
    assert reason(document) == "proof_missing"


def test_INB_27_one_of_a_set_of_proofs() -> None:
    document = proven()
    other = {"type": "DataIntegrityProof", "cryptosuite": "ecdsa-jcs-2019"}
    both = {**document, "proof": [other, document["proof"]]}
    assert proof_key_id(both) == ED25519_ID
    verify_proof(both, ed25519_key().public, now=NOW)


def test_INB_27_key_id_that_is_no_url_is_none() -> None:
    document = proven()
    for method in ("did:key:z6Mk", 5, None, {"id": str(ED25519_ID)}):
        assert proof_key_id({**document, "proof": {**document["proof"], "verificationMethod": method}}) is None


def test_INB_27_rsa_key_never_proves() -> None:
    document = proven()
    document["proof"]["verificationMethod"] = str(rsa_key().key_id)
    with pytest.raises(SignatureRefused) as caught:
        verify_proof(document, rsa_key().public, now=NOW)
    assert caught.value.reason == "proof_key_mismatch"


def test_INB_27_documents_too_deep_or_not_writable_are_refused() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert reason({**proven(), "object": deep}) == "proof_malformed"
    assert reason({**proven(), "object": "\ud800"}) == "proof_malformed"
    assert reason({**proven(), "object": float("inf")}) == "proof_malformed"


def test_key_ids_compare_exactly() -> None:
    assert Uri("https://peer.example/users/p#ed25519-key") == ED25519_ID
    document = proven()
    document["proof"]["verificationMethod"] = "https://PEER.example/users/p#ed25519-key"
    assert reason(document) == "proof_key_mismatch"
