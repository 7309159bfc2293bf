"""A few thousand inputs with a seed that is always the same; `make fuzz` takes another one each time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fuzz.mutate import mutate_document
from tests.fuzz.run import Findings, feed, run

INPUTS = 1_500


@pytest.mark.proves("SEC-058")
async def test_nothing_breaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    assert await run(tmp_path, INPUTS, 20_261_123, said.append) == []
    assert [line.partition(":")[0] for line in said] == ["signatures", "documents", "inbox"]
    # The inputs get past the door: most kinds of answers are among them.
    assert "accepted" in said[0]
    assert "parsed" in said[1]
    assert "duplicate" in said[2] or "reply" in said[2]


async def test_what_breaks_is_found() -> None:
    async def broken(dice: random.Random) -> None:
        if dice.random() < 0.5:
            raise TypeError("broken")

    findings = Findings()
    await feed(broken, "broken", 40, 1, findings)
    assert 0 < len(findings.found) < 40
    assert findings.found[0].startswith("broken 1-")


def test_a_seed_says_it_all() -> None:
    sound = {"id": "x", "to": ["a", "b"], "object": {"type": "Note"}}
    one, two = ([repr(mutate_document(sound, random.Random(f"{n}"))) for n in range(50)] for _ in range(2))
    assert one == two
    assert len(set(one)) > 30
    assert sound == {"id": "x", "to": ["a", "b"], "object": {"type": "Note"}}
