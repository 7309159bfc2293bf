"""The short way of the cleaner says what the whole way says, of the texts that it takes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedblog.text import sanitise
from fedblog.text.usual import clean_usual

_TEXTS = (
    st.text(max_size=12)
    | st.text(st.characters(), max_size=6)
    | st.sampled_from(
        [
            *(" ", "\n", "\t", "\xa0", "\x0c", "\x85", "\u2028", "\u3000", "\ufdd0", "\U0001fffe", "a b"),
            *("&amp;", "&lt;", "&gt;", "&amp;amp;", "&amp;lt;", "&quot;", "@ana", "https://evil.example"),
        ]
    )
)
_ATTRIBUTES = st.sampled_from(
    [
        *('href="https://a.example/@u"', 'href="https://bücher.example/tags/x"', 'href="https://a@b.example/"'),
        *('href="javascript:alert(1)"', 'href="/relative"', 'href=""', 'href="mailto:a@b.example"', 'style="x"'),
        *('class="u-url mention"', 'class="mention hashtag"', 'class="invisible"', 'class="x"', 'onclick="x"'),
        *('rel="tag"', 'target="_blank"', 'translate="no"', 'title="x"', "href='https://a.example/'"),
    ]
)
_NAMES = st.sampled_from(["ana", "a.b", "b-c", "bank.example", "ünïcode", "_", "日本", "", "a b"])


@st.composite
def _mentions(draw: st.DrawFn) -> str:
    attributes = " ".join(draw(st.lists(_ATTRIBUTES, min_size=1, max_size=4)))
    link = f"<a {attributes}>{draw(st.sampled_from('@#'))}<span>{draw(_NAMES)}</span></a>"
    frame = draw(
        st.sampled_from(["{}", '<span class="h-card">{}</span>', '<span class="h-card" translate="no">{}</span>'])
    )
    return frame.format(link)


_PIECES = _TEXTS | _mentions() | st.sampled_from(["<br>", "<br />", "<br/>", "<br >", "<b>x</b>", "</p><p>"])
_PARAGRAPHS = st.lists(_PIECES, min_size=1, max_size=5).map(lambda pieces: f"<p>{''.join(pieces)}</p>")


@settings(max_examples=1_500, deadline=None)
@given(st.lists(_PARAGRAPHS, min_size=1, max_size=3).map("".join))
@pytest.mark.proves("SEC-092")
def test_the_short_way_says_what_the_whole_way_says(html: str) -> None:
    usual = clean_usual(html, sanitise._clean_mention)
    if usual is not None:
        assert sanitise._clean_whole(html) == (usual, False)


_REL = 'rel="nofollow noopener ugc"'
_ANA = '<a class="u-url mention" href="https://a.example/@ana" {rel}>@<span>ana</span></a>'
_SENT_ANA = '<a href="https://a.example/@ana" class="u-url mention">@<span>ana</span></a>'
_TEA = '<a class="mention hashtag" href="https://a.example/tags/tea" {rel}>#<span>tea</span></a>'


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>so it is</p>", "<p>so it is</p>"),
        ("<p>one<br />two<br>three</p><p>a &amp; b</p>", "<p>one<br>two<br>three</p><p>a &amp; b</p>"),
        (
            f'<p><span class="h-card" translate="no">{_SENT_ANA}</span> yes</p>',
            f'<p><span class="h-card">{_ANA.format(rel=_REL)}</span> yes</p>',
        ),
        (f"<p>for {_TEA.format(rel='')}</p>".replace(" >", ' rel="tag">'), f"<p>for {_TEA.format(rel=_REL)}</p>"),
    ],
)
def test_what_servers_send_goes_the_short_way(html: str, expected: str) -> None:
    assert clean_usual(html, sanitise._clean_mention) == expected
    assert sanitise._clean_whole(html) == (expected, False)


@pytest.mark.parametrize("html", ["<p>a&nbsp;b</p>", "<p> a</p>", "<p></p>", "a", "<p>a</p> ", "<p><img>a</p>", "<p>a"])
def test_all_else_goes_the_whole_way(html: str) -> None:
    assert clean_usual(html, sanitise._clean_mention) is None


@pytest.mark.parametrize("unit", ["<p>a</p>", "a<br>", '<a href="x">@<span>', "<p", "&amp;", '<span class="h-card">'])
def test_a_look_at_what_is_not_usual_takes_no_longer_for_being_strange(unit: str) -> None:
    html = "<p>" + unit * (9_000 // len(unit)) + "<"
    started = time.process_time()
    assert clean_usual(html, sanitise._clean_mention) is None
    assert time.process_time() - started < 0.1
