"""WordPress' texts as HTML: its editors keep paragraphs as blank lines, its comments are text with a little HTML."""

from __future__ import annotations

import re

_BLOCK_COMMENT = re.compile(r"<!--\s*/?wp:.*?-->", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BLANK = re.compile(r"\n[ \t]*\n+")
_KEPT = re.compile(r"(<(pre|script|style|textarea)\b.*?</\2\s*>)", re.DOTALL | re.IGNORECASE)
_BLOCK = re.compile(
    r"^</?(?:p|h[1-6]|ul|ol|li|dl|dt|dd|blockquote|div|section|article|aside|header|footer|figure|figcaption|table|"
    r"thead|tbody|tfoot|tr|td|th|hr|pre|form|video|audio|details|summary|iframe)\b",
    re.IGNORECASE,
)
_CAPTION = re.compile(r"\[/?caption[^\]]{0,500}\]")
_SHORTCODE = re.compile(r"\[([a-z][a-z0-9_-]{2,30})(?: [^\]]{0,500})?\]")


def paragraphs(text: str) -> str:
    """Text as it lies in WordPress' database to HTML: blank lines part paragraphs, line ends are breaks.

    Texts of the block editor have their paragraphs already. Nothing is cleaned here.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "<!-- wp:" in text:
        return _CAPTION.sub("", _BLOCK_COMMENT.sub("", text)).strip()
    text = _CAPTION.sub("", _COMMENT.sub("", text))
    parts = _KEPT.split(text)
    made: list[str] = []
    # split gives text, whole kept element, its name, text, …
    for number in range(0, len(parts), 3):
        made += [_paragraph(piece.strip()) for piece in _BLANK.split(parts[number]) if piece.strip()]
        if number + 1 < len(parts):
            made.append(parts[number + 1])
    return "\n".join(made)


def _paragraph(piece: str) -> str:
    if _BLOCK.match(piece):
        return piece
    return f"<p>{piece.replace(chr(10), '<br>' + chr(10))}</p>"


def shortcodes(text: str) -> list[str]:
    """Names of the shortcodes in a text, which stay as they are: nobody here fills them in."""
    names = (match[1] for match in _SHORTCODE.finditer(text))
    return [name for name in dict.fromkeys(names) if f"[/{name}]" in text or name in _KNOWN]


_KNOWN = frozenset({"gallery", "embed", "audio", "video", "playlist", "contact-form", "youtube", "vimeo"})
