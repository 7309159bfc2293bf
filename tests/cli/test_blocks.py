"""`fedblog blocks`: lists in and out, looked at first; `fedblog person`: what is kept about somebody."""

from __future__ import annotations

import json

from fedblog.storage import actors, moderation
from tests.cli.conftest import Shell
from tests.cli.test_commands import change
from tests.storage.support import profile


def test_a_list_is_looked_at_applied_taken_back_and_written_again(shell: Shell) -> None:
    file = shell.folder / "list.csv"
    file.write_text("#domain,#severity\nfar.example,suspend\nloud.example,silence\nx*.example,suspend\n", "utf-8")
    change(shell, lambda tx: actors.upsert_remote(tx, profile("mia", "far.example")))
    change(shell, lambda tx: moderation.block(tx, "domain", "bad.example", "rude"))
    looked = shell("blocks", "import", str(file))
    assert "2 new, 0 blocked already" in looked.stdout
    assert "say --apply" in looked.stdout
    assert [one["value"] for one in shell.json("blocks", "list")["blocks"]] == ["bad.example"]
    said = shell.json("blocks", "import", str(file), "--apply")
    assert said["applied"]
    assert said["problems"] == [{"line": 4, "code": "obfuscated", "text": "x*.example"}]
    exported = shell("blocks", "export", "servers").stdout
    assert "far.example,suspend" in exported
    assert "loud.example,silence" in exported
    assert "0 new, 2 blocked already" in shell("blocks", "import", str(file)).stdout
    assert "(applied" in shell("blocks", "list").stdout
    assert "2 blocks are lifted" in shell("blocks", "undo", said["id"]).stdout
    shell("blocks", "undo", said["id"], code=4)
    shell("blocks", "undo", "1", code=3)
    assert [one["value"] for one in shell.json("blocks", "list")["blocks"]] == ["bad.example"]
    assert shell("blocks", "export", "people").stdout.splitlines() == ["Account address"]
    file.write_bytes(b"\xff\xfe")
    shell("blocks", "import", str(file), code=2)
    shell("blocks", "import", "-", stdin="", code=2)


def test_what_is_kept_about_somebody_is_printed_and_erased_only_with_yes(shell: Shell) -> None:
    change(shell, lambda tx: actors.upsert_remote(tx, profile("mia", "far.example")))
    (told,) = json.loads(shell("person", "export", "@mia@far.example").stdout)
    assert told["profile"]["handle"] == "@mia@far.example"
    shell("person", "export", "@tom@far.example", code=3)
    shell("person", "export", "mia", code=2)
    shell("person", "erase", "@mia@far.example", code=2)
    assert "erased 0 replies" in shell("person", "erase", "@mia@far.example", "--yes").stdout
    shell("person", "erase", "@mia@far.example", "--yes", code=3)
