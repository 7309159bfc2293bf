"""`parse_uri` is the only maker of `Uri`: one reading of a URL, or none."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitypub import urls
from fedblog.activitypub.urls import (
    Uri,
    host_of,
    maybe_uri,
    origin_of,
    parse_uri,
    same_id,
    same_origin,
    same_site,
    without_fragment,
)
from fedblog.errors import InvalidInput

GOOD = [
    "https://a.example",
    "https://a.example/",
    "http://a.example:8080/x?y=z#w",
    "https://xn--bcher-kva.example/ä",
    "https://bücher.example/",
    "https://a_b.example/@ana",
    "https://fed.brid.gy/r/at://did:plc:x/app.bsky.feed.post/1",
    "https://[2001:db8::1]:8443/x",
    "https://a.example./x",
    "https://wp.example/?p=1&c=2#comment-5",
]
BAD = [
    "",
    "a.example",
    "/relative",
    "//a.example/x",
    "https:",
    "https://",
    "https:///path",
    "https:a.example",
    "file:///etc/passwd",
    "data:text/plain,x",
    "javascript:alert(1)",
    "acct:ana@a.example",
    "ftp://a.example/",
    "https://user@a.example/",
    "https://user:pass@a.example/",
    "https://a.example@evil.example/",
    "https://evil.example\\@a.example/",
    "https://a.example\\.evil.example/",
    "https://a.example /x",
    "https://a.example/x y",
    "https://a.example/\r\nHost: b",
    "https://a.example/\tx",
    "\thttps://a.example/",
    " https://a.example/",
    "https://a.example/\x00",
    "https://a.example:0/",
    "https://a.example:65536/",
    "https://a.example:-1/",
    "https://a.example:/",
    "https://a.example:80:90/",
    "https://[::1/",
    "https://::1/",
    "https://[fe80::1%25eth0]/",
    "https://a..example/",
    "https://.example/",
    "https://-a.example/",
    "https://a.example-/",
    "https://%61.example/",
    "https://a%2eexample/",
    "https://a.example\u2028/",
    "https://a\u200b.example/",
    "https://{host}/",
    "https://" + "a" * 64 + ".example/",
    "https://" + ".".join(["abc"] * 70) + "/",
    "https://a.example/" + "x" * 2048,
]


@pytest.mark.parametrize("text", GOOD)
def test_usable_urls_are_kept_byte_for_byte(text: str) -> None:
    assert parse_uri(text) == text
    assert maybe_uri(text) == text


@pytest.mark.parametrize("text", [*BAD, None, 1, b"https://a.example", ["https://a.example"], {}])
def test_everything_else_is_refused(text: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_uri(text)
    assert caught.value.reason == "uri_invalid"
    assert maybe_uri(text) is None


@pytest.mark.parametrize(
    ("form", "host"),
    [
        ("https://0.0.0.0/", "0.0.0.0"),
        ("https://127.1/", "127.1"),
        ("https://2130706433/", "2130706433"),
        ("https://0x7f000001/", "0x7f000001"),
        ("https://0177.0.0.1/", "0177.0.0.1"),
        ("https://[::ffff:127.0.0.1]/", "[::ffff:127.0.0.1]"),
        ("https://127.0.0.1./", "127.0.0.1"),
        ("https://localhost/", "localhost"),
    ],
)
def test_odd_host_forms_keep_their_own_name_for_the_guard(form: str, host: str) -> None:
    assert host_of(parse_uri(form)) == host


@pytest.mark.parametrize("digits", ["１２７.0.0.1", "①②⑦.0.0.1", "127。0。0。1"])
def test_unicode_digits_are_seen_as_the_address_they_become(digits: str) -> None:
    found = maybe_uri(f"https://{digits}/")
    assert found is None or host_of(found) == "127.0.0.1"


@given(st.text(max_size=80))
def test_arbitrary_text_is_a_url_or_refused(text: str) -> None:
    for candidate in (text, f"https://{text}", f"https://{text}.example/", f"https://a.example/{text}"):
        found = maybe_uri(candidate)
        if found is None:
            continue
        parts = urlsplit(found)
        assert found == candidate
        assert parts.scheme in ("http", "https")
        assert parts.username is None
        assert host_of(found) == host_of(found).lower()
        assert origin_of(found).isascii()
        assert not any(character.isspace() or ord(character) < 32 for character in found)


@pytest.mark.proves("SEC-044")
def test_origins_and_ids_compare_as_the_protocol_says() -> None:
    assert same_origin("https://A.example/x", "https://a.example:443/y")
    assert not same_origin("https://a.example/", "http://a.example/")
    assert not same_origin("https://a.example/", "https://a.example:8443/")
    assert same_origin("https://bücher.example/", "https://xn--bcher-kva.example/")
    assert same_id("https://A.example/Users/1", "https://a.example/Users/1")
    assert not same_id("https://a.example/Users/1", "https://a.example/users/1")
    assert not same_id("https://a.example/u#main-key", "https://a.example/u/#main-key")
    assert without_fragment(Uri("https://a.example/u#main-key")) == "https://a.example/u"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("https://a.example/1", "https://a.example/2", True),
        ("https://A.example/1", "https://a.example:8443/2", True),
        ("https://www.a.example/1", "https://a.example/2", True),
        ("https://a.example/1", "https://social.a.example/2", True),
        ("https://a.example/1", "https://b.example/2", False),
        ("https://a.example/1", "https://nota.example/2", False),
        ("https://a.example.evil.example/1", "https://a.example/2", False),
    ],
)
@pytest.mark.proves("SEC-044")
def test_same_site_is_a_host_and_what_is_below_it(one: str, other: str, expected: bool) -> None:
    assert same_site(one, other) is same_site(other, one) is expected


_PIECES = st.sampled_from(
    ["https://", "http://", "a.example", "b-c.example", "/", "x", "@", ":", "?", "#", ".", "-", "_", "[", "%20"]
)


@given(st.one_of(st.from_regex(urls._PLAIN, fullmatch=True), st.lists(_PIECES, max_size=9).map("".join)))
def test_the_short_way_takes_nothing_that_the_long_one_would_not(text: str) -> None:
    """And reads the same host and the same site out of it."""

    def read() -> tuple[str, str] | None:
        try:
            return urls._parse(text), urls._host(text)
        except InvalidInput:
            return None

    short, (plain, urls._PLAIN) = read(), (urls._PLAIN, re.compile("(?!)"))
    try:
        assert read() == short
    finally:
        urls._PLAIN = plain
