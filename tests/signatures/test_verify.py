"""What holds for both schemes: hosts, doubled lines, bodies, round trips."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedblog.signatures.headers import HeaderTable
from fedblog.signatures.model import Reason, SignatureRefused
from fedblog.signatures.verify import check_claim, has_signature, read_claims
from tests.signatures.support import (
    BODY,
    NOW,
    ed25519_key,
    header,
    key_of,
    refusal,
    rsa_key,
    sign_lines,
    signed,
    verify,
    with_header,
)

BOTH = pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])


@BOTH
@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_OUT_02_OUT_03_what_we_sign_verifies(scheme: str, algorithm: str, method: str) -> None:
    key = key_of(algorithm)
    request = signed(scheme, key=key, method=method, body=BODY if method == "POST" else None)
    assert has_signature(request.headers)
    [claim] = read_claims(request, now=NOW)
    assert (claim.scheme, claim.key_id, claim.created) == (scheme, key.key_id, NOW)
    check_claim(claim, key.public)
    other = ed25519_key() if algorithm == "rsa" else rsa_key()
    with pytest.raises(SignatureRefused) as caught:
        check_claim(claim, other.public)
    assert caught.value.code in {Reason.ALGORITHM_KEY_MISMATCH, Reason.SIGNATURE_INVALID}


@BOTH
@pytest.mark.proves("SEC-014")
def test_SIG_01_swapped_body_is_refused(scheme: str) -> None:
    assert refusal(replace(signed(scheme), body=BODY + b" ")) is Reason.DIGEST_MISMATCH
    assert refusal(replace(signed(scheme), body=b"")) is Reason.DIGEST_MISMATCH


@BOTH
@pytest.mark.parametrize("change", [{"target": "/users/ana/inbox"}, {"method": "PUT"}])
@pytest.mark.proves("SEC-015")
def test_SIG_01_other_path_or_method_is_refused(scheme: str, change: dict[str, str]) -> None:
    assert refusal(replace(signed(scheme), **change)) is Reason.SIGNATURE_INVALID  # type: ignore[arg-type]


@BOTH
@pytest.mark.parametrize(
    "name",
    ["Host", "Date", "Digest", "Content-Digest", "Content-Type", "Signature", "Signature-Input"],
)
@pytest.mark.proves("SEC-021")
def test_SIG_09_doubled_line_is_400(scheme: str, name: str) -> None:
    request = signed(scheme)
    found = dict(request.headers).get(name, "x")
    doubled = with_header(request, name, found)
    doubled = replace(doubled, headers=(*doubled.headers, (name.lower(), found)))
    assert refusal(doubled) is Reason.HEADER_DUPLICATED


def test_SIG_09_other_repeated_lines_are_joined_and_trimmed() -> None:
    table = HeaderTable([("Accept", " a\t"), ("accept", "b "), ("X-Empty", "  ")])
    assert table.get("accept") == "a, b"
    assert table.get("x-empty") == ""
    assert table.get("other") is None


@pytest.mark.parametrize("value", ["a\nhost: evil.example", "a\r", "a\x00b"])
def test_SIG_09_line_breaks_in_values_are_400(value: str) -> None:
    assert refusal(with_header(signed(), "X-Other", value)) is Reason.SIGNATURE_MALFORMED


@BOTH
@pytest.mark.parametrize(
    "host", ["evil.example", "blog.example.evil.example", "blog.example:8443", "", "blog.example."]
)
@pytest.mark.proves("SEC-016")
def test_SIG_10_host_of_somebody_else_is_refused(scheme: str, host: str) -> None:
    assert refusal(with_header(signed(scheme), "Host", host)) is Reason.HOST_MISMATCH


@BOTH
@pytest.mark.proves("SEC-016")
def test_SIG_10_replay_to_another_server_is_refused(scheme: str) -> None:
    assert refusal(replace(signed(scheme), authority="other.example")) is Reason.HOST_MISMATCH


@BOTH
def test_SIG_10_forwarded_host_changes_nothing(scheme: str) -> None:
    verify(with_header(signed(scheme), "X-Forwarded-Host", "evil.example"), rsa_key().public)
    request = with_header(signed(scheme, url="https://evil.example/inbox"), "X-Forwarded-Host", "blog.example")
    assert refusal(replace(request, authority="blog.example")) is Reason.HOST_MISMATCH


@BOTH
def test_SIG_10_missing_host_line_means_the_configured_name(scheme: str) -> None:
    verify(with_header(signed(scheme), "Host", None), rsa_key().public)
    other = signed(scheme, url="https://other.example/inbox")
    assert refusal(replace(with_header(other, "Host", None), authority="blog.example")) is Reason.SIGNATURE_INVALID


def test_SIG_10_port_belongs_to_the_host_unless_it_is_the_schemes_own() -> None:
    verify(signed(url="https://blog.example:8443/inbox"), rsa_key().public)
    request = signed(url="https://blog.example:8443/inbox")
    assert refusal(replace(request, authority="blog.example")) is Reason.HOST_MISMATCH
    verify(replace(signed("rfc9421"), authority="Blog.Example:443"), rsa_key().public)
    verify(with_header(signed("rfc9421"), "Host", "BLOG.example:443"), rsa_key().public)


def test_SIG_10_content_length_that_a_proxy_dropped_stands_in() -> None:
    request = signed()
    covered = "(request-target) host date digest content-length"
    lines = {
        "(request-target)": "post /inbox",
        "host": "blog.example",
        "date": header(request, "Date"),
        "digest": header(request, "Digest"),
        "content-length": str(len(BODY)),
    }
    base = "\n".join(f"{name}: {value}" for name, value in lines.items()).encode()
    request = sign_lines(request, base, f'keyId="{rsa_key().key_id}",headers="{covered}"')
    verify(request, rsa_key().public)


@BOTH
def test_SIG_01_truncated_or_empty_signatures_are_refused(scheme: str) -> None:
    request = signed(scheme)
    value = header(request, "Signature")
    assert refusal(with_header(request, "Signature", value.replace("A", "B"))) is Reason.SIGNATURE_INVALID
    assert refusal(with_header(request, "Signature", "")).http_status == 400


def test_every_reason_has_a_status_and_a_safe_message() -> None:
    for code in Reason:
        raised = SignatureRefused(code)
        assert raised.status in {400, 401}
        assert raised.reason == code.value
        assert "\n" not in str(raised)
    bad = {code for code in Reason if code.http_status == 400}
    assert bad == {
        Reason.SIGNATURE_MALFORMED,
        Reason.SIGNATURE_DUPLICATE_PARAMETER,
        Reason.HEADER_DUPLICATED,
        Reason.HEADER_TOO_LONG,
        Reason.DIGEST_MALFORMED,
    }
