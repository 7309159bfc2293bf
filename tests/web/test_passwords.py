"""Hashing passwords beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from fedblog.errors import InvalidInput, StorageUnavailable
from fedblog.web.passwords import MAX_LENGTH, NOBODY, Passwords, check_new_password, hash_password


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords()
    yield made
    made.close()


async def test_a_hash_is_argon2id_with_the_parameters_of_the_house(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse battery")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(stored, "correct horse battery")
    assert not await passwords.verify(stored, "correct horse batterz")


async def test_nobody_and_broken_hashes_never_fit(passwords: Passwords) -> None:
    assert NOBODY.rpartition("$")[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")  # as dear to check as any
    assert not await passwords.verify(None, "nobody has this password")
    assert not await passwords.verify("", "x")
    assert not await passwords.verify("$argon2id$broken", "x")


@pytest.mark.parametrize("password", ["", "short", "x" * (MAX_LENGTH + 1)])
def test_a_new_password_has_a_sane_length(password: str) -> None:
    with pytest.raises(InvalidInput):
        check_new_password(password)


async def test_an_endless_password_costs_nothing(passwords: Passwords) -> None:
    assert not await passwords.verify(hash_password("correct horse battery"), "x" * 1_000_000)


async def test_a_crowd_is_turned_away_rather_than_queued_without_end() -> None:
    passwords = Passwords(threads=1, waiting=1)
    stored = hash_password("correct horse battery")
    results = await asyncio.gather(
        *(passwords.verify(stored, "correct horse battery") for _ in range(8)), return_exceptions=True
    )
    assert results.count(True) == 2
    assert sum(isinstance(result, StorageUnavailable) for result in results) == 6
    assert await passwords.verify(stored, "correct horse battery")
    passwords.close()
