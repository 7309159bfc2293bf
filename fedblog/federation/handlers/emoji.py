"""Which text is one emoji: a Unicode one with its modifiers, or `:name:` of a custom one (INB-23)."""

from __future__ import annotations

import re

_BASE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf"
    "\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_MARKS = "(?:\ufe0f|\ufe0e|[\U0001f3fb-\U0001f3ff]|\u20e3|[\U000e0020-\U000e007f])*"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_KEYCAP = "[0-9#*]\ufe0f?\u20e3"
_UNICODE_EMOJI = re.compile(f"(?:{_FLAG}|{_KEYCAP}|{_BASE}{_MARKS}(?:\u200d{_BASE}{_MARKS}){{0,9}})")
_CUSTOM_EMOJI = re.compile(r":[A-Za-z0-9_.+-]{1,64}(?:@[A-Za-z0-9._:-]{1,253})?:")


def one_emoji(text: str) -> str:
    """The text when it is exactly one emoji, else "". A custom one comes back as `:name:`."""
    text = text.strip()
    if _UNICODE_EMOJI.fullmatch(text):
        return text
    if _CUSTOM_EMOJI.fullmatch(text):
        return f":{text.strip(':').partition('@')[0]}:"
    return ""
