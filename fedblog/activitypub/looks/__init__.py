"""How an Article of ours looks elsewhere: one small simulator a consumer, on the very document that is sent.

Each says what is taken and what is lost; the remarks are codes, their words belong to the studio.
"""

from __future__ import annotations

from collections.abc import Callable

from fedblog.activitypub.looks.look import Found, Look, PageFacts, Remark
from fedblog.activitypub.looks.mastodon import mastodon
from fedblog.activitypub.looks.pages import feed_reader, search_card
from fedblog.activitypub.looks.whole import gotosocial, lemmy, misskey, pleroma
from fedblog.activitypub.vocab import Json

__all__ = ["Found", "Look", "PageFacts", "Remark", "looks_of"]


def looks_of(article: Json, page: PageFacts, *, federated: bool = True, only: str = "") -> list[Look]:
    """All views of a post (or `only` one), in the order that its author reads them; what isn't federated has the last
    two at most."""
    makers: dict[str, Callable[[], Look]] = {
        "mastodon": lambda: mastodon(article, page),
        "gotosocial": lambda: gotosocial(article),
        "pleroma": lambda: pleroma(article),
        "misskey": lambda: misskey(article),
        "lemmy": lambda: lemmy(article),
        "feed": lambda: feed_reader(article, page),
        "card": lambda: search_card(article, page),
    }
    here = ("feed", "card")
    return [make() for place, make in makers.items() if only in ("", place) and (federated or place in here)]
