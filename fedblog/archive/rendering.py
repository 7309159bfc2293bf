"""Texts from files as texts of our own: made anew by the same hands as if their author had typed them here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fedblog.activitypub.ids import LocalIds
from fedblog.config import Settings
from fedblog.federation.compose import HTML
from fedblog.media.figures import frame
from fedblog.storage import media
from fedblog.storage.database import Database
from fedblog.text.markdown import MentionLink, Rendered, render_html, render_markdown
from fedblog.text.sanitise import clean_author

_NOBODY: Mapping[str, MentionLink] = {}


async def render_source(
    db: Database,
    ids: LocalIds,
    settings: Settings,
    source: str,
    source_type: str,
    mentions: Mapping[str, MentionLink] = _NOBODY,
) -> Rendered:
    """The text rendered, with our own pictures completed; nobody is looked up. Raises `InvalidInput` over 1 MB."""
    render = render_html if source_type == HTML else render_markdown
    made = render(source, base_url=f"{settings.base_url}/", tag_url=ids.tag_page, mention_urls=mentions)
    names = media.names_in(made.html)
    pictures = await db.read(media.by_names, names) if names else {}
    if not pictures:
        return made
    return Rendered(
        frame(made.html, pictures, settings.base_url), made.tags, made.mentions, made.images, made.word_count
    )


def at_home(html: str, url: str, base_url: str) -> str:
    """Foreign article HTML cleaned, its links absolute against where it stood."""
    return clean_author(html, base_url=url or f"{base_url}/")


def merge_tags(*lists: Sequence[str]) -> tuple[str, ...]:
    """Each tag once, by its letters without case, as first written; blanks inside would end a hashtag."""
    merged: dict[str, str] = {}
    for tag in (tag for tags in lists for tag in tags):
        name = "".join(word if number == 0 else word[:1].upper() + word[1:] for number, word in enumerate(tag.split()))
        name = name.strip("#")[:100]
        if name:
            merged.setdefault(name.casefold(), name)
    return tuple(merged.values())
