"""The one mapping from what others say (`vocab`) to what is stored and shown (`blog.model`): cleaned on the way.

HTML goes through `text.sanitise.clean_remote`, names through `clean_name`, URLs are http(s) or empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import unquote, urlsplit

from fedblog.activitypub.multikey import read_multibase, read_pem
from fedblog.activitypub.pictures import media_type_of_url
from fedblog.activitypub.urls import host_of
from fedblog.activitypub.values import near, own
from fedblog.activitypub.vocab import CHAT_TYPES, Activity, ActorDocument, AttachmentDocument, KeyDocument, Note, Tag
from fedblog.blog.audience import audience_of, narrower
from fedblog.blog.emoji import MOST, NAME, Emoji, is_kept, named
from fedblog.blog.ledger import Profile, RemoteKey
from fedblog.blog.model import ActorId, Attachment, NewReply, ReplyState, Visibility
from fedblog.text.dates import parse_as2_datetime
from fedblog.text.plain import clean_name, plain_text
from fedblog.text.sanitise import clean_remote, clean_remote_reporting

MAX_USERNAME = 64
MAX_TITLE = 300
MAX_WARNING = 500
MAX_ALT = 1500
MAX_SUMMARY = 20_480
MAX_FIELD = 2_048
MAX_CONTEXT = 2048
EMPTY_WARNING = "Content warning"  # shown for a warning without readable words (Misskey sends U+200B)

_TITLED = frozenset({"Article", "Page", "Video", "Audio", "Image", "Event", "Question"})
_LINKED = frozenset({"Video", "Audio", "Image", "Event"})
_SUMMARY_IS_EXCERPT = frozenset({"Article", "Page", "Video", "Audio", "Event"})
_PLAIN_TYPES = frozenset({"text/plain", "text/markdown"})
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,80}")
_AT_SIGNS = re.compile("[@\ufe6b\uff20]")
_PARAGRAPHS = re.compile(r"\n\s*\n")


def profile_of(doc: ActorDocument, *, domain: str, now: int) -> Profile:
    """What is kept of a remote actor; `domain` is the confirmed host of its handle, `now` the time of the fetch.

    Keys that are no RSA or Ed25519 public key are left out, as are doubles (KEY-08).
    """
    name = doc.preferred_username or unquote(urlsplit(doc.id).path).rstrip("/").rpartition("/")[2]
    shown_name = clean_name(doc.name)
    pictures = _emoji(doc.tags, doc.id, shown_name)
    return Profile(
        uri=doc.id,
        type=doc.type,
        username=_one_word(clean_name(name.removeprefix("@"), MAX_USERNAME)) or "unknown",
        domain=domain,
        name=shown_name,
        summary_html=clean_remote(doc.summary[:MAX_SUMMARY]),
        url=own(doc.url, doc.id) or doc.id,
        icon_url=doc.icon_url,
        image_url=doc.image_url,
        inbox=doc.inbox,
        shared_inbox=doc.shared_inbox,
        followers_uri=near(doc.followers, doc.id) or "",
        manually_approves=doc.manually_approves,
        fields=tuple((clean_name(label), clean_remote(value[:MAX_FIELD])) for label, value in doc.fields),
        suspended=doc.suspended,
        keys=_remote_keys(doc, now),
        indexable=doc.indexable,
        emoji=named(pictures),
        pictures=pictures,
    )


def _one_word(name: str) -> str:
    """A user name that can't pass for a whole handle: `ana@blog.example` of evil.example is its `ana`, no more."""
    return _AT_SIGNS.split(name, maxsplit=1)[0].strip().replace(" ", "_")


def reply_of(
    note: Note,
    *,
    actor_id: ActorId,
    visibility: Visibility,
    state: ReplyState,
    reason: str,
    now: int,
    received: bytes,
) -> NewReply:
    """A verified object as a reply: clean HTML of at most about 100 kB, whatever its type (INB-13, INB-34).

    A title goes to `name`, a poll's choices to `options`; a link to media and to what it quotes become part of the
    text. Times in the
    future or unreadable become `now` (INB-36). `received` is the JSON it came as. Poll votes (`note.is_vote`) are no
    replies: the caller leaves them out.
    """
    published = parse_as2_datetime(note.published, now=now)
    edited = parse_as2_datetime(note.updated, now=now)
    published_at = now if published is None else published
    name = clean_name(note.name, MAX_TITLE) if note.type in _TITLED else ""
    content_html, warning = _content_html(note), _content_warning(note)
    options = tuple((clean_name(option.name, MAX_TITLE), option.count or 0) for option in note.options)
    return NewReply(
        uri=note.id,
        url=own(note.url, note.id) or note.id,
        actor_id=actor_id,
        in_reply_to=next(iter(note.in_reply_to), ""),
        state=state,
        visibility=visibility,
        local=False,
        type=note.type,
        name=name,
        content_html=content_html,
        source="",
        content_warning=warning,
        language=note.content_language,
        published_at=published_at,
        edited_at=edited if edited is not None and edited > published_at else None,
        context=note.context if len(note.context) <= MAX_CONTEXT and note.context.isprintable() else "",
        attachments=_attachments(note),
        remote_likes=note.likes_total or 0,
        remote_announces=note.shares_total or 0,
        reason=reason,
        original=received,
        options=options,
        emoji=_emoji(note.tags, note.id, content_html, name, warning, *(option for option, _ in options)),
    )


def visibility_of(note: Note, activity: Activity | None, *, followers_uri: str) -> Visibility:
    """Who may see a received object: its own `to` and `cc` decide, the activity's only where it has none; where both
    speak, the narrower one holds (VIS-03). Without any audience it is private. `followers_uri` is its author's."""
    direct = note.direct_message or note.type in CHAT_TYPES
    told = [
        audience_of(source.to, source.cc, followers_uri, direct)
        for source in (note, activity)
        if source is not None and (source.to or source.cc)
    ]
    if len(told) == 2:
        return narrower(*told)
    return told[0] if told else Visibility.DIRECT


def _emoji(tags: Iterable[Tag], owner: str, *texts: str) -> tuple[Emoji, ...]:
    """The custom emoji that the texts call and the tags have a picture for, each name once."""
    found: dict[str, Emoji] = {}
    for tag in tags:
        if tag.type != "Emoji" or not is_kept(tag.icon_url) or len(found) == MOST:
            continue
        name = tag.name.strip().strip(":")
        if NAME.fullmatch(name) and any(f":{name}:" in text for text in texts):
            found.setdefault(name, Emoji(name, tag.icon_url, host_of(owner)))
    return tuple(found.values())


def _content_html(note: Note) -> str:
    """Content and what follows it, each cleaned by itself so that nothing can swallow its neighbour."""
    content = _plain_paragraphs(note.content) if note.media_type in _PLAIN_TYPES else note.content
    cleaned = clean_remote_reporting(content)
    after: list[str] = []
    if cleaned.was_cut or note.type in _LINKED:
        after.append(_link(note.url or note.id))
    if note.quote and note.quote not in content and escape(note.quote) not in content:
        after.append(_link(note.quote, before="RE: "))
    return cleaned.html + clean_remote("".join(after)) if after else cleaned.html


def _link(url: str, before: str = "") -> str:
    return f'<p>{before}<a href="{escape(url)}">{escape(url)}</a></p>'


def _plain_paragraphs(text: str) -> str:
    blocks = [block.strip() for block in _PARAGRAPHS.split(text) if block.strip()]
    return "".join(f"<p>{escape(block).replace(chr(10), '<br>')}</p>" for block in blocks)


def _content_warning(note: Note) -> str:
    """The text it is folded under, "" for none. An Article's summary is an excerpt unless it is marked sensitive."""
    if not note.summary.strip() or (note.type in _SUMMARY_IS_EXCERPT and not note.sensitive):
        return ""
    return clean_name(plain_text(note.summary[:MAX_SUMMARY]), MAX_WARNING) or EMPTY_WARNING


def _attachments(note: Note) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(
            url=item.url,
            media_type=_media_type(item),
            name=clean_name(item.name, MAX_ALT),
            sensitive=note.sensitive or item.sensitive,
        )
        for item in note.attachments
    )


def _media_type(item: AttachmentDocument) -> str:
    if _MEDIA_TYPE.fullmatch(item.media_type):
        return item.media_type
    return media_type_of_url(item.url) if item.type == "Image" else ""


def _remote_keys(doc: ActorDocument, now: int) -> tuple[RemoteKey, ...]:
    found: dict[str, RemoteKey] = {}
    for key in doc.public_keys:
        remote = _remote_key(key, doc.id, now)
        if remote is not None:
            found.setdefault(remote.key_id, remote)
    return tuple(found.values())


def _remote_key(key: KeyDocument, actor_uri: str, now: int) -> RemoteKey | None:
    try:
        material = read_pem(key.pem) if key.pem is not None else read_multibase(key.multibase or "")
    except ValueError:
        return None
    return RemoteKey(key.id, actor_uri, material.algorithm, material.pem, now)
