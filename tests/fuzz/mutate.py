"""Mutations of documents, headers and bytes. Everything comes from the dice that are handed in."""

from __future__ import annotations

import json
import random
from typing import Any

Headers = tuple[tuple[str, str], ...]

_TEXTS = (
    "",
    " ",
    "\x00",
    "\ud800",
    "\u202e",
    "a" * 5_000,
    "https://",
    "https://[::1",
    "https://x:99999/",
    "http://127.0.0.1/",
    "https://peer.example/users/other",
    "https://blog.example/ap/posts/1",
    "https://www.w3.org/ns/activitystreams#Public",
    "as:Public",
    "<p>" * 300,
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "@bo@peer.example",
    "0000-00-00T00:00:00Z",
    "99999999-01-01",
    "Note",
    "Person",
    "Create",
    "Tombstone",
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**53,
    2**63,
    10**30,
    1e308,
    0.1,
    [],
    {},
    [[]],
    [{}],
    {"id": ""},
    {"type": []},
    [None] * 50,
    {"@value": "x"},
    {"@graph": []},
    {"id": "https://peer.example/n", "type": "Note"},
)
_NAMES = ("@context", "id", "type", "actor", "object", "attributedTo", "inReplyTo", "to", "cc", "tag", "content", "@id")
_TOKENS = (
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b'"',
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"NaN",
    b"1e999",
    b"{",
    b"[",
    b"[[",
    b"}",
)
_HEADER_TOKENS = (
    "",
    " ",
    ",",
    ";",
    '"',
    '\\"',
    "=",
    "==",
    "(",
    ")",
    ":",
    "\t",
    "\x7f",
    "é",
    "?1",
    "@1",
    ":AA==:",
    '"@method"',
    '"@target-uri"',
    '"content-digest";req',
    '"@query-param";name="a"',
    ";created=99999999999999999999",
    ";created=-1",
    ';alg="none"',
    ';keyid=""',
    'headers=""',
    'algorithm="hmac-sha256"',
    "(request-target)",
    "(created)",
    "SHA-256=",
    "sha-256=:AA==:",
    "a" * 3_000,
    ",a=1" * 400,
)


def _copied(value: Any) -> Any:
    """A JSON value of its own; `copy.deepcopy` keeps books that JSON doesn't need, and took a quarter of the time."""
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


def mutate_document(document: Any, dice: random.Random) -> Any:
    """A JSON value with one to four changes somewhere in it."""
    made = _copied(document)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        made = _change(made, dice)
    return made


def _change(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict) and value and dice.random() < 0.85:
        name = dice.choice(list(value))
        choice = dice.random()
        if choice < 0.5:
            value[name] = _change(value[name], dice)
        elif choice < 0.65:
            del value[name]
        elif choice < 0.75:
            value[dice.choice(_NAMES)] = _copied(value[name])
        elif choice < 0.8:
            value[dice.choice(_NAMES)] = _copied(value)
        else:
            value[name] = _fresh(dice)
        return value
    if isinstance(value, list) and value and dice.random() < 0.6:
        at = dice.randrange(len(value))
        if dice.random() < 0.2:
            return value + value
        value[at] = _change(value[at], dice)
        return value
    return _instead(value, dice)


def _instead(value: Any, dice: random.Random) -> Any:
    choice = dice.random()
    if choice < 0.2:
        return [value]
    if choice < 0.3:
        return {"id": value}
    if isinstance(value, str) and value and choice < 0.7:
        at = dice.randrange(len(value) + 1)
        return value[:at] + dice.choice(_TEXTS) + value[at + dice.randrange(3) :]
    return _fresh(dice)


def _fresh(dice: random.Random) -> Any:
    value = dice.choice(_TEXTS) if dice.random() < 0.5 else dice.choice(_VALUES)
    for _ in range(dice.choice((0, 0, 0, 0, 3, 80))):
        value = [value] if dice.random() < 0.5 else {"object": value}
    return _copied(value)


def to_bytes(document: Any) -> bytes:
    """JSON as a sloppy sender writes it: NaN, Infinity and lone surrogates included."""
    return json.dumps(document).encode()


def mutate_bytes(data: bytes, dice: random.Random) -> bytes:
    """Bytes with a few changes: flipped, cut, doubled, put in."""
    made = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 5))):
        at = dice.randrange(len(made) + 1)
        choice = dice.random()
        if choice < 0.3 and at < len(made):
            made[at] ^= 1 << dice.randrange(8)
        elif choice < 0.5:
            del made[at : at + dice.choice((1, 5, 200))]
        elif choice < 0.6:
            made[at:at] = made[at : at + 50]
        else:
            made[at:at] = dice.choice(_TOKENS) * dice.choice((1, 1, 1, 100))
    return bytes(made)


def mutate_text(text: str, dice: random.Random) -> str:
    """A header's value with a few changes."""
    for _ in range(dice.choice((1, 1, 2, 4))):
        at = dice.randrange(len(text) + 1)
        text = text[:at] + dice.choice(_HEADER_TOKENS) + text[at + dice.choice((0, 0, 1, 1, 3, 20)) :]
    return text


def mutate_headers(headers: Headers, dice: random.Random) -> Headers:
    """A header taken away, doubled, renamed or changed."""
    made = list(headers)
    for _ in range(dice.choice((1, 1, 2))):
        if not made:
            break
        at = dice.randrange(len(made))
        name, value = made[at]
        choice = dice.random()
        if choice < 0.1:
            del made[at]
        elif choice < 0.2:
            made.append((name, mutate_text(value, dice)))
        elif choice < 0.3:
            made[at] = (dice.choice(made)[0], value)
        else:
            made[at] = (name, mutate_text(value, dice))
    return tuple(made)
