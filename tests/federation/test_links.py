"""Link readers and the body decoder on whatever strangers write."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitypub.urls import Uri, parse_uri
from fedblog.errors import FetchFailed
from fedblog.federation import links
from fedblog.federation.body import Decoder, read_body

BASE = Uri("https://a.example/page?x=1")
JSON = "application/activity+json"
WORDS = [
    *("<link", "<LINK/", " ", "\n", "rel", "=", "alternate", '"', "'", ">", "type", JSON, "href", "/x", "é", "İ"),
    *("&amp;", "javascript:x", "http://[", ";", ",", "<", "template", "{uri}", "lrdd", "\\", "\x00"),
]
HOSTILE = st.lists(st.sampled_from(WORDS), max_size=60).map("".join)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (f'<link rel="alternate" type="{JSON}" href="/ap/1">', "https://a.example/ap/1"),
        (f"<LINK href='https://b.example/?a=1&amp;b=2' TYPE={JSON} rel='me alternate'/>", "https://b.example/?a=1&b=2"),
        (f'İİ<link\nrel = alternate\ntype = "{JSON}; charset=utf-8" title="a > b" href = x>', "https://a.example/x"),
        (f'<link rel="alternate" type="application/rss+xml" href="/feed"><link rel=alternate type={JSON} href=/y>', "https://a.example/y"),
        (f'<link rel="stylesheet" type="{JSON}" href="/x">', None),
        (f'<linkx rel="alternate" type="{JSON}" href="/x">', None),
        (f'<link rel="alternate" type="{JSON}" href="javascript:alert(1)">', None),
        ('<link rel="alternate" type="application/json" href="/x">', None),
    ],
)  # fmt: skip
def test_DISC_12_alternates_in_html(html: str, expected: str | None) -> None:
    """Quotes of any kind, entities, relative addresses; other types and schemes are passed over."""
    assert links.alternate_in_html(html.encode(), BASE) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([f'</ap/1>; rel="alternate"; type="{JSON}"'], "https://a.example/ap/1"),
        ([f'</feed>; rel=alternate; type="application/atom+xml", </z>; rel=alternate; type="{JSON}"'], "https://a.example/z"),
        (["<x>; rel=preload", f'<y>; type="{JSON}"; rel="alternate"'], "https://a.example/y"),
        (["nothing"], None),
        ([], None),
    ],
)  # fmt: skip
def test_DISC_12_alternates_in_link_headers(values: list[str], expected: str | None) -> None:
    """Several links in one header, several headers."""
    assert links.alternate_in_header(values, BASE) == expected


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ('<XRD><Link rel="lrdd" template="https://b.example/?r={uri}&amp;x=1"/></XRD>', "application/xrd+xml", "https://b.example/?r={uri}&x=1"),
        ('<XRD><Link rel="other" template="https://b.example/?r={uri}"/></XRD>', "application/xrd+xml", None),
        ('<XRD><Link rel="lrdd" template="https://b.example/"/></XRD>', "application/xrd+xml", None),
        (json.dumps({"links": [5, {"rel": "lrdd", "template": "https://b.example/{uri}"}]}), "application/json", "https://b.example/{uri}"),
        (json.dumps({"links": {"rel": "lrdd"}}), "application/json", None),
        (json.dumps({"links": [{"rel": "lrdd", "template": 5}]}), "application/json", None),
        ("[" * 100_000, "application/json", None),
        ("", "application/json", None),
    ],
)  # fmt: skip
def test_DISC_07_host_meta_templates(body: str, content_type: str, expected: str | None) -> None:
    """XRD and JSON; a template without a place for the name is none."""
    assert links.lrdd_template(body.encode(), content_type) == expected


@given(HOSTILE)
def test_links_never_raise(text: str) -> None:
    """Whatever comes: nothing, or a URL that may be handed to the guard."""
    for found in (links.alternate_in_html(text.encode(), BASE), links.alternate_in_header([text], BASE)):
        assert found is None or parse_uri(found) == found
    template = links.lrdd_template(text.encode(), "application/xrd+xml")
    assert template is None or "{uri}" in template


class Pieces:
    """A stream in pieces of one size."""

    def __init__(self, data: bytes, size: int) -> None:
        self._pieces = [data[at : at + size] for at in range(0, len(data), size)]

    async def read(self, n: int = -1) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


@given(data=st.binary(max_size=3_000), size=st.integers(1, 700), encoding=st.sampled_from(["", "gzip", "deflate"]))
async def test_SEC_072_decoding_does_not_depend_on_the_pieces(data: bytes, size: int, encoding: str) -> None:
    """The whole comes out, or a refusal exactly when it is longer than the cap."""
    packed = {"": data, "gzip": gzip.compress(data), "deflate": zlib.compress(data)}[encoding]
    assert await read_body(Pieces(packed, size), encoding, len(data)) == data
    assert await read_body(Pieces(packed, size), encoding, len(data) // 2, cut=True) == data[: len(data) // 2]
    if data:
        with pytest.raises(FetchFailed):
            await read_body(Pieces(packed, size), encoding, len(data) - 1)


@given(st.binary(max_size=200))
def test_broken_compression_is_a_plain_failure(data: bytes) -> None:
    """Never more than the limit, never another error."""
    try:
        decoded = Decoder("gzip").feed(data, 50)
    except FetchFailed as exc:
        reason = exc.reason
    else:
        reason = "encoding_broken" if len(decoded) <= 50 else "too much"
    assert reason == "encoding_broken"
