"""`backup` and `restore`: a whole blog in one file, made beside a running server, and what must be refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fedblog.cli.backup import with_data_dir
from fedblog.errors import ConfigError
from tests.cli.conftest import PASSWORD, Shell
from tests.cli.test_serve import ask, end, free_port, line_with, serving
from tests.storage.conftest import postgres_server, postgres_template, postgres_url  # noqa: F401 - fixtures

Members = dict[str, bytes]
PICTURE = "media/ab/abcdef0123-640.webp"


@pytest.fixture
def blog(shell: Shell) -> Shell:
    """A blog with a post and a picture."""
    (shell.folder / "text.md").write_text("Worth keeping.")
    shell("post", "create", "--author", "alice", "--title", "Kept", "--file", str(shell.folder / "text.md"))
    picture = shell.folder / "data" / PICTURE
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"\x00picture" * 1_000)
    (picture.parent / ".being-written").write_bytes(b"half")
    return shell


@pytest.fixture
def kept(blog: Shell) -> Path:
    """A backup of it."""
    file = blog.folder / "kept.tar.gz"
    blog("backup", str(file))
    return file


def members(file: Path) -> Members:
    with tarfile.open(file) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def pack(file: Path, files: Members | list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(file, "w:gz") as tar:
        for info, data in files.items() if isinstance(files, dict) else files:
            member = tarfile.TarInfo(info) if isinstance(info, str) else info
            member.size = len(data) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(data))
    return file


def resealed(found: Members, name: str, data: bytes) -> Members:
    """The archive with another content under a name, and a manifest that agrees."""
    manifest = json.loads(found["manifest.json"])
    manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    return {**found, "manifest.json": json.dumps(manifest).encode(), name: data}


@pytest.mark.proves("SEC-133")
def test_a_backup_becomes_the_same_blog(blog: Shell, kept: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    found = members(kept)
    assert next(iter(found)) == "manifest.json"
    manifest = json.loads(found["manifest.json"])
    assert (manifest["domain"], manifest["engine"]) == ("blog.example", "sqlite")
    assert set(found) - {"manifest.json"} == set(manifest["files"])
    assert {"config.toml", "secret", PICTURE, "tables/posts.jsonl"} <= set(found)
    assert "whole" in blog("backup", "--verify", str(kept)).stdout

    other = Shell(tmp_path_factory.mktemp("other"))
    said = other("restore", str(kept)).stdout
    assert f"Configuration  {other.config}" in said
    assert "serve" in said
    assert other.json("post", "list") == blog.json("post", "list")
    assert other.config.read_text() == blog.config.read_text()
    data = other.folder / "data"
    assert (data / "secret").read_bytes() == (blog.folder / "data" / "secret").read_bytes()
    assert (data / PICTURE).read_bytes() == (blog.folder / "data" / PICTURE).read_bytes()
    assert {path.name for path in other.folder.iterdir()} == {"config.toml", "data"}
    for path, mode in (
        (data, 0o700),
        (data / "secret", 0o600),
        (data / "fedblog.sqlite3", 0o600),
        (other.config, 0o600),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert other.json("user", "list") == blog.json("user", "list")


@pytest.mark.proves("SEC-133")
def test_a_backup_of_a_running_server_is_whole(tmp_path: Path) -> None:
    port = free_port()
    shell = Shell(tmp_path)
    shell("init", "--domain", f"localhost:{port}", "--admin", "alice", "--password-stdin", stdin=PASSWORD)
    with serving(tmp_path) as process:
        line_with(process, "serves")
        (tmp_path / "text.md").write_text("While it runs.")
        shell("post", "create", "--author", "alice", "--title", "Runs", "--file", str(tmp_path / "text.md"))
        shell("backup", str(tmp_path / "kept.tar.gz"))
        assert ask(port, "/@alice/runs")[0] == 200
        end(process)
    there = Shell(tmp_path / "there")
    there("restore", str(tmp_path / "kept.tar.gz"), "--data", str(tmp_path / "elsewhere"))
    assert [post["title"] for post in there.json("post", "list")] == ["Runs"]
    with serving(tmp_path / "there") as process:
        line_with(process, "serves")
        assert "While it runs." in ask(port, "/@alice/runs")[1]
        end(process)
    assert (tmp_path / "elsewhere" / "fedblog.sqlite3").exists()
    assert not (tmp_path / "there" / "data").exists()


def test_a_blog_moves_to_postgresql_and_back(
    blog: Shell,
    kept: Path,
    tmp_path: Path,
    postgres_url: str,  # noqa: F811 - the fixture
) -> None:
    big, back = Shell(tmp_path / "big"), Shell(tmp_path / "back")
    big.folder.mkdir()
    big.config.write_text(f'[server]\ndomain = "blog.example"\n[database]\nurl = "{postgres_url}"\n')
    big("restore", str(kept))
    assert big.json("post", "list") == blog.json("post", "list")
    assert "not empty" in big("restore", str(kept), code=4).stderr
    again = tmp_path / "again.tar.gz"
    big("backup", str(again))
    back.folder.mkdir()
    back.config.write_text('[server]\ndomain = "blog.example"\n')
    back("restore", str(again))
    assert back.json("post", "list") == blog.json("post", "list")
    tables = {name: data for name, data in members(kept).items() if name.startswith("tables/")}
    assert {name: sorted(data.splitlines()) for name, data in tables.items()} == {
        name: sorted(data.splitlines()) for name, data in members(again).items() if name.startswith("tables/")
    }


def test_nothing_that_is_there_is_overwritten(
    blog: Shell, kept: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = kept.read_bytes()
    assert "there already" in blog("backup", str(kept), code=4).stderr
    assert kept.read_bytes() == before
    assert "not empty" in blog("restore", str(kept), code=4).stderr
    assert "the configuration is kept" in blog("restore", str(kept), "--data", "/nowhere", code=4).stderr
    other = Shell(tmp_path_factory.mktemp("other"))
    other.config.write_text('[server]\ndomain = "else.example"\n')
    assert "can't be changed" in other("restore", str(kept), code=2).stderr
    assert [path.name for path in other.folder.iterdir()] == ["config.toml"]
    nobody = Shell(tmp_path_factory.mktemp("nobody"))
    nobody.config.write_text('[server]\ndomain = "blog.example"\n')
    assert "no database" in nobody("backup", str(nobody.folder / "x.tar.gz"), code=2).stderr
    assert [path.name for path in nobody.folder.iterdir()] == ["config.toml"]


def truncated(found: Members, file: Path) -> None:
    pack(file, found)
    file.write_bytes(file.read_bytes()[:-2_000])


def flipped(found: Members, file: Path) -> None:
    pack(file, found)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def linked(found: Members, file: Path) -> None:
    link = tarfile.TarInfo("secret")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    pack(file, [(link if name == "secret" else tarfile.TarInfo(name), data) for name, data in found.items()])


def outside(name: str) -> Callable[[Members, Path], None]:
    return lambda found, file: void(pack(file, resealed(found, name, b"evil")))


def void(_: object) -> None:
    return None


DAMAGES: dict[str, tuple[Callable[[Members, Path], None], str]] = {
    "text": (lambda found, file: void(file.write_text("no archive")), "damaged"),
    "empty": (lambda found, file: void(file.write_bytes(b"")), "damaged"),
    "bare gzip": (lambda found, file: void(file.write_bytes(gzip.compress(b"x" * 4_000))), "damaged"),
    "truncated": (truncated, "backup"),
    "a bit": (flipped, "backup"),
    "changed": (lambda found, file: void(pack(file, {**found, "secret": b"x" * len(found["secret"])})), "another hash"),
    "longer": (lambda found, file: void(pack(file, {**found, "secret": found["secret"] + b"x"})), "secret is not what"),
    "more": (lambda found, file: void(pack(file, {**found, "media/new.png": b"x"})), "not in the manifest"),
    "less": (
        lambda found, file: void(pack(file, {n: d for n, d in found.items() if n != "secret"})),
        "secret is missing",
    ),
    "twice": (
        lambda found, file: void(pack(file, [(tarfile.TarInfo(n), d) for n, d in [*found.items(), ("secret", b"")]])),
        "there twice",
    ),
    "link": (linked, "secret is not what"),
    "no manifest": (lambda found, file: void(pack(file, {"secret": b"x", **found})), "manifest"),
    "up": (outside("../evil"), "no name"),
    "deep up": (outside("media/../../evil"), "no name"),
    "absolute": (outside("/tmp/evil"), "no name"),
    "hidden": (outside("media/.evil"), "no name"),
    "another secret": (
        lambda found, file: void(pack(file, resealed(found, "secret", b"A" * 43 + b"=\n"))),
        "can't be opened",
    ),
    "no secret": (
        lambda found, file: void(
            pack(
                file,
                {
                    **{name: data for name, data in found.items() if name != "secret"},
                    "manifest.json": json.dumps(
                        {
                            **(manifest := json.loads(found["manifest.json"])),
                            "files": {n: e for n, e in manifest["files"].items() if n != "secret"},
                        }
                    ).encode(),
                },
            )
        ),
        "no secret",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.proves("SEC-133")
def test_a_damaged_backup_is_refused_and_leaves_nothing(kept: Path, tmp_path: Path, damage: str) -> None:
    make, words = DAMAGES[damage]
    bad = tmp_path / "bad.tar.gz"
    make(members(kept), bad)
    (tmp_path / "elsewhere").mkdir()
    other = Shell(tmp_path / "elsewhere")
    assert words in other("restore", str(bad), code=2).stderr
    assert words in other("backup", "--verify", str(bad), code=2).stderr
    assert list(other.folder.iterdir()) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "newer fedblog"),
        ({"dump": {"migrations": ["0001_start", "9999_later"], "tables": []}}, "newest fedblog"),
        ({"more": 1}, "damaged"),
    ],
)
def test_a_newer_backup_is_refused(kept: Path, tmp_path: Path, change: dict[str, object], words: str) -> None:
    found = members(kept)
    manifest = {**json.loads(found["manifest.json"]), **change}
    bad = pack(tmp_path / "bad.tar.gz", {**found, "manifest.json": json.dumps(manifest).encode()})
    (tmp_path / "elsewhere").mkdir()
    assert words in Shell(tmp_path / "elsewhere")("restore", str(bad), code=2).stderr
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_data_directory_of_a_configuration_is_changed_and_nothing_else() -> None:
    old = '[server]\n# where\ndata_dir = "old" # here\ndomain = "a"\n\n[blog]\ntitle = "data_dir = 3"\n'
    assert with_data_dir(old, "/new") == (
        '[server]\ndata_dir = "/new"\n# where\ndomain = "a"\n\n[blog]\ntitle = "data_dir = 3"\n'
    )
    assert with_data_dir('[blog]\ntitle = "x"\n', "/new").endswith('[server]\ndata_dir = "/new"\n')
    with pytest.raises(ConfigError, match="another data directory"):
        with_data_dir('server = { domain = "a" }\n', "/new")
