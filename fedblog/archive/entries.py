"""What other systems' files come to: a post with its comments, the same for WordPress and for Markdown folders."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment. `id` and `parent` are the old system's; `held`: nobody approved it there yet."""

    id: str
    parent: str
    author: str
    author_url: str
    content_html: str
    published_at: int | None
    held: bool
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A post. `key` names it for ever, so that a second import finds it; `paths` are where it was found before.

    `url` is its old address, against which its links are made absolute. `place` is what warnings name.
    """

    key: str
    place: str
    title: str
    slug: str
    source: str
    source_type: str
    author: str = ""
    summary: str = ""
    content_warning: str = ""
    language: str = ""
    url: str = ""
    tags: tuple[str, ...] = ()
    published_at: int | None = None
    edited_at: int | None = None
    draft: bool = False
    comments_open: bool = True
    kind: str = "post"  # or page
    series: str = ""
    series_position: int = 0
    canonical_url: str = ""
    paths: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in a file that is no post, and why it was left out; `quiet` ones are only counted."""

    place: str
    what: str
    quiet: bool = False
