"""Notices as people read them: alike ones together, each a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fedblog.blog.model import Actor
from fedblog.storage.notices import Kind, Notice
from fedblog.web.i18n import gettext as _
from fedblog.web.i18n import grouped, ngettext

DAY = 86_400
FACES = 3
_TOGETHER = frozenset({Kind.LIKE, Kind.BOOST, Kind.FOLLOW})
# Names keep their own direction within a sentence of another one.
_FIRST_STRONG, _POP = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Group:
    """Notices that are one line: `first` is the newest, `actors` are those who are shown."""

    first: Notice
    actors: tuple[Actor, ...]
    count: int
    unread: bool

    @property
    def kind(self) -> str:
        """What happened, for styles and tests."""
        return self.first.kind.value

    @property
    def at(self) -> int:
        """When it last happened."""
        return self.first.at

    @property
    def href(self) -> str:
        """Where it is dealt with."""
        return self.first.href

    @property
    def text(self) -> str:
        """What was said, "" where nothing was."""
        return self.first.text if self.first.kind not in (Kind.LIKE, Kind.BOOST) else ""

    @property
    def sentence(self) -> str:
        """The line."""
        return sentence(self)


def groups(found: Sequence[Notice], is_unread: Callable[[Notice], bool]) -> list[Group]:
    """Notices, newest first, with the likes and boosts of one thing and the follows of one day (UTC) put together."""
    kept: dict[tuple[object, ...], list[Notice]] = {}
    for notice in found:
        key: tuple[object, ...] = (notice.kind, notice.at, notice.target, notice.href)
        if notice.kind in _TOGETHER:
            target = 0 if notice.kind is Kind.FOLLOW else notice.target
            key = (notice.kind, target, notice.at // DAY, is_unread(notice))
        kept.setdefault(key, []).append(notice)
    made = []
    for together in kept.values():
        people = {one.actor.id: one.actor for one in together if one.actor is not None}
        made.append(
            Group(together[0], tuple(people.values())[:FACES], max(1, len(people)), any(map(is_unread, together)))
        )
    return made


def sentence(group: Group) -> str:
    """`Ana and 3 others liked “On bread”`."""
    one = group.first
    values: dict[str, object] = {
        "who": _people(group),
        "title": _isolated(one.title) if one.title else _("a post"),
        "num": grouped(one.number),
    }
    return _pattern(one, group.count) % values


def _pattern(one: Notice, people: int) -> str:
    if one.kind is Kind.LIKE:
        if one.to_answer:
            return ngettext(
                "%(who)s liked your answer under “%(title)s”", "%(who)s liked your answer under “%(title)s”", people
            )
        return ngettext("%(who)s liked “%(title)s”", "%(who)s liked “%(title)s”", people)
    if one.kind is Kind.BOOST:
        if one.to_answer:
            return ngettext(
                "%(who)s boosted your answer under “%(title)s”", "%(who)s boosted your answer under “%(title)s”", people
            )
        return ngettext("%(who)s boosted “%(title)s”", "%(who)s boosted “%(title)s”", people)
    if one.kind is Kind.FOLLOW:
        return ngettext("%(who)s follows you", "%(who)s follow you", people)
    if one.kind is Kind.TROUBLE:
        return ngettext(
            "“%(title)s” could not be given to %(num)s server",
            "“%(title)s” could not be given to %(num)s servers",
            one.number,
        )
    return {
        Kind.REPLY: _("%(who)s replied under “%(title)s”"),
        Kind.HELD: _("%(who)s replied under “%(title)s” and waits for your decision"),
        Kind.PRIVATE: _("%(who)s wrote to you in private under “%(title)s”"),
        Kind.FOLLOW_REQUEST: _("%(who)s asks to follow you"),
        Kind.QUOTE: _("%(who)s quoted “%(title)s”"),
        Kind.QUOTE_REQUEST: _("%(who)s asks to quote “%(title)s”"),
        Kind.TEST: _("A test: notifications reach you here"),
        Kind.REPORT: _("Another server reported something on this blog"),
    }[one.kind]


def _people(group: Group) -> str:
    names = [_isolated(actor.display_name) for actor in group.actors[:2]]
    if not names:
        return _("Somebody")
    if group.count == 1 or len(names) == 1:
        return names[0]
    if group.count == 2:
        return _("%(name)s and %(other)s") % {"name": names[0], "other": names[1]}
    more = group.count - 1
    return ngettext("%(name)s and %(num)s other", "%(name)s and %(num)s others", more) % {
        "name": names[0],
        "num": grouped(more),
    }


def _isolated(text: str) -> str:
    return f"{_FIRST_STRONG}{' '.join(text.split())[:100]}{_POP}"


def plain(text: str) -> str:
    """Without the marks of direction, for headers."""
    return text.replace(_FIRST_STRONG, "").replace(_POP, "")


def kind_names() -> dict[str, str]:
    """What can be switched off, with its name."""
    return {
        Kind.REPLY.value: _("Replies"),
        Kind.HELD.value: _("Replies that wait for a decision"),
        Kind.PRIVATE.value: _("Private replies"),
        Kind.LIKE.value: _("Likes"),
        Kind.BOOST.value: _("Boosts"),
        Kind.FOLLOW.value: _("New followers"),
        Kind.FOLLOW_REQUEST.value: _("Requests to follow"),
        Kind.QUOTE.value: _("Quotes"),
        Kind.QUOTE_REQUEST.value: _("Requests to quote"),
        Kind.TROUBLE.value: _("Servers that could not be reached"),
        Kind.REPORT.value: _("Reports"),
    }
