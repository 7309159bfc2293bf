"""Strict JSON and content types."""

from __future__ import annotations

import json
import math
import random
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitypub import wire
from fedblog.activitypub.wire import (
    ACCEPT,
    ACTIVITY_JSON,
    MAX_DEPTH,
    dump,
    is_activity_type,
    is_inbox_type,
    parse_object,
    wants_activity,
)
from fedblog.errors import Refused

LD_AS = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20).filter(lambda text: "\0" not in text),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=8).filter(lambda text: "\0" not in text), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "json_syntax"),
        (b"{", "json_syntax"),
        (b"{} {}", "json_syntax"),
        (b"{'a':1}", "json_syntax"),
        (b'{"a":"\n"}', "json_syntax"),
        (b"[]", "json_not_object"),
        (b'"a"', "json_not_object"),
        (b"1", "json_not_object"),
        (b"\xef\xbb\xbf{}", "json_encoding"),
        ("{}".encode("utf-16"), "json_encoding"),
        ("{}".encode("utf-32"), "json_encoding"),
        (b'{"a":"\xc0\xaf"}', "json_encoding"),
        (b'{"a":"\xed\xa0\x80"}', "json_encoding"),
        (b'{"a":"\0"}', "json_encoding"),
        (b'{"a":"\\u0000"}', "json_encoding"),
        (b'{"a":"\\ud800"}', "json_surrogate"),
        (b'{"a":{"b":["\\udfff"]}}', "json_surrogate"),
        (b'{"\\ud800":1}', "json_surrogate"),
        (b'{"a":NaN}', "json_constant"),
        (b'{"a":Infinity}', "json_constant"),
        (b'{"a":-Infinity}', "json_constant"),
        (b'{"a":1e999}', "json_number"),
        (b'{"a":-1e999}', "json_number"),
        (b'{"a":' + b"9" * 5000 + b"}", "json_number"),
        (b'{"a":0.' + b"1" * 5000 + b"}", "json_number"),
        (b'{"a":1,"a":2}', "json_duplicate_key"),
        (b'{"a":{"b":1,"b":1}}', "json_duplicate_key"),
        (b'{"a":1,"\\u0061":2}', "json_duplicate_key"),
        (b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", "json_depth"),
        (b"[" * 100_000, "json_depth"),
        (b'{"a":' * 100_000, "json_depth"),
    ],
)
@pytest.mark.proves("SEC-049", "SEC-050")
def test_what_two_parsers_could_read_differently_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_object(body)
    assert (caught.value.reason, caught.value.status) == (reason, 400)


def test_depth_is_counted_outside_of_strings_only() -> None:
    deep = b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)
    assert parse_object(b'{"a":' + deep + b"}")
    assert parse_object(json.dumps({"a": "[" * 1000, "b": '\\"[{' * 100}).encode())


def test_wide_documents_are_not_taken_for_deep_ones() -> None:
    assert len(parse_object(json.dumps({"a": [[{}]] * 1000, "b": [{"c": []}] * 1000}).encode())) == 2


def test_escapes_that_make_whole_characters_pass() -> None:
    assert parse_object(b'{"a":"\\ud83d\\ude00 \\u00e4"}') == {"a": "😀 ä"}


@pytest.mark.parametrize(
    "body",
    [
        b'"' * 1_000_000,
        b'{"a":"' + b"\\" * 1_000_000,
        b'{"' + b'\\"' * 500_000,
        b"]" * 1_000_000,
        b'["' * 500_000,
    ],
)
@pytest.mark.proves("SEC-049")
def test_a_megabyte_of_brackets_or_quotes_is_refused(body: bytes) -> None:
    """With anything but a linear scan this would not end."""
    with pytest.raises(Refused):
        parse_object(body)


@given(st.binary(max_size=200))
@pytest.mark.proves("SEC-049")
def test_arbitrary_bytes_are_an_object_or_refused(body: bytes) -> None:
    with suppress(Refused):
        assert isinstance(parse_object(body), dict)


# Members as pairs, so that a key can come twice, and texts that look like what stands around them.
_KEYS = st.sampled_from(["a", "b", "type", "@id", "x:y", 'q"', "e\\", "é", "😀", '":'])
_TEXTS = st.text(max_size=8) | st.sampled_from([":", '":', "\\", "a : b", "\0", "\ud800", "\n\t", "</p>"])
_MEMBERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([10**33, -(10**33), 2**64]) | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(_KEYS, inner), max_size=4),
    max_leaves=12,
)


def _spelled(value: object, dice: random.Random) -> str:
    """JSON of a value with blanks and escapes where they may stand."""
    if isinstance(value, list) and value and all(isinstance(item, tuple) for item in value):
        colons = [f"{dice.choice(['', ' '])}:{dice.choice(['', ' ', chr(10)])}" for _ in value]
        pairs = [
            f"{_spelled(key, dice)}{colon}{_spelled(item, dice)}"
            for (key, item), colon in zip(value, colons, strict=True)
        ]
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_spelled(item, dice) for item in value) + "]"
    if isinstance(value, str):
        return '"' + "".join(_character(character, dice) for character in value) + '"'
    return json.dumps(value)


def _character(character: str, dice: random.Random) -> str:
    must = character < " " or "\ud800" <= character <= "\udfff"
    if ord(character) <= 0xFFFF and (must or dice.random() < 0.1):
        return f"\\u{ord(character):04{dice.choice('xX')}}"
    return {'"': '\\"', "\\": "\\\\"}.get(character, character)


@given(st.lists(st.tuples(_KEYS, _MEMBERS), min_size=1, max_size=5), st.randoms(use_true_random=False), st.booleans())
@pytest.mark.proves("SEC-050")
def test_the_quick_parser_says_nothing_that_the_strict_one_does_not(
    members: list[tuple[str, object]], dice: random.Random, broken: bool
) -> None:
    body = bytearray(_spelled(members, dice).encode("utf-8", "surrogatepass"))
    if broken:
        body[dice.randrange(len(body))] = dice.randrange(256)
    quick = wire._parse_quickly(bytes(body))
    if quick is not None:
        assert repr(quick) == repr(wire._parse_strictly(bytes(body)))


def test_what_servers_send_is_parsed_quickly() -> None:
    body = json.dumps({"a": 'say "so": <p>', "b": [{"c": 1.5, "d": "é"}], "e": "x : y"})
    assert wire._parse_quickly(body.replace("<", "\\u003c").encode()) == json.loads(body)
    assert wire._parse_quickly(b'{"a":"\\u003a","a":"b"}') is None  # the escape would make up for the lost colon


@given(st.dictionaries(st.text(max_size=8).filter(lambda text: "\0" not in text), JSON, max_size=5))
def test_what_is_dumped_can_be_read_again(document: dict[str, Any]) -> None:
    assert parse_object(dump(document)) == document


@pytest.mark.parametrize("value", [math.nan, math.inf, "\ud800"])
def test_what_is_no_json_is_never_sent(value: object) -> None:
    with pytest.raises(ValueError):
        dump({"a": value})


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        ("application/activity+json", True),
        ("application/activity+json; charset=utf-8", True),
        ("APPLICATION/Activity+JSON ;charset=UTF-8", True),
        (LD_AS, True),
        (LD_AS + "; charset=utf-8", True),
        ('application/ld+json;profile="https://www.w3.org/ns/other https://www.w3.org/ns/activitystreams"', True),
        ("application/ld+json; profile=https://www.w3.org/ns/activitystreams", True),
        ("application/ld+json", False),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams#x"', False),
        ('application/ld+json; x="profile=https://www.w3.org/ns/activitystreams"', False),
        ("application/json", False),
        ("text/html", False),
        ("image/png", False),
        ("application/octet-stream", False),
        ("application/activity+json-evil", False),
        ("text/html, application/activity+json", False),
        ("", False),
    ],
)
@pytest.mark.proves("SEC-040")
def test_NEG_08_only_activity_types_are_read_when_fetched(content_type: str, taken: bool) -> None:
    assert is_activity_type(content_type) is taken


def test_NEG_08_fetches_ask_for_exactly_these_types() -> None:
    assert f"{ACTIVITY_JSON}, {LD_AS}" == ACCEPT
    assert all(is_activity_type(part) for part in ACCEPT.split(", "))


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        ("application/activity+json", True),
        ("application/ld+json", True),
        (LD_AS, True),
        ('application/activity+json; foo="bar"', True),
        ("application/json", False),
        ("text/plain", False),
        ("", False),
    ],
)
def test_INB_02_types_an_inbox_takes(content_type: str, taken: bool) -> None:
    assert is_inbox_type(content_type) is taken


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "on_page", "on_object"),
    [
        (None, False, True),
        ("", False, True),
        ("*/*", False, True),
        (BROWSER, False, False),
        ("text/html", False, False),
        ("application/activity+json", True, True),
        (LD_AS, True, True),
        ("application/ld+json", True, True),
        ("application/json", True, True),
        ('application/activity+json, application/ld+json; profile="https://www.w3.org/ns/activitystreams"', True, True),
        ("application/activity+json, application/ld+json, text/html;q=0.1", True, True),
        ('application/ld+json; profile="http://www.w3.org/ns/activitystreams", application/activity+json', True, True),
        ("text/html;q=0.9, application/activity+json", True, True),
        ("application/activity+json;q=0.5, text/html", False, False),
        ("application/activity+json;q=0, */*", False, True),
        ("application/activity+json, */*;q=0.1", True, True),
        ("*/*, application/activity+json", True, True),
        ("image/png", False, True),
        (";;;,,,q=", False, True),
    ],
)
def test_NEG_01_real_accept_values(accept: str | None, on_page: bool, on_object: bool) -> None:
    assert wants_activity(accept, default=False) is on_page
    assert wants_activity(accept, default=True) is on_object


def test_NEG_02_answers_are_activity_json_without_other_parameters() -> None:
    assert ACTIVITY_JSON == "application/activity+json"


@given(st.text(max_size=120))
def test_arbitrary_header_values_never_raise(value: str) -> None:
    assert wants_activity(value, default=True) in (True, False)
    assert is_activity_type(value) in (True, False)
    assert is_inbox_type(value) in (True, False)
