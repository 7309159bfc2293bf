"""WordPress' export format (WXR 1.2), written piece by piece: what WordPress and Ghost import."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from fedblog.text.dates import rfc2822
from fedblog.text.slug import slugify_title

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"
  xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
  xmlns:content="http://purl.org/rss/1.0/modules/content/"
  xmlns:wfw="http://wellformedweb.org/CommentAPI/"
  xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:wp="http://wordpress.org/export/1.2/">
<channel>
"""


def cdata(text: str) -> str:
    """Any text as character data, whatever stands in it."""
    return "<![CDATA[" + _NOT_XML.sub("", text).replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _element(name: str, text: str, **attributes: str) -> str:
    given = "".join(f' {key}="{_attribute(value)}"' for key, value in attributes.items())
    return f"<{name}{given}>{cdata(text)}</{name}>\n"


def _attribute(text: str) -> str:
    text = _NOT_XML.sub("", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _moment(at: int | None) -> str:
    return "0000-00-00 00:00:00" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def start(*, title: str, url: str, language: str, generator: str, authors: Sequence[tuple[str, str]]) -> str:
    """Everything before the first post; `authors` are (user name, display name). Mail addresses are not told."""
    named = "".join(
        "<wp:author>\n"
        + _element("wp:author_id", str(number))
        + _element("wp:author_login", login)
        + _element("wp:author_email", "")
        + _element("wp:author_display_name", name)
        + "</wp:author>\n"
        for number, (login, name) in enumerate(authors, 1)
    )
    return (
        _HEAD
        + _element("title", title)
        + _element("link", url)
        + _element("description", "")
        + _element("language", language)
        + "<wp:wxr_version>1.2</wp:wxr_version>\n"
        + _element("wp:base_site_url", url)
        + _element("wp:base_blog_url", url)
        + named
        + _element("generator", generator)
    )


def item_start(
    *,
    number: int,
    guid: str,
    url: str,
    title: str,
    author: str,
    slug: str,
    content: str,
    summary: str,
    tags: Sequence[str],
    published: bool,
    comments_open: bool,
    kind: str,
    published_at: int | None,
    created_at: int,
    edited_at: int | None,
) -> str:
    """A post up to its comments; `number` is its id within the file."""
    at = published_at if published_at is not None else created_at
    return (
        "<item>\n"
        + _element("title", title)
        + _element("link", url)
        + (f"<pubDate>{rfc2822(at)}</pubDate>\n" if published else "")
        + _element("dc:creator", author)
        + _element("guid", guid, isPermaLink="false")
        + _element("description", "")
        + _element("content:encoded", content)
        + _element("excerpt:encoded", summary)
        + f"<wp:post_id>{number}</wp:post_id>\n"
        + _element("wp:post_date", _moment(at))
        + _element("wp:post_date_gmt", _moment(at))
        + _element("wp:post_modified", _moment(edited_at or at))
        + _element("wp:post_modified_gmt", _moment(edited_at or at))
        + _element("wp:comment_status", "open" if comments_open else "closed")
        + _element("wp:ping_status", "closed")
        + _element("wp:post_name", slug)
        + _element("wp:status", "publish" if published else "draft")
        + "<wp:post_parent>0</wp:post_parent>\n<wp:menu_order>0</wp:menu_order>\n"
        + _element("wp:post_type", kind)
        + _element("wp:post_password", "")
        + "<wp:is_sticky>0</wp:is_sticky>\n"
        + "".join(_element("category", tag, domain="post_tag", nicename=slugify_title(tag)) for tag in tags)
    )


def comment(
    *, number: int, parent: int, author: str, author_url: str, content: str, published_at: int, uri: str
) -> str:
    """One comment; `number` and `parent` (0: the post itself) are ids within the file."""
    return (
        "<wp:comment>\n"
        f"<wp:comment_id>{number}</wp:comment_id>\n"
        + _element("wp:comment_author", author)
        + _element("wp:comment_author_email", "")
        + _element("wp:comment_author_url", author_url)
        + _element("wp:comment_author_IP", "")
        + _element("wp:comment_date", _moment(published_at))
        + _element("wp:comment_date_gmt", _moment(published_at))
        + _element("wp:comment_content", content)
        + _element("wp:comment_approved", "1")
        + _element("wp:comment_type", "comment")
        + f"<wp:comment_parent>{parent}</wp:comment_parent>\n<wp:comment_user_id>0</wp:comment_user_id>\n"
        + "<wp:commentmeta>\n"
        + _element("wp:meta_key", "source_id")
        + _element("wp:meta_value", uri)
        + "</wp:commentmeta>\n</wp:comment>\n"
    )


ITEM_END = "</item>\n"
END = "</channel>\n</rss>\n"


def pieces(*texts: str) -> Iterator[bytes]:
    """Texts as the bytes of the file."""
    for text in texts:
        yield text.encode("utf-8", "replace")
