"""Every word of ours on every page can be translated: in the strange English (`en-XA`) nothing stays plain but what
people wrote, names, addresses, dates and numbers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import html5lib
import msgspec
import pytest

from fedblog.blog.model import ReactionKind, ReplyState
from fedblog.config import Settings
from fedblog.storage import reactions
from tests.browser.test_accessible import FULL, PUBLIC, SOURCE, STUDIO
from tests.web import desk as desks
from tests.web.desk import Desk

PAGES = (*(path for path in (*PUBLIC, *FULL) if path != "/login"), "/archive", "/signed-in")
# Words of people, of machines, and of other makers; and what is the same in every language.
NOT_OURS = frozenset({"script", "style", "code", "pre", "kbd", "time", "bdi", "textarea", "math", "svg"})
THEIRS = re.compile(
    r"\b(handle|prose|p-name|e-content|p-content|talk-text|talk-above|site-title|post-title|line-text|avatar"
    r"|notice-words|post-card-title|post-card-excerpt|masthead|mono|tag|hashtag|lang|look|found|diff|series-name)\b"
)
ALSO = re.compile(r"\W*A federated blog|\W*\((?:RSS|JSON Feed)\)")  # beside titles
STRANGE = re.compile("[⟦⟧áçéîñöûý]")
SAME_EVERYWHERE = re.compile(
    r"^(?:[\W\d_]*|A federated blog|fedblog|Atom|RSS|JSON Feed|CSV|CW|ALT|Mastodon|GoToSocial|Pleroma|Misskey|Lemmy"
    r"|ntfy|Python|Edda|Bert|Olga|Anna|Mia|On bread|On butter|#?bread|[\w.]+\.example(?::\d+)?|https?://\S+|@\S+|English|UTC|[A-Z]{1,2}|en"
    r"|\W*On bread|(?:\d{1,2} )?\w+ \d{4}(?:, \d\d:\d\d)?)$"
)


def plain_words(html: str) -> Iterator[str]:
    """Texts and labels of a page that are not strange."""
    root = html5lib.parse(html, namespaceHTMLElements=False)
    yield from _walk(root)


def _walk(element: ET.Element) -> Iterator[str]:
    if not isinstance(element.tag, str) or element.tag in NOT_OURS:
        return
    if THEIRS.search(element.get("class") or ""):
        return
    texts = [element.text, *(element.get(name) for name in ("aria-label", "placeholder", "title", "alt"))]
    texts += [child.tail for child in element]
    for text in texts:
        words = ALSO.sub("", " ".join((text or "").split()))
        if words and not STRANGE.search(words) and not SAME_EVERYWHERE.match(words):
            yield words
    for child in element:
        yield from _walk(child)


async def test_no_word_of_ours_is_forgotten(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = desks.desk_settings

    def strange(folder: Path, *database: str, **limits: Any) -> Settings:
        settings = plain(folder, *database, **limits)
        return msgspec.structs.replace(settings, blog=msgspec.structs.replace(settings.blog, language="en-XA"))

    monkeypatch.setattr(desks, "desk_settings", strange)
    async with desks.open_desk(template, tmp_path) as desk:
        forgotten = await _forgotten(desk)
    assert not forgotten, "\n".join(f"{words!r}: {', '.join(paths[:3])}" for words, paths in forgotten.items())


async def _forgotten(desk: Desk) -> dict[str, list[str]]:
    post = await desk.write_post("olga", "On bread", source=SOURCE)
    mia = await desk.stranger()
    reply = await desk.reply(post, mia)
    held = await desk.reply(post, mia, "Doubtful", state=ReplyState.HELD)
    for kind in (ReactionKind.LIKE, ReactionKind.ANNOUNCE):
        await desk.parts.db.write(
            reactions.add, kind=kind, actor_id=mia.id, post_id=post.id, activity_uri=f"https://far.example/{kind}"
        )
    olga = await desk.logged_in("olga")
    forgotten: dict[str, list[str]] = {}
    for path in (*PAGES, *STUDIO):
        where = path.format(post=post.id, reply=reply.id, held=held.id).replace("/@ana", "/@olga")
        page = await olga.get(where, **{"Accept-Language": "en-XA"})
        for words in plain_words(page.text):
            forgotten.setdefault(words, []).append(path)
    return forgotten
