"""Collections and their pages (PROTOCOL L)."""

from __future__ import annotations

from collections.abc import Sequence

from fedblog.activitypub.vocab import Json


def collection(
    uri: str,
    *,
    total: int,
    first: str | None = None,
    last: str | None = None,
    items: Sequence[str | Json] | None = None,
    attributed_to: str = "",
    ordered: bool = True,
) -> Json:
    """An OrderedCollection (or Collection): its count, and pages or, for a short one, the items themselves.

    With neither it says only how many there are (COL-02 hidden, COL-04).
    """
    document: Json = {"id": uri, "type": "OrderedCollection" if ordered else "Collection"}
    if attributed_to:
        document["attributedTo"] = attributed_to
    document["totalItems"] = total
    if first is not None:
        document["first"] = first
    if last is not None:
        document["last"] = last
    if items is not None:
        document["orderedItems" if ordered else "items"] = list(items)
    return document


def collection_page(
    uri: str,
    *,
    part_of: str,
    items: Sequence[str | Json],
    next_uri: str | None = None,
    prev_uri: str | None = None,
    total: int | None = None,
    ordered: bool = True,
) -> Json:
    """One page of a collection (COL-01, COL-03)."""
    document: Json = {
        "id": uri,
        "type": "OrderedCollectionPage" if ordered else "CollectionPage",
        "partOf": part_of,
    }
    if total is not None:
        document["totalItems"] = total
    if next_uri is not None:
        document["next"] = next_uri
    if prev_uri is not None:
        document["prev"] = prev_uri
    document["orderedItems" if ordered else "items"] = list(items)
    return document
