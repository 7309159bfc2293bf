"""Object integrity proofs, FEP-8b32 with `eddsa-jcs-2022` (W3C VC-DI-EdDSA §3.3): the seal that travels with a
document when somebody else brings it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import rfc8785

from fedblog.activitypub import base58
from fedblog.activitypub.urls import Uri, maybe_uri
from fedblog.signatures.keys import PrivateKey, PublicKey
from fedblog.signatures.model import Reason, SignatureRefused
from fedblog.signatures.times import MAX_SKEW

TYPE = "DataIntegrityProof"
CRYPTOSUITE = "eddsa-jcs-2022"
PURPOSE = "assertionMethod"
SIGNATURE_BYTES = 64


def proof_key_id(document: Mapping[str, Any]) -> Uri | None:
    """The key that a document's top-level proof names; None without a proof of the kind we read."""
    proof = _find_proof(document)
    return None if proof is None else maybe_uri(proof.get("verificationMethod"))


def verify_proof(document: Mapping[str, Any], key: PublicKey, *, now: float) -> None:
    """Holds a document (parsed JSON) against its own proof and this key; `now` is Unix seconds.

    An RsaSignature2017 in `signature` was added later and is left out first (INB-27). Raises `SignatureRefused` with
    a `proof_…` reason. Whether the key's owner may speak for the document is the caller's to decide.
    """
    proof = _find_proof(document)
    if proof is None:
        raise SignatureRefused(Reason.PROOF_MISSING)
    if proof.get("proofPurpose") != PURPOSE:
        raise SignatureRefused(Reason.PROOF_WRONG_PURPOSE)
    if proof.get("verificationMethod") != key.key_id or key.algorithm != "ed25519":
        raise SignatureRefused(Reason.PROOF_KEY_MISMATCH)
    _check_times(proof, now)
    signature = _proof_value(proof)
    unsigned = {name: value for name, value in document.items() if name not in {"proof", "signature"}}
    if "@context" in proof:
        _check_context(proof["@context"], unsigned.get("@context"))
        unsigned["@context"] = proof["@context"]
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    if not key.verifies(signature, _hash_data(options, unsigned)):
        raise SignatureRefused(Reason.PROOF_INVALID)


def create_proof(document: Mapping[str, Any], key: PrivateKey, *, now: float) -> dict[str, Any]:
    """A new document with `proof` added (OUT-10); the @context must be final before. `now` is Unix seconds.

    Raises `ValueError` for a key other than Ed25519 or a document that JCS can't write (integers over 2**53).
    """
    if key.algorithm != "ed25519":
        raise ValueError("eddsa-jcs-2022 needs an Ed25519 key")
    unsigned = {name: value for name, value in document.items() if name not in {"proof", "signature"}}
    proof: dict[str, Any] = {"@context": unsigned["@context"]} if "@context" in unsigned else {}
    proof |= {
        "type": TYPE,
        "cryptosuite": CRYPTOSUITE,
        "verificationMethod": str(key.key_id),
        "proofPurpose": PURPOSE,
        "created": datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    proof["proofValue"] = base58.encode(key.sign(_hash_data(proof, unsigned)))
    return {**unsigned, "proof": proof}


def _find_proof(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first top-level proof of our suite; in a set of proofs each stands for itself (VC-DI §2.1.1)."""
    found = document.get("proof")
    if found is None:
        return None
    for proof in found if isinstance(found, list) else [found]:
        if isinstance(proof, Mapping) and proof.get("type") == TYPE and proof.get("cryptosuite") == CRYPTOSUITE:
            return proof
    return None


def _hash_data(options: Mapping[str, Any], unsigned: Mapping[str, Any]) -> bytes:
    """What is signed: SHA-256 of the proof's options, then of the document, each in JCS (§3.3.4)."""
    return hashlib.sha256(_canonical(options)).digest() + hashlib.sha256(_canonical(unsigned)).digest()


def _canonical(value: Mapping[str, Any]) -> bytes:
    try:
        return rfc8785.dumps(dict(value))
    except (rfc8785.CanonicalizationError, RecursionError) as exc:
        raise SignatureRefused(Reason.PROOF_MALFORMED, "no canonical JSON") from exc


def _proof_value(proof: Mapping[str, Any]) -> bytes:
    value = proof.get("proofValue")
    try:
        signature = base58.decode(value) if isinstance(value, str) else b""
    except ValueError as exc:
        raise SignatureRefused(Reason.PROOF_MALFORMED, "proofValue") from exc
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureRefused(Reason.PROOF_MALFORMED, "proofValue")
    return signature


def _check_context(of_proof: object, of_document: object) -> None:
    """The document's @context must begin with the proof's (§3.3.2): terms may be added behind, none redefined."""
    start = of_proof if isinstance(of_proof, list) else [of_proof]
    whole = of_document if isinstance(of_document, list) else [of_document]
    if whole[: len(start)] != start:
        raise SignatureRefused(Reason.PROOF_CONTEXT_MISMATCH)


def _check_times(proof: Mapping[str, Any], now: float) -> None:
    created, expires = (_timestamp(proof[name]) if name in proof else None for name in ("created", "expires"))
    if created is not None and created - now > MAX_SKEW:
        raise SignatureRefused(Reason.PROOF_IN_FUTURE)
    if expires is not None and expires < now:
        raise SignatureRefused(Reason.PROOF_EXPIRED)


def _timestamp(value: object) -> float:
    """Unix seconds of an XML Schema dateTimeStamp; the time zone is needed."""
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) and 20 <= len(value) <= 40 else None
    except ValueError as exc:
        raise SignatureRefused(Reason.PROOF_MALFORMED, "time") from exc
    if when is None or when.tzinfo is None:
        raise SignatureRefused(Reason.PROOF_MALFORMED, "time")
    return when.timestamp()
