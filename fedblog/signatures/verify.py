"""The one door for signatures that come in: what holds without a key, then what the key says."""

from __future__ import annotations

from collections.abc import Iterable

from fedblog.signatures import cavage, rfc9421
from fedblog.signatures import headers as hdr
from fedblog.signatures.headers import HeaderTable
from fedblog.signatures.keys import HashName, PublicKey
from fedblog.signatures.model import Claim, Reason, SignatureRefused, SignedRequest

# What a named algorithm says about the key (SIG-04, SIG-14); what isn't here was refused before.
_KEY_OF_ALGORITHM = {
    "rsa-sha256": "rsa",
    "rsa-sha512": "rsa",
    "rsa-v1_5-sha256": "rsa",
    "rsa-v1_5-sha512": "rsa",
    "ed25519": "ed25519",
}
_RSA_HASHES: dict[str | None, tuple[HashName, ...]] = {
    "rsa-sha512": ("sha256", "sha512"),
    "hs2019": ("sha256", "sha512"),
    "rsa-v1_5-sha512": ("sha512",),
}


def has_signature(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a request carries any HTTP signature, good or bad."""
    for name, value in headers:
        lower = name.lower()
        if lower in {"signature", "signature-input"}:
            return True
        if lower == "authorization" and value.strip()[:10].lower().rstrip() == "signature":
            return True
    return False


def read_claims(request: SignedRequest, *, now: float) -> tuple[Claim, ...]:
    """Everything that needs no key (SIG-01 to SIG-16): at least one claim, at most four.

    `now` is Unix seconds. `Signature-Input` decides for RFC 9421; there is no falling back from one scheme to the
    other (SIG-02). Raises `SignatureRefused`.
    """
    table = HeaderTable.of(request)
    hdr.check_target(request.target)
    if table.get("signature-input") is not None:
        hdr.check_host(table, request)
        return rfc9421.read_claims(request, table, now=now)
    value = cavage.signature_value(table)
    if value is None:
        raise SignatureRefused(Reason.SIGNATURE_MISSING)
    hdr.check_host(table, request)
    return (cavage.read_claim(request, table, value, now=now),)


def check_claim(claim: Claim, key: PublicKey) -> None:
    """Whether this key made the signature; the key's type decides what is computed (SIG-04, SIG-14).

    Raises `SignatureRefused` (`algorithm_key_mismatch` or `signature_invalid`). That the key is the claim's own
    (`claim.key_id`) and belongs to the actor is the caller's to know (KEY-02, KEY-04).
    """
    expected = _KEY_OF_ALGORITHM.get(claim.algorithm or "", key.algorithm)
    if expected != key.algorithm:
        raise SignatureRefused(Reason.ALGORITHM_KEY_MISMATCH)
    hash_names = _RSA_HASHES.get(claim.algorithm, ("sha256",)) if key.algorithm == "rsa" else ("sha256",)
    for base in (claim.base, *claim.alternates):
        for name in hash_names:
            if key.verifies(claim.signature, base, name):
                return
    raise SignatureRefused(Reason.SIGNATURE_INVALID)
