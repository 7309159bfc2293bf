"""Raw JSON of other servers -> `vocab`: one-or-many, id-or-object, null or missing, odd spellings (INB-07, ACT-14).

There is no JSON-LD processing and no context is ever fetched (INB-08): known terms are read by their short names, also
with the `as:` prefix. The readers are lenient: what can't be used becomes empty. They raise `Refused` only where
nothing sane can be read: no object, no id, no type, no actor or several.
"""

from __future__ import annotations

import re

from fedblog.activitypub.urls import maybe_uri
from fedblog.activitypub.values import (
    count_of,
    first_id_of,
    first_of,
    id_of,
    ids_of,
    image_url_of,
    is_language,
    link_of,
    media_type_of,
    near,
    one_or_many,
    own,
    page_url_of,
    short_names,
    text_of,
    type_of,
)
from fedblog.activitypub.vocab import (
    ACTOR_TYPES,
    Activity,
    ActorDocument,
    AttachmentDocument,
    CollectionDocument,
    Json,
    KeyDocument,
    Note,
    PollOption,
    Tag,
)
from fedblog.errors import Refused

__all__ = [
    "has_forbidden_keyword",
    "id_of",
    "one_or_many",
    "read_activity",
    "read_actor",
    "read_collection",
    "read_key",
    "read_note",
    "short_names",
    "type_of",
]

FORBIDDEN_KEYWORDS = frozenset({"@graph", "@included", "@reverse"})
_KEYWORD = re.compile(rb"@(?:graph|included|reverse)")
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")  # "@" and all letters are among them
MAX_TAGS = 50
MAX_ATTACHMENTS = 16
MAX_OPTIONS = 100
MAX_FIELDS = 50
MAX_KEYS = 10
MAX_ALIASES = 256
MAX_AUDIENCE = 1000

_QUOTE_TERMS = ("quote", "quoteUri", "_misskey_quote", "quoteUrl")
_ACTIVITY_LINK_TYPES = ("application/activity+json", "application/ld+json")


def read_activity(doc: object) -> Activity:
    """An activity out of a parsed document.

    Raises `Refused` (400): `not_an_object`, `type_missing`, `actor_missing`, `actor_ambiguous`, `actor_invalid`,
    `id_invalid`.
    """
    raw = _object(doc)
    kind = type_of(raw)
    if not kind:
        raise Refused("the activity has no type", reason="type_missing")
    objects = tuple([item for item in one_or_many(raw.get("object")) if isinstance(item, (str, dict)) and item])
    first = objects[0] if objects else None
    return Activity(
        id=_activity_id(raw.get("id")),
        type=kind,
        actor=_single_actor(raw.get("actor")),
        object_id=id_of(first),
        object=first if isinstance(first, dict) else None,
        objects=objects,
        target=first_id_of(raw.get("target")),
        instrument=first_id_of(raw.get("instrument")),
        result=first_id_of(raw.get("result")),
        to=_audience(raw.get("to")),
        cc=_audience(raw.get("cc")),
        content=text_of(raw, "content"),
        tags=_tags(raw.get("tag")),
        published=raw.get("published"),
        raw=raw,
    )


def read_note(doc: object) -> Note:
    """A Note, Article, Question … out of a parsed document; any object with an id and a type.

    Raises `Refused` (400): `not_an_object`, `type_missing`, `object_id_missing`.
    """
    raw = _object(doc)
    kind = type_of(raw)
    if not kind:
        raise Refused("the object has no type", reason="type_missing")
    content, language = _content(raw)
    name = text_of(raw, "name")
    return Note(
        id=_required_id(raw),
        type=kind,
        attributed_to=_attributed_to(raw),
        in_reply_to=ids_of(raw.get("inReplyTo")),
        content=content,
        content_language=language,
        media_type=media_type_of(raw.get("mediaType")),
        name=name,
        summary=text_of(raw, "summary"),
        sensitive=raw.get("sensitive") is True,
        url=page_url_of(raw.get("url")),
        published=raw.get("published"),
        updated=raw.get("updated"),
        to=_audience(raw.get("to")),
        cc=_audience(raw.get("cc")),
        direct_message=bool(raw.get("directMessage")),
        context=first_id_of(raw.get("context")) or "",
        tags=_tags(raw.get("tag")),
        attachments=_attachments(raw.get("attachment")),
        likes_total=_total(raw.get("likes")),
        shares_total=_total(raw.get("shares")),
        replies=raw.get("replies"),
        quote=_quote(raw),
        options=_options(raw),
        is_vote=kind == "Note" and bool(name) and not content,
        raw=raw,
    )


def read_actor(doc: object) -> ActorDocument:
    """An actor document, read leniently (ACT-14).

    Raises `Refused` (400): `not_an_object`, `object_id_missing`.
    """
    raw = _object(doc)
    actor_id = _required_id(raw)
    kind = type_of(raw)
    endpoints = raw.get("endpoints")
    inbox = own(link_of(raw.get("inbox")), actor_id)
    shared_inbox = link_of(endpoints.get("sharedInbox")) if isinstance(endpoints, dict) else ""
    return ActorDocument(
        id=actor_id,
        type=kind if kind in ACTOR_TYPES else "actor",
        preferred_username=text_of(raw, "preferredUsername"),
        webfinger=text_of(raw, "webfinger"),
        name=text_of(raw, "name"),
        summary=text_of(raw, "summary"),
        url=page_url_of(raw.get("url")),
        icon_url=image_url_of(raw.get("icon")),
        image_url=image_url_of(raw.get("image")),
        inbox=inbox,
        shared_inbox=own(shared_inbox, actor_id),
        outbox=link_of(raw.get("outbox")),
        followers=link_of(raw.get("followers")),
        following=link_of(raw.get("following")),
        featured=link_of(raw.get("featured")),
        manually_approves=raw.get("manuallyApprovesFollowers") is True,
        indexable=raw.get("indexable") is True,
        suspended=raw.get("suspended") is True,
        fields=_fields(raw.get("attachment")),
        also_known_as=ids_of(raw.get("alsoKnownAs"))[:MAX_ALIASES],
        moved_to=link_of(raw.get("movedTo")),
        public_keys=_keys(raw, actor_id),
        implements=_implements(raw),
        published=raw.get("published"),
        partial=not inbox or _is_stripped(raw),
        tags=_tags(raw.get("tag")),
    )


def read_key(doc: object, *, owner: str = "") -> KeyDocument | None:
    """A stand-alone or listed key (Key, CryptographicKey, Multikey); None where it has no id or no key material.

    `owner` fills in for a key that names none. The owner is a claim: the actor itself must list the key (KEY-02).
    """
    if not isinstance(doc, dict):
        return None
    raw = short_names(doc)
    key_id = raw.get("id")
    pem, multibase = raw.get("publicKeyPem"), raw.get("publicKeyMultibase")
    pem = pem if isinstance(pem, str) and pem else None
    multibase = multibase if isinstance(multibase, str) and multibase else None
    if maybe_uri(key_id) is None or (pem is None and multibase is None):
        return None
    holder = first_id_of(raw.get("owner")) or first_id_of(raw.get("controller")) or owner
    return KeyDocument(id=str(key_id), owner=holder, pem=pem, multibase=multibase)


def read_collection(doc: object, *, origin: str = "") -> CollectionDocument:
    """A Collection, OrderedCollection or a page of one (COL-06).

    `origin` is any URL of the place it was fetched from: it decides what a foreign `next` or `first` is where the
    document itself has no id. Raises `Refused` (400): `not_an_object`.
    """
    raw = _object(doc)
    own_id, part_of = link_of(raw.get("id")), link_of(raw.get("partOf"))
    base = own_id or part_of or origin
    first = first_of(raw.get("first"))
    return CollectionDocument(
        id=own_id,
        type=type_of(raw),
        total=count_of(raw.get("totalItems")),
        items=_items(raw),
        first=near(id_of(first), base),
        first_page=read_collection({**first, "first": None}, origin=base) if isinstance(first, dict) else None,
        next=near(first_id_of(raw.get("next")), base),
        part_of=part_of or None,
    )


def has_forbidden_keyword(doc: object, body: bytes | None = None) -> bool:
    """Whether `@graph`, `@included` or `@reverse` is a key anywhere in it: then it is not read at all (INB-08).

    `body`, the bytes that it was parsed from, saves the look around where they can't hold such a word.
    """
    if body is not None and not _may_spell_keyword(body):
        return False
    waiting: list[object] = [doc]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if not FORBIDDEN_KEYWORDS.isdisjoint(value):
                return True
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def _may_spell_keyword(body: bytes) -> bool:
    return _KEYWORD.search(body) is not None or (b"\\" in body and _ESCAPED_LETTER.search(body) is not None)


def _object(doc: object) -> Json:
    if not isinstance(doc, dict):
        raise Refused("not a JSON object", reason="not_an_object")
    return short_names(doc)


def _required_id(raw: Json) -> str:
    value = raw.get("id")
    if maybe_uri(value) is None:
        raise Refused("the object has no usable id", reason="object_id_missing")
    return str(value)


def _activity_id(value: object) -> str | None:
    if value is None or value == "":
        return None
    if maybe_uri(value) is None:
        raise Refused("the activity's id is not an http(s) URL", reason="id_invalid")
    return str(value)


def _single_actor(value: object) -> str:
    if isinstance(value, str) and maybe_uri(value) is not None:
        return value
    ids = {value} if isinstance(value, str) and value else {id_of(item) for item in one_or_many(value)}
    if not ids or None in ids:
        raise Refused("the activity has no actor", reason="actor_missing")
    if len(ids) > 1:
        raise Refused("the activity has several actors", reason="actor_ambiguous")
    actor = str(ids.pop())
    if maybe_uri(actor) is None:
        raise Refused("the actor's id is not an http(s) URL", reason="actor_invalid")
    return actor


def _content(raw: Json) -> tuple[str, str]:
    """Content and its language: by the entry of contentMap that equals it, else by its first key (ART-12)."""
    content = text_of(raw, "content")
    mapped = raw.get("contentMap")
    names = mapped.items() if isinstance(mapped, dict) else ()
    for name, text in names:
        if text == content and is_language(name):
            return content, name
    language = raw.get("language")
    told = language.get("identifier") if isinstance(language, dict) else language
    return content, next((tag for tag in (*(name for name, _ in names), told) if is_language(tag)), "")


def _attributed_to(raw: Json) -> tuple[str, ...]:
    """Ids of the authors. PeerTube lists a Person and its channel: the Person is the author (INB-11)."""
    told = raw.get("attributedTo")
    if isinstance(told, str) and told:
        return (told,)
    entries = one_or_many(told) or one_or_many(raw.get("actor"))
    people = [item for item in entries if isinstance(item, dict) and type_of(item) == "Person"]
    return ids_of([*people, *entries])


def _tags(value: object) -> tuple[Tag, ...]:
    if not value:
        return ()
    entries = [short_names(item) for item in one_or_many(value)[:MAX_TAGS] if isinstance(item, dict)]
    return tuple(
        Tag(
            type=type_of(item),
            name=text_of(item, "name"),
            href=str(maybe_uri(item.get("href")) or ""),
            icon_url=image_url_of(item.get("icon")),
        )
        for item in entries
    )


def _attachments(value: object) -> tuple[AttachmentDocument, ...]:
    found: list[AttachmentDocument] = []
    for item in one_or_many(value) if value else ():
        if not isinstance(item, dict) or len(found) == MAX_ATTACHMENTS:
            continue
        url = page_url_of(item.get("url")) or page_url_of(item.get("href"))
        link = first_of(item.get("url"))
        media_type = media_type_of(item.get("mediaType")) or (
            media_type_of(link.get("mediaType")) if isinstance(link, dict) else ""
        )
        if url:
            is_sensitive = item.get("sensitive") is True
            found.append(AttachmentDocument(type_of(item), url, media_type, text_of(item, "name"), is_sensitive))
    return tuple(found)


def _total(value: object) -> int | None:
    return count_of(value.get("totalItems")) if isinstance(value, dict) else None


def _audience(value: object) -> tuple[str, ...]:
    return ids_of(value)[:MAX_AUDIENCE]


def _quote(raw: Json) -> str:
    for term in _QUOTE_TERMS:
        told = raw.get(term)
        if told is not None and (found := link_of(told)):
            return found
    tags = raw.get("tag")
    for item in one_or_many(tags)[:MAX_TAGS] if tags else ():  # FEP-e232
        if isinstance(item, dict) and type_of(item) == "Link":
            media_type = media_type_of(item.get("mediaType"))
            if media_type in _ACTIVITY_LINK_TYPES and (found := link_of(item.get("href"))):
                return found
    return ""


def _options(raw: Json) -> tuple[PollOption, ...]:
    if raw.get("oneOf") is None and raw.get("anyOf") is None:
        return ()
    entries = one_or_many(raw.get("oneOf")) or one_or_many(raw.get("anyOf"))
    return tuple(
        PollOption(name, _total(item.get("replies")))
        for item in entries[:MAX_OPTIONS]
        if isinstance(item, dict) and (name := text_of(item, "name"))
    )


def _fields(value: object) -> tuple[tuple[str, str], ...]:
    found = [
        (text_of(item, "name"), text_of(item, "value"))
        for item in one_or_many(value)
        if isinstance(item, dict) and type_of(item).rpartition(":")[2] == "PropertyValue"
    ]
    return tuple(pair for pair in found if pair[0])[:MAX_FIELDS]


def _keys(raw: Json, actor_id: str) -> tuple[KeyDocument, ...]:
    """publicKey and assertionMethod entries, at most ten; bad ones are skipped (KEY-08)."""
    entries = [*one_or_many(raw.get("publicKey")), *one_or_many(raw.get("assertionMethod"))]
    keys = [key for item in entries[: 5 * MAX_KEYS] if (key := read_key(item, owner=actor_id)) is not None]
    return tuple(keys[:MAX_KEYS])


def _is_stripped(raw: Json) -> bool:
    """Whether it is only what a stranger needs to check a signature: Sharkey's answer to an unverified GET (ACT-15)."""
    fuller = ("outbox", "followers", "name", "summary", "url", "icon", "endpoints", "suspended")
    return not any(raw.get(key) for key in fuller)


def _implements(raw: Json) -> tuple[str, ...]:
    generator = first_of(raw.get("generator"))
    return ids_of(generator.get("implements")) if isinstance(generator, dict) else ()


def _items(raw: Json) -> tuple[str | Json, ...]:
    entries = one_or_many(raw.get("orderedItems")) or one_or_many(raw.get("items"))
    return tuple(item for item in entries if isinstance(item, (str, dict)) and item)
