"""The head of a Markdown file: a strict, small part of YAML between `---`, or TOML between `+++`.

Of YAML: `key: value`, quoted or plain, lists in brackets or as `- ` lines, and `|` or `>` blocks. What is deeper than
that (maps in maps, anchors, tags) is left out and told; nothing in it can run or refer to anything.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from fedblog.errors import InvalidInput

MAX_HEAD = 100_000
Value = str | list[str]
_KEY = re.compile(r"^([A-Za-z0-9_.-]{1,80}):(?:[ \t]+(.*))?$")
_ITEM = re.compile(r"^[ \t]*-(?:[ \t]+(.*))?$")
_PLAIN_END = re.compile(r"[ \t]#.*$")
_DATE = re.compile(
    r"^(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[Tt ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?\s*([Zz]|[+-]\d{1,2}:?(?:\d{2})?)?$"
)


class Head(NamedTuple):
    """Keys in lower case with their values, the text below, and warnings (line, words)."""

    values: dict[str, Value]
    text: str
    warnings: list[tuple[int, str]]


def split_head(text: str) -> Head:
    """A file's head and text. Without a head everything is text. Raises `InvalidInput` with the line."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    for fence, read in (("---", _read_yaml), ("+++", _read_toml)):
        if not text.startswith(fence + "\n"):
            continue
        end = re.compile(rf"^{re.escape(fence)}[ \t]*$", re.MULTILINE).search(text, len(fence))
        if end is None or end.start() > MAX_HEAD:
            raise InvalidInput(f"line 1: the head that begins with {fence} does not end")
        values, warnings = read(text[len(fence) + 1 : end.start()])
        return Head(values, text[end.end() :].removeprefix("\n").lstrip("\n"), warnings)
    return Head({}, text, [])


def _read_toml(text: str) -> tuple[dict[str, Value], list[tuple[int, str]]]:
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        raise InvalidInput(f"the head is no TOML: {exc}") from None
    values: dict[str, Value] = {}
    warnings = []
    for key, value in found.items():
        if isinstance(value, list):
            values[key.lower()] = [_word(one) for one in value if not isinstance(one, list | dict)]
        elif isinstance(value, dict):
            # Hugo keeps tags in a table of their own.
            if key.lower() == "taxonomies":
                values |= {k.lower(): [_word(one) for one in v] for k, v in value.items() if isinstance(v, list)}
            else:
                warnings.append((1, f"“{key}” is left out"))
        else:
            values[key.lower()] = _word(value)
    return values, warnings


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _read_yaml(text: str) -> tuple[dict[str, Value], list[tuple[int, str]]]:
    values: dict[str, Value] = {}
    warnings: list[tuple[int, str]] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line, number = lines[at].rstrip(), at + 2
        at += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _KEY.match(line)
        if match is None:
            raise InvalidInput(f"line {number}: this is no “key: value”")
        key, rest = match[1].lower(), (match[2] or "").strip()
        below = _below(lines, at)
        at += len(below)
        if rest[:1] in ("|", ">"):
            values[key] = _block(below, folded=rest[0] == ">")
        elif rest and not rest.startswith("#"):
            values[key] = _scalar_or_list(rest, number)
            if any(one.strip() for one in below):
                warnings.append((number + 1, f"what stands below “{key}” is left out"))
        else:
            items = [_ITEM.match(one) for one in below if one.strip()]
            if all(items):
                values[key] = [_scalar(item[1] or "", number) for item in items if item]
            else:
                warnings.append((number, f"“{key}” is left out: it is a map"))
    return values, warnings


def _below(lines: Sequence[str], at: int) -> list[str]:
    """The lines that belong to the key above: indented ones, list items, and blank ones between them."""
    end = at
    while end < len(lines) and (lines[end][:1] in (" ", "\t") or not lines[end].strip() or _ITEM.match(lines[end])):
        end += 1
    return list(lines[at:end])


def _block(lines: Sequence[str], *, folded: bool) -> str:
    texts = [line for line in lines if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in texts), default=0)
    kept = [line[indent:].rstrip() for line in lines]
    return (" " if folded else "\n").join(kept).strip()


def _scalar_or_list(text: str, number: int) -> Value:
    if not text.startswith("["):
        return _scalar(text, number)
    if not text.rstrip().endswith("]"):
        raise InvalidInput(f"line {number}: the list has no end on its line")
    return [_scalar(piece, number) for piece in _pieces(text.rstrip()[1:-1]) if piece.strip()]


def _pieces(text: str) -> list[str]:
    """Parts between commas that stand outside of quotes."""
    found, piece, quote, escaped = [], "", "", False
    for char in text:
        if escaped:
            escaped = False
        elif quote:
            escaped = quote == '"' and char == "\\"
            quote = "" if char == quote else quote
        elif char in "\"'" and not piece.strip():
            quote = char
        elif char == ",":
            found.append(piece)
            piece = ""
            continue
        piece += char
    return [*found, piece]


def _scalar(text: str, number: int) -> str:
    text = text.strip()
    if text.startswith('"'):
        try:
            value, end = json.JSONDecoder(strict=False).raw_decode(text)
        except ValueError:
            raise InvalidInput(f"line {number}: the quoted text can't be read") from None
        if text[end:].strip() and not text[end:].lstrip().startswith("#"):
            raise InvalidInput(f"line {number}: there is more after the quoted text")
        return str(value)
    if text.startswith("'"):
        match = re.match(r"^'((?:[^']|'')*)'\s*(?:#.*)?$", text)
        if match is None:
            raise InvalidInput(f"line {number}: the quoted text can't be read")
        return match[1].replace("''", "'")
    if text[:1] in ("&", "*", "!", "{", "@", "`"):
        raise InvalidInput(f"line {number}: “{text[:1]}” has a meaning that is not read here")
    plain = _PLAIN_END.sub("", text).strip()
    return "" if plain in ("null", "~", "Null", "NULL") else plain


def read_moment(text: str) -> int | None:
    """A date, or date and time, as Unix seconds; UTC where no zone is said. None where it is unreadable."""
    match = _DATE.match(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    try:
        iso = f"{year}-{int(month):02d}-{int(day):02d}T{int(hour or 0):02d}:{minute or '00'}:{second or '00'}"
        found = datetime.fromisoformat(iso + _offset(zone))
        seconds = int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def _offset(zone: str | None) -> str:
    if not zone or zone in "Zz":
        return "+00:00"
    digits = zone[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "00")
    return f"{zone[0]}{int(hours):02d}:{int(minutes):02d}"


def write_head(values: Mapping[str, str | bool | Sequence[str] | None]) -> str:
    """A head in YAML; empty values are left out. All text is quoted as JSON, which every YAML reader takes."""
    lines = ["---"]
    for key, value in values.items():
        if value is None or value == "" or value == [] or value == ():
            continue
        if isinstance(value, str | bool):
            lines.append(f"{key}: {json.dumps(value, ensure_ascii=False)}")
        else:
            lines.append(f"{key}: {json.dumps(list(value), ensure_ascii=False)}")
    return "\n".join([*lines, "---", "", ""])
