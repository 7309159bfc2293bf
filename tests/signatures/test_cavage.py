"""The draft's signatures as they come in: grammar, coverage, algorithms, time."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from fedblog.signatures.cavage import parse_parameters
from fedblog.signatures.digest import make_digest
from fedblog.signatures.headers import MAX_VALUE_LENGTH
from fedblog.signatures.model import Reason, SignatureRefused, SignedRequest
from fedblog.signatures.times import http_date
from fedblog.signatures.verify import has_signature, read_claims
from tests.signatures.support import (
    BODY,
    NOW,
    RSA_ID,
    ed25519_key,
    header,
    refusal,
    rsa_key,
    sign_lines,
    signed,
    verify,
    with_header,
)


def handmade(
    covered: str,
    *,
    parameters: str = 'algorithm="rsa-sha256"',
    created: str = "",
    target: str = "/inbox",
    method: str = "POST",
    sign: Callable[[bytes], bytes] | None = None,
) -> SignedRequest:
    """A request whose signature covers just what a test wants."""
    headers = {"host": "blog.example", "date": http_date(NOW), "digest": make_digest(BODY)}
    headers["content-type"] = "application/activity+json"
    special = {"(request-target)": f"{method.lower()} {target}", "(created)": created, "(expires)": created}
    base = "\n".join(f"{name}: {(headers | special)[name]}" for name in covered.split()).encode()
    value = base64.b64encode((sign or rsa_key().sign)(base)).decode()
    signature = f'keyId="{RSA_ID}",{parameters},headers="{covered}",signature="{value}"'
    return SignedRequest(method, target, (*headers.items(), ("Signature", signature)), BODY, "blog.example")


FULL = "(request-target) host date digest"


@pytest.mark.proves("SEC-001")
def test_SIG_01_no_signature_is_refused() -> None:
    request = with_header(signed(), "Signature", None)
    assert not has_signature(request.headers)
    assert refusal(request) is Reason.SIGNATURE_MISSING


@pytest.mark.proves("SEC-002")
def test_SIG_01_another_key_does_not_do() -> None:
    assert refusal(sign_lines(signed(), b"something else", f'keyId="{RSA_ID}",headers="{FULL}"')) == "signature_invalid"


def test_SIG_02_authorization_form_and_leading_word_are_read() -> None:
    request = signed()
    value = header(request, "Signature")
    for other in (
        with_header(request, "Signature", f"Signature {value}"),
        with_header(with_header(request, "Signature", None), "Authorization", f"Signature {value}"),
        with_header(with_header(request, "Signature", None), "authorization", f"signature   {value}"),
    ):
        assert has_signature(other.headers)
        verify(other, rsa_key().public)


def test_SIG_02_other_authorizations_are_no_signature() -> None:
    request = with_header(with_header(signed(), "Signature", None), "Authorization", "Bearer signature")
    assert not has_signature(request.headers)
    assert refusal(request) is Reason.SIGNATURE_MISSING


def test_SIG_02_signature_input_shuts_the_way_to_cavage() -> None:
    request = with_header(signed(), "Signature-Input", 'sig1=("@method");created=1;keyid="https://peer.example/k"')
    assert refusal(request) is Reason.SIGNATURE_MALFORMED
    assert refusal(with_header(signed(), "Signature-Input", "")) is Reason.SIGNATURE_MALFORMED


@pytest.mark.proves("SEC-007")
def test_SIG_03_tokens_spaces_and_escapes_are_read() -> None:
    found = parse_parameters(
        'keyId = "https://a.example/\\"k" , algorithm=hs2019,\theaders="Host  DATE",signature="YQ=="'
    )
    assert found.key_id == 'https://a.example/"k'
    assert (found.algorithm, found.covered, found.signature) == ("hs2019", ("host", "date"), b"a")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "signature_malformed"),
        ("nonsense", "signature_malformed"),
        (",,,,", "signature_malformed"),
        ('keyId="a"', "signature_malformed"),
        ('signature="YQ=="', "signature_malformed"),
        ('keyId="a",signature="YQ==",', "signature_malformed"),
        ('keyId="a",signature="YQ==', "signature_malformed"),
        ('keyId="a" signature="YQ=="', "signature_malformed"),
        ('keyId="a",signature="@@"', "signature_malformed"),
        ('keyId="a",signature=""', "signature_malformed"),
        ('keyId="a",signature="YQ=="; x="y"', "signature_malformed"),
        ('keyId="a\u00e9",signature="YQ=="', "signature_malformed"),
        ('keyId="a",signature="YQ==",headers="host host"', "signature_malformed"),
        ('keyId="a",keyId="b",signature="YQ=="', "signature_duplicate_parameter"),
        ('keyId="a",KEYID=b,signature="YQ=="', "signature_duplicate_parameter"),
        ('keyId="a",signature="YQ==",x=1,x=1', "signature_duplicate_parameter"),
    ],
)
@pytest.mark.proves("SEC-007", "SEC-008")
def test_SIG_03_what_has_no_one_reading_is_400(value: str, code: str) -> None:
    with pytest.raises(SignatureRefused) as caught:
        parse_parameters(value)
    assert (caught.value.reason, caught.value.status) == (code, 400)


@pytest.mark.parametrize("name", ["rsa-sha256", "RSA-SHA256", "hs2019", None, "rsa-sha512"])
def test_SIG_04_algorithm_names_for_rsa(name: str | None) -> None:
    verify(handmade(FULL, parameters=f'algorithm="{name}"' if name else "x=y"), rsa_key().public)


@pytest.mark.parametrize(("name", "taken"), [("hs2019", True), ("rsa-sha512", True), ("rsa-sha256", False)])
def test_SIG_04_rsa_with_sha512(name: str, taken: bool) -> None:
    key = rsa_key().key
    assert isinstance(key, RSAPrivateKey)

    def sign(base: bytes) -> bytes:
        assert isinstance(key, RSAPrivateKey)
        return key.sign(base, padding.PKCS1v15(), hashes.SHA512())

    request = handmade(FULL, parameters=f'algorithm="{name}"', sign=sign)
    if taken:
        verify(request, rsa_key().public)
    else:
        assert refusal(request) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("name", ["hs2019", "ed25519", None])
def test_SIG_04_ed25519(name: str | None) -> None:
    request = handmade(FULL, parameters=f'algorithm="{name}"' if name else "x=y", sign=ed25519_key().sign)
    verify(request, replace(ed25519_key().public, key_id=RSA_ID))


@pytest.mark.parametrize("name", ["none", "hmac-sha256", "rsa-sha1", "ecdsa-sha256", "rsa-pss-sha512", ""])
@pytest.mark.proves("SEC-018")
def test_SIG_04_other_algorithms_are_refused(name: str) -> None:
    assert refusal(handmade(FULL, parameters=f'algorithm="{name}"')) is Reason.ALGORITHM_UNSUPPORTED


@pytest.mark.proves("SEC-018")
def test_SIG_04_algorithm_of_the_other_key_type_is_refused() -> None:
    other = replace(ed25519_key().public, key_id=RSA_ID)
    assert refusal(handmade(FULL, sign=ed25519_key().sign), key=other) is Reason.ALGORITHM_KEY_MISMATCH
    assert refusal(handmade(FULL, parameters="algorithm=ed25519")) is Reason.ALGORITHM_KEY_MISMATCH


@pytest.mark.parametrize("missing", FULL.split())
@pytest.mark.proves("SEC-011", "SEC-013", "SEC-015", "SEC-016")
def test_SIG_05_post_must_cover_each_of_four(missing: str) -> None:
    covered = " ".join(name for name in FULL.split() if name != missing)
    assert refusal(handmade(covered)) is Reason.COVERAGE_INSUFFICIENT


@pytest.mark.parametrize("missing", ["(request-target)", "host", "date"])
def test_SIG_05_get_must_cover_each_of_three(missing: str) -> None:
    covered = " ".join(name for name in ("(request-target)", "host", "date") if name != missing)
    assert refusal(handmade(covered, method="GET")) is Reason.COVERAGE_INSUFFICIENT
    verify(handmade("(request-target) host date", method="GET"), rsa_key().public)


@pytest.mark.parametrize("parameters", ["x=y", f"created={NOW}"])
@pytest.mark.proves("SEC-011", "SEC-017")
def test_SIG_05_default_header_lists_are_too_small(parameters: str) -> None:
    value = f'keyId="{RSA_ID}",{parameters},signature="YQ=="'
    assert refusal(with_header(signed(), "Signature", value)) is Reason.COVERAGE_INSUFFICIENT
    value = f'keyId="{RSA_ID}",{parameters},headers="",signature="YQ=="'
    assert refusal(with_header(signed(), "Signature", value)) is Reason.COVERAGE_INSUFFICIENT


@pytest.mark.proves("SEC-017")
def test_SIG_05_covered_header_that_is_not_there_is_refused() -> None:
    assert refusal(with_header(signed(), "Date", None)) is Reason.COVERED_HEADER_MISSING
    assert refusal(with_header(signed(), "Content-Type", None)) is Reason.COVERED_HEADER_MISSING
    assert refusal(with_header(signed(), "Digest", None)) is Reason.COVERED_HEADER_MISSING
    value = header(signed(), "Signature").replace("content-type", "(magic)")
    assert refusal(with_header(signed(), "Signature", value)) is Reason.COMPONENT_UNSUPPORTED


@pytest.mark.parametrize("written", [f"created={NOW}", f'created="{NOW}"'])
@pytest.mark.parametrize("algorithm", ["algorithm=hs2019,", ""])
def test_SIG_06_created_stands_for_date(written: str, algorithm: str) -> None:
    request = handmade("(request-target) (created) host digest", parameters=algorithm + written, created=str(NOW))
    verify(with_header(request, "Date", "whenever"), rsa_key().public)
    assert read_claims(request, now=NOW)[0].created == NOW


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "rsa-sha512", "ed25519"])
@pytest.mark.parametrize("component", ["created", "expires"])
def test_SIG_06_created_with_a_named_algorithm_is_refused(algorithm: str, component: str) -> None:
    parameters = f"algorithm={algorithm},{component}={NOW}"
    request = handmade(f"{FULL} ({component})", parameters=parameters, created=str(NOW))
    assert refusal(request) is Reason.CREATED_WITH_RSA


@pytest.mark.parametrize("value", ["soon", "-1", "1.5", "1e3", "9" * 400, "\u0661"])
@pytest.mark.proves("SEC-012")
def test_SIG_06_SIG_16_created_that_is_no_integer_is_401(value: str) -> None:
    request = handmade("(request-target) (created) host digest", parameters=f'created="{value}"', created="1")
    assert refusal(request) in {Reason.DATE_UNPARSABLE, Reason.SIGNATURE_MALFORMED}
    if value.isascii():
        assert refusal(request) is Reason.DATE_UNPARSABLE


def test_SIG_06_created_missing_but_covered_is_refused() -> None:
    request = handmade("(request-target) (created) host digest", parameters="algorithm=hs2019", created="1")
    assert refusal(request) is Reason.COVERED_HEADER_MISSING


@pytest.mark.parametrize("target", ["/inbox?x=%2F", "/a%2Fb", "/a/../b", "/inbox?", "/%e2%82%ac?b&a", "//x"])
def test_SIG_07_request_target_is_raw(target: str) -> None:
    request = handmade(FULL, target=target)
    verify(request, rsa_key().public)
    assert refusal(replace(request, target=target.replace("%2F", "/") + "&")) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("target", ["", "inbox", "*", "http://blog.example/inbox", "/a b", "/a\n", "/\u00e9"])
def test_SIG_07_target_that_is_no_origin_form_is_400(target: str) -> None:
    assert refusal(replace(signed(), target=target)) is Reason.SIGNATURE_MALFORMED


def test_SIG_08_get_counts_without_its_query_too() -> None:
    url = "https://blog.example/outbox?page=2"
    verify(signed(method="GET", url=url, body=None), rsa_key().public)
    bare = signed(method="GET", url=url, body=None, with_query=False)
    verify(bare, rsa_key().public)
    assert refusal(replace(bare, target="/inbox?page=2")) is Reason.SIGNATURE_INVALID


def test_SIG_08_post_never_counts_without_its_query() -> None:
    assert refusal(signed(url="https://blog.example/inbox?x=1", with_query=False)) is Reason.SIGNATURE_INVALID


def test_SIG_08_get_signed_with_another_query_is_refused() -> None:
    request = signed(method="GET", url="https://blog.example/outbox?page=2", body=None)
    assert refusal(replace(request, target="/outbox?page=3")) is Reason.SIGNATURE_INVALID
    assert refusal(replace(request, target="/outbox")) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("date", "code"),
    [
        (http_date(NOW - 12 * 3600), None),
        (http_date(NOW - 12 * 3600 - 1), "too_old"),
        (http_date(NOW + 3600), None),
        (http_date(NOW + 3601), "in_future"),
        ("yesterday", "date_unparsable"),
        ("", "date_unparsable"),
        ("Fri, 31 Feb 2026 10:00:00 GMT", "date_unparsable"),
        ("Fri, 20 Nov 2026 10:00:00 CET", "date_unparsable"),
        ("Fri, 20 Nov 2026 10:00:00 GMT, Fri, 20 Nov 2026 10:00:00 GMT", "date_unparsable"),
    ],
)
@pytest.mark.proves("SEC-010")
def test_SIG_16_date_window(date: str, code: str | None) -> None:
    request = with_header(handmade(FULL), "Date", date)
    base = f"(request-target): post /inbox\nhost: blog.example\ndate: {date}\ndigest: {make_digest(BODY)}"
    request = sign_lines(request, base.encode(), f'keyId="{RSA_ID}",headers="{FULL}"')
    if code is None:
        verify(request, rsa_key().public)
    else:
        assert refusal(request) == code


@pytest.mark.parametrize(
    ("created", "expires", "code"),
    [
        (NOW - 12 * 3600, NOW, None),
        (NOW - 12 * 3600 - 1, NOW, "too_old"),
        (NOW + 3600, NOW, None),
        (NOW + 3601, NOW, "in_future"),
        (NOW, NOW - 1, "expired"),
    ],
)
@pytest.mark.proves("SEC-010", "SEC-012")
def test_SIG_16_created_and_expires_window(created: int, expires: int, code: str | None) -> None:
    parameters = f"algorithm=hs2019,created={created},expires={expires}"
    request = handmade("(request-target) (created) host digest", parameters=parameters, created=str(created))
    if code is None:
        verify(request, rsa_key().public)
    else:
        assert refusal(request) == code


@pytest.mark.parametrize(
    "key_id",
    [
        "acct:bob@peer.example",
        "file:///etc/passwd",
        "data:application/json,{}",
        "javascript:alert(1)",
        "https://user@peer.example/k",
        "https://user:secret@peer.example/k",
        "/users/p#main-key",
        "peer.example",
        "",
        "https://",
        "https://peer.example/a b",
        "https://peer.example:0/k",
    ],
)
@pytest.mark.proves("SEC-019")
def test_KEY_01_key_ids_that_are_refused(key_id: str) -> None:
    value = header(signed(), "Signature").replace(RSA_ID, key_id)
    assert refusal(with_header(signed(), "Signature", value)) is Reason.KEY_ID_INVALID


@pytest.mark.parametrize(
    "key_id",
    [
        "https://peer.example/users/p#main-key",
        "https://peer.example/users/p/main-key",
        "https://peer.example/users/p/publickey",
        "https://peer.example/users/p",
        "https://peer.example/?author=2#main-key",
        "http://127.0.0.1:8080/users/p#main-key",
    ],
)
def test_KEY_01_key_id_forms(key_id: str) -> None:
    value = header(signed(), "Signature").replace(RSA_ID, key_id)
    [claim] = read_claims(with_header(signed(), "Signature", value), now=NOW)
    assert claim.key_id == key_id


HOSTILE = [
    "," * MAX_VALUE_LENGTH,
    "a" * MAX_VALUE_LENGTH,
    " " * MAX_VALUE_LENGTH,
    'keyId="' + "\\a" * (MAX_VALUE_LENGTH // 2 - 8),
    'keyId="' + "\\" * (MAX_VALUE_LENGTH - 8),
    ("a=b," * MAX_VALUE_LENGTH)[:MAX_VALUE_LENGTH],
    'keyId="a",signature="YQ==",headers="' + "a " * (MAX_VALUE_LENGTH // 2 - 30) + '"',
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.proves("SEC-026")
def test_SIG_03_hostile_headers_up_to_the_limit_are_400(value: str) -> None:
    assert refusal(with_header(signed(), "Signature", value)).http_status == 400


@pytest.mark.parametrize("name", ["Signature", "Signature-Input", "Authorization", "Digest", "X-Other"])
@pytest.mark.proves("SEC-026")
def test_SIG_03_megabyte_headers_are_400_before_any_parser(name: str) -> None:
    assert refusal(with_header(signed(), name, "Signature " + "a=b," * 2**18)) is Reason.HEADER_TOO_LONG


def test_many_headers_are_400() -> None:
    request = signed()
    lines = tuple((f"x-{number}", "a") for number in range(300))
    assert refusal(replace(request, headers=request.headers + lines)) is Reason.HEADER_TOO_LONG
    lines = tuple((f"x-{number}", "a" * 9000) for number in range(10))
    assert refusal(replace(request, headers=request.headers + lines)) is Reason.HEADER_TOO_LONG
