"""Other people's libraries accept what we sign, and we accept what they sign."""

from __future__ import annotations

import copy
import time
import warnings
from dataclasses import dataclass
from typing import Any

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from http_message_signatures.exceptions import InvalidSignature

from fedblog.activitypub.urls import Uri
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.model import SignedRequest
from fedblog.signatures.proofs import create_proof, verify_proof
from fedblog.signatures.rfc9421 import sign_rfc9421
from tests.signatures.support import BODY, ed25519_key, key_of, rsa_key, verify

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from apsig.draft import Signer as DraftSigner
    from apsig.draft import Verifier as DraftVerifier
    from apsig.proof import ProofSigner, ProofVerifier

URL = Uri("https://blog.example/users/ana/inbox")
ALGORITHMS: dict[str, Any] = {"rsa": algorithms.RSA_V1_5_SHA256, "ed25519": algorithms.ED25519}


@dataclass
class Message:
    method: str
    url: str
    headers: dict[str, str]


class Resolver(HTTPSignatureKeyResolver):  # type: ignore[misc, unused-ignore]
    def resolve_public_key(self, key_id: str) -> Any:
        return next(key_of(name).public.key for name in ALGORITHMS if key_of(name).key_id == key_id)

    def resolve_private_key(self, key_id: str) -> Any:
        return next(key_of(name).key for name in ALGORITHMS if key_of(name).key_id == key_id)


def our_request(message: Message, body: bytes = b"") -> SignedRequest:
    path = message.url.removeprefix("https://blog.example")
    return SignedRequest(message.method, path, tuple(message.headers.items()), body, "blog.example")


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
@pytest.mark.parametrize("url", [URL, "https://blog.example/outbox?page=2&x=%2F"])
def test_OUT_03_http_message_signatures_accepts_ours(algorithm: str, url: str) -> None:
    # The library reads its own clock, so that these are signed now.
    headers = sign_rfc9421(method="POST", url=Uri(url), body=BODY, key=key_of(algorithm), now=time.time())
    verifier = HTTPMessageVerifier(signature_algorithm=ALGORITHMS[algorithm], key_resolver=Resolver())
    [result] = verifier.verify(
        Message("POST", url, headers), require_components=("@method", "@target-uri", "content-digest"), body=BODY
    )
    assert result.body == BODY
    with pytest.raises(InvalidSignature):
        verifier.verify(Message("POST", url + "x", headers))


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_SIG_13_we_accept_http_message_signatures(algorithm: str) -> None:
    key = key_of(algorithm)
    message = Message("POST", "https://blog.example/inbox?a=b", {"Host": "blog.example"})
    HTTPMessageSigner(signature_algorithm=ALGORITHMS[algorithm], key_resolver=Resolver()).sign(
        message,
        key_id=key.key_id,
        covered_component_ids=("@method", "@authority", "@path", "@query", "content-digest", "host"),
        body=BODY,
    )
    verify(our_request(message, BODY), key.public, now=time.time())


@pytest.mark.parametrize(("method", "body"), [("POST", BODY), ("GET", None)])
def test_OUT_02_apsig_accepts_ours(method: str, body: bytes | None) -> None:
    headers = sign_cavage(method=method, url=URL, body=body, key=rsa_key(), now=time.time())
    found = DraftVerifier(rsa_key().public.pem, method, URL, headers, body).verify(raise_on_fail=True)
    assert found == rsa_key().key_id
    assert DraftVerifier(rsa_key().public.pem, method, URL + "x", headers, body).verify() is None


def test_SIG_05_we_accept_apsig() -> None:
    signer = DraftSigner(
        headers={"Host": "blog.example", "Content-Type": "application/activity+json"},
        private_key=rsa_key().key,
        method="POST",
        url=URL,
        key_id=rsa_key().key_id,
        body=BODY,
        signed_headers=["(request-target)", "host", "date", "digest", "content-type"],
    )
    headers = signer.sign()
    verify(our_request(Message("POST", URL, headers), BODY), rsa_key().public, now=time.time())


DOCUMENT: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/activitystreams"],
    "id": "https://blog.example/a/1",
    "type": "Create",
    "object": {"type": "Note", "content": "Grüße", "n": [1, 0.5, 1e-7]},
}


def test_OUT_10_apsig_accepts_our_proof() -> None:
    made = create_proof(DOCUMENT, ed25519_key(), now=time.time())
    verifier = ProofVerifier(ed25519_key().public.multibase)
    assert verifier.verify_proof(copy.deepcopy(made), raise_on_fail=True)  # it takes the proof apart
    assert not verifier.verify_proof({**copy.deepcopy(made), "type": "Update"})


def test_INB_27_we_accept_the_proof_of_apsig() -> None:
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "proofPurpose": "assertionMethod",
        "verificationMethod": str(ed25519_key().key_id),
        "created": "2026-11-20T10:00:00Z",
    }
    made = ProofSigner(ed25519_key().key).sign(DOCUMENT, options)
    verify_proof(made, ed25519_key().public, now=time.time())
