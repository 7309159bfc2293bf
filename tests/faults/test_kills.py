"""kill -9 under mixed load: nothing that was promised is lost. `make faults` does the same 200 times."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.faults.rig import run


@pytest.mark.timeout(3_600)  # 200 kills take ten minutes
@pytest.mark.proves("SEC-126")
async def test_nothing_promised_is_lost(tmp_path: Path) -> None:
    """20 kills here; FEDBLOG_KILLS and FEDBLOG_SEED change that. The seed stands in the output of a failure."""
    kills = int(os.environ.get("FEDBLOG_KILLS", "20"))
    seed = int(os.environ.get("FEDBLOG_SEED", random.SystemRandom().randrange(2**32)))
    await run(tmp_path, seed=seed, kills=kills, tell=print)
