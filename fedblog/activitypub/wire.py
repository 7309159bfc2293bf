"""JSON as it is taken from and put on the wire, and the content types around it.

`parse_object` is strict where parsers differ (SECURITY 49, 50): what two programs could read in two ways is refused.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NoReturn

import msgspec

from fedblog.errors import Refused

ACTIVITY_JSON = "application/activity+json"
LD_JSON = "application/ld+json"
AS_PROFILE = "https://www.w3.org/ns/activitystreams"
ACCEPT = f'{ACTIVITY_JSON}, {LD_JSON}; profile="{AS_PROFILE}"'

MAX_DEPTH = 64
MAX_NUMBER_LENGTH = 32

# The closing quote is optional: a string without an end is one match too, or the search would start anew at each quote.
_BRACKETS_OR_STRING = re.compile(r'[\[{]++|[\]}]++|"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_PARAMETER = re.compile(r';\s*([A-Za-z0-9!#$&^_.+-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]+)\s*')
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_object(body: bytes) -> dict[str, object]:
    """One JSON object out of a request or response body.

    Raises `Refused` (400) with `json_encoding` (not UTF-8, a BOM, NUL), `json_depth` (over 64 levels), `json_syntax`,
    `json_duplicate_key`, `json_constant` (NaN, Infinity), `json_number` (too long or too large), `json_surrogate`
    (half a character) or `json_not_object`.
    """
    quick = _parse_quickly(body)
    return quick if quick is not None else _parse_strictly(body)


def _parse_quickly(body: bytes) -> dict[str, object] | None:
    """What `_parse_strictly` says of a usual body, a third as dear; None for all that needs the long look.

    This parser keeps the last of two members with one key. A member brings one colon, and all others stand in strings:
    where writing what was read takes as many colons as the body has, none was dropped. That holds unless a string
    spells its colon as an escape.
    """
    marks = body.translate(None, _NO_MARKS)
    colons = marks.count(b":")
    if len(marks) - colons > MAX_DEPTH:  # as many opening brackets: it may be too deep
        return None
    if b"\\" in body and any(escape in body for escape in _TELLING_ESCAPES):
        return None
    try:
        document = _QUICK_DECODER.decode(body)
        if not isinstance(document, dict) or _QUICK_ENCODER.encode(document).count(b":") != colons:
            return None
        _refuse_long_integers(document)
    except (ValueError, OverflowError, RecursionError, msgspec.MsgspecError, Refused):
        return None
    return document


def _parse_strictly(body: bytes) -> dict[str, object]:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused("the body is not UTF-8", "json_encoding") from None
    if text.startswith("\ufeff") or "\0" in text:
        raise _refused("the body starts with a byte order mark or holds NUL", "json_encoding")
    if _depth_of(text) > MAX_DEPTH:
        raise _refused(f"nested deeper than {MAX_DEPTH} levels", "json_depth")
    try:
        document = _DECODER.decode(text)
    except (ValueError, RecursionError):
        raise _refused("the body is not valid JSON", "json_syntax") from None
    if not isinstance(document, dict):
        raise _refused("the body is not a JSON object", "json_not_object")
    if "\\u" in text:  # the only way to half a character or a NUL: escapes
        _check_strings(document)
    return document


def dump(document: object) -> bytes:
    """Compact UTF-8 JSON. Raises `ValueError` for NaN, Infinity and lone surrogates."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def is_activity_type(content_type: str) -> bool:
    """Whether an answer we fetched may be read: activity+json, or ld+json with the ActivityStreams profile (NEG-08)."""
    name, parameters = _media_type(content_type)
    return name == ACTIVITY_JSON or (name == LD_JSON and _has_profile(parameters))


@lru_cache(256)
def is_inbox_type(content_type: str) -> bool:
    """Whether a POST to an inbox may have this type: activity+json or ld+json, whatever its parameters (INB-02)."""
    return _media_type(content_type)[0] in (ACTIVITY_JSON, LD_JSON)


def wants_activity(accept: str | None, default: bool) -> bool:
    """Whether an `Accept` header asks for ActivityStreams rather than HTML (NEG-01).

    `default` is what `*/*`, an absent or unreadable header and a draw with HTML get: True on `/ap/` ids, False on
    pages. A JSON type counts when named; it must rank above text/html, by q and then by order.
    """
    if accept is None or not accept.strip() or len(accept) > 4096:
        return default
    ranked: list[tuple[float, bool | None]] = []
    for part in _split(accept, ","):
        name, parameters = _media_type(part)
        quality = _quality(parameters.get("q", "1"))
        if quality > 0:
            ranked.append((quality, _means_activity(name)))
    ranked.sort(key=lambda entry: -entry[0])  # stable: order decides a draw
    return next((choice for _, choice in ranked if choice is not None), default)


def _means_activity(name: str) -> bool | None:
    if name in (ACTIVITY_JSON, LD_JSON, "application/json"):
        return True
    return False if name in ("text/html", "application/xhtml+xml") else None


def _quality(value: str) -> float:
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0


def _media_type(value: str) -> tuple[str, dict[str, str]]:
    name, _, rest = value.partition(";")
    found = {match[1].lower(): match[2].strip('"') for match in _PARAMETER.finditer(";" + rest)} if rest else {}
    return name.strip().lower(), found


def _has_profile(parameters: dict[str, str]) -> bool:
    return AS_PROFILE in parameters.get("profile", "").split()


def _split(text: str, separator: str) -> list[str]:
    """Parts between separators that are not inside a quoted string."""
    parts, start, quoted = [], 0, False
    for position, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def _depth_of(text: str) -> int:
    """Deepest nesting, found in one pass without recursion; an upper bound where the syntax is broken, 0 for "few"."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0  # can't be too deep; so it is with nearly everything that comes
    depth = deepest = 0
    for match in _BRACKETS_OR_STRING.finditer(text):
        token = match[0]
        if token[0] in "[{":
            depth += len(token)
            deepest = max(deepest, depth)
        elif token[0] in "]}":
            depth -= len(token)
    return deepest


def _check_strings(document: object) -> None:
    waiting: list[object] = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if _SURROGATE.search(value):
                raise _refused("a string holds half a character", "json_surrogate")
            if "\0" in value:
                raise _refused("a string holds NUL", "json_encoding")
        elif isinstance(value, dict):
            waiting.extend(value.keys())
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refused("an object has the same key twice", "json_duplicate_key")
    return found


def _integer(digits: str) -> int:
    if len(digits) > MAX_NUMBER_LENGTH:
        raise _refused("a number is too long", "json_number")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits) if len(digits) <= MAX_NUMBER_LENGTH else float("inf")
    if number in (float("inf"), float("-inf")):
        raise _refused("a number is too long or too large", "json_number")
    return number


def _constant(name: str) -> NoReturn:
    raise _refused(f"{name} is not JSON", "json_constant")


def _refused(message: str, reason: str) -> Refused:
    return Refused(message, reason=reason)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_integer, parse_float=_float, strict=True
)
# A colon and NUL as escapes; halves of characters the quick parser refuses by itself.
_TELLING_ESCAPES = (b"\\u003a", b"\\u003A", b"\\u0000")
_NO_MARKS = bytes(byte for byte in range(256) if byte not in b":{[")
_QUICK_DECODER = msgspec.json.Decoder(float_hook=_float)
_QUICK_ENCODER = msgspec.json.Encoder()
_refuse_long_integers = msgspec.msgpack.Encoder().encode  # more than 64 bits have no place in MessagePack
