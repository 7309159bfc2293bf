"""What stands in the editor's fields, on its way between form, post and page."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import TypeVar

from fedblog.blog.model import Post, PostText, QuotePolicy, ReplyPolicy, Revision, Visibility
from fedblog.errors import InvalidInput
from fedblog.media.figures import foreign_pictures
from fedblog.web.studio.forms import Form

_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")


NOBODY = "nobody"  # the fourth choice of who may reply: the comments are closed
_Policy = TypeVar("_Policy", ReplyPolicy, QuotePolicy)


@dataclass(frozen=True, slots=True)
class Writing:
    """The fields as written; nothing rendered yet."""

    title: str = ""
    source: str = ""
    source_type: str = "text/markdown"
    slug: str = ""
    summary: str = ""
    content_warning: str = ""
    language: str = ""
    image_url: str = ""
    image_alt: str = ""
    pictures: bool = False
    visibility: Visibility = Visibility.PUBLIC
    comments_open: bool = True
    reply_policy: ReplyPolicy = ReplyPolicy.EVERYONE
    quote_policy: QuotePolicy = QuotePolicy.EVERYONE
    word_count: int = 0


def of_post(post: Post) -> Writing:
    """What is stored."""
    return Writing(
        title=post.title,
        source=post.source,
        source_type=post.source_type,
        slug=post.slug,
        summary=post.summary,
        content_warning=post.content_warning,
        language=post.language,
        image_url=post.image_url,
        image_alt=post.image_alt,
        pictures=post.pictures,
        visibility=post.visibility,
        comments_open=post.comments_open,
        reply_policy=post.reply_policy,
        quote_policy=post.quote_policy,
        word_count=post.word_count,
    )


def with_revision(writing: Writing, revision: Revision) -> Writing:
    """An earlier version laid over it, to look at in the editor."""
    return replace(
        writing,
        title=revision.title,
        source=revision.source,
        source_type=revision.source_type,
        summary=revision.summary,
    )


def of_form(form: Form, stored: Post | None) -> Writing:
    """What was sent. Nothing is refused here, so that a mistake in one field never loses the others."""
    return Writing(
        title=form.line("title", limit=10_000)[:300],
        source=form.text("source"),
        source_type=stored.source_type if stored else "text/markdown",
        slug=form.line("slug", limit=10_000)[:100],
        summary=form.text("summary", limit=10_000).strip(),
        content_warning=form.line("content_warning", limit=10_000)[:300],
        language=form.line("language", limit=10_000),
        image_url=form.line("image_url", limit=10_000),
        image_alt=form.line("image_alt", limit=10_000)[:1500],
        pictures=form.line("pictures") == "pictures",
        visibility=Visibility.UNLISTED if form.line("visibility") == "unlisted" else Visibility.PUBLIC,
        comments_open=form.line("replies") != NOBODY,
        reply_policy=_one_of(ReplyPolicy, form.line("replies")),
        quote_policy=_one_of(QuotePolicy, form.line("quotes")),
    )


def _one_of(kind: type[_Policy], value: str) -> _Policy:
    """The policy that was chosen; the widest for anything else."""
    return next((one for one in kind if one.value == value), next(iter(kind)))


def working_title(writing: Writing) -> str:
    """What a draft without a title is called in lists: its first words."""
    words = writing.source.replace("#", " ").split()
    return " ".join(words[:8])[:80] or "Untitled"


def check(writing: Writing, form: Form) -> None:
    """Raises `InvalidInput` in words for the person who typed it."""
    form.url("image_url")
    if writing.language and not _LANGUAGE.match(writing.language):
        raise InvalidInput("A language is written as en, de or pt-BR.", reason="form_language")
    if len(writing.summary) > 500:
        raise InvalidInput("A summary has at most 500 characters.", reason="form_too_long")


def hints(text: PostText, base_url: str) -> list[str]:
    """What somebody may want to know before it goes out; none of it forbids publishing."""
    found = []
    missing = _pictures_without_description(text.content_html)
    if missing:
        found.append("A picture has no description." if missing == 1 else f"{missing} pictures have no description.")
    if text.image_url and not text.image_alt:
        found.append("The cover has no description.")
    elsewhere = len(foreign_pictures(text.content_html, base_url))
    if elsewhere:
        found.append(
            f"{'A picture lies' if elsewhere == 1 else f'{elsewhere} pictures lie'} on another server. Here readers get"
            " a link instead: their browsers load nothing from elsewhere."
        )
    if text.image_url and not text.image_url.startswith(f"{base_url}/"):
        found.append("The cover lies on another server and shows in link cards only.")
    return found


class _Pictures(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.missing = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img" and not (dict(attrs).get("alt") or "").strip():
            self.missing += 1


def _pictures_without_description(html: str) -> int:
    parser = _Pictures()
    parser.feed(html)
    return parser.missing
