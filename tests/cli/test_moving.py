"""`fedblog export` and `fedblog import`, and where readers find what came in."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Shell


def test_LIFE_01_export_and_import_by_commands(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "text.md").write_text("Hello")
    shell("post", "create", "--author", "alice", "--title", "One", "--file", str(tmp_path / "text.md"))
    file = tmp_path / "all.tar.gz"
    assert shell.json("export", str(file)) == {
        "file": str(file), "posts": 1, "replies": 0, "pictures": 0, "followers": 0,
    }  # fmt: skip
    shell("export", str(file), code=4)
    assert "1 posts" in shell("export", str(file), "--force").output
    shell("export", str(tmp_path / "all.zip"), code=2)
    shell("export", str(tmp_path / "b.tar.gz"), "--author", "nobody", code=3)
    assert shell.json("import", str(file), "--dry-run") == {"dry_run": True, "posts_already_here": 1, "warnings": []}
    assert "1 posts already here" in shell("import", str(file)).output


def test_LIFE_01_import_knows_what_a_file_is(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("Hello")
    shell("import", str(tmp_path / "x.txt"), code=2)
    shell("import", str(tmp_path / "nothing"), code=2)
    (tmp_path / "evil.xml").write_text('<!DOCTYPE x [<!ENTITY a "b">]><rss/>')
    assert "line 1" in shell("import", str(tmp_path / "evil.xml"), code=2).stderr
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.md").write_text("---\ntitle: A\ndate: 2019-05-01\n---\nHello")
    told = shell("import", str(tmp_path / "site"), "--dry-run")
    assert "Nothing was changed" in told.output
    assert shell.json("post", "list") == []
    assert shell.json("import", str(tmp_path / "site"))["posts"] == 1
    (post,) = shell.json("post", "list")
    assert (post["title"], post["status"], post["published_at"]) == ("A", "published", 1_556_668_800)
    assert json.loads(shell("deliver", "list", "--json").stdout)
