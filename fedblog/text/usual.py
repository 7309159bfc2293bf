"""HTML as most replies come: paragraphs of text, with line breaks, mentions and hashtags, and nothing else.

There cleaning changes little, and it is known beforehand what: a break's spelling, and what `links` makes of each
mention by itself. A test holds this to what the whole way makes of the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_USUAL = 10_000  # characters: far below every limit

# No reference but three, and nothing that is dropped, folded or spelled another way.
_TEXT = r"[^<>&\x00-\x08\x0b-\x1f\x7f-\xa0\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff\u202d\u202e]"
_ATTRIBUTES = r"(?: [a-z]++=\"[^\"<>&\x00-\x1f\x7f-\xa0]*+\"){1,8}+"
_LINK = rf"<a{_ATTRIBUTES}>[@#]<span>[\w.-]++</span></a>"
_MENTION = re.compile(rf'<span class="h-card"(?: translate="no")?>{_LINK}</span>|{_LINK}')
_USUAL = re.compile(rf"(?:<p>(?![ \t\n]|</?[bp])(?:{_TEXT}++|&(?:amp|lt|gt);|<br ?/?>|{_MENTION.pattern})++</p>)++\Z")


def clean_usual(html: str, links: Callable[[str], str]) -> str | None:
    """Clean HTML, where it is of that kind; None for all else. `links` cleans one mention or hashtag with its link."""
    if len(html) > MAX_USUAL or not _USUAL.match(html):
        return None
    if "<br " in html or "<br/" in html:
        html = html.replace("<br />", "<br>").replace("<br/>", "<br>").replace("<br >", "<br>")
    return _MENTION.sub(lambda found: links(found[0]), html) if "</a>" in html else html
