"""Small facts about the instance: its domain, versions of settings, marks of timers."""

from __future__ import annotations

from fedblog.storage.tx import Tx


def get(tx: Tx, key: str) -> str | None:
    """The value of a key, or None."""
    value: str | None = tx.value("SELECT value FROM meta WHERE key = $1", key)
    return value


def keep(tx: Tx, key: str, value: str) -> str:
    """Set a key that is not set yet; what it is now."""
    tx.run("INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING", key, value)
    return get(tx, key) or value


def put(tx: Tx, key: str, value: str) -> None:
    """Set a key."""
    tx.run(
        "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        key,
        value,
    )
