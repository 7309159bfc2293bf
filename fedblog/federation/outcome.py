"""What an answer to a delivery means, and when to try again: values in, values out (DLV-06..11)."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum

from fedblog.blog.ledger import Delivery

#: Pauses before the second, third … try in seconds; after the last one daily until a week is over.
PAUSES = (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200)
DAILY = 86_400
GIVE_UP_AFTER = 7 * 86_400
JITTER = 0.2
#: The longest pause before the first, second … try, as it was spread; the last one is that of all later ones.
LONGEST_PAUSES = (0, *(round(pause * (1 + JITTER)) for pause in (*PAUSES, DAILY)))
BREAKER_FIRST, BREAKER_MOST, BREAKER_FAILURES = 30, 3_600, 5
MOST_RETRY_AFTER = 86_400


class Verdict(StrEnum):
    """How one answer is read."""

    DELIVERED = "delivered"
    KNOCK_AGAIN = "knock_again"  # 400, 401: perhaps it wants the other kind of signature (OUT-03)
    RETRY = "retry"
    PERMANENT = "permanent"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the delivery becomes: `state` is delivered, waiting (until `due_at`) or failed."""

    state: str
    due_at: int = 0


DELIVERED = Outcome("delivered")


def judge_response(status: int) -> Verdict:
    """DLV-06: 2xx is delivered; 400/401 ask for the second knock; 408, 425, 429, redirects and 5xx (but 501) pass."""
    if 200 <= status < 300:
        return Verdict.DELIVERED
    if status in (400, 401):
        return Verdict.KNOCK_AGAIN
    if 300 <= status < 400 or status in (408, 425, 429) or (status >= 500 and status != 501):
        return Verdict.RETRY
    return Verdict.PERMANENT


def pause_after(verdict: Verdict, status: int | None, delivery: Delivery, *, now: int, jitter: float) -> Outcome:
    """What becomes of a delivery after this try; `jitter` in 0..1 spreads the pause by ±20 %."""
    if verdict is Verdict.DELIVERED:
        return DELIVERED
    since = delivery.first_try_at if delivery.first_try_at is not None else now
    patience = DAILY if verdict is Verdict.KNOCK_AGAIN else GIVE_UP_AFTER
    # 400 stays 400; a 401 may mean that the peer could not reach our key yet: try for a day.
    if verdict is Verdict.PERMANENT or status == 400 or now - since >= patience:
        return Outcome("failed")
    base = PAUSES[delivery.attempts] if delivery.attempts < len(PAUSES) else DAILY
    return Outcome("waiting", now + max(1, round(base * (1 - JITTER + 2 * JITTER * jitter))))


def reopen_after(failures: int, *, now: int, dead: bool) -> int:
    """When a failing host gets its next probe: 30 s doubling to 1 h; once a day when a week has passed (DLV-10, 11)."""
    if dead:
        return now + DAILY
    doublings = min(max(0, failures - BREAKER_FAILURES), 10)  # bounded, whatever the count
    return now + min(BREAKER_MOST, BREAKER_FIRST << doublings)


def retry_after_seconds(value: str | None, *, now: float) -> int | None:
    """`Retry-After` as seconds from now (RFC 9110 §10.2.3), at most a day; None where absent or unreadable."""
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), MOST_RETRY_AFTER)
    try:
        when = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0, round(when - now)), MOST_RETRY_AFTER)
