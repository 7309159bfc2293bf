"""What stands in the editor's fields, on its way between form, post and page."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

from fedblog.activitypub.urls import maybe_uri
from fedblog.blog.model import HoldPolicy, Post, PostKind, QuotePolicy, ReplyPolicy, Revision, Visibility, Writing
from fedblog.errors import InvalidInput
from fedblog.web.i18n import gettext
from fedblog.web.studio.forms import Form

_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")


NOBODY = "nobody"  # the fourth choice of who may reply: the comments are closed
_Policy = TypeVar("_Policy", ReplyPolicy, QuotePolicy, HoldPolicy)
_TAG = re.compile(r"[,\s#]+")
MAX_TAGS = 30


def of_post(post: Post) -> Writing:
    """What is stored; the hashtags of the text stand in the text."""
    return replace(Writing.of(post), tags=tuple(tag for tag in post.tags if not _is_in_text(tag, post.source)))


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
    kind = form.line("kind")
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
        tags=_tags(form.text("tags", limit=10_000)),
        kind=PostKind.PAGE if kind == "page" else PostKind.POST,
        # A page that goes out is made by a command; the editor keeps it so.
        federated=kind not in ("page", "local")
        or (kind == "page" and stored is not None and stored.federated and stored.kind is PostKind.PAGE),
        series=form.line("series", limit=10_000)[:100],
        series_position=_small(form.line("series_position"), 9_999),
        canonical_url=form.line("canonical_url", limit=10_000)[:2000],
        show_history=form.line("history") == "public",
        hold_policy=_one_of(HoldPolicy, form.line("hold")),
        close_after_days=_small(form.line("close_after_days"), 3_650),
    )


def _one_of(kind: type[_Policy], value: str) -> _Policy:
    """The policy that was chosen; the widest for anything else."""
    return next((one for one in kind if one.value == value), next(iter(kind)))


def _is_in_text(tag: str, source: str) -> bool:
    """Whether the text has it as a hashtag; #art is not in #artist."""
    return re.search(rf"#{re.escape(tag)}(?!\w)", source, re.IGNORECASE) is not None


def _tags(text: str) -> tuple[str, ...]:
    """Tags as people type them: with commas, blanks or signs between them, each once."""
    words = [word for word in _TAG.split(text) if word]
    return tuple({word.casefold(): word for word in reversed(words)}.values())[::-1][:MAX_TAGS]


def _small(text: str, most: int) -> int:
    """A number of a field; 0 for anything else."""
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def working_title(writing: Writing) -> str:
    """What a draft without a title is called in lists: its first words."""
    words = writing.source.replace("#", " ").split()
    return " ".join(words[:8])[:80] or "Untitled"


def check(writing: Writing, form: Form) -> None:
    """Raises `InvalidInput` in words for the person who typed it."""
    form.url("image_url")
    if writing.canonical_url and maybe_uri(writing.canonical_url) is None:
        raise InvalidInput(
            gettext("The original address starts with https:// and has no blanks."), reason="form_canonical"
        )
    if writing.language and not _LANGUAGE.match(writing.language):
        raise InvalidInput(gettext("A language is written as en, de or pt-BR."), reason="form_language")
    if len(writing.summary) > 500:
        raise InvalidInput(gettext("A summary has at most 500 characters."), reason="form_too_long")
