"""Digest and Content-Digest against the body."""

from __future__ import annotations

import base64
import hashlib

import pytest

from fedblog.signatures.digest import (
    check_content_digest,
    check_digest,
    followers_digest,
    make_content_digest,
    make_digest,
)
from fedblog.signatures.model import SignatureRefused

BODY = b"Hello world"
S256 = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
S512 = base64.b64encode(hashlib.sha512(BODY).digest()).decode()
MD5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()
WRONG = base64.b64encode(hashlib.sha256(b"other").digest()).decode()


@pytest.mark.parametrize(
    "value",
    [
        make_digest(BODY),
        f"sha-256={S256}",
        f"Sha-512={S512}",
        f"SHA-256={S256}, SHA-512={S512}",
        f"MD5={MD5},sha-256={S256}",
        f" SHA-256 = {S256} ",
        f"unixsum=30637, SHA-256={S256}",
    ],
)
def test_SIG_11_digest_that_matches(value: str) -> None:
    check_digest(value, BODY)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "digest_missing"),
        ("", "digest_unsupported"),
        (",", "digest_unsupported"),
        (f"MD5={MD5}", "digest_unsupported"),
        (S256, "digest_unsupported"),
        ("SHA-256", "digest_mismatch"),
        ("SHA-256=", "digest_mismatch"),
        ("SHA-256=@@@@", "digest_mismatch"),
        ("SHA-256=\u00e9", "digest_mismatch"),
        (f"SHA-256={WRONG}", "digest_mismatch"),
        (f"SHA-256={S256[:-4]}", "digest_mismatch"),
        (f"SHA-256={S512}", "digest_mismatch"),
        (f"SHA-256={S256}, SHA-256={WRONG}", "digest_mismatch"),
        (f"SHA-512={S512}, SHA-256={WRONG}", "digest_mismatch"),
    ],
)
@pytest.mark.proves("SEC-013")
def test_SIG_11_digest_that_does_not_is_401(value: str | None, code: str) -> None:
    with pytest.raises(SignatureRefused) as caught:
        check_digest(value, BODY)
    assert (caught.value.reason, caught.value.status) == (code, 401)


@pytest.mark.parametrize(
    "value",
    [
        make_content_digest(BODY),
        f"sha-512=:{S512}:",
        f"sha-256=:{S256}:, sha-512=:{S512}:",
        f"md5=:{MD5}:, sha-256=:{S256}:;x=1",
    ],
)
def test_SIG_12_content_digest_that_matches(value: str) -> None:
    check_content_digest(value, BODY)


@pytest.mark.parametrize(
    ("value", "code", "status"),
    [
        (None, "digest_missing", 401),
        ("", "digest_unsupported", 401),
        (f"md5=:{MD5}:", "digest_unsupported", 401),
        (f"sha-256=:{WRONG}:", "digest_mismatch", 401),
        (f"sha-256=:{S256}:, sha-512=:{S256}:", "digest_mismatch", 401),
        ("sha-256=::", "digest_mismatch", 401),
        (f"SHA-256=:{S256}:", "digest_malformed", 400),
        (f"sha-256={S256}", "digest_malformed", 400),
        ("sha-256=1", "digest_malformed", 400),
        ("sha-256", "digest_malformed", 400),
        (f'sha-256="{S256}"', "digest_malformed", 400),
        (f"sha-256=:{S256}:,", "digest_malformed", 400),
        (f"md5=1, sha-256=:{S256}:", "digest_malformed", 400),
        ("sha-256=(:YQ==:)", "digest_malformed", 400),
        ("sha-256=:\u00e9:", "digest_malformed", 400),
        (f"sha-256=:{WRONG}:, sha-256=:{S256}:", "signature_duplicate_parameter", 400),
    ],
)
@pytest.mark.proves("SEC-013")
def test_SIG_12_content_digest_that_does_not(value: str | None, code: str, status: int) -> None:
    with pytest.raises(SignatureRefused) as caught:
        check_content_digest(value, BODY)
    assert (caught.value.reason, caught.value.status) == (code, status)


def test_DLV_14_followers_digest_counts_each_id_once() -> None:
    one = "https://a.example/1"
    assert followers_digest([one]) == hashlib.sha256(one.encode()).hexdigest()
    assert followers_digest([one, one]) == followers_digest([one])
