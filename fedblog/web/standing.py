"""Parts of posts' pages that a new reply doesn't touch, as they were drawn last: the head, the article, the form.

They are used again while everything that they are made of is equal; nothing has to be told about changes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from fedblog.blog.model import PostId

MAX_POSTS = 200

Draw = Callable[..., Markup]


def drawn_anew(name: str, caller: Callable[[], Markup]) -> Markup:
    """What stands in for `of_page` where nothing is kept."""
    return caller()


class Standing:
    """The parts of each post's page, of the posts that were drawn last. Safe to use from threads."""

    def __init__(self, max_posts: int = MAX_POSTS) -> None:
        self._max_posts = max_posts
        self._kept: OrderedDict[PostId, tuple[Any, dict[str, Markup]]] = OrderedDict()
        self._lock = threading.Lock()

    def of_page(self, post_id: PostId, made_of: Any) -> Draw:
        """For a template, `{% call standing("article") %}…{% endcall %}`: the part as it was drawn, or drawn now."""
        with self._lock:
            kept = self._kept.pop(post_id, None)
            if kept is None or kept[0] != made_of:
                kept = (made_of, {})
            self._kept[post_id] = kept
            while len(self._kept) > self._max_posts:
                self._kept.popitem(last=False)
        parts = kept[1]

        def part(name: str, caller: Callable[[], Markup]) -> Markup:
            known = parts.get(name)
            if known is None:
                known = parts[name] = caller()
            return known

        return part
