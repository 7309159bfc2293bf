"""The first knock: what a request of ours carries."""

from __future__ import annotations

from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.digest import make_digest
from fedblog.signatures.model import Reason
from tests.signatures.support import BODY, INBOX, NOW, RSA_ID, ed25519_key, header, refusal, rsa_key, signed, verify


def test_OUT_02_OUT_07_post_headers_are_exactly_these() -> None:
    headers = sign_cavage(method="POST", url=INBOX, body=BODY, key=rsa_key(), now=NOW)
    signature = headers.pop("Signature")
    assert headers == {
        "Host": "blog.example",
        "Date": "Fri, 20 Nov 2026 10:00:00 GMT",
        "Digest": make_digest(BODY),
        "Content-Type": "application/activity+json",
    }
    start = (
        f'keyId="{RSA_ID}",algorithm="rsa-sha256",headers="(request-target) host date digest content-type",signature="'
    )
    assert signature.startswith(start)


def test_OUT_02_get_headers_are_exactly_these() -> None:
    headers = sign_cavage(method="GET", url=INBOX, body=None, key=rsa_key(), now=NOW)
    assert set(headers) == {"Host", "Date", "Signature"}
    assert 'headers="(request-target) host date",' in headers["Signature"]


def test_OUT_01_each_signing_is_dated_anew() -> None:
    tomorrow = NOW + 86_400
    verify(signed(now=tomorrow), rsa_key().public, now=tomorrow)
    assert refusal(signed(now=NOW), now=tomorrow) is Reason.TOO_OLD


def test_OUT_02_fragment_is_not_signed_and_port_is() -> None:
    request = signed(method="GET", url="http://127.0.0.1:8080/users/p?a=1#main-key", body=None)
    assert request.target == "/users/p?a=1"
    assert header(request, "Host") == "127.0.0.1:8080"
    verify(request, rsa_key().public)
    verify(signed(method="GET", url="https://blog.example", body=None), rsa_key().public)
    verify(signed(method="GET", url="https://blog.example?a", body=None), rsa_key().public)


def test_OUT_09_ed25519_goes_out_as_hs2019() -> None:
    request = signed(key=ed25519_key())
    assert 'algorithm="hs2019"' in header(request, "Signature")
    verify(request, ed25519_key().public)
