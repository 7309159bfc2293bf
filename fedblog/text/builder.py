"""Builds clean HTML anew out of tokens: an allow-list, a content model, a depth and a size.

What comes out is well formed and survives parsing unchanged: no paragraph in a paragraph, no link in a link, list
items in lists only, nothing empty. That is why cleaning twice is cleaning once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from fedblog.text.links import is_shortened, link_host, names_another_host
from fedblog.text.markup import Kind, Token, escape_text, is_blank, start_tag

MAX_DEPTH = 40
MAX_TOKENS = 40_000
_LISTS = frozenset({"ul", "ol"})
_LINE_BLOCKS = frozenset({"p", "h2", "h3", "h4", "h5", "h6"})
_RUBY_PARTS = frozenset({"rt", "rp"})
_HINTS = frozenset({"invisible", "ellipsis"})
# Dropped with what is in them: their content is not text to read, or belongs to another namespace.
_DROPPED = frozenset({"svg", "object", "template", "applet", "canvas", "frameset", "select"})


@dataclass(frozen=True, slots=True)
class Policy:
    """What a kind of reader takes. `attributes` gives the attributes to keep, or None to drop the tag itself."""

    inlines: frozenset[str]
    blocks: frozenset[str]
    renames: Mapping[str, tuple[str, ...]]  # "h1" -> ("p", "strong"): outer tag first
    paragraphs: frozenset[str]  # unknown blocks whose borders are worth a paragraph
    attributes: Callable[[str, Mapping[str, str]], dict[str, str] | None]
    image: Callable[[Mapping[str, str], bool], tuple[str, str]]  # -> (ready tag or link target, alternative text)
    solid: frozenset[str] = frozenset()  # kept even when empty
    voids: frozenset[str] = frozenset()  # kept beside <br>
    skips: Callable[[Token], bool] = lambda token: token.name in _DROPPED
    judges_links: bool = True
    max_bytes: int | None = None


@dataclass(slots=True)
class _Open:
    """An open element; until something is written in it, it is only promised."""

    tag: str
    source: str  # the name whose end tag closes it
    attributes: Mapping[str, str]
    written: bool = False
    at: int = 0  # index in the output just behind its start tag
    full: list[str] = field(default_factory=list)  # of a link: its text, and what of it is shown
    shown: list[str] = field(default_factory=list)
    hints: list[int] = field(default_factory=list)


class Builder:
    """Takes tokens by `feed`, gives the result by `finish`. One use."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._out: list[str] = []
        self._stack: list[_Open] = []
        self._open_tags: defaultdict[str, int] = defaultdict(int)
        self._open_sources: defaultdict[str, int] = defaultdict(int)
        self._size = 0
        self._reserved = 0  # end tags still to be written, and room for a host in front of a link
        self._skipping = ""
        self._skip_depth = 0
        self.was_cut = False

    def feed(self, tokens: Iterable[Token]) -> None:
        """Adds tokens until the size is reached."""
        for count, token in enumerate(tokens):
            if count >= MAX_TOKENS:
                self._cut("")
            if self.was_cut:
                return
            if self._skips(token):
                continue
            if token.kind is Kind.TEXT:
                self._text(token.text)
            elif token.kind is Kind.START:
                self._start(token)
            else:
                self._end(token.name)

    def finish(self) -> str:
        """The clean HTML, all elements closed."""
        self._close_down_to(0)
        return "".join(self._out).rstrip()

    def _skips(self, token: Token) -> bool:
        if self._skipping:
            if token.name == self._skipping and not token.self_closing:
                self._skip_depth += 1 if token.kind is Kind.START else -1
                if self._skip_depth == 0:
                    self._skipping = ""
            return True
        if token.kind is Kind.START and self._policy.skips(token):
            if not token.self_closing:
                self._skipping, self._skip_depth = token.name, 1
            return True
        return False

    # -- elements -----------------------------------------------------------------------------------------------

    def _start(self, token: Token) -> None:
        name = token.name
        if name == "br":
            self._void("<br>")
        elif name == "hr":
            self._end_paragraph()
        elif name == "img":
            self._image(token)
        elif name in self._policy.voids:
            attributes = self._policy.attributes(name, token.attributes)
            if attributes is not None:
                self._void(start_tag(name, attributes))
        elif name in {"td", "th"}:
            self._cell_border()
        elif name == "li":
            self._list_item(token)
        elif name in _RUBY_PARTS:
            self._ruby_part(token)
        elif name in self._policy.blocks or name in self._policy.renames or name in self._policy.paragraphs:
            self._block(token)
        elif name in self._policy.inlines:
            self._inline(token)

    def _block(self, token: Token) -> None:
        if self._find("pre") is not None:
            return
        self._end_paragraph()
        names = self._policy.renames.get(token.name) or ((token.name,) if token.name in self._policy.blocks else ("p",))
        attributes = self._policy.attributes(token.name, token.attributes)
        if attributes is None or len(self._stack) + len(names) > MAX_DEPTH:
            return
        for index, name in enumerate(names):
            first = index == 0
            self._push(_Open(name, token.name if first else "", attributes if first else {}))

    def _list_item(self, token: Token) -> None:
        place = self._find_any(_LISTS | {"li", "blockquote"})
        if self._find("pre") is not None:
            return
        if place is None or self._stack[place].tag == "blockquote":
            self._block(token._replace(name="div"))
            return
        self._close_down_to(place if self._stack[place].tag == "li" else place + 1)
        if len(self._stack) < MAX_DEPTH:
            self._push(_Open("li", "li", self._policy.attributes("li", token.attributes) or {}))

    def _inline(self, token: Token) -> None:
        if token.name in {"a", "ruby"} and (place := self._find(token.name)) is not None:
            self._close_down_to(place)
        attributes = self._policy.attributes(token.name, token.attributes)
        if attributes is None or len(self._stack) >= MAX_DEPTH:
            return
        if self._find("a") is None:
            attributes = _without_hints(attributes)
        self._push(_Open(token.name, token.name, attributes))
        if token.name in self._policy.solid:
            self._write_promised()

    def _ruby_part(self, token: Token) -> None:
        place = self._find("ruby")
        if place is not None and token.name in self._policy.inlines and len(self._stack) < MAX_DEPTH:
            self._close_down_to(place + 1)
            self._push(_Open(token.name, token.name, {}))

    def _image(self, token: Token) -> None:
        inside_link = self._find("a") is not None
        target, text = self._policy.image(token.attributes, inside_link)
        if target.startswith("<"):
            self._void(target)
        elif target and len(self._stack) < MAX_DEPTH:
            self._push(_Open("a", "", self._policy.attributes("a", {"href": target}) or {}))
            self._text(text)
            if self._stack and self._stack[-1].tag == "a":
                self._close_down_to(len(self._stack) - 1)
        else:
            self._text(text)

    def _cell_border(self) -> None:
        if self._stack and self._stack[-1].written and self._stack[-1].source == "tr":
            self._text(" | ")

    def _end(self, name: str) -> None:
        if not self._open_sources[name]:
            return
        blocks = self._policy.blocks
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index].source == name:
                self._close_down_to(index)
                return
            if name in self._policy.inlines and (self._stack[index].tag in blocks or self._stack[index].tag == "li"):
                return

    # -- the stack ----------------------------------------------------------------------------------------------

    def _find(self, tag: str) -> int | None:
        return self._find_any((tag,)) if self._open_tags[tag] else None

    def _find_any(self, tags: Collection[str]) -> int | None:
        for index in range(len(self._stack) - 1, -1, -1):
            if self._stack[index].tag in tags:
                return index
        return None

    def _end_paragraph(self) -> None:
        """A block begins: what can't hold blocks is closed."""
        for index, element in enumerate(self._stack):
            if element.tag in _LINE_BLOCKS or element.tag == "ruby":
                self._close_down_to(index)
                return

    def _push(self, element: _Open) -> None:
        self._stack.append(element)
        self._open_tags[element.tag] += 1
        self._open_sources[element.source] += 1

    def _close_down_to(self, depth: int) -> None:
        while len(self._stack) > depth:
            element = self._stack.pop()
            self._open_tags[element.tag] -= 1
            self._open_sources[element.source] -= 1
            if not element.written:
                continue
            if element.tag == "a":
                self._reserved -= self._room_for_host(element)
                if self._policy.judges_links:
                    self._judge(element)
            self._reserved -= len(element.tag) + 3
            self._emit(f"</{element.tag}>")

    # -- output -------------------------------------------------------------------------------------------------

    def _emit(self, markup: str) -> None:
        self._out.append(markup)
        self._size += len(markup.encode())

    def _room(self) -> int | None:
        limit = self._policy.max_bytes
        return None if limit is None else limit - self._size - self._reserved - len("…".encode())

    def _room_for_host(self, element: _Open) -> int:
        return len(link_host(element.attributes.get("href", ""))) + 2 if self._policy.judges_links else 0

    def _write_promised(self) -> bool:
        """Writes the start tags that were only promised; False where they don't fit any more."""
        if not self._stack or self._stack[-1].written:  # what is written stands before what is promised
            return True
        for element in self._stack:
            if element.written:
                continue
            tag = start_tag(element.tag, element.attributes)
            extra = len(element.tag) + 3 + (self._room_for_host(element) if element.tag == "a" else 0)
            room = self._room()
            if room is not None and len(tag.encode()) + extra > room:
                self._cut("")
                return False
            element.written = True
            link = self._link()
            if link is not None and element.tag == "span" and not _HINTS.isdisjoint(_classes(element)):
                link.hints.append(len(self._out))
            self._emit(tag)
            self._reserved += extra
            element.at = len(self._out)
        return True

    def _void(self, markup: str) -> None:
        if not self._write_promised():
            return
        room = self._room()
        if room is not None and len(markup.encode()) > room:
            self._cut("")
        else:
            self._emit(markup)

    def _text(self, text: str) -> None:
        pre = self._find("pre")
        if pre is None and is_blank(text) and self._at_block_start():
            return
        if self._stack and self._stack[-1].source == "tr" and is_blank(text):
            return
        if pre is not None and pre == len(self._stack) - 1 and self._at_start_of(self._stack[pre]):
            text = text.lstrip("\n")  # the parser drops one line feed there each time
        if not text or not self._write_promised():
            return
        escaped = escape_text(text)
        room = self._room()
        if room is not None and len(escaped.encode()) > room:
            self._cut(text)
            return
        self._record(text)
        self._emit(escaped)

    def _at_block_start(self) -> bool:
        promised = [element for element in self._stack if not element.written]
        return not self._out or any(e.tag in self._policy.blocks or e.tag == "li" for e in promised)

    def _at_start_of(self, element: _Open) -> bool:
        return not element.written or len(self._out) == element.at

    def _cut(self, text: str) -> None:
        """The size is reached: as much of `text` as fits, an ellipsis, and no more."""
        room = max(self._room() or 0, 0)
        kept = text.encode()[:room].decode(errors="ignore")
        while kept and len(escape_text(kept).encode()) > room:
            kept = kept[: len(kept) * 9 // 10]
        border = max(kept.rfind(" "), kept.rfind("\n"))
        if border > max(len(kept) - 60, 0):
            kept = kept[:border]
        self.was_cut = True
        if kept or self._out:
            self._record(kept + "…")
            self._emit(escape_text(kept) + "…")

    # -- links --------------------------------------------------------------------------------------------------

    def _link(self) -> _Open | None:
        place = self._find("a")
        return None if place is None else self._stack[place]

    def _record(self, text: str) -> None:
        link = self._link()
        if link is None:
            return
        link.full.append(text)
        if not any("invisible" in _classes(element) for element in self._stack if element.tag == "span"):
            link.shown.append(text)

    def _judge(self, link: _Open) -> None:
        """A link whose text hides or misstates its host gets all of its text shown, and the real host in front."""
        url, full = link.attributes.get("href", ""), "".join(link.full)
        if link.hints:
            if is_shortened(full, "".join(link.shown), url):
                return
            for index in link.hints:
                self._out[index] = "<span>"
        if names_another_host(full, url):
            self._out.insert(link.at, f"{link_host(url)}: ")
            self._size += len(link_host(url)) + 2


def _classes(element: _Open) -> set[str]:
    return set(element.attributes.get("class", "").split())


def _without_hints(attributes: Mapping[str, str]) -> dict[str, str]:
    kept = dict(attributes)
    if "class" in kept:
        names = [name for name in kept["class"].split() if name not in _HINTS]
        if names:
            kept["class"] = " ".join(names)
        else:
            del kept["class"]
    return kept
