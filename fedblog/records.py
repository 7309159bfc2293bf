"""Frozen dataclasses that are made thousands of times a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    import dataclasses

    def record(**options):
        """`dataclasses.dataclass`, which the type checker takes it for: with `frozen=True` mypy refuses every change.

        When it runs nothing guards that any more, since that guard costs more than all else about making one: 0.1 µs
        a field, and what comes to the inbox is a hundred fields.
        """
        frozen = options.pop("frozen", False)
        return dataclasses.dataclass(**options, unsafe_hash=frozen)


__all__ = ["record"]
