"""Archives from somebody who means harm: refused with a reason, and nothing of them is stored."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedblog.archive.container import lines, members
from fedblog.archive.exporter import Exporter
from fedblog.errors import InvalidInput
from fedblog.federation.services import Services
from fedblog.storage import actors, replies
from tests.archive.world import blog, everything, reply, restore, write_post

ABOUT = {
    "format": 1,
    "base_url": "https://blog.example",
    "domain": "blog.example",
    "authors": [{"name": "alice", "uri": "https://blog.example/ap/actors/alice"}],
    "drafts": False,
}
MANIFEST = json.dumps({"ubc-version": "0.1", "fedblog": ABOUT}).encode()
JPEG = b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x10\x00\x10\x03" + b"\0" * 40


def archive(path: Path, files: dict[str, bytes], *extra: tarfile.TarInfo) -> Path:
    """A .tar.gz of these files, after a manifest, and of bare headers."""
    with tarfile.open(path, "w:gz") as tar:
        for name, data in {"manifest.yml": MANIFEST, **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in extra:
            tar.addfile(info)
    return path


def link(kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo("media/p0123.jpg")
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "/etc/passwd", "posts/../../x.md", "posts\\..\\x", "a\nb"])
async def test_LIFE_01_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "a.tar.gz", {name: b"x"})
    async with blog(tmp_path / "b") as services:
        with pytest.raises(InvalidInput, match="a name that leads out"):
            await restore(services, path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_LIFE_01_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = archive(tmp_path / "a.tar.gz", {}, link(kind))
    with pytest.raises(InvalidInput, match="a link or a device"):
        list(members(path))


def test_LIFE_01_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedblog.archive.container.FREE_BYTES", 1024 * 1024)
    path = archive(tmp_path / "a.tar.gz", {"outbox.json": b"\0" * 30_000_000})
    assert path.stat().st_size < 100_000
    with pytest.raises(InvalidInput, match="far more than it should"):
        list(members(path))


def test_LIFE_01_a_header_that_is_a_bomb_is_refused(tmp_path: Path) -> None:
    """A long name of 20 MB: the tar module would read it whole."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 20_000_000
    path = tmp_path / "a.tar.gz"
    with gzip.open(path, "wb") as out:
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        out.write(b"a" * 20_000_000)
    with pytest.raises(InvalidInput, match="header that is too large"):
        list(members(path))


def test_LIFE_01_a_line_has_a_length(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar.gz", {"posts/alice/x.thread.jsonl": b"{}\n" + b"x" * 5000})
    found = members(path)
    next(found)
    with pytest.raises(InvalidInput, match="line 2 is too long"):
        list(lines(next(found), 1000))


@pytest.mark.parametrize("cut", [10, 200, 400])
def test_LIFE_01_a_damaged_archive_is_told(tmp_path: Path, cut: int) -> None:
    path = archive(tmp_path / "a.tar.gz", {"x": b"hello" * 100})
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InvalidInput, match="damaged"):
        list(members(path))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=2000))
def test_LIFE_01_any_bytes_are_an_archive_or_none(tmp_path: Path, data: bytes) -> None:
    for begin in (b"", b"\x1f\x8b"):
        (tmp_path / "x").write_bytes(begin + data)
        with contextlib.suppress(InvalidInput):
            assert all(member.size >= 0 for member in members(tmp_path / "x"))


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"{}", "manifest.yml"),
        (b"contents: yes", "manifest.yml"),
        (json.dumps({"fedblog": {**ABOUT, "format": 9}}).encode(), "format 9"),
        (json.dumps({"fedblog": {**ABOUT, "base_url": "javascript:x"}}).encode(), "no address"),
    ],
)
async def test_LIFE_01_a_manifest_that_is_none(tmp_path: Path, manifest: bytes, words: str) -> None:
    path = archive(tmp_path / "a.tar.gz", {"manifest.yml": manifest})
    async with blog(tmp_path / "b") as services:
        with pytest.raises(InvalidInput, match=words):
            await restore(services, path)


async def good_lines(services: Services, folder: Path) -> list[dict[str, Any]]:
    """A thread as we write it: post, person, reply."""
    post = await write_post(services, "One", "text")
    await reply(services, post, "hello")
    await Exporter(services).write(folder / "good.tar.gz")
    for member in members(folder / "good.tar.gz"):
        if member.name.endswith(".thread.jsonl"):
            return [json.loads(line) for _, line in lines(member, 1_000_000)]
    raise AssertionError("no thread in the archive")


def thread(*records: dict[str, Any]) -> dict[str, bytes]:
    return {"posts/alice/one.thread.jsonl": b"\n".join(json.dumps(record).encode() for record in records)}


@pytest.mark.parametrize(
    ("at", "changes", "words"),
    [
        (0, {"uri": "https://elsewhere.example/ap/posts/1"}, "its id is another server's"),
        (0, {"uri": "https://blog.example/ap/actors/alice"}, "not one that this blog makes"),
        (0, {"id": "12345"}, "not one that this blog makes"),
        (0, {"visibility": "direct"}, "not public"),
        (0, {"status": "deleted"}, "its status deleted"),
        (0, {"author": "mallory"}, "not in the manifest"),
        (2, {"visibility": "direct"}, "it is private"),
        (2, {"uri": "https://other.example/notes/1"}, "its id is not its author's"),
        (2, {"uri": "https://blog.example/ap/notes/5"}, "its id is not its author's"),
        (2, {"person": "https://remote.example/users/nobody"}, "nobody is said to have written it"),
        (2, {"person": "https://blog.example/ap/actors/alice"}, "its id is not its author's"),
    ],
)
async def test_LIFE_01_what_an_archive_may_not_say(
    tmp_path: Path, at: int, changes: dict[str, Any], words: str
) -> None:
    async with blog(tmp_path / "source") as source:
        records = await good_lines(source, tmp_path)
    records[at] |= changes
    path = archive(tmp_path / "bad.tar.gz", thread(*records))
    async with blog(tmp_path / "b") as services:
        report = await restore(services, path)
        assert any(words in warning for warning in report.warnings), report.warnings
        assert report.counts["skipped"] == 1
        stored = (await everything(services))["posts"]
        assert len(stored) == (0 if at == 0 else 1)
        assert all(post[-1] == [] for post in stored)


@pytest.mark.parametrize(
    "changes", [{"likes": -1}, {"published_at": "x"}, {"id": "1; DROP"}, {"kind": "account"}, {"depth": 2**70}]
)
async def test_LIFE_01_a_line_of_another_shape_ends_the_import(tmp_path: Path, changes: dict[str, Any]) -> None:
    async with blog(tmp_path / "source") as source:
        records = await good_lines(source, tmp_path)
    records[2] |= changes
    async with blog(tmp_path / "b") as services:
        with pytest.raises(InvalidInput, match="line 3"):
            await restore(services, archive(tmp_path / "bad.tar.gz", thread(*records)))


@pytest.mark.proves("SEC-043")
@pytest.mark.parametrize("first", ["blocked before", "blocked by the file"])
async def test_LIFE_01_the_blocked_do_not_come_back_in_a_file(tmp_path: Path, first: str) -> None:
    """What a blocked person wrote and liked elsewhere is taken, and hidden like all that they left here."""
    async with blog(tmp_path / "source") as source:
        post, person, note = await good_lines(source, tmp_path)
    like = {
        "kind": "reaction", "type": "like", "person": person["uri"], "reply": "", "emoji": "",
        "activity_uri": f"{person['uri']}/likes/1", "created_at": 5,
    }  # fmt: skip
    files = thread(post, person, note, like)
    block = {"kind": "domain", "value": "remote.example", "reason": ""}
    if first == "blocked by the file":
        files["blocks.jsonl"] = json.dumps(block).encode()
    async with blog(tmp_path / "b") as services:
        if first == "blocked before":
            await services.publisher.block_domain("remote.example")
        report = await restore(services, archive(tmp_path / "bad.tar.gz", files))
        assert (report.counts["replies"], report.counts["reactions"]) == (1, 1)
        written = await services.db.read(replies.by_uri, note["uri"])
        assert written is not None
        assert (written.state, written.reason) == ("hidden", "author_blocked")
        assert await services.db.read(lambda tx: tx.all("SELECT reply_count, like_count FROM threads")) == [(0, 0)]
        await services.publisher.unblock_domain("remote.example")
        assert await services.db.read(lambda tx: tx.all("SELECT reply_count, like_count FROM threads")) == [(1, 1)]


@pytest.mark.parametrize("field", ["content", "source", "in_reply_to", "context", "language", "type"])
async def test_LIFE_01_no_text_holds_nul(tmp_path: Path, field: str) -> None:
    async with blog(tmp_path / "source") as source:
        records = await good_lines(source, tmp_path)
    records[2][field] = "a\0b"
    async with blog(tmp_path / "b") as services:
        with pytest.raises(InvalidInput, match="line 3"):
            await restore(services, archive(tmp_path / "bad.tar.gz", thread(*records)))


async def test_LIFE_01_texts_are_cleaned_and_nobody_becomes_one_of_ours(tmp_path: Path) -> None:
    async with blog(tmp_path / "source") as source:
        records = await good_lines(source, tmp_path)
    post, person, note = records
    evil = "<p>x</p><script>alert(1)</script><img src=x onerror=alert(1)>"
    post |= {"content_html": evil, "source": evil, "source_type": "text/html", "image_url": "javascript:x"}
    person |= {"domain": "blog.example", "username": "alice", "inbox": "https://victim.example/inbox", "local": True}
    note |= {"content": evil, "url": "javascript:x", "attachments": [{"url": "data:x", "media_type": "", "name": ""}]}
    async with blog(tmp_path / "b") as services:
        await restore(services, archive(tmp_path / "bad.tar.gz", thread(post, person, note)))
        shown = str([(post[5], post[-1]) for post in (await everything(services))["posts"]])
        for bad in ("<script", "onerror=", "javascript:", "victim"):
            assert bad not in shown
        written = await services.db.read(replies.by_uri, note["uri"])
        assert written is not None
        assert written.attachments == ()
        assert not written.local
        actor = await services.db.read(actors.by_id, written.actor_id)
        assert (actor.local, actor.domain, actor.inbox) == ("", "remote.example", "")


async def test_LIFE_01_pictures_are_what_they_say(tmp_path: Path) -> None:
    """A page with a picture's name, a picture of another type, one without an entry: none of them stays."""
    name = "p" + "0" * 19
    record = {
        "id": "5", "name": name + "1", "kind": "p", "owner": "alice", "alt": "", "filename": "x",
        "source_hash": "0" * 64, "width": 16, "height": 16, "widths": [480], "blurhash": "",
        "bytes": 1, "created_at": 1,
    }  # fmt: skip
    files = {
        f"media/{name}1.jpg": JPEG,
        f"media/{name}2.jpg": b"<script>alert(1)</script>",
        f"media/{name}3-480.webp": JPEG,
        f"media/{name}4.jpg": JPEG,
        "media/evil.html": b"<script>",
        "media/index.jsonl": json.dumps(record).encode(),
    }
    path = archive(tmp_path / "a.tar.gz", files)
    async with blog(tmp_path / "b") as services:
        report = await restore(services, path)
        there = sorted(file.name for file in (tmp_path / "b" / "media").rglob("*.*"))
        assert there == [f"{name}1.jpg"]
        assert report.counts == {"pictures": 1}
        assert len(report.warnings) == 3
        again = await restore(services, path)
        assert "pictures" not in again.counts
        assert [file.name for file in (tmp_path / "b" / "media").rglob("*.*")] == there
