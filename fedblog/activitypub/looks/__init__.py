"""How an Article of ours looks elsewhere: one small simulator a consumer, on the very document that is sent.

Each says what is taken and what is lost; the remarks are codes, their words belong to the studio.
"""

from __future__ import annotations

from fedblog.activitypub.looks.look import Found, Look, PageFacts, Remark
from fedblog.activitypub.looks.mastodon import mastodon
from fedblog.activitypub.looks.pages import feed_reader, search_card
from fedblog.activitypub.looks.whole import gotosocial, lemmy, misskey, pleroma
from fedblog.activitypub.vocab import Json

__all__ = ["Found", "Look", "PageFacts", "Remark", "looks_of"]


def looks_of(article: Json, page: PageFacts, *, federated: bool = True) -> list[Look]:
    """All views of a post, in the order that its author reads them; what isn't federated has the last two only."""
    elsewhere = [mastodon(article, page), gotosocial(article), pleroma(article), misskey(article), lemmy(article)]
    return [*(elsewhere if federated else []), feed_reader(article, page), search_card(article, page)]
