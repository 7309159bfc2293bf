"""Lists of blocks as Mastodon and others write them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitypub.block_lists import MAX_LINES, Entry, read_block_list
from fedblog.errors import InvalidInput

ADMIN = """#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate
bad.example,suspend,false,false,"spam, and more",false
*.worse.example.,suspend,true,true,,false
Loud.Example,silence,false,false,,false
odd.example,noop,true,false,,false
b**.example,suspend,false,false,,true
münchen.example,suspend,false,false,,false
com,suspend,false,false,,false
blog.example,suspend,false,false,,false
example,suspend,false,false,,false
no server,suspend,false,false,,false
new.example,shadow,false,false,,false
BAD.example,suspend,false,false,again,false
"""


def test_an_admins_list_is_read_line_by_line() -> None:
    found = read_block_list("\ufeff" + ADMIN, own=("blog.example",))
    assert found.entries == [
        Entry("domain", "bad.example", "spam, and more"),
        Entry("domain", "worse.example"),
        Entry("limit", "loud.example"),
        Entry("domain", "xn--mnchen-3ya.example"),
    ]
    assert [(one.line, one.code) for one in found.problems] == [
        (5, "nothing"),
        (6, "obfuscated"),
        (8, "top_level"),
        (9, "own"),
        (10, "top_level"),
        (11, "no_server"),
        (12, "severity"),
    ]


@pytest.mark.parametrize("name", ["com", "*.com", "co.uk", "com.au.", "CO.JP", "*.org.uk"])
def test_a_name_below_which_everybody_is_blocks_nobody(name: str) -> None:
    found = read_block_list(f"{name}\nx.co.uk\nabc.de")
    assert [one.value for one in found.entries] == ["x.co.uk", "abc.de"]
    assert [one.code for one in found.problems] == ["top_level"]


def test_a_domain_above_the_blog_is_its_own_too() -> None:
    assert [one.code for one in read_block_list("example.org", own=("blog.example.org:8443",)).problems] == ["own"]
    assert read_block_list("example.org\nx.example", own=("blog.example.org",)).entries == [
        Entry("domain", "x.example")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Account address\nMia@Far.example\n@tom@far.example\n",
        "Account address,Hide notifications\nmia@far.example,true\ntom@far.example,false\n",
        "# a comment\nmia@far.example\n\ntom@far.example\nmia@far.example\n",
    ],
)
def test_accounts_are_read_with_and_without_a_head(text: str) -> None:
    assert read_block_list(text).entries == [Entry("account", "mia@far.example"), Entry("account", "tom@far.example")]


def test_names_alone_are_servers() -> None:
    found = read_block_list("a.example\n=cmd|calc\nhttps://c.example/x\nb.example:8443")
    assert found.entries == [Entry("domain", "a.example"), Entry("domain", "b.example:8443")]
    assert [one.code for one in found.problems] == ["no_server", "no_server"]


@pytest.mark.parametrize("text", ["", "\n\n", "a\0b", "#domain,#severity\n", '"' + "x" * 200_000])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_block_list(text)


def test_a_list_has_an_end() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_block_list("a.example\n" * (MAX_LINES + 1))
    assert caught.value.reason == "list_too_long"


@given(st.text(max_size=300))
def test_any_text_is_a_list_or_a_clear_error(text: str) -> None:
    try:
        found = read_block_list(text)
    except InvalidInput:
        return
    for entry in found.entries:
        assert entry.kind in ("domain", "limit", "account")
        assert not entry.value.startswith(("=", "\t", "\r"))
        assert entry.value == entry.value.strip()


def test_names_that_are_too_long_in_another_script_cost_nothing() -> None:
    text = "\n".join("\u00f6\u4e2d" * 400 + f"{number}.example" for number in range(1_200))
    begun = time.process_time()
    assert not read_block_list(text).entries
    assert time.process_time() - begun < 1
