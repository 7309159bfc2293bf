"""Who may see an object (VIS-01..04): decided by its `to` and `cc`, and in doubt the narrower way."""

from __future__ import annotations

from collections.abc import Sequence

from fedblog.blog.model import Reply, ReplyState, Visibility

# VIS-01: exact spellings only; anything that merely looks like it is somebody's URL.
PUBLIC_URIS = frozenset({"https://www.w3.org/ns/activitystreams#Public", "as:Public", "Public"})
_FROM_WIDE_TO_NARROW = (Visibility.PUBLIC, Visibility.UNLISTED, Visibility.FOLLOWERS, Visibility.DIRECT)


def audience_of(to: Sequence[str], cc: Sequence[str], followers_uri: str, direct: bool) -> Visibility:
    """What `to` and `cc` mean; `followers_uri` is the author's collection ("" if unknown), `direct` forces private."""
    if direct:
        return Visibility.DIRECT
    if not PUBLIC_URIS.isdisjoint(to):
        return Visibility.PUBLIC
    if not PUBLIC_URIS.isdisjoint(cc):
        return Visibility.UNLISTED
    if followers_uri and (followers_uri in to or followers_uri in cc):
        return Visibility.FOLLOWERS
    return Visibility.DIRECT


def narrower(a: Visibility, b: Visibility) -> Visibility:
    """The one that fewer people may see."""
    return max(a, b, key=_FROM_WIDE_TO_NARROW.index)


def visible_in_thread(reply: Reply) -> bool:
    """Whether this reply, looked at alone, shows in public; what is above it decides as well (`Reply.shown`)."""
    return reply.state is ReplyState.PUBLISHED and reply.visibility.is_public
