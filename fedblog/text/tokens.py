"""What a spam filter looks at in a text: its words, the hosts it links to, how many links and mentions there are."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from fedblog.text.plain import plain_text
from fedblog.text.search import fold, is_unspaced, words_of

MAX_HTML = 20_000
MAX_TOKENS = 300
_ANCHOR = re.compile(r"<a\s[^>]*>", re.IGNORECASE)
_HREF = re.compile(r'href="([^"]*)"')
_MENTION = re.compile(r'class="[^"]*\b(?:mention|hashtag)\b|rel="[^"]*\btag\b')


def counts(html: str) -> tuple[int, int]:
    """(links, mentions) in cleaned HTML; hashtags are neither."""
    if "<a" not in html:
        return 0, 0
    anchors = _ANCHOR.findall(html[:MAX_HTML])
    mentions = sum("mention" in one and "hashtag" not in one for one in anchors)
    return sum(not _MENTION.search(one) for one in anchors), mentions


def tokens_of(html: str, host: str) -> tuple[str, ...]:
    """Words of a reply as they are learned, `→host` of what it links to and `@host` of where it comes from."""
    html = html[:MAX_HTML]
    found = [word for word in words_of(plain_text(html), MAX_TOKENS) if len(word) > 2 and not word.isdigit()]
    for anchor in _ANCHOR.findall(html):
        href = _HREF.search(anchor)
        if href is not None and not _MENTION.search(anchor):
            found.append(f"→{_host(href[1])}")
    return tuple(dict.fromkeys([*found, f"@{host}"]))[: MAX_TOKENS + 20]


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "")[:100]
    except ValueError:
        return ""


def compared(text: str) -> str:
    """A text as rules are looked for in it: its folded words with one blank between and around them, then all of it."""
    folded = fold(text)
    return f" {' '.join(words_of(text))} \n{folded}"


def rule_of(text: str) -> str:
    """What a rule is compared as, "" where nothing of it can be: whole words, with blanks around; of scripts without
    blanks any part of a text."""
    if is_unspaced(text):
        return fold(" ".join(text.split()))
    words = " ".join(words_of(text, 20))
    return f" {words} " if words else ""
