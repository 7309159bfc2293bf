"""RFC 9421: labels, coverage, parameters, components, and what we send."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from fedblog.signatures import fields
from fedblog.signatures.components import read_components, signature_base
from fedblog.signatures.digest import make_content_digest
from fedblog.signatures.headers import HeaderTable
from fedblog.signatures.keys import PrivateKey
from fedblog.signatures.model import Reason, SignatureRefused, SignedRequest
from fedblog.signatures.rfc9421 import ACCEPT_SIGNATURE, accepted_components, parse_accept_signature, sign_rfc9421
from fedblog.signatures.times import http_date
from fedblog.signatures.verify import read_claims
from tests.signatures.support import (
    BODY,
    ED25519_ID,
    INBOX,
    NOW,
    RSA_ID,
    ed25519_key,
    header,
    refusal,
    rsa_key,
    signed,
    verify,
    with_header,
)

GOOD = f'("@method" "@target-uri" "content-digest");created={NOW};keyid="{RSA_ID}"'


def handmade(
    *inputs: str, method: str = "POST", target: str = "/inbox", key: PrivateKey | None = None, body: bytes = BODY
) -> SignedRequest:
    """A request with one label an input, each signed over its base as the RFC says."""
    headers = (
        ("Host", "blog.example"),
        ("Date", http_date(NOW)),
        ("Content-Type", "application/activity+json"),
        ("Content-Digest", make_content_digest(body)),
        ("X-Two", "one"),
        ("x-two", "two"),
    )
    request = SignedRequest(method, target, headers, body, "blog.example")
    signatures = []
    for number, text in enumerate(inputs, 1):
        member = fields.parse_dictionary(f"sig={text}")["sig"]
        components = read_components(fields.bare(member))
        base = signature_base(request, HeaderTable.of(request), components, fields.serialise(member))
        signatures.append(f"s{number}=:{base64.b64encode((key or rsa_key()).sign(base)).decode()}:")
    labelled = ", ".join(f"s{number}={text}" for number, text in enumerate(inputs, 1))
    extra = (("Signature-Input", labelled), ("Signature", ", ".join(signatures)))
    return replace(request, headers=headers + extra)


def covering(components: str, rest: str = f';created={NOW};keyid="{RSA_ID}"') -> str:
    return f"({components}){rest}"


@pytest.mark.parametrize(
    "components",
    [
        '"@method" "@target-uri" "content-digest"',
        '"content-digest" "@target-uri" "@method"',
        '"@method" "@authority" "@path" "content-digest"',
        '"@method" "@authority" "@path" "@query" "content-digest"',
        '"@method" "@target-uri" "@scheme" "@request-target" "@query" "host" "date" "content-digest" "x-two"',
        '"@method" "@target-uri" "content-digest";sf',
        '"@method" "@target-uri" "content-digest";bs "x-two";bs',
        '"@method" "@target-uri" "content-digest" "content-digest";key="sha-256"',
    ],
)
def test_SIG_13_coverage_that_suffices(components: str) -> None:
    verify(handmade(covering(components)), rsa_key().public)


@pytest.mark.parametrize(
    ("components", "code"),
    [
        ("", "coverage_insufficient"),
        ('"@target-uri" "content-digest"', "coverage_insufficient"),
        ('"@method" "content-digest"', "coverage_insufficient"),
        ('"@method" "@path" "content-digest"', "coverage_insufficient"),
        ('"@method" "@authority" "content-digest"', "coverage_insufficient"),
        ('"@method" "@target-uri"', "coverage_insufficient"),
        ('"@method" "@target-uri" "content-digest";key="sha-256"', "coverage_insufficient"),
        ('"@method" "@target-uri" "content-digest" "date";sf', "component_unsupported"),
    ],
)
def test_SIG_13_coverage_that_does_not(components: str, code: str) -> None:
    request = handmade(GOOD)
    value = f"s1={covering(components)}"
    assert refusal(with_header(request, "Signature-Input", value)) == code


def test_SIG_13_query_must_be_covered_where_there_is_one() -> None:
    parts = covering('"@method" "@authority" "@path" "content-digest"')
    assert refusal(handmade(parts, target="/inbox?x=1")) is Reason.COVERAGE_INSUFFICIENT
    verify(handmade(parts.replace('"@path"', '"@path" "@query"'), target="/inbox?x=1"), rsa_key().public)


def test_SIG_13_get_needs_no_digest() -> None:
    verify(handmade(covering('"@method" "@target-uri"'), method="GET", body=b""), rsa_key().public)


@pytest.mark.parametrize(
    "component",
    [
        '"@query-param";name="x"',
        '"@method";req',
        '"x-two";tr',
        '"x-two";req',
        '"x-two";magic',
        '"@status"',
        '"@unknown"',
        '"x-two";sf',
        '"X-Two"',
        '"@method";key="a"',
        '"x-two";bs;sf',
        '"content-digest";sf=?0',
    ],
)
def test_SIG_13_other_components_and_parameters_are_refused(component: str) -> None:
    value = f's1=("@method" "@target-uri" "content-digest" {component});created={NOW};keyid="{RSA_ID}"'
    assert refusal(with_header(handmade(GOOD), "Signature-Input", value)) is Reason.COMPONENT_UNSUPPORTED


@pytest.mark.parametrize("component", ['"x-three"', '"content-digest";key="sha-512"'])
def test_SIG_13_missing_covered_field_is_refused(component: str) -> None:
    value = f's1=("@method" "@target-uri" "content-digest" {component});created={NOW};keyid="{RSA_ID}"'
    assert refusal(with_header(handmade(GOOD), "Signature-Input", value)) is Reason.COVERED_HEADER_MISSING


@pytest.mark.parametrize(
    "value",
    [
        "",
        "s1",
        "s1=1",
        's1="text"',
        "s1=(method)",
        "s1=(1)",
        f"s1={GOOD}, ",
        f"S1={GOOD}",
        f"s2={GOOD}",
        f"s1={GOOD} garbage",
        's1=("@method" "@target-uri" "content-digest"',
        f's1=("@method" "@method" "@target-uri" "content-digest");created={NOW};keyid="{RSA_ID}"',
        's1=("@method" "@target-uri\u00e9")',
        "s1=(" + '"a" ' * 3000 + ")",
        "," * 16_000,
        "(" * 16_000,
        's1="' + "\\" * 16_000,
    ],
)
@pytest.mark.proves("SEC-023")
def test_SIG_13_unreadable_input_is_400(value: str) -> None:
    request = with_header(handmade(GOOD), "Signature-Input", value)
    found = refusal(request)
    # an item where a list must stand also lacks keyid, but its form is looked at first
    assert found is Reason.SIGNATURE_MALFORMED


@pytest.mark.parametrize("value", ["", "s1=1", "s1=::", "s1=token", "s1=:@:", "other=:YQ==:"])
@pytest.mark.proves("SEC-023")
def test_SIG_13_unreadable_signature_is_400(value: str) -> None:
    assert refusal(with_header(handmade(GOOD), "Signature", value)) is Reason.SIGNATURE_MALFORMED


@pytest.mark.parametrize(
    "value", [f"s1={GOOD}, s1={GOOD}", f"s1={GOOD};created={NOW}", f's1={GOOD};keyid="https://evil.example/k"']
)
@pytest.mark.proves("SEC-008", "SEC-023")
def test_SIG_13_duplicates_are_400(value: str) -> None:
    request = with_header(handmade(GOOD), "Signature-Input", value)
    assert refusal(request) is Reason.SIGNATURE_DUPLICATE_PARAMETER


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        (f";created={NOW}", "key_id_invalid"),
        (f";created={NOW};keyid=token", "key_id_invalid"),
        (f';created={NOW};keyid="acct:a@peer.example"', "key_id_invalid"),
        (f';keyid="{RSA_ID}"', "created_missing"),
        (f';created;keyid="{RSA_ID}"', "date_unparsable"),
        (f';created="{NOW}";keyid="{RSA_ID}"', "date_unparsable"),
        (f';created=@{NOW};keyid="{RSA_ID}"', "date_unparsable"),
        (f';created={NOW}.5;keyid="{RSA_ID}"', "date_unparsable"),
        (f';created={NOW};expires=soon;keyid="{RSA_ID}"', "date_unparsable"),
        (f';created={NOW - 12 * 3600};keyid="{RSA_ID}"', None),
        (f';created={NOW - 12 * 3600 - 1};keyid="{RSA_ID}"', "too_old"),
        (f';created={NOW + 3600};keyid="{RSA_ID}"', None),
        (f';created={NOW + 3601};keyid="{RSA_ID}"', "in_future"),
        (f';created={NOW};expires={NOW};keyid="{RSA_ID}"', None),
        (f';created={NOW};expires={NOW - 1};keyid="{RSA_ID}"', "expired"),
        (f';created={NOW};keyid="{RSA_ID}";nonce="n";tag="t"', None),
    ],
)
def test_SIG_13_SIG_16_parameters(rest: str, code: str | None) -> None:
    request = handmade(covering('"@method" "@target-uri" "content-digest"', rest))
    if code is None:
        verify(request, rsa_key().public)
    else:
        assert refusal(request) == code


def test_SIG_13_any_one_of_four_labels_suffices() -> None:
    stranger = GOOD.replace("/users/p#", "/users/q#")
    verify(handmade(stranger, GOOD.replace(str(NOW), "1"), GOOD), rsa_key().public)
    verify(handmade(stranger, stranger, stranger, GOOD), rsa_key().public)
    five = handmade(stranger, stranger, stranger, stranger, GOOD)
    assert len(read_claims(five, now=NOW)) == 4
    assert refusal(five) is Reason.KEY_ID_INVALID


def test_SIG_13_label_without_its_signature_is_passed_over() -> None:
    request = handmade(GOOD)
    extended = with_header(request, "Signature-Input", f"lost={GOOD}, {header(request, 'Signature-Input')}")
    verify(extended, rsa_key().public)


@pytest.mark.parametrize("alg", ["rsa-v1_5-sha256", None])
def test_SIG_14_rsa(alg: str | None) -> None:
    verify(handmade(GOOD + (f';alg="{alg}"' if alg else "")), rsa_key().public)


def test_SIG_14_rsa_with_sha512() -> None:
    request = handmade(GOOD + ';alg="rsa-v1_5-sha512"')
    assert refusal(request) is Reason.SIGNATURE_INVALID  # the maker above signs with SHA-256
    [claim] = read_claims(request, now=NOW)
    key = rsa_key().key
    assert isinstance(key, RSAPrivateKey)
    value = base64.b64encode(key.sign(claim.base, padding.PKCS1v15(), hashes.SHA512())).decode()
    verify(with_header(request, "Signature", f"s1=:{value}:"), rsa_key().public)


@pytest.mark.parametrize("alg", ["ed25519", None])
def test_SIG_14_ed25519(alg: str | None) -> None:
    text = GOOD.replace(RSA_ID, ED25519_ID) + (f';alg="{alg}"' if alg else "")
    verify(handmade(text, key=ed25519_key()), ed25519_key().public)


@pytest.mark.parametrize("alg", ["rsa-pss-sha512", "ecdsa-p256-sha256", "hmac-sha256", "none", "", "RSA-V1_5-SHA256"])
@pytest.mark.proves("SEC-018")
def test_SIG_14_other_algorithms_are_refused(alg: str) -> None:
    assert refusal(handmade(GOOD + f';alg="{alg}"')) is Reason.ALGORITHM_UNSUPPORTED


def test_SIG_14_algorithm_must_agree_with_the_key() -> None:
    assert refusal(handmade(GOOD + ';alg="ed25519"')) is Reason.ALGORITHM_KEY_MISMATCH
    text = GOOD.replace(RSA_ID, ED25519_ID) + ';alg="rsa-v1_5-sha256"'
    assert refusal(handmade(text, key=ed25519_key()), key=ed25519_key().public) is Reason.ALGORITHM_KEY_MISMATCH


def test_SIG_15_target_uri_is_ours_with_the_raw_target() -> None:
    request = handmade(GOOD, target="/a%2Fb?x=%2F&y")
    assert b'"@target-uri": https://blog.example/a%2Fb?x=%2F&y\n' in read_claims(request, now=NOW)[0].base
    verify(replace(request, authority="BLOG.example:443"), rsa_key().public)
    assert refusal(replace(request, scheme="http")) is Reason.SIGNATURE_INVALID


def test_SIG_17_fields_with_parameters_as_section_2_1_prints_them() -> None:
    headers = (("Example-Dict", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d"), ("X-Bytes", "value, with, lots"))
    request = SignedRequest("GET", "/", (*headers, ("x-bytes", "of, commas")), b"", "example.com")
    components = [("x-bytes", {"bs": True}), ("example-dict", {})]
    base = signature_base(request, HeaderTable.of(request), components, "()").decode()
    assert '"x-bytes";bs: :dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:\n' in base
    assert '"example-dict": a=1,    b=2;x=1;y=2,   c=(a   b   c), d\n' in base


def test_SIG_17_query_parameters_as_section_2_2_8_prints_them() -> None:
    query = "var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something"
    target = f"/parameters?{query}"
    request = SignedRequest("GET", target, (), b"", "www.example.com")
    names = ("var", "bar", "fa%C3%A7ade%22%3A%20")
    components = [("@query-param", {"name": name}) for name in names]
    assert signature_base(request, HeaderTable.of(request), components, "()").decode().split("\n")[:3] == [
        '"@query-param";name="var": this%20is%20a%20big%0Amultiline%20value',
        '"@query-param";name="bar": with%20plus%20whitespace',
        '"@query-param";name="fa%C3%A7ade%22%3A%20": something',
    ]
    for name in ("none", 1):
        with pytest.raises(SignatureRefused):
            signature_base(request, HeaderTable.of(request), [("@query-param", {"name": name})], "()")


def test_OUT_03_second_knock_is_exactly_this() -> None:
    headers = sign_rfc9421(method="POST", url=INBOX, body=BODY, key=rsa_key(), now=NOW + 0.9)
    assert headers.pop("Signature").startswith("sig1=:")
    assert headers == {
        "Host": "blog.example",
        "Date": "Fri, 20 Nov 2026 10:00:00 GMT",
        "Content-Type": "application/activity+json",
        "Content-Digest": make_content_digest(BODY),
        "Signature-Input": f'sig1={GOOD};alg="rsa-v1_5-sha256"',
    }


def test_OUT_03_get_covers_method_and_target() -> None:
    request = signed("rfc9421", method="GET", url="https://blog.example/outbox?page=2", body=None)
    assert header(request, "Signature-Input").startswith('sig1=("@method" "@target-uri");')
    verify(request, rsa_key().public)
    assert refusal(replace(request, target="/outbox")) is Reason.SIGNATURE_INVALID


def test_OUT_04_more_components_are_covered_when_asked() -> None:
    asked = accepted_components('sig9=("@method" "@authority" "host" "date" "content-digest");created;keyid')
    assert asked is not None
    request = signed("rfc9421", components=asked)
    [claim] = read_claims(request, now=NOW)
    assert set(asked) | {"@target-uri"} == set(claim.covered)
    verify(request, rsa_key().public)
    verify(signed("rfc9421", method="GET", body=None, components=asked), rsa_key().public)


@pytest.mark.parametrize(
    ("value", "satisfied"),
    [
        (ACCEPT_SIGNATURE, True),
        ('sig1=("@method" "@target-uri");created', True),
        ('sig1=("@method" "@target-uri");created;alg="rsa-v1_5-sha256"', True),
        ('a=("@status"), b=("@method")', True),
        ("sig1=()", True),
        ('sig1=("@method");nonce="abc"', False),
        ('sig1=("@method");tag="app"', False),
        ('sig1=("@method");expires', False),
        ('sig1=("@method");alg="ecdsa-p256-sha256"', False),
        ('sig1=("@method");keyid="https://peer.example/k"', False),
        ('sig1=("cookie")', False),
        ('sig1=("@method";req)', False),
        ("sig1=(1)", False),
        ("sig1", False),
        ("", False),
        ("garbage (", False),
        ("a" * 100_000, False),
    ],
)
def test_SIG_18_OUT_04_accept_signature(value: str, satisfied: bool) -> None:
    assert parse_accept_signature(value) is satisfied
