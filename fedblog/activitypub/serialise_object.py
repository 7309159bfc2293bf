"""Posts as `Article`, our own answers as `Note`, and what is left of deleted ones (PROTOCOL H)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType

from fedblog.activitypub.context import PUBLIC, with_context
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.pictures import Picture, media_type_of_url, pictures_in
from fedblog.activitypub.vocab import Json
from fedblog.activitypub.wire import dump
from fedblog.blog.ledger import Media
from fedblog.blog.model import Actor, Post, QuotePolicy, Reply, ReplyPolicy, Visibility
from fedblog.config import Settings
from fedblog.text.article import link_within
from fedblog.text.dates import iso
from fedblog.text.excerpt import excerpt
from fedblog.text.sanitise import federated_html

MAX_PICTURES = 4
MAX_SUMMARY = 300
MAX_CONTENT_MAP = 30_000  # bytes of the activity while contentMap goes along (ART-12)
MAX_EMBEDDED = 60_000  # bytes of the activity that every peer takes (ART-16)
_ENVELOPE = 3_000  # bytes that Create, Announce and a proof add around the object
_DROPPED_IN_ORDER = ("source", "contentMap", "preview")
_NO_PICTURES: Mapping[str, Media] = MappingProxyType({})


def article(
    post: Post,
    *,
    author: Actor,
    blog: Actor,
    ids: LocalIds,
    settings: Settings,
    mentions: Sequence[tuple[str, str]] = (),
    pictures: Mapping[str, Media] = _NO_PICTURES,
) -> Json:
    """A published post (`post.uri` and `post.published_at` are set) as an Article, without `@context`.

    `mentions` holds (actor id, "@name@host"), `pictures` those of the post that are ours, by URL. `contentMap`,
    `source` and `preview` are left out where they would make the activity larger than peers take (ART-12, ART-16).
    """
    url = ids.post_page(author.username, post.slug)
    content = federated_html(link_within(post.content_html, settings.base_url, url))
    to, cc = _audience(post.visibility, author.followers_uri, [href for href, _ in mentions], blog)
    document: Json = {
        "id": post.uri,
        "type": "Article",
        "attributedTo": author.uri,
        "name": post.title,
        # Short enough to stay where contentMap is dropped: Mastodon reads the language of either.
        "nameMap": {post.language: post.title},
        **_warning_or_summary(post, settings),
        "content": content,
        "contentMap": {post.language: content},
        "url": url,
        **_dates(post.published_at or post.created_at, post.edited_at),
        "to": to,
        "cc": cc,
        **({"audience": blog.uri} if post.visibility.is_public else {}),
        **_images(post, pictures),
        "tag": [*_hashtags(post.tags, ids), *_mention_tags(mentions)],
        "preview": _preview(post, author),
        "context": ids.collection(post.uri, "context"),
        **_collections(post.uri, post.like_count, post.announce_count, ids),
        **_policy(post, author, [href for href, _ in mentions]),
    }
    if post.source_type == "text/markdown":
        document["source"] = {"content": post.source, "mediaType": "text/markdown"}
    return _fit(document)


def note(
    reply: Reply,
    *,
    actor: Actor,
    ids: LocalIds,
    in_reply_to_actor: Actor | None,
    mentions: Sequence[tuple[str, str]] = (),
) -> Json:
    """An answer of ours as a Note, without `@context`: it mentions and is addressed to the author of what it answers
    and to `mentions` ((actor id, "@name@host")), and copies the parent's context (VIS-05, ART-15, ART-21)."""
    named = dict(mentions)
    if in_reply_to_actor is not None and in_reply_to_actor.uri != actor.uri:
        named = {in_reply_to_actor.uri: in_reply_to_actor.handle, **named}
    content = federated_html(reply.content_html)
    to, cc = _audience(reply.visibility, actor.followers_uri, list(named), None)
    document: Json = {
        "id": reply.uri,
        "type": "Note",
        "attributedTo": actor.uri,
        **_warning(reply.content_warning),
        "content": content,
        "contentMap": {reply.language: content},
        "inReplyTo": reply.in_reply_to,
        "url": reply.url or reply.uri,
        **_dates(reply.published_at, reply.edited_at),
        "to": to,
        "cc": cc,
        "tag": _mention_tags(list(named.items())),
        **({"context": reply.context} if reply.context else {}),
        **({"approvedBy": reply.approved_by} if reply.approved_by else {}),
        **_collections(reply.uri, reply.like_count, reply.announce_count, ids),
    }
    if reply.source:
        document["source"] = {"content": reply.source, "mediaType": "text/markdown"}
    return _fit(document)


def quote_authorization(uri: str, *, actor: Actor, quoting: str, quoted: str) -> Json:
    """What shows others that a quote is welcome, without `@context` (FEP-044f)."""
    return {
        "id": uri,
        "type": "QuoteAuthorization",
        "attributedTo": actor.uri,
        "interactingObject": quoting,
        "interactionTarget": quoted,
    }


def tombstone(uri: str, *, former_type: str, deleted_at: int) -> Json:
    """What is left of a deleted object, without `@context` (ART-22)."""
    return {"id": uri, "type": "Tombstone", "formerType": former_type, "deleted": iso(deleted_at)}


def _audience(
    visibility: Visibility, followers: str, people: list[str], blog: Actor | None
) -> tuple[list[str], list[str]]:
    """`to` and `cc` (VIS-05); a public post also names the blog and its followers (ART-08)."""
    shared = [blog.uri, blog.followers_uri] if blog is not None else []
    everybody = [followers, *shared, *people]
    to, cc = {
        Visibility.PUBLIC: ([PUBLIC], everybody),
        Visibility.UNLISTED: ([followers], [PUBLIC, *everybody]),
        Visibility.FOLLOWERS: ([followers], people),
        Visibility.DIRECT: (people, []),
    }[visibility]
    return list(dict.fromkeys(to)), [uri for uri in dict.fromkeys(cc) if uri not in to]


def _warning(content_warning: str) -> Json:
    if not content_warning:
        return {}
    return {"summary": content_warning, "sensitive": True, "dcterms:subject": content_warning}


def _warning_or_summary(post: Post, settings: Settings) -> Json:
    """`summary`: a content warning, else the author's excerpt, else a lede if the blog says so (ART-03)."""
    if post.content_warning:
        return _warning(post.content_warning)
    summary = post.summary or (excerpt(post.content_html, MAX_SUMMARY) if settings.blog.lede_in_summary else "")
    return {"summary": summary[:MAX_SUMMARY]} if summary else {}


def _dates(published: int, edited: int | None) -> Json:
    return {"published": iso(published), **({"updated": iso(edited)} if edited is not None else {})}


def _images(post: Post, pictures: Mapping[str, Media]) -> Json:
    """`image` for the cover; `attachment` only in pictures mode, the cover first (ART-06)."""
    cover = [Picture(post.image_url, post.image_alt)] if post.image_url else []
    found: Json = {"image": _image(cover[0], pictures)} if cover else {}
    if post.pictures:
        inline = [picture for picture in pictures_in(post.content_html) if picture.url != post.image_url]
        found["attachment"] = [_image(picture, pictures) for picture in [*cover, *inline][:MAX_PICTURES]]
    return found


def _image(picture: Picture, known: Mapping[str, Media]) -> Json:
    media = known.get(picture.url)
    sizes = {"width": media.width, "height": media.height, "blurhash": media.blurhash} if media is not None else {}
    return {
        "type": "Image",
        "mediaType": media_type_of_url(picture.url),
        "url": picture.url,
        **({"name": picture.alt} if picture.alt else {}),
        **sizes,
    }


def _hashtags(tags: Sequence[str], ids: LocalIds) -> list[Json]:
    return [{"type": "Hashtag", "name": f"#{tag}", "href": ids.tag_page(tag)} for tag in tags]


def _mention_tags(mentions: Sequence[tuple[str, str]]) -> list[Json]:
    return [{"type": "Mention", "href": href, "name": acct} for href, acct in mentions]


def _preview(post: Post, author: Actor) -> Json:
    """Title and lede as a Note for readers that show no Articles (ART-09); a warned post shows its warning only."""
    lede = post.content_warning or post.summary or excerpt(post.content_html, MAX_SUMMARY)
    content = f"<p><strong>{escape(post.title)}</strong></p>" + (f"<p>{escape(lede)}</p>" if lede else "")
    return {
        "type": "Note",
        "attributedTo": author.uri,
        "content": content,
        "published": iso(post.published_at or post.created_at),
    }


def _collections(uri: str, likes: int, shares: int, ids: LocalIds) -> Json:
    """Embedded, since some peers would fetch bare ids on every receiving server (ART-13, ART-14)."""
    replies = ids.collection(uri, "replies")
    page = {"type": "CollectionPage", "partOf": replies, "next": f"{replies}?page=1", "items": []}
    return {
        "replies": {"id": replies, "type": "Collection", "first": page},
        "likes": {"id": ids.collection(uri, "likes"), "type": "Collection", "totalItems": likes},
        "shares": {"id": ids.collection(uri, "shares"), "type": "Collection", "totalItems": shares},
    }


def _policy(post: Post, author: Actor, mentioned: list[str]) -> Json:
    """What we enforce, and nothing else: who may reply, and who may quote (ART-17, ART-18, FEP-044f)."""
    policy: Json = {}
    replying = {
        ReplyPolicy.FOLLOWERS: [author.uri, author.followers_uri],
        ReplyPolicy.MENTIONED: [author.uri, *mentioned],
    }.get(post.reply_policy)
    if not post.comments_open:
        replying = [author.uri]
    if replying is not None:
        policy["canReply"] = {"automaticApproval": replying, "manualApproval": []}
    asked = [PUBLIC] if post.quote_policy is QuotePolicy.APPROVE and post.visibility.is_public else []
    policy["canQuote"] = {"automaticApproval": _may_quote(post, author), "manualApproval": asked}
    return {"interactionPolicy": policy}


def _may_quote(post: Post, author: Actor) -> list[str]:
    """Who may quote without being asked about; an empty list would mean that nothing is said, hence the author."""
    if post.quote_policy is QuotePolicy.EVERYONE and post.visibility.is_public:
        return [PUBLIC]
    if post.quote_policy is QuotePolicy.FOLLOWERS:
        return [author.uri, author.followers_uri]
    return [author.uri]


def _fit(document: Json) -> Json:
    """The document without what would make its activity too large (ART-12, then ART-16 in its order)."""
    # The activity repeats the audience, and so does the Announce around it.
    envelope = _ENVELOPE + 2 * len(dump([document["to"], document["cc"]]))
    fitting = dict(document)
    size = len(dump(with_context(fitting))) + envelope
    if size >= MAX_CONTENT_MAP:
        size -= _drop(fitting, "contentMap")
    for key in _DROPPED_IN_ORDER:
        if size > MAX_EMBEDDED:
            size -= _drop(fitting, key)
    return fitting


def _drop(document: Json, key: str) -> int:
    before = len(dump(document))
    document.pop(key, None)
    return before - len(dump(document))
