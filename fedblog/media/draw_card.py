"""The picture of a link card, for a post without a cover: run as a process of its own, as `remake` is.

Fonts are those of the machine. Words that none of them can show, or whose script needs shaping that is not there, are
left out: a card without a title is better than one with boxes in it.
"""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
from PIL import Image, ImageDraw, ImageFont, features

from fedblog.media.cards import HEIGHT, WIDTH, CardFacts
from fedblog.media.remake import set_limits

_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts")
_SERIF = ("notoserif-bold", "liberationserif-bold", "dejavuserif-bold", "georgia bold", "freeserifbold")
_SANS = ("notosans-bold", "inter-bold", "roboto-bold", "liberationsans-bold", "dejavusans-bold", "arial bold")
_OTHERS = (
    *("notosanscjk-bold", "notoserifcjk-bold", "notosansjp-bold", "ipaexg", "wqy-zenhei", "wqy-microhei"),
    *("notonaskharabic-bold", "notosansarabic-bold", "amiri-bold", "notosanshebrew-bold", "notosansthai-bold"),
    *("notosansdevanagari-bold", "freeserif", "unifont"),
)
_EDGE, _BAND = 80, 18
_ROOM = WIDTH - 2 * _EDGE - _BAND
_SIZES = (84, 72, 62, 54, 46)
_MOST_LINES = 4
_NO_GLYPH = "\uffff"

Font = ImageFont.FreeTypeFont


def draw(facts: CardFacts) -> bytes:
    """The PNG."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), facts.paper)
    pen = ImageDraw.Draw(picture)
    start = WIDTH - _BAND if facts.rtl else 0
    pen.rectangle((start, 0, start + _BAND, HEIGHT), fill=facts.accent)
    heading = next((words for words in (facts.title, facts.site) if _can_show(words, serif=facts.serif)), "")
    _heading(pen, facts, _showable(heading))
    lines = ((facts.author, facts.soft, HEIGHT - 165), (facts.site, facts.accent, HEIGHT - 115))
    for words, colour, top in lines:
        if words != heading and _can_show(words, serif=False):
            _foot(pen, facts, _showable(words), colour, top)
    out = io.BytesIO()
    picture.quantize(64).save(out, format="PNG", optimize=True)
    return out.getvalue()


def _heading(pen: ImageDraw.ImageDraw, facts: CardFacts, words: str) -> None:
    """As large as it fits into four lines."""
    path = _font_for(words, serif=facts.serif) or ""
    fitting = (size for size in _SIZES if len(list(_wrapped(words, _load(path, size), _ROOM))) <= _MOST_LINES)
    size = next(fitting, _SIZES[-1])
    font = _load(path, size)
    lines = list(_wrapped(words, font, _ROOM))
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], f"{lines[_MOST_LINES - 1].rstrip()} …"]
    for number, line in enumerate(lines):
        _write(pen, line, font, _EDGE + int(number * size * 1.25), facts.ink, rtl=facts.rtl)


def _foot(pen: ImageDraw.ImageDraw, facts: CardFacts, words: str, colour: str, top: int) -> None:
    font = _load(_font_for(words, serif=False) or "", 34)
    _write(pen, next(_wrapped(words, font, _ROOM), ""), font, top, colour, rtl=facts.rtl)


def _write(pen: ImageDraw.ImageDraw, line: str, font: Font, top: int, colour: str, *, rtl: bool) -> None:
    side = (WIDTH - _EDGE - _BAND) if rtl else (_EDGE + _BAND)
    direction = ("rtl" if rtl else "ltr") if features.check("raqm") else None
    pen.text((side, top), line, font=font, fill=colour, anchor="ra" if rtl else "la", direction=direction)


def _wrapped(words: str, font: Font, width: int) -> Iterator[str]:
    """Lines that fit; a word that fits on no line, as those of Chinese and Japanese, is cut where the line ends."""
    line = ""
    for word in words.split(" "):
        longer = f"{line} {word}".strip()
        if font.getlength(longer) <= width:
            line = longer
            continue
        if line and font.getlength(word) <= width:
            yield line
            line = word
            continue
        for char in f" {word}" if line else word:
            if font.getlength(line + char) > width:
                yield line
                line = ""
            line = (line + char).lstrip()
    if line:
        yield line


def _showable(text: str) -> str:
    """Without pictograms, which fonts for text don't have; "" for scripts that can't be shaped here."""
    kept = "".join(
        char
        for char in " ".join(text.split())
        if unicodedata.category(char) not in ("So", "Cf", "Cs", "Co", "Cn", "Cc", "Sk")
        and not 0xFE00 <= ord(char) <= 0xFE0F
    )
    kept = " ".join(unicodedata.normalize("NFC", kept).split())
    needs_shaping = any(
        unicodedata.bidirectional(char) in ("R", "AL") or unicodedata.category(char).startswith("M") for char in kept
    )
    return "" if needs_shaping and not features.check("raqm") else kept


def _can_show(text: str, *, serif: bool) -> bool:
    words = _showable(text)
    return bool(words) and _font_for(words, serif=serif) is not None


def _font_for(words: str, *, serif: bool) -> str | None:
    """The first font that has every character; "" for the one that Pillow brings; None where none has."""
    found = _fonts()
    wanted = (*_SERIF, *_SANS) if serif else (*_SANS, *_SERIF)
    paths = [*(found[name] for name in (*wanted, *_OTHERS) if name in found), ""]
    return next((path for path in paths if _has_all(path, words)), None)


def _has_all(path: str, words: str) -> bool:
    try:
        font = _load(path, 24)
    except OSError:
        return False
    missing = bytes(font.getmask(_NO_GLYPH))
    return all(bytes(font.getmask(char)) != missing for char in set(words) - {" "})


def _load(path: str, size: int) -> Font:
    font = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise OSError("no font that can be drawn with")
    return font


@cache
def _fonts() -> dict[str, str]:
    """Fonts of this machine by the names of their files, in small letters."""
    home = Path(os.environ.get("HOME", "/nonexistent"))
    found: dict[str, str] = {}
    for folder in (*map(Path, _FOLDERS), home / ".fonts", home / ".local/share/fonts"):
        for path in folder.rglob("*"):
            if path.suffix.lower() in (".ttf", ".otf", ".ttc"):
                found.setdefault(path.stem.lower().replace("-regular", ""), str(path))
    return found


def main() -> None:
    """One request, one picture."""
    set_limits()
    sys.stdout.buffer.write(draw(msgspec.msgpack.decode(sys.stdin.buffer.read(), type=CardFacts)))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
