"""Custom emoji in text and HTML: only those that are known, in text nodes only, however it is written."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from fedblog.text.emoji import MOST_PICTURES, in_html, in_text
from fedblog.text.sanitise import clean_remote

KEYS = {"cat": "K1", "30": "K2", "blob_cat": "K3", "a": "K4"}


def picture(name: str, key: str) -> str:
    return f"[{name}={key}]"


def tag(name: str, key: str) -> str:
    return f'<img src="/emoji/{key}" alt=":{name}:">'


def test_where_a_name_stands() -> None:
    cases = {
        "hi :cat: there": "hi [cat=K1] there",
        ":cat::blob_cat:": "[cat=K1][blob_cat=K3]",
        ":dog::cat:": ":dog:[cat=K1]",
        ":dog:cat:": ":dog:cat:",
        "at 12:30:45": "at 12:30:45",
        "ネコ:cat:ネコ": "ネコ[cat=K1]ネコ",
        "::cat::": ":[cat=K1]:",
        ":cat": ":cat",
        "cat:": "cat:",
        ":Cat:": ":Cat:",
        "": "",
        ":": ":",
        "<b>:cat:</b>": "&lt;b&gt;[cat=K1]&lt;/b&gt;",
    }
    assert {text: in_text(text, KEYS, picture) for text in cases} == cases


def test_only_text_of_HTML_and_no_code() -> None:
    cases = {
        "<p>:cat:</p>": "<p>[cat=K1]</p>",
        '<a href="https://x.example/:cat:/" title=":cat:">:cat:</a>': (
            '<a href="https://x.example/:cat:/" title=":cat:">[cat=K1]</a>'
        ),
        '<a title="1 > :cat: > 2">x</a>': '<a title="1 > :cat: > 2">x</a>',
        "<code>:cat:</code> :cat:": "<code>:cat:</code> [cat=K1]",
        "<pre><code>:cat:</code> :cat:</pre>:cat:": "<pre><code>:cat:</code> :cat:</pre>[cat=K1]",
        "&lt;p title=:cat:&gt;": "&lt;p title=[cat=K1]&gt;",
        "<p>:<br>cat:</p>": "<p>:<br>cat:</p>",
    }
    assert {html: in_html(html, KEYS, picture) for html in cases} == cases


def test_there_is_an_end_to_it() -> None:
    html = in_html("<p>" + ":a:" * 5_000 + "</p><p>:a:</p>", KEYS, picture)
    assert html.count("[a=K4]") == MOST_PICTURES
    assert html.count(":a:") == 5_001 - MOST_PICTURES


class Texts(HTMLParser):
    """The document's text, with alternative texts, and whether pictures stand in code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words, self.tags = "", list[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.words += dict(attrs)["alt"] or ""
        else:
            self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


PARTS = [
    ":",
    "cat",
    "a",
    ":a:",
    "30",
    " ",
    "é",
    "&amp;",
    "&lt;",
    ">",
    '"',
    "<b>",
    "</b>",
    "<code>",
    "</code>",
    "<p>",
    "</p>",
]
PARTS += ['<a href="https://x.example/:a:">', "</a>"]


@given(st.lists(st.sampled_from(PARTS), max_size=40))
def test_text_and_tags_stay_the_same(parts: list[str]) -> None:
    """Whatever strangers write, once it was sanitised: what a reader without pictures gets doesn't change."""
    clean = clean_remote("".join(parts))
    shown = in_html(clean, KEYS, tag)
    before, after = Texts(clean), Texts(shown)
    assert after.words == before.words
    assert after.tags == before.tags
