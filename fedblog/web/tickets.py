"""Sealed notes to ourselves that a browser carries from one step to the next: what was proved, by whom, until when.

Nothing is stored for them, so strangers can't fill a table; `spend` makes one count once.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from fedblog.errors import ConfigError
from fedblog.federation.services import Services
from fedblog.storage import factors
from fedblog.storage.database import Tx

LIFETIME: Final = 10 * 60
_MOST = 4_096


def write(services: Services, purpose: str, **facts: Any) -> str:
    """A ticket for one purpose, good for `LIFETIME` seconds."""
    note = {"for": purpose, "at": int(services.clock()), **facts}
    return services.sealer.seal(msgspec.json.encode(note)).decode()


def read(services: Services, ticket: str, purpose: str) -> dict[str, Any] | None:
    """The facts of a ticket; None for one that is no ticket of ours, is for something else, or is over."""
    if not ticket or len(ticket) > _MOST:
        return None
    try:
        note = msgspec.json.decode(services.sealer.open(ticket.encode()), type=dict[str, Any])
    except (ValueError, TypeError, ConfigError):
        return None
    age = services.clock() - note.get("at", 0)
    return note if note.get("for") == purpose and -60 <= age <= LIFETIME else None


def spend(tx: Tx, services: Services, ticket: str) -> bool:
    """Use it up; False where that was done before."""
    until = int(services.clock()) + LIFETIME + 60
    return factors.spend(tx, hashlib.sha256(ticket.encode()).hexdigest(), until)
