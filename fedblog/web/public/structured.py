"""What machines read of a post's page: schema.org's BlogPosting with its comments, as JSON-LD.

Replies of people who don't want to be found, and unlisted ones, are left out, as are the texts behind a warning
(LIFE-07). Only the first ones go along: the page itself has them all, as h-cite.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.model import Actor, Post, ThreadRow
from fedblog.config import Settings
from fedblog.text.dates import iso
from fedblog.text.excerpt import excerpt
from fedblog.web.filters import web_url
from fedblog.web.public.parts import reply_href

COMMENTS = 5
COMMENT_CHARACTERS = 120

Json = dict[str, Any]


def post_data(
    post: Post,
    author: Actor,
    rows: Sequence[ThreadRow],
    *,
    description: str,
    ids: LocalIds,
    settings: Settings,
    card: str = "",
) -> Markup:
    """For a `<script type="application/ld+json">`; `rows` as `threads.for_machines` gives them, `card` the picture of a
    post without a cover."""
    url = ids.post_page(author.username, post.slug)
    image = web_url(post.image_url) or card
    document = {
        "@context": "https://schema.org",
        # With an answer it is a discussion too, which is what search engines list conversations as.
        "@type": ["BlogPosting", "DiscussionForumPosting"] if rows else "BlogPosting",
        "mainEntityOfPage": post.canonical_url,
        "url": url,
        "headline": post.title,
        "description": description,
        "datePublished": iso(post.published_at or post.created_at),
        "dateModified": iso(post.edited_at) if post.edited_at else "",
        "inLanguage": post.language,
        "wordCount": post.word_count,
        "keywords": list(post.tags),
        "image": [image] if image else [],
        "author": _person(author.display_name, ids.profile_page(author.username)),
        "isPartOf": _series(post, settings),
        "interactionStatistic": [
            _count(kind, number)
            for kind, number in (("LikeAction", post.like_count), ("ShareAction", post.announce_count))
            if number
        ],
        "commentCount": post.reply_count,
        "comment": [_comment(row, url) for row in rows],
    }
    return as_script(document)


def blog_data(settings: Settings) -> Markup:
    """The front page: the site, and its search."""
    base = settings.base_url
    return as_script(
        {
            "@context": "https://schema.org",
            "@type": "Blog",
            "url": f"{base}/",
            "name": settings.blog.title,
            "description": settings.blog.tagline,
            "inLanguage": settings.blog.language,
            "potentialAction": {
                "@type": "SearchAction",
                "target": f"{base}/search?q={{query}}",
                "query-input": "required name=query",
            },
        }
    )


def as_script(document: Json) -> Markup:
    """The JSON without what is empty, and without anything that ends a script element."""
    filled = {key: value for key, value in document.items() if value not in ("", [], None)}
    text = json.dumps(filled, ensure_ascii=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(text)  # noqa: S704 - nothing in it is markup any more


def _comment(row: ThreadRow, url: str) -> Json:
    reply = row.reply
    place = f"{url}{reply_href(reply.id)}"
    return {
        "@type": "Comment",
        "url": place,
        "text": excerpt(reply.content_html, COMMENT_CHARACTERS),
        "dateCreated": iso(reply.published_at),
        "author": _person(row.actor.display_name, web_url(row.actor.url or row.actor.uri) or place),
    }


def _person(name: str, url: str) -> Json:
    return {"@type": "Person", "name": name, "url": url}


def _series(post: Post, settings: Settings) -> Json | None:
    if not post.series_slug:
        return None
    url = f"{settings.base_url}/series/{post.series_slug}"
    return {"@type": "CreativeWorkSeries", "name": post.series, "url": url}


def _count(kind: str, number: int) -> Json:
    return {
        "@type": "InteractionCounter",
        "interactionType": f"https://schema.org/{kind}",
        "userInteractionCount": number,
    }
