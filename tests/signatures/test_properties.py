"""Whatever comes: what was signed verifies, what was changed does not, and no text breaks a reader."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fedblog.signatures import cavage
from fedblog.signatures.cavage import Parameters, parse_parameters
from fedblog.signatures.digest import check_content_digest, check_digest
from fedblog.signatures.fields import parse_dictionary
from fedblog.signatures.model import SignatureRefused, SignedRequest
from fedblog.signatures.rfc9421 import accepted_components
from fedblog.signatures.verify import has_signature, read_claims
from tests.signatures.support import NOW, header, key_of, patient, signed, verify, with_header

SCHEMES = st.sampled_from(["cavage", "rfc9421"])
ALGORITHMS = st.sampled_from(["rsa", "ed25519"])
PATHS = st.text("abcXYZ019-._~%/:@!$&'()*+,;=", max_size=30).map(lambda text: f"/{text.replace('%', '%2F')}")
QUERIES = st.none() | st.text("abcXYZ019-._~/?:@!$&'()*+,;=", max_size=30)
HEADER_TEXT = st.text(st.characters(max_codepoint=0x2FF), max_size=60) | st.text(
    'keyId="signature,headers=:;()@ \\sig1?0.%-', max_size=60
)


def url_of(path: str, query: str | None) -> str:
    return f"https://blog.example{path}" + ("" if query is None else f"?{query}")


@patient
@given(SCHEMES, ALGORITHMS, PATHS, QUERIES, st.binary(max_size=200), st.integers(-3600, 12 * 3600))
def test_OUT_02_OUT_03_round_trip(
    scheme: str, algorithm: str, path: str, query: str | None, body: bytes, age: int
) -> None:
    key = key_of(algorithm)
    request = signed(scheme, key=key, url=url_of(path, query), body=body, now=NOW - age)
    verify(request, key.public)


def mutations(request: SignedRequest) -> st.SearchStrategy[SignedRequest]:
    """Requests that differ in one covered thing."""
    names = [
        name for name, _ in request.headers if name not in {"Date", "Content-Type"} or "Digest" in dict(request.headers)
    ]
    changed_body = st.binary(max_size=60).filter(lambda body: body != request.body)
    changed_target = (
        st.text("abc/?&%2F", max_size=20).map(lambda text: f"/{text}").filter(lambda t: t != request.target)
    )
    return st.one_of(
        changed_body.map(lambda body: replace(request, body=body)),
        changed_target.map(lambda target: replace(request, target=target)),
        st.sampled_from(["PUT", "DELETE", "PATCH"]).map(lambda method: replace(request, method=method)),
        st.tuples(st.sampled_from(names), st.integers(0, 400), st.characters(min_codepoint=33, max_codepoint=126)).map(
            lambda change: with_header(request, change[0], flip(header(request, change[0]), change[1], change[2]))
        ),
    )


def flip(value: str, position: int, character: str) -> str:
    at = position % len(value)
    return value[:at] + character + value[at + 1 :]


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
@patient
@given(data=st.data())
@pytest.mark.proves("SEC-009")
def test_SIG_01_no_mutation_verifies(scheme: str, algorithm: str, data: st.DataObject) -> None:
    key = key_of(algorithm)
    request = signed(scheme, key=key, url="https://blog.example/inbox?a=1")
    mutated = data.draw(mutations(request))
    if same_meaning(request, mutated):
        return
    with pytest.raises(SignatureRefused):
        verify(mutated, key.public)


def same_meaning(request: SignedRequest, mutated: SignedRequest) -> bool:
    """Whether only spelling changed: the host's or a parameter name's case, a name nobody reads, or nothing."""
    if (request.body, request.target, request.method) != (mutated.body, mutated.target, mutated.method):
        return False
    before, after = dict(request.headers), dict(mutated.headers)
    changed = {name for name in before if before[name] != after[name]}
    if not changed:
        return True
    if changed == {"Host"}:
        return "Signature-Input" in before and before["Host"].lower() == after["Host"].lower()
    if changed != {"Signature"}:
        return not changed & {"Host", "Digest", "Content-Digest", "Signature", "Signature-Input", "Date"}
    try:
        return read_signature(before) == read_signature(after)
    except SignatureRefused:
        return False


def read_signature(headers: dict[str, str]) -> object:
    """What a Signature header says; hs2019 may go unnamed, and base64 has spare bits in its last letter."""
    if "Signature-Input" in headers:
        return parse_dictionary(headers["Signature"])
    return replace(parse_parameters(headers["Signature"]), algorithm=None)


@patient
@given(HEADER_TEXT)
@example("a=b," * 100)
@example("\ud800")
def test_SIG_03_no_text_breaks_the_cavage_reader(text: str) -> None:
    for value in (text, f'keyId="https://peer.example/k",signature="YQ==",{text}', f'keyId="{text}",signature="YQ=="'):
        with contextlib.suppress(SignatureRefused):
            found = parse_parameters(value)
            assert found.signature
            assert "\n" not in found.key_id


@patient
@given(HEADER_TEXT, HEADER_TEXT, st.sampled_from(["GET", "POST"]), HEADER_TEXT)
@pytest.mark.proves("SEC-009", "SEC-023")
def test_SIG_01_no_request_breaks_the_door(one: str, other: str, method: str, target: str) -> None:
    shapes: list[tuple[tuple[str, str], ...]] = [
        (("Signature", one),),
        (("Signature", one), ("Signature-Input", other)),
        (("Authorization", f"Signature {one}"), ("Host", other)),
        (("Signature-Input", f"sig1={one}"), ("Signature", f"sig1={other}")),
        (("Signature-Input", f'sig1=("@method" {one});{other}'), ("Signature", "sig1=:YQ==:")),
        ((one, other), ("Signature", f'keyId="https://peer.example/k",headers="{one}",signature="YQ=="')),
    ]
    for headers in shapes:
        request = SignedRequest(method, f"/{target}", headers, b"", "blog.example")
        assert has_signature(request.headers)
        with pytest.raises(SignatureRefused):
            verify(request, key_of("rsa").public)


@patient
@given(HEADER_TEXT)
def test_SIG_11_SIG_12_SIG_18_no_text_breaks_the_small_readers(text: str) -> None:
    accepted_components(text)
    for check in (check_digest, check_content_digest):
        for value in (text, f"sha-256={text}", f"sha-256=:{text}:"):
            with pytest.raises(SignatureRefused):
                check(value, b"body")


@patient
@given(st.binary(max_size=40))
def test_SIG_05_header_bytes_that_are_no_utf8_reach_the_base_unchanged(raw: bytes) -> None:
    clean = raw.translate(None, b"\r\n\0").strip(b" \t")
    text = clean.decode("utf-8", "surrogateescape")
    request = with_header(signed(), "Content-Type", text)
    [claim] = read_claims(request, now=NOW)
    assert claim.base.endswith(b"\ncontent-type: " + clean)


_PARTS = st.sampled_from(
    [
        'keyId="https://a.example/users/ana#main-key"',
        'keyId="a\\"b"',
        'keyId=""',
        'algorithm="rsa-sha256"',
        'algorithm="HS2019"',
        "algorithm=hs2019",
        'headers="(request-target) host Date digest"',
        'headers="date date"',
        'headers=""',
        'created="1"',
        "created=1",
        'signature="QUJD"',
        'signature="Q=Q="',
        'signature=""',
        " ",
    ]
)


@patient
@given(st.lists(_PARTS, max_size=5), st.sampled_from([",", ", ", " "]))
def test_SIG_03_the_usual_spelling_is_read_as_any_other(parts: list[str], comma: str) -> None:
    def outcome(text: str, read: Callable[[str], Parameters]) -> object:
        try:
            return read(text)
        except SignatureRefused as refused:
            return refused.code, str(refused)

    text = comma.join(parts)
    assert outcome(text, parse_parameters) == outcome(text, cavage._parse_each)
