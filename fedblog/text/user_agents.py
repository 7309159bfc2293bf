"""What a User-Agent tells: a person's browser, a robot, or a feed reader with its number of subscribers.

For counting only: everybody may write there what they like, so nothing is decided by it.
"""

from __future__ import annotations

import re

MAX_NAME = 40
MAX_SUBSCRIBERS = 10_000_000

# Everything that calls itself a browser begins so; the small ones by their own names.
_BROWSER = re.compile(r"(?:mozilla/|opera/|lynx/|elinks/|links \(|w3m/|dillo/|netsurf/|offpunk)", re.IGNORECASE)
_ROBOT = re.compile(
    # Cubot is a make of phones.
    r"(?<!cu)bots?(?:\b|[/_-])|crawl|spider|slurp|scrap|archiv|fetch|monitor|uptime|check|valid|preview|prerender"
    r"|headless|phantom|selenium|puppeteer|playwright|lighthouse|pagespeed|externalhit|embed|\+https?:|@[a-z0-9-]+\.[a-z]"
    r"|python|curl|wget|java/|okhttp|httpclient|http-client|go-http|axios|node-fetch|libwww|perl|ruby|feed|rss|reader/"
    r"|mastodon|pleroma|akkoma|misskey|firefish|sharkey|lemmy|gotosocial|friendica|pixelfed|peertube|writefreely",
    re.IGNORECASE,
)
_SUBSCRIBERS = re.compile(r"\b([0-9]{1,9})\s+(?:subscribers?|readers?|users?|followers?)\b", re.IGNORECASE)
_PRODUCT = re.compile(r"[^\s/;()\[\]<>\"',:-][^/;()\[\]<>\"',:]*")
_NOT_SHOWN = re.compile(r"[^\x20-\x7e]")
_FETCHER = re.compile(r"(?:\s+(?:feed\s*)?(?:fetcher|parser|bot|crawler|reader app))+$|fetcher$|bot$", re.IGNORECASE)


def is_person(user_agent: str) -> bool:
    """Whether this looks like somebody's browser rather than a program that reads for others."""
    return _BROWSER.match(user_agent) is not None and _ROBOT.search(user_agent) is None


def feed_reader(user_agent: str) -> tuple[str, int]:
    """(name, subscribers told) of a feed reader: `("Feedly", 16)`; 0 where it reads for one person or doesn't say.

    Browsers are `Browser`, a missing or unreadable name is `Unknown`.
    """
    text = _NOT_SHOWN.sub(" ", user_agent[:500]).strip()
    told = _SUBSCRIBERS.search(text)
    subscribers = min(int(told[1]), MAX_SUBSCRIBERS) if told else 0
    if text.lower().startswith("mozilla/"):
        inside = re.search(r"compatible;\s*([^;)/]+)", text)
        if inside is None:
            return ("Browser" if subscribers == 0 and is_person(text) else _last_product(text)), subscribers
        text = inside[1]
    found = _PRODUCT.match(text)
    return _name(found[0] if found else ""), subscribers


def _last_product(text: str) -> str:
    """`Mozilla/5.0 … Thunderbird/115` → `Thunderbird`."""
    products = re.findall(r"([A-Za-z][A-Za-z0-9._ ]*)/[0-9]", text)
    return _name(products[-1].split()[-1] if products else "")


def _name(text: str) -> str:
    # "Feedbin feed-id:1 - 10 subscribers" and "NewsBlur Feed Fetcher - 45 subscribers"
    name = re.split(r"\s+-\s+|\s+feed-?id\b|\s+[0-9]+\s", text.strip())[0].strip()
    short = _FETCHER.sub("", name).strip(" .-_+") or name
    return short[:MAX_NAME] or "Unknown"
