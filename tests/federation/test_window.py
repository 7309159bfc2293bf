"""Places for hosts: a small first wave, room for those that answer, and none lost to those that hang."""

from __future__ import annotations

from fedblog.federation.window import FIRST_WAVE, MOST_SLOW, PATIENCE, Window


def filled(window: Window, now: float, prefix: str = "h") -> int:
    """Fill all free places; how many there were."""
    free = window.free(now)
    for number in range(free):
        window.enter(f"{prefix}{number}", now)
    return free


def test_DLV_13_each_answer_makes_room_for_one_more() -> None:
    window = Window(200)
    assert filled(window, 0.0) == FIRST_WAVE
    assert window.free(0.1) == 0
    for number in range(30):
        window.answered(f"h{number}", 0.1)
        window.leave(f"h{number}")
    assert window.free(0.2) == 60
    for _ in range(500):
        window.answered("h40", 0.2)
    assert window.free(0.2) == 200 - 20
    for number in range(30, 50):
        window.leave(f"h{number}")
    assert window.free(0.3) == FIRST_WAVE, "the next post begins with a first wave again"


def test_hosts_that_hang_hold_no_places_but_are_bounded() -> None:
    window, rounds = Window(60), 0
    while filled(window, rounds * PATIENCE, f"r{rounds}-"):
        rounds += 1
        assert rounds < 20
    assert len(window) == MOST_SLOW * 60
    assert window.free(1e9) == 0
    window.leave("r0-0")
    assert window.free(1e9) == 1


def test_a_small_window_is_never_larger_than_it_may_be() -> None:
    window = Window(3)
    assert filled(window, 0.0) == 3
    window.answered("h0", 0.0)
    assert window.free(0.0) == 0
    assert window.doubtful == 1
