"""What a handler is given and what it gives back.

A handler does what needs the network or the CPU, changes nothing, and returns an `Effect`: one function over a
transaction. The inbox runs it together with the check for duplicates and the log row, in one unit of work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.vocab import Activity
from fedblog.blog.model import Actor
from fedblog.config import Settings
from fedblog.federation.fetcher import Budget
from fedblog.federation.reasons import Outcome
from fedblog.federation.resolver import Resolver
from fedblog.records import record
from fedblog.storage.database import Database, Tx

Effect = Callable[[Tx], Outcome]


class NeedsNetwork(Exception):
    """Another server would have to be asked, where that was not wanted (`Context.offline`)."""


class Trust(StrEnum):
    """How we know that the actor said it (INB-27)."""

    SIGNED = "signed"  # the actor's own key signed the request, or the document itself (FEP-8b32)
    HEARSAY = "hearsay"  # somebody else brought it: only what the origin answers counts


@record(frozen=True, slots=True)
class Context:
    """What every handler may use. `now` is Unix seconds; `recipient` is the local actor whose inbox it was, or "".

    `offline`: a Create that can't be decided without another server raises `NeedsNetwork`.
    """

    db: Database
    resolver: Resolver
    ids: LocalIds
    settings: Settings
    budget: Budget
    now: int
    trust: Trust = Trust.SIGNED
    recipient: str = ""
    offline: bool = False


Handler = Callable[[Context, Activity, Actor], Awaitable[Effect]]


def ignored(outcome: Outcome) -> Effect:
    """The effect of what is taken without effect: a reason for the log."""

    def nothing(_tx: Tx) -> Outcome:
        return outcome

    return nothing
