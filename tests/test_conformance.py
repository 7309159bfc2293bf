"""docs/conformance.md and docs/threats.md are true: every row has a test and names the tests that there are."""

from __future__ import annotations

import pytest

from tests.conformance import CONFORMANCE, THREATS, Row, ids_in_name, proof, proofs_by_row

#: What nothing federates without: the first list of the protocol map's order of work.
FIRST_LIST = {
    "DISC": "1-5 7 12",
    "ACT": "1 3-8 10 14",
    "SIG": "1-9 11 16",
    "KEY": "1-6 9",
    "OUT": "1 2 6 7",
    "INB": "1-15 19 21-24 27",
    "VIS": "1-5",
    "ART": "1-5 10 13 14 21-23",
    "BACK": "1 2 6 7",
    "DLV": "1 2 6 8 9 12",
    "NEG": "1-4 8 9",
    "COL": "1-3 6",
}


def first_list() -> list[str]:
    ids = []
    for room, ranges in FIRST_LIST.items():
        for part in ranges.split():
            first, _, last = part.partition("-")
            ids += [f"{room}-{number:02}" for number in range(int(first), int(last or first) + 1)]
    return ids


@pytest.mark.parametrize("row", [*CONFORMANCE.rows(), *THREATS.rows()], ids=lambda row: row.id)
def test_row_names_its_tests(row: Row) -> None:
    tests = proofs_by_row().get(row.id, [])
    if not row.is_applicable:
        assert not tests, f"{row.id} is said not to apply, and has a test"
        return
    assert tests, f"no test carries {row.id}"
    assert row.proven_by == proof(tests), "bring it up to date: python -m tests.conformance --write"


def test_rows_are_listed_once_and_the_first_list_is_whole() -> None:
    listed = [row.id for row in CONFORMANCE.rows()]
    assert len(listed) == len(set(listed))
    assert set(first_list()) - set(listed) == set()
    assert [row.id for row in THREATS.rows()] == [f"SEC-{number:03}" for number in range(1, 135)]


def test_no_test_carries_a_row_that_there_is_not() -> None:
    listed = {row.id for table in (CONFORMANCE, THREATS) for row in table.rows()}
    assert set(proofs_by_row()) - listed == set()


def test_ids_in_names() -> None:
    assert ids_in_name("test_SIG_07_SEC_034_x") == ["SIG-07", "SEC-034"]
    assert ids_in_name("test_SEC_34_x_COL_08b") == ["SEC-34", "COL-08b"]
    assert ids_in_name("test_sections_SECURE_34_07") == []
