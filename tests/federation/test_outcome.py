"""What answers to deliveries mean: the whole table, and the pauses between tries."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.blog.ledger import ActivityId, Delivery
from fedblog.blog.model import ActorId
from fedblog.federation.outcome import (
    DAILY,
    GIVE_UP_AFTER,
    PAUSES,
    Outcome,
    Verdict,
    judge_response,
    pause_after,
    reopen_after,
    retry_after_seconds,
)

NOW = 1_800_000_000
DELIVERY = Delivery(
    id=1,
    activity_id=ActivityId(1),
    actor_id=ActorId(1),
    object_uri="https://blog.example/ap/posts/1",
    inbox="https://peer.example/inbox",
    host="peer.example",
    body=b"{}",
    attempts=0,
    first_try_at=None,
)


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ((200, 201, 202, 204), Verdict.DELIVERED),
        ((400, 401), Verdict.KNOCK_AGAIN),
        ((403, 404, 405, 406, 410, 413, 415, 422, 501), Verdict.PERMANENT),
        ((301, 302, 307, 308, 408, 425, 429, 500, 502, 503, 504, 520), Verdict.RETRY),
    ],
)
def test_DLV_06_each_status_has_its_meaning(statuses: tuple[int, ...], verdict: Verdict) -> None:
    assert {judge_response(status) for status in statuses} == {verdict}


def test_DLV_06_a_400_is_final_and_a_401_is_tried_for_a_day() -> None:
    def after(status: int, age: int) -> str:
        delivery = dataclasses.replace(DELIVERY, first_try_at=NOW - age, attempts=3)
        return pause_after(Verdict.KNOCK_AGAIN, status, delivery, now=NOW, jitter=0.5).state

    assert after(400, 0) == "failed"
    assert after(401, 0) == "waiting"
    assert after(401, DAILY - 1) == "waiting"
    assert after(401, DAILY) == "failed"


@given(attempts=st.integers(0, 40), jitter=st.floats(0, 1))
def test_pauses_grow_and_stay_within_a_fifth(attempts: int, jitter: float) -> None:
    delivery = dataclasses.replace(DELIVERY, attempts=attempts, first_try_at=NOW)
    base = PAUSES[attempts] if attempts < len(PAUSES) else DAILY
    outcome = pause_after(Verdict.RETRY, 503, delivery, now=NOW, jitter=jitter)
    assert outcome.state == "waiting"
    assert base * 0.8 - 1 <= outcome.due_at - NOW <= base * 1.2 + 1
    assert list(PAUSES) == sorted(PAUSES)


def test_a_week_is_enough() -> None:
    old = dataclasses.replace(DELIVERY, attempts=12, first_try_at=NOW - GIVE_UP_AFTER)
    assert pause_after(Verdict.RETRY, None, old, now=NOW, jitter=0.5) == Outcome("failed")


def test_DLV_10_DLV_11_probes_grow_to_an_hour_and_then_to_a_day() -> None:
    waits = [reopen_after(failures, now=0, dead=False) for failures in range(5, 16)]
    assert waits[0] == 30
    assert waits == sorted(waits)
    assert waits[-1] == 3_600
    assert reopen_after(10**9, now=0, dead=False) == 3_600
    assert reopen_after(9, now=0, dead=True) == DAILY


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120),
        (" 7 ", 7),
        ("99999999999999999999", 86_400),
        ("soon", None),
        ("-5", None),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30),
        ("Fri, 15 Jan 2020 08:00:00 GMT", 0),
        ("Fri, 15 Jan 2040 08:00:00 GMT", 86_400),
    ],
)
def test_DLV_07_retry_after_in_seconds_or_as_a_date(value: str | None, seconds: int | None) -> None:
    assert retry_after_seconds(value, now=NOW) == seconds


@given(st.text(max_size=40))
def test_retry_after_never_raises(value: str) -> None:
    seconds = retry_after_seconds(value, now=NOW)
    assert seconds is None or 0 <= seconds <= 86_400
