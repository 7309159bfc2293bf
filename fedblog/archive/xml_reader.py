"""XML from anywhere: no DTD, so no entities of its own and nothing fetched; bounded depth, text and memory.

expat reads; a document type is refused as soon as it begins, which shuts out entity bombs and external entities alike
(the two that the Python documentation names for `xml.parsers.expat`). Only UTF-8 is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.parsers import expat

from fedblog.errors import InvalidInput

CHUNK = 64 * 1024
MAX_DEPTH = 64
MAX_ITEM = 64 * 1024 * 1024
MAX_TOKEN = 16 * 1024 * 1024  # a tag with its attributes, a comment: the parser holds it whole until it ends
# Control characters that XML 1.0 has no place for and that exports have all the same.
_NO_PLACE = bytes(code for code in range(32) if code not in (9, 10, 13))


@dataclass
class Element:
    """An element with its text and what is in it. Names are `{namespace}name`, without braces where there is none."""

    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def first(self, name: str) -> str:
        """The text of the first child with this name, "" where there is none."""
        return next((child.text for child in self.children if child.name == name), "")

    def all(self, name: str) -> list[Element]:
        """The children with this name."""
        return [child for child in self.children if child.name == name]


class _Builder:
    """Makes whole elements of what lies directly in `inside`, and drops them from there as soon as they are read."""

    def __init__(self, inside: str) -> None:
        self.ready: list[Element] = []
        self.roots: list[str] = []
        self._inside = inside
        self._open: list[Element] = []
        self._pieces: list[list[str]] = []
        self._depth = self._size = self._fed = 0
        self._parser = expat.ParserCreate("utf-8", namespace_separator="}")
        self._parser.buffer_text = True
        self._parser.buffer_size = CHUNK
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def feed(self, data: bytes, *, last: bool) -> None:
        self._fed += len(data)
        try:
            self._parser.Parse(data, last)
            if self._fed - self._parser.CurrentByteIndex > MAX_TOKEN:
                raise InvalidInput(f"line {self._parser.CurrentLineNumber}: this tag is too large")
        except expat.ExpatError as exc:
            words = expat.ErrorString(exc.code)
            raise InvalidInput(f"line {exc.lineno}: this is no readable XML: {words}") from None

    def _refuse(self, *_: object) -> None:
        line = self._parser.CurrentLineNumber
        raise InvalidInput(f"line {line}: XML with a document type or entities is not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidInput(f"line {self._parser.CurrentLineNumber}: nested too deep")
        if self._open or (self.roots and self.roots[-1] == self._inside):
            name = "{" + name if "}" in name else name
            self._open.append(Element(name, attributes, self._parser.CurrentLineNumber))
            self._pieces.append([])
            self._grow(len(name) + 200 + sum(len(key) + len(value) + 100 for key, value in attributes.items()))
        else:
            self.roots.append(name)

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if not self._open:
            self.roots.pop()
            return
        element = self._open.pop()
        element.text = "".join(self._pieces.pop())
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.ready.append(element)
            self._size = 0

    def _text(self, data: str) -> None:
        if self._open:
            self._pieces[-1].append(data)
            self._grow(len(data))

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_ITEM:
            raise InvalidInput(f"line {self._parser.CurrentLineNumber}: this item is too large")


def children(file: BinaryIO, inside: str) -> Iterator[Element]:
    """The elements directly in the element `inside`, one after the other, whole. Raises `InvalidInput`."""
    builder = _Builder(inside)
    last = False
    while not last:
        data = file.read(CHUNK)
        last = not data
        builder.feed(data.translate(None, _NO_PLACE), last=last)
        yield from builder.ready
        builder.ready.clear()
