"""What live servers put on the wire verifies at the time it came, and not with one byte changed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.signatures.keys import PublicKey, parse_multibase
from fedblog.signatures.model import SignatureRefused, SignedRequest
from fedblog.signatures.proofs import proof_key_id, verify_proof
from tests.shared import capture, capture_names, needs_shared
from tests.signatures.support import vector_key, verify, with_header

pytestmark = needs_shared

SIGNED = [name for name in capture_names() if "key" in capture(name)]


def load(name: str) -> tuple[SignedRequest, PublicKey, float]:
    found = capture(name)
    request = found["request"]
    made = SignedRequest(
        method=request["method"],
        target=request["target"],
        headers=tuple((header, value) for header, value in request["headers"]),
        body=found.get("body", "").encode(),
        authority="log.test",
    )
    return made, vector_key(found["key"]), datetime.fromisoformat(request["received"]).timestamp()


def test_the_captures_hold_signed_requests() -> None:
    assert len(SIGNED) > 60


@pytest.mark.parametrize("name", SIGNED)
def test_SIG_04_SIG_05_SIG_13_captured_request_verifies(name: str) -> None:
    request, key, received = load(name)
    verify(request, key, now=received)
    assert request.headers


@pytest.mark.parametrize("name", SIGNED)
def test_SIG_01_captured_request_with_one_byte_changed_is_refused(name: str) -> None:
    request, key, received = load(name)
    changed = [replace(request, target=f"{request.target}x"), replace(request, method="PUT")]
    if request.body:
        middle = len(request.body) // 2
        body = request.body[:middle] + bytes([request.body[middle] ^ 1]) + request.body[middle + 1 :]
        changed.append(replace(request, body=body))
    dated = [value for header, value in request.headers if header.lower() == "date"]
    changed += [with_header(request, "Date", value.replace("Nov", "Oct")) for value in dated]
    for other in changed:
        with pytest.raises(SignatureRefused):
            verify(other, key, now=received)
    with pytest.raises(SignatureRefused):
        verify(replace(request, authority="other.test"), key, now=received)


def fedify_keys() -> dict[str, PublicKey]:
    document = capture("fedify-doc-actor")["response"]
    actor: Any = document.get("body_json") or json.loads(document["body"])
    listed = actor["assertionMethod"]
    return {
        found["id"]: parse_multibase(found["publicKeyMultibase"], Uri(found["id"]), Uri(found["controller"]))
        for found in (listed if isinstance(listed, list) else [listed])
    }


@pytest.mark.parametrize("name", [name for name in SIGNED if '"proof"' in capture(name).get("body", "")])
def test_INB_27_captured_proof_verifies_without_the_old_ld_signature(name: str) -> None:
    found = capture(name)
    document = json.loads(found["body"])
    key_id = proof_key_id(document)
    assert key_id is not None
    now = datetime.fromisoformat(found["request"]["received"]).timestamp()
    key = fedify_keys()[key_id]
    verify_proof(document, key, now=now)
    for member in sorted(set(document) - {"proof", "signature", "@context"}):
        with pytest.raises(SignatureRefused):
            verify_proof({**document, member: "other"}, key, now=now)
