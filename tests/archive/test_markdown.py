"""Folders of Markdown, and the heads of their files."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.archive.front_matter import read_moment, split_head, write_head
from fedblog.archive.markdown_folder import read_folder, read_markdown
from fedblog.archive.report import Report
from fedblog.archive.taking import Taker
from fedblog.errors import InvalidInput
from fedblog.storage import archive
from tests.archive.entries import entries, skipped
from tests.archive.world import blog, everything, outgoing

YAML = """---
title: "Quoted: \\"title\\" # no comment"   # a comment
date: 2019-05-01 10:00:00 +0200
updated: 2020-01-01
slug: my-post
tags: [one, "two, three", 'it''s']
categories:
  - Four
- five
summary: >
  Folded
  lines
language: de
draft: no
aliases: ["/old/path/", "https://old.example/2019/x/"]
nested:
  map: 1
---

Text with --- inside.
"""


def test_LIFE_01_markdown_yaml_head() -> None:
    entry = read_markdown(YAML, "posts/file.md")
    assert entry.title == 'Quoted: "title" # no comment'
    assert (entry.published_at, entry.edited_at) == (1_556_697_600, 1_577_836_800)
    assert (entry.slug, entry.language, entry.summary) == ("my-post", "de", "Folded lines")
    assert entry.tags == ("one", "two, three", "it's", "Four", "five")
    assert entry.paths == ("/old/path/", "/2019/x/")
    assert entry.source == "Text with --- inside.\n"
    assert not entry.draft
    assert entry.warnings == ("line 16: “nested” is left out: it is a map",)


def test_LIFE_01_markdown_toml_head() -> None:
    text = '+++\ntitle = "T"\ndate = 2019-05-01T10:00:00Z\ndraft = true\n[taxonomies]\ntags = ["a", "b"]\n+++\nText'
    entry = read_markdown(text, "x.md")
    assert (entry.title, entry.published_at, entry.draft, entry.tags) == ("T", 1_556_704_800, True, ("a", "b"))


def test_LIFE_01_markdown_without_a_head() -> None:
    """The name tells the date and the address, the first heading the title."""
    entry = read_markdown("# A title #\n\nText", "2019-05-01-my-file.md")
    assert (entry.title, entry.slug, entry.published_at, entry.source) == ("A title", "my-file", 1_556_668_800, "Text")
    assert read_markdown("Text", "trip/index.md").slug == "trip"


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("---\ntitle: x\n", "does not end"),
        ("---\nno key\n---\n", "line 2"),
        ('---\na: b\ntitle: "open\n---\n', "line 3"),
        ("---\ntitle: *anchor\n---\n", "line 2"),
        ("---\ntitle: !!python/object:os.system x\n---\n", "line 2"),
        ("---\ntags: [a, b\n---\n", "line 2"),
        ("+++\ntitle = \n+++\n", "no TOML"),
    ],
)
def test_LIFE_01_markdown_a_head_that_cannot_be_read_is_told_with_its_line(head: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        split_head(head)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,10}", fullmatch=True),
        st.text(max_size=50) | st.lists(st.text(min_size=1, max_size=20)),
    )
)
def test_LIFE_01_markdown_a_written_head_is_read_back(values: dict[str, str | list[str]]) -> None:
    head = split_head(write_head(values) + "text")
    assert head.text == "text"
    assert head.values == {key: value for key, value in values.items() if value}


@given(st.text())
def test_LIFE_01_markdown_any_text_is_read_or_refused(text: str) -> None:
    for begin in ("", "---\n", "+++\n", "---\nkey: "):
        with contextlib.suppress(InvalidInput):
            assert isinstance(split_head(begin + text + "\n---\n").text, str)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2019-05-01", 1_556_668_800),
        ("2019-5-1 10:00", 1_556_704_800),
        ("2019-05-01T10:00:00.123Z", 1_556_704_800),
        ("2019-05-01T10:00:00+02:00", 1_556_697_600),
        ("2019-05-01 10:00:00 -0130", 1_556_710_200),
        ("2019-02-30", None),
        ("yesterday", None),
        ("0000-00-00", None),
    ],
)
def test_LIFE_01_markdown_dates(text: str, moment: int | None) -> None:
    assert read_moment(text) == moment


async def test_LIFE_01_markdown_folder_comes_in_once(tmp_path: Path) -> None:
    """With dates and old paths, links outside not followed; a second run changes nothing; nobody is told."""
    folder = tmp_path / "site"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text(YAML)
    (folder / "sub" / "b.markdown").write_text("---\ntitle: B\ndraft: true\n---\n*b*")
    (folder / "broken.md").write_text("---\nno key\n---\n")
    (folder / "latin.md").write_bytes(b"\xe9")
    (tmp_path / "outside.md").write_text("secret")
    (folder / "link.md").symlink_to(tmp_path / "outside.md")
    (folder / ".hidden.md").write_text("x")
    found = list(read_folder(folder))
    assert [entry.place for entry in entries(found)] == ["a.md", "sub/b.markdown"]
    assert skipped(found) == ["line 2: this is no “key: value”", "no UTF-8 text", "a link, which is not followed"]
    async with blog(tmp_path / "b") as services:
        report = Report()
        await Taker(services, report).take(found)
        assert (report.counts["posts"], report.counts["drafts"], report.counts["skipped"]) == (1, 1, 3)
        before = await everything(services)
        by_title = {post[3]: post for post in before["posts"]}
        assert by_title["B"][9] == "draft"
        post = by_title['Quoted: "title" # no comment']
        assert (post[2], post[8], post[11]) == ("my-post", "de", 1_556_697_600)
        moved = await services.db.read(archive.by_old_path, "/old/path")
        assert moved is not None
        assert moved.id == post[0]
        again = Report()
        await Taker(services, again).take(read_folder(folder))
        assert again.counts == {"posts_already_here": 2, "skipped": 3}
        assert await everything(services) == before
        assert await outgoing(services) == 0
