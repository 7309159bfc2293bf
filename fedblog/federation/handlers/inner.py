"""An activity inside another one: the wrapper proves nothing, so what it is about is asked for at its origin."""

from __future__ import annotations

from dataclasses import replace

from fedblog.activitypub.normalise import id_of, one_or_many, short_names, type_of
from fedblog.activitypub.urls import maybe_uri
from fedblog.activitypub.vocab import Json
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.handlers.refetch import refetch
from fedblog.federation.reasons import Outcome

_ABOUT_OBJECTS = frozenset({"Create", "Update", "Delete"})


async def take_inner(ctx: Context, wrapped: Json) -> Effect:
    """The effect of a wrapped Create, Update or Delete; others can't be checked and are left alone."""
    inner = short_names(wrapped)
    if type_of(inner) not in _ABOUT_OBJECTS:
        return ignored(Outcome.TYPE_NOT_HANDLED)
    uri = next((found for item in one_or_many(inner.get("object")) if (found := maybe_uri(id_of(item)))), None)
    if uri is None:
        return ignored(Outcome.OBJECT_MISSING)
    if ctx.ids.is_local(uri):
        return ignored(Outcome.NOT_OURS)
    return await refetch(replace(ctx, trust=Trust.HEARSAY), uri)
