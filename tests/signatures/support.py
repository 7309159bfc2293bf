"""Requests and keys for the tests of the seals."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

from fedblog.activitypub.urls import Uri, host_of
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.headers import request_target
from fedblog.signatures.keys import PrivateKey, PublicKey, generate_ed25519, generate_rsa, parse_public_pem
from fedblog.signatures.model import Reason, SignatureRefused, SignedRequest
from fedblog.signatures.rfc9421 import sign_rfc9421
from fedblog.signatures.verify import check_claim, read_claims

patient = settings(deadline=None)  # the first example makes the keys, and the machine may be busy
NOW = 1_795_168_800
INBOX = Uri("https://blog.example/inbox")
BODY = b'{"type":"Like"}'
SIGNERS: dict[str, Callable[..., dict[str, str]]] = {"cavage": sign_cavage, "rfc9421": sign_rfc9421}
RSA_ID = Uri("https://peer.example/users/p#main-key")
ED25519_ID = Uri("https://peer.example/users/p#ed25519-key")


@cache
def rsa_key() -> PrivateKey:
    return generate_rsa(RSA_ID)


@cache
def ed25519_key() -> PrivateKey:
    return generate_ed25519(ED25519_ID)


def key_of(algorithm: str) -> PrivateKey:
    return rsa_key() if algorithm == "rsa" else ed25519_key()


def signed(
    scheme: str = "cavage",
    *,
    key: PrivateKey | None = None,
    method: str = "POST",
    url: str = INBOX,
    body: bytes | None = BODY,
    now: float = NOW,
    **options: Any,
) -> SignedRequest:
    """A request to us as a well-behaved peer signs it."""
    headers = SIGNERS[scheme](method=method, url=Uri(url), body=body, key=key or rsa_key(), now=now, **options)
    return SignedRequest(
        method=method,
        target=request_target(url),
        headers=tuple(headers.items()),
        body=body or b"",
        authority=host_of(url),
        scheme=urlsplit(url).scheme,
    )


def header(request: SignedRequest, name: str) -> str:
    return next(value for found, value in request.headers if found.lower() == name.lower())


def with_header(request: SignedRequest, name: str, value: str | None) -> SignedRequest:
    """The same request with that header's value exchanged; None drops it."""
    kept = tuple((found, old) for found, old in request.headers if found.lower() != name.lower())
    return replace(request, headers=kept if value is None else (*kept, (name, value)))


def sign_lines(request: SignedRequest, base: bytes, parameters: str, *, key: PrivateKey | None = None) -> SignedRequest:
    """The request with a cavage signature made by hand over `base`; `parameters` go before signature=."""
    value = base64.b64encode((key or rsa_key()).sign(base)).decode()
    return with_header(request, "Signature", f'{parameters},signature="{value}"')


def verify(request: SignedRequest, key: PublicKey, *, now: float = NOW) -> None:
    """As the inbox does it: one claim that names this key and is right suffices."""
    last: SignatureRefused | None = None
    for claim in read_claims(request, now=now):
        try:
            if claim.key_id != key.key_id:
                raise SignatureRefused(Reason.KEY_ID_INVALID, "another key")
            check_claim(claim, key)
        except SignatureRefused as refusal:
            last = refusal
        else:
            return
    assert last is not None
    raise last


def refusal(request: SignedRequest, *, key: PublicKey | None = None, now: float = NOW) -> Reason:
    """The reason why it is refused; fails where it isn't."""
    with pytest.raises(SignatureRefused) as caught:
        verify(request, key or rsa_key().public, now=now)
    assert caught.value.status == caught.value.code.http_status
    assert caught.value.reason == caught.value.code.value
    return caught.value.code


def vector_request(vector: dict[str, Any]) -> SignedRequest:
    """The request of a `vector-*` file; we are the host that it was made for."""
    found = vector["request"]
    url = found["url"]
    return SignedRequest(
        method=found["method"],
        target=request_target(url),
        headers=tuple((name, value) for name, value in found["headers"]),
        body=(found["body"] or "").encode(),
        authority=host_of(url),
        scheme=urlsplit(url).scheme,
    )


def vector_key(found: dict[str, Any]) -> PublicKey:
    return parse_public_pem(found["publicKeyPem"], Uri(found.get("keyId") or found["id"]), Uri(found["owner"]))
