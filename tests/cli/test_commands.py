"""The commands over a blog that `init` made."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from fedblog.blog.ledger import ActivityId
from fedblog.config import load_settings
from fedblog.storage import actors, deliveries, inbox, moderation, outgoing, posts
from fedblog.storage.database import Database, Tx
from fedblog.storage.outgoing import Audience
from tests.cli.conftest import PASSWORD, Shell

T = TypeVar("T")


def change(shell: Shell, function: Callable[[Tx], T]) -> T:
    """A write into the blog's database."""

    async def work() -> T:
        database = await Database.open(load_settings(shell.config, {}))
        try:
            return await database.write(function)
        finally:
            await database.close()

    return asyncio.run(work())


def markdown(shell: Shell, text: str = "Hello **there**.", name: str = "text.md") -> str:
    path = shell.folder / name
    path.write_text(text, "utf-8")
    return str(path)


def test_LIFE_03_ACT_11_keys_are_rotated_and_people_leave_only_with_yes(shell: Shell) -> None:
    """Both say what they did; nothing irreversible happens without --yes."""
    shell("user", "add", "bob", "--password-stdin", stdin=PASSWORD)
    assert "new keys" in shell("user", "rotate-key", "bob").stdout
    shell("user", "rotate-key", "nobody", code=3)
    shell("user", "delete", "bob", code=2)
    assert len(shell.json("user", "list")) == 2
    assert "gone" in shell("user", "delete", "bob", "--yes").stdout
    assert [one["username"] for one in shell.json("user", "list")] == ["alice"]
    shell("user", "delete", "bob", "--yes", code=3)
    shell("user", "delete", "alice", "--yes", code=4)  # the last owner
    shell("user", "add", "bob", "--password-stdin", stdin=PASSWORD, code=4)


def test_LIFE_04_self_destruct_looks_first_and_happens_once(shell: Shell) -> None:
    """--dry-run changes nothing."""
    shell("self-destruct", code=2)
    assert "3 actors" in shell("self-destruct", "--dry-run").stdout
    assert "3 actors" in shell("self-destruct", "--dry-run").stdout
    assert "Deleted 3 actors" in shell("self-destruct", "--yes").stdout
    shell("self-destruct", "--yes", code=4)


def test_users_are_added_changed_and_listed(shell: Shell) -> None:
    """Roles, passwords, the last owner, names that are taken."""
    shell("user", "add", "bob", "--role", "editor", "--email", "b@c.example", "--password-stdin", stdin=PASSWORD)
    shell("user", "password", "bob", "--password-stdin", stdin="another long one")
    shell("user", "role", "bob", "author")
    assert [(one["username"], one["role"], one["email"]) for one in shell.json("user", "list")] == [
        ("alice", "owner", ""),
        ("bob", "author", "b@c.example"),
    ]
    shell("user", "add", "bob", "--password-stdin", stdin=PASSWORD, code=4)
    shell("user", "add", "blog", "--password-stdin", stdin=PASSWORD, code=2)
    shell("user", "add", "carl", "--password-stdin", stdin="short", code=2)
    shell("user", "role", "nobody", "owner", code=3)
    shell("user", "reset-factors", "nobody", code=3)
    shell("user", "role", "alice", "emperor", code=2)
    shell("user", "password", "nobody", "--password-stdin", stdin=PASSWORD, code=3)
    last = shell("user", "role", "alice", "author", code=4)
    assert "owner" in last.stderr


def test_posts_are_made_changed_and_deleted(shell: Shell) -> None:
    """What is printed is what is stored; a publish leaves its activities in the queue."""
    made = json.loads(
        shell("post", "create", "--author", "alice", "--title", "One", "--file", markdown(shell), "--json").stdout
    )
    assert set(made) == {"id", "url", "uri", "status"}
    assert made["url"] == "https://blog.example/@alice/one"
    assert made["uri"].startswith("https://blog.example/ap/posts/")
    html = markdown(shell, "<p>Hello <em>you</em><script>alert(1)</script></p>", "text.html")
    edited = json.loads(shell("post", "edit", made["id"], "--file", html, "--title", "Two", "--json").stdout)
    assert edited["uri"] == made["uri"]
    stored = change(shell, lambda tx: posts.by_uri(tx, made["uri"]))
    assert stored is not None
    assert (stored.title, stored.source_type) == ("Two", "text/html")
    assert "<em>you</em>" in stored.content_html
    assert "script" not in stored.content_html
    assert change(shell, lambda tx: len(outgoing.unexpanded(tx, 50))) >= 3
    assert [one["title"] for one in shell.json("post", "list")] == ["Two"]
    shell("post", "delete", made["id"])
    assert shell.json("post", "list") == []
    shell("post", "delete", made["id"], code=3)
    shell("post", "edit", made["id"], "--title", "x", code=3)


def test_a_draft_stays_in_the_house_until_it_is_published(shell: Shell) -> None:
    """--draft sends nothing; `post edit --publish` does."""
    made = json.loads(
        shell(
            "post", "create", "--author", "alice", "--title", "D", "--file", markdown(shell), "--draft", "--json"
        ).stdout
    )
    assert (made["status"], made["uri"]) == ("draft", "")
    assert change(shell, lambda tx: outgoing.unexpanded(tx, 50)) == []
    out = json.loads(shell("post", "edit", made["id"], "--publish", "--json").stdout)
    assert out["status"] == "published"
    assert change(shell, lambda tx: len(outgoing.unexpanded(tx, 50))) == 2


def test_posts_refuse_what_can_t_be_used(shell: Shell) -> None:
    """Missing files and authors, no title, bytes that are no text: a line and a code, no post."""
    text = markdown(shell)
    create = ("post", "create", "--author")
    shell(*create, "nobody", "--title", "x", "--file", text, code=3)
    shell(*create, "alice", "--title", "x", "--file", str(shell.folder / "missing.md"), code=1)
    shell(*create, "alice", "--title", "  ", "--file", text, code=2)
    (shell.folder / "binary.md").write_bytes(b"\xff\xfe\x00")
    shell(*create, "alice", "--title", "x", "--file", str(shell.folder / "binary.md"), code=2)
    shell("post", "edit", "1", code=2)
    shell("post", "list", "--author", "nobody", code=3)
    assert shell.json("post", "list") == []


def test_a_post_comes_from_standard_input(shell: Shell) -> None:
    """`--file -`."""
    result = shell("post", "create", "--author", "alice", "--title", "Piped", "--file", "-", stdin="from a *pipe*")
    assert "published" in result.stdout


def test_deliveries_are_listed_and_sent_again(shell: Shell) -> None:
    """What was given up, with its reason; again by id, or all."""

    def give_up(tx: Tx) -> int:
        from_actor = actors.blog(tx)
        outgoing.add(
            tx,
            activity_id=ActivityId(tx.new_id()),
            uri="https://blog.example/ap/activities/1",
            actor_id=from_actor.id,
            type="Create",
            object_uri="https://blog.example/ap/posts/1",
            body=b"{}",
            audience=Audience(),
            public=True,
        )
        activity = outgoing.by_uri(tx, "https://blog.example/ap/activities/1")
        assert activity is not None
        tx.run(
            "INSERT INTO deliveries (id, activity_id, object_uri, inbox, host, state, attempts, due_at, lease_until,"
            " last_error) VALUES ($1, $2, $3, $4, $5, 'waiting', 0, 0, 0, '')",
            7,
            activity.id,
            activity.object_uri,
            "https://far.example/inbox",
            "far.example",
        )
        deliveries.fail(tx, 7, status=410, error="gone\x1b[31m away")
        return 7

    change(shell, give_up)
    listed = shell.json("deliver", "list")
    assert [(one["id"], one["host"], one["last_status"]) for one in listed["failed"]] == [("7", "far.example", 410)]
    assert "\x1b" not in shell("deliver", "list").stdout
    shell("deliver", "retry", code=2)
    shell("deliver", "retry", "8", code=3)
    shell("deliver", "retry", "7")
    assert shell.json("deliver", "list") == {"waiting": 1, "failed": []}
    assert "0 will" in shell("deliver", "retry", "--all").stdout


def test_the_inbox_explains_itself(shell: Shell) -> None:
    """Decisions by number and by activity id; what a stranger wrote can't play with the terminal."""
    uri = "https://far.example/activities/9"

    def write(tx: Tx) -> None:
        inbox.log(
            tx,
            activity_uri=uri,
            type="Create",
            actor_uri="https://far.example/u/\x1b[2Jx",
            host="far.example",
            status=401,
            reason="signature_missing",
            detail="no signature",
        )

    change(shell, write)
    entry = shell.json("inbox", "log", "--refused")[0]
    assert entry["reason"] == "signature_missing"
    for which in (uri, str(entry["id"])):
        shown = shell("inbox", "explain", which).stdout
        assert "signature_missing" in shown
        assert "refused" in shown
        assert "\x1b" not in shown
    assert "\x1b" not in shell("inbox", "log").stdout
    shell("inbox", "explain", "https://far.example/none", code=3)
    shell("inbox", "explain", "999999", code=3)


def test_reports_are_listed(shell: Shell) -> None:
    """With who, what and the words."""
    change(
        shell,
        lambda tx: moderation.add_report(
            tx,
            activity_uri="https://far.example/f/1",
            reporter_uri="https://far.example/actor",
            objects=("https://blog.example/ap/notes/1",),
            content="rude",
        ),
    )
    assert [one["content"] for one in shell.json("reports", "list", "--open")] == ["rude"]
    assert "rude" in shell("reports", "list").stdout


@pytest.mark.proves("SEC-091")
def test_config_show_masks_and_tells_origins(shell: Shell) -> None:
    """No password leaves; each value says where it comes from."""
    env = {"FEDBLOG_SERVER__PORT": "9000", "FEDBLOG_DATABASE__URL": "postgresql://me:hush@db/name?sslpassword=hush2"}
    shown = shell("config", "show", "--json", "--origin", env=env).stdout
    assert "hush" not in shown
    found = json.loads(shown)
    assert found["server"]["port"] == {"value": 9000, "origin": "environment FEDBLOG_SERVER__PORT"}
    assert found["server"]["domain"]["origin"] == f"file {shell.config}"
    assert found["blog"]["handle"] == {"value": "blog", "origin": "default"}
    assert 'domain = "blog.example"' in shell("config", "show").stdout


def test_migrate_says_what_is_to_be_done(empty: Shell) -> None:
    """--check changes nothing and exits with 1 while something waits."""
    empty.config.write_text('[server]\ndomain = "a.example"\n')
    empty("migrate", "--check", code=1)
    empty("migrate", "--check", code=1)
    assert "applied" in empty("migrate").stdout
    assert "up to date" in empty("migrate", "--check").stdout


def test_a_missing_or_wrong_configuration_is_one_line(empty: Shell, tmp_path: Path) -> None:
    """Exit code 2, with the key and the fix."""
    assert "init" in empty("post", "list", code=2).stderr
    empty.config.write_text("[server]\ndomian = 'x'\n")
    assert "domain" in empty("post", "list", code=2).stderr
    empty.config.write_text("nonsense [")
    assert "TOML" in empty("config", "show", code=2).stderr


def test_another_domain_than_the_database_s_is_refused(shell: Shell) -> None:
    """It is pinned: every id is made of it."""
    text = shell.config.read_text().replace("blog.example", "other.example")
    shell.config.write_text(text)
    assert "made for" in shell("post", "list", code=2).stderr


@pytest.mark.proves("SEC-113")
def test_unexpected_errors_are_no_traceback(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours is one line as well; FEDBLOG_TRACEBACK shows where."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("fedblog.storage.accounts.all", broken)
    assert "unexpected ZeroDivisionError: oh" in shell("user", "list", code=1).stderr
    monkeypatch.setitem(os.environ, "FEDBLOG_TRACEBACK", "1")
    result = shell("user", "list", code=1)
    assert isinstance(result.exception, ZeroDivisionError)
