"""Single values of foreign JSON: one-or-many, id-or-object, Link-or-string, natural-language maps.

Each reader takes whatever JSON holds and gives something typed; what can't be used is empty, nothing raises.
"""

from __future__ import annotations

import re
from typing import Any

from fedblog.activitypub.urls import maybe_uri, same_origin, same_site
from fedblog.activitypub.vocab import ACTIVITY_TYPES, ACTOR_TYPES, REPLY_TYPES, Json

AS_NAMESPACE = "https://www.w3.org/ns/activitystreams#"
_KNOWN_TYPES = ACTIVITY_TYPES | ACTOR_TYPES | REPLY_TYPES | {"Tombstone"}
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")


def one_or_many(value: object) -> list[Any]:
    """A list of what a property holds: nothing for null, the value itself, or the list's non-null entries."""
    if value is None:
        return []
    if isinstance(value, list):
        return [item for item in value if item is not None]
    return [value]


def id_of(value: object) -> str | None:
    """The id of a string or embedded object (a Link's href); None if there is none."""
    if isinstance(value, dict):
        inner = value.get("id")
        value = inner if isinstance(inner, str) and inner else value.get("href")
    return value if isinstance(value, str) and value else None


def type_of(doc: Json) -> str:
    """The first known type, else the first one; without `as:` prefix or namespace; "" if there is none."""
    told = doc.get("type")
    if isinstance(told, str):
        return told if told in _KNOWN_TYPES else short_type(told)
    names = [short_type(item) for item in one_or_many(told) if isinstance(item, str) and item]
    return next((name for name in names if name in _KNOWN_TYPES), names[0] if names else "")


def short_names(doc: Json) -> Json:
    """The object with `as:`-prefixed keys renamed to their short names; a short name that is there already wins."""
    if "as:" not in "\n".join(doc) or not any(key.startswith("as:") for key in doc):
        return doc
    plain = {key: value for key, value in doc.items() if not key.startswith("as:")}
    return {**{key[3:]: value for key, value in doc.items() if key.startswith("as:")}, **plain}


def short_type(name: str) -> str:
    """A type without `as:` prefix or namespace."""
    return name.removeprefix("as:").removeprefix(AS_NAMESPACE)


def first_of(value: object) -> Any:
    """The value itself, or the first entry of a list; None for nothing."""
    if not isinstance(value, list):
        return value
    return next(iter(one_or_many(value)), None)


def first_id_of(value: object) -> str | None:
    """`id_of` of the first entry."""
    return None if value is None else id_of(first_of(value))


def ids_of(value: object) -> tuple[str, ...]:
    """All ids of a one-or-many property, each once, in order."""
    if isinstance(value, str):
        return (value,) if value else ()
    if not value:
        return ()
    found = [item if isinstance(item, str) else id_of(item) for item in (value if isinstance(value, list) else [value])]
    return tuple(filter(None, dict.fromkeys(found)))


def link_of(value: object) -> str:
    """The first id if it is a usable http(s) URL, else ""."""
    if value is None:
        return ""
    found = id_of(first_of(value))
    return maybe_uri(found) or ""


def text_of(raw: Json, key: str) -> str:
    """A natural-language property: the plain value, else the first of its `…Map`."""
    value = raw.get(key)
    if isinstance(value, str):
        return value
    if value is not None:
        value = first_of(value)
        if isinstance(value, str):
            return value
    mapped = raw.get(f"{key}Map")
    if value is None and isinstance(mapped, dict):
        return next((item for item in mapped.values() if isinstance(item, str)), "")
    return ""


def is_language(tag: object) -> bool:
    """Whether it is a BCP 47 tag that says something (`und` does not)."""
    return isinstance(tag, str) and tag.lower() != "und" and len(tag) <= 35 and bool(_LANGUAGE.fullmatch(tag))


def media_type_of(value: object) -> str:
    """A media type in lower case without parameters; "" if there is none."""
    return value.partition(";")[0].strip().lower() if isinstance(value, str) else ""


def page_url_of(value: object) -> str:
    """The http(s) URL of `url`, which may be a string, a Link or a list; text/html is preferred."""
    if isinstance(value, str):
        return maybe_uri(_href_of(value)) or ""
    if value is None:
        return ""
    entries = one_or_many(value)
    pages = [item for item in entries if isinstance(item, dict) and media_type_of(item.get("mediaType")) == "text/html"]
    for item in (*pages, *entries):
        found = maybe_uri(_href_of(item))
        if found is not None:
            return found
    return ""


def _href_of(item: object) -> object:
    href = (item.get("href") or item.get("url") or item.get("id")) if isinstance(item, dict) else item
    return href.replace("&#038;", "&") if isinstance(href, str) else href  # WordPress escapes URLs for HTML


def image_url_of(value: object) -> str:
    """The URL of an Image, Link, string or list of them."""
    if value is None:
        return ""
    entry = first_of(value)
    if isinstance(entry, dict):
        return page_url_of(entry.get("url")) or page_url_of(entry.get("href"))
    return page_url_of(entry)


def count_of(value: object) -> int | None:
    """A non-negative number, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def own(value: str, base: str) -> str:
    """A URL of the document's own site, "" for one of somebody else's: nobody is sent, or led, to third parties."""
    return value if value and same_site(value, base) else ""


def near(value: str | None, base: str) -> str | None:
    """A page URL on the collection's own origin; relative, foreign and unusable ones are dropped."""
    found, home = maybe_uri(value), maybe_uri(base)
    return found if found is not None and home is not None and same_origin(found, home) else None
