"""Exports of Ghost and WriteFreely: what is read of them, what becomes of it, and what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedblog.archive.entries import Entry, Skipped
from fedblog.archive.json_read import check_site, read_json
from fedblog.archive.report import Report
from fedblog.archive.taking import Taker
from fedblog.errors import InvalidInput
from fedblog.storage import posts
from tests.archive.entries import entries, skipped
from tests.archive.world import author_id, blog, outgoing

NOW = 1_800_000_000
SITE = "https://old.example"


def ghost_post(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"p{number}",
        "uuid": f"00000000-{number}",
        "title": f"Title {number}",
        "slug": f"title-{number}",
        "html": '<p>Hello <a href="__GHOST_URL__/about/">you</a></p>',
        "type": "post",
        "status": "published",
        "visibility": "public",
        "published_at": "2019-05-01T10:00:00.000Z",
        "updated_at": "2019-05-02T10:00:00.000Z",
        **more,
    }


def ghost(*found: dict[str, Any], **tables: Any) -> dict[str, Any]:
    data = {
        "posts": list(found),
        "tags": [
            {"id": "t1", "name": "two words", "visibility": "public"},
            {"id": "t2", "name": "#hidden", "visibility": "internal"},
            {"id": "t3", "name": "bread"},
        ],
        "posts_tags": [
            {"post_id": "p1", "tag_id": "t3", "sort_order": 1},
            {"post_id": "p1", "tag_id": "t1", "sort_order": 0},
            {"post_id": "p1", "tag_id": "t2", "sort_order": 2},
        ],
        "users": [{"id": "u1", "slug": "alice", "name": "Alice", "password": "$2a$10$secret"}],
        "posts_authors": [{"post_id": "p1", "author_id": "u1", "sort_order": 0}],
        "posts_meta": [{"post_id": "p1", "feature_image_alt": 'A "loaf"'}],
        **tables,
    }
    return {"db": [{"meta": {"exported_on": 1, "version": "5.0.0"}, "data": data}]}


def read(document: Any, site: str = SITE) -> list[Entry | Skipped]:
    return list(read_json(io.BytesIO(json.dumps(document).encode()), site, now=NOW))


def test_LIFE_01_ghost_posts_pages_tags_authors_and_paths() -> None:
    cover = "__GHOST_URL__/content/images/loaf.jpg"
    first = ghost_post(1, feature_image=cover, custom_excerpt="A lede")
    post, page = entries(read(ghost(first, ghost_post(2, type="page"))))
    assert (post.title, post.slug, post.author, post.summary) == ("Title 1", "title-1", "alice", "A lede")
    assert (post.published_at, post.edited_at) == (1_556_704_800, 1_556_791_200)
    assert post.tags == ("two words", "bread")
    assert post.paths == ("/title-1/",)
    figure = '<figure><img src="https://old.example/content/images/loaf.jpg" alt="A &quot;loaf&quot;"></figure>'
    assert post.source == f'{figure}\n<p>Hello <a href="https://old.example/about/">you</a></p>'
    assert (post.kind, post.draft, page.kind) == ("post", False, "page")


def test_LIFE_01_ghost_of_old_with_numbers_and_markdown() -> None:
    """Its first versions: milliseconds, `page`, one author, no `db` around."""
    old = {
        "id": 5, "title": "Old", "slug": "old", "markdown": "the *old* way", "page": 1, "status": "published",
        "language": "en_US", "author_id": 1, "published_at": 1283780649000, "updated_at": 1286958624000,
    }  # fmt: skip
    tables = {"posts": [old], "users": [{"id": 1, "name": "Alice"}]}
    (found,) = entries(read({"meta": {"version": "003"}, "data": tables}))
    assert (found.source, found.source_type, found.kind) == ("the *old* way", "text/markdown", "page")
    assert (found.published_at, found.language, found.author) == (1283780649, "en-US", "Alice")


@pytest.mark.parametrize("more", [{"status": "draft"}, {"status": "scheduled"}, {"visibility": "paid"}])
def test_LIFE_01_ghost_what_was_not_open_to_all_becomes_a_draft(more: dict[str, str]) -> None:
    (found,) = entries(read(ghost(ghost_post(1, **more))))
    assert found.draft
    assert bool(found.warnings) == ("visibility" in more)


def test_LIFE_01_ghost_says_what_is_missing() -> None:
    (found,) = entries(read(ghost(ghost_post(1)), site=""))
    assert "--old-site" in found.warnings[0]
    assert skipped(read(ghost(ghost_post(1, html=None)))) == ["“Title 1” has no text in the file"]


def test_LIFE_01_writefreely_posts_and_drafts() -> None:
    row = {
        "id": "abcdefghij", "slug": "hello", "title": "", "body": "# Hello\n\nWords #bread", "language": "de",
        "created": "2019-05-01T10:00:00Z", "updated": "2019-05-01T10:00:00Z", "tags": ["bread"],
    }  # fmt: skip
    later = {**row, "id": "later", "slug": "later", "created": "2040-01-01T00:00:00Z"}
    document = {
        "username": "alice",
        "collections": [{"alias": "letters", "title": "Letters", "posts": [row, later]}],
        "posts": [{**row, "id": "loose", "slug": None}, {**row, "body": " "}],
    }
    post, planned, loose = entries(read(document))
    assert (post.author, post.slug, post.language, post.tags) == ("alice", "hello", "de", ("bread",))
    assert (post.source_type, post.draft, post.edited_at) == ("text/markdown", False, None)
    assert post.paths == ("/letters/hello", "/hello")
    assert (planned.draft, loose.draft) == (True, True)
    assert skipped(read(document)) == ["an empty post"]


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"{}", b'{"posts": []}', b"[" * 100_000, b'{"db": [1]}', b"\xff\xfe{"]
)
def test_LIFE_01_other_json_is_refused_in_words(text: bytes) -> None:
    with pytest.raises(InvalidInput, match="JSON"):
        list(read_json(io.BytesIO(text), now=NOW))


def test_LIFE_01_an_old_site_is_an_address() -> None:
    assert check_site("") == ""
    assert check_site(SITE) == SITE
    for wrong in ("old.example", "javascript:alert(1)", "https://"):
        with pytest.raises(InvalidInput):
            check_site(wrong)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
ANYTHING = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)
FIELDS = ("id", "uuid", "title", "slug", "html", "markdown", "type", "page", "status", "published_at", "tags", "body")
OTHERS = ("post_id", "tag_id", "author_id", "sort_order", "id", "name", "slug", "visibility")


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING), st.dictionaries(st.sampled_from(OTHERS), ANYTHING))
def test_LIFE_01_whatever_stands_in_the_fields(row: dict[str, Any], other: dict[str, Any]) -> None:
    tables = {name: [other, row, 7] for name in ("tags", "posts_tags", "users", "posts_authors", "posts_meta")}
    assert len(read(ghost(row, **tables))) == 1
    assert len(read({"username": other, "collections": [{"alias": other, "posts": [row]}], "posts": [row]})) == 2


async def test_LIFE_01_a_ghost_blog_comes_in_once_and_tells_nobody(tmp_path: Path) -> None:
    async with blog(tmp_path) as services:
        for new in (1, 0):
            report = Report()
            taker = Taker(services, report, author="alice")
            await taker.take(read(ghost(ghost_post(1), ghost_post(2, status="draft"))))
            assert (report.counts.get("posts", 0), report.counts.get("drafts", 0)) == (new, new)
        post = await services.db.read(posts.by_slug, await author_id(services), "title-1")
        assert post is not None
        assert post.published_at == 1_556_704_800
        assert 'href="https://old.example/about/"' in post.content_html
        assert await outgoing(services) == 0
