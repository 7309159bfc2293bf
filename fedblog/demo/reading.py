"""Reads the blog's pages as a stranger would: what stands where in the conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset(
    {"br", "img", "input", "link", "meta", "hr", "source", "wbr", "area", "base", "col", "embed", "track"}
)


@dataclass
class SeenReply:
    """One reply on a page: its anchor, how deep it stands (1 is a direct answer), its words."""

    anchor: str
    depth: int
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All words, blanks made even."""
        return " ".join(" ".join(self.parts).split())


class PageReader(HTMLParser):
    """The replies and the whole text of a page. Depth is counted in list items around the reply."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.replies: list[SeenReply] = []
        self._words: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self._current: SeenReply | None = None
        self._current_depth = 0
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """All words of the page, blanks made even."""
        return " ".join(" ".join(self._words).split())

    def find(self, words: str) -> SeenReply | None:
        """The reply that says that."""
        return next((reply for reply in self.replies if words in reply.text), None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps track of where it is."""
        if tag in _VOID:
            return
        named = dict(attrs)
        anchor = named.get("id") or ""
        if tag == "article" and anchor.startswith("reply-"):
            depth = sum(1 for _, is_item in self._open if is_item)
            self._current = SeenReply(anchor, depth)
            self._current_depth = len(self._open)
            self.replies.append(self._current)
        is_item = tag == "li" and self._current is None
        self._open.append((tag, is_item))

    def handle_endtag(self, tag: str) -> None:
        """Closes up to the matching start."""
        while self._open:
            closed, _ = self._open.pop()
            if closed == tag:
                break
        if self._current is not None and len(self._open) <= self._current_depth:
            self._current = None

    def handle_data(self, data: str) -> None:
        """Words, of the page and of the reply they stand in."""
        if self._open and self._open[-1][0] in ("style", "script", "title"):
            return
        self._words.append(data)
        if self._current is not None:
            self._current.parts.append(data)
