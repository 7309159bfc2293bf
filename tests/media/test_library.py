"""The library: a process of its own decodes, files and rows stay in step, nothing is kept twice or over the limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fedblog.blog.model import ActorId
from fedblog.config import Settings, make_settings
from fedblog.errors import Conflict, InvalidInput, NotFound
from fedblog.media.library import Library, tidy_filename
from fedblog.media.names import PictureFile, PictureKind
from fedblog.media.worker import PictureWorker
from fedblog.storage import actors, media
from fedblog.storage.database import Database, Tx
from tests.media import files


def settings_for(folder: Path, **limits: Any) -> Settings:
    return make_settings(
        {"server": {"domain": "blog.example", "data_dir": str(folder)}, "media": limits}, relative_to=folder
    )


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(settings_for(tmp_path))
    await opened.migrate()
    yield opened
    await opened.close()


async def person(db: Database, name: str = "anna") -> ActorId:
    def add(tx: Tx) -> ActorId:
        uri = f"https://blog.example/ap/actors/{name}"
        return actors.add_local(
            tx,
            uri=uri,
            local="author",
            type="Person",
            username=name,
            domain="blog.example",
            name=name,
            url=f"https://blog.example/@{name}",
            inbox=f"{uri}/inbox",
            shared_inbox="",
            followers_uri=f"{uri}/followers",
        ).id

    return await db.write(add)


def on_disk(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "media").rglob("*") if path.is_file())


async def test_an_upload_is_kept_once_with_all_its_files(db: Database, tmp_path: Path) -> None:
    library, anna = Library(db, settings_for(tmp_path)), await person(db)
    kept = await library.add(
        files.with_gps(orientation=1),
        kind=PictureKind.PICTURE,
        owner_id=anna,
        alt=" The \n sea ",
        filename="C:\\a/sea.jpg",
    )
    assert (kept.alt, kept.filename, kept.width, kept.height) == ("The sea", "sea.jpg", 1200, 900)
    assert kept.widths == (480, 960, 1200)
    names = [f"{kept.name}-{width}.webp" for width in kept.widths] + [f"{kept.name}.jpg"]
    assert on_disk(tmp_path) == sorted(names)
    assert kept.bytes == sum(path.stat().st_size for path in (tmp_path / "media").rglob("*.*"))
    again = await library.add(files.with_gps(orientation=1), kind=PictureKind.PICTURE, owner_id=anna)
    assert again == kept
    assert on_disk(tmp_path) == sorted(names)
    bert = await person(db, "bert")
    theirs = await library.add(files.with_gps(orientation=1), kind=PictureKind.PICTURE, owner_id=bert)
    assert theirs.name != kept.name


async def test_the_same_upload_at_the_same_moment_is_one_picture(db: Database, tmp_path: Path) -> None:
    library, anna = Library(db, settings_for(tmp_path)), await person(db)
    data = files.jpeg(300, 200)
    kept = await asyncio.gather(
        *(library.add(data, kind=PictureKind.PICTURE, owner_id=anna) for _ in range(3))
    )  # fmt: skip
    assert len({one.id for one in kept}) == 1
    assert len(on_disk(tmp_path)) == 2


@pytest.mark.parametrize("name", files.HOSTILE)
async def test_SEC_116_hostile_files_leave_nothing_behind(db: Database, tmp_path: Path, name: str) -> None:
    library, anna = Library(db, settings_for(tmp_path)), await person(db)
    with pytest.raises(InvalidInput) as caught:
        await library.add(files.HOSTILE[name], kind=PictureKind.PICTURE, owner_id=anna, filename="x.svg")
    assert caught.value.reason == "media_not_a_picture"
    assert on_disk(tmp_path) == []
    assert await db.read(media.total_bytes) == 0


async def test_SEC_116_bombs_and_large_files(db: Database, tmp_path: Path) -> None:
    library, anna = Library(db, settings_for(tmp_path, max_bytes=20_000)), await person(db)
    with pytest.raises(InvalidInput) as caught:
        await library.add(files.png_bomb(), kind=PictureKind.PICTURE, owner_id=anna)
    assert caught.value.reason == "media_too_many_pixels"
    with pytest.raises(InvalidInput) as caught:
        await library.add(b"\xff\xd8\xff" + b"x" * 20_000, kind=PictureKind.PICTURE, owner_id=anna)
    assert caught.value.reason == "media_too_large"
    assert on_disk(tmp_path) == []


async def test_the_limit_over_all_pictures(db: Database, tmp_path: Path) -> None:
    library, anna = Library(db, settings_for(tmp_path, max_total_bytes=3_000)), await person(db)
    first = await library.add(files.jpeg(40, 40), kind=PictureKind.PICTURE, owner_id=anna)
    assert first.bytes < 3_000
    with pytest.raises(Conflict) as caught:
        await library.add(files.jpeg(900, 900), kind=PictureKind.PICTURE, owner_id=anna)
    assert caught.value.reason == "media_full"
    assert all(name.startswith(first.name) for name in on_disk(tmp_path))


async def test_a_worker_that_hangs_is_ended(db: Database, tmp_path: Path) -> None:
    worker = PictureWorker(seconds=0.001)
    library, anna = Library(db, settings_for(tmp_path), worker=worker), await person(db)
    with pytest.raises(InvalidInput):
        await library.add(files.jpeg(), kind=PictureKind.PICTURE, owner_id=anna)
    assert on_disk(tmp_path) == []


async def test_removed_means_files_and_row(db: Database, tmp_path: Path) -> None:
    library, anna = Library(db, settings_for(tmp_path)), await person(db)
    kept = await library.add(files.jpeg(50, 50), kind=PictureKind.AVATAR, owner_id=anna)
    assert library.path(PictureFile(kept.name, 160)).is_file()
    await db.write(
        actors.update_local_profile,
        anna,
        name="Anna",
        summary_source="",
        summary_html="",
        icon_url=library.url(kept),
        image_url="",
        fields=(),
        manually_approves=False,
    )
    with pytest.raises(Conflict) as caught:
        await library.remove(kept.id)
    assert caught.value.reason == "media_in_use"
    await db.write(
        actors.update_local_profile,
        anna,
        name="Anna",
        summary_source="",
        summary_html="",
        icon_url="",
        image_url="",
        fields=(),
        manually_approves=False,
    )
    await library.remove(kept.id)
    assert on_disk(tmp_path) == []
    with pytest.raises(NotFound):
        await library.remove(kept.id)


async def test_a_folder_that_is_in_the_way_loses_nothing(db: Database, tmp_path: Path) -> None:
    """The disk says no: the row is not there either."""
    (tmp_path / "media").write_text("in the way")
    library, anna = Library(db, settings_for(tmp_path)), await person(db)
    with pytest.raises(Exception, match="can't be written"):
        await library.add(files.jpeg(50, 50), kind=PictureKind.PICTURE, owner_id=anna)
    assert await db.read(media.total_bytes) == 0


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.png", "y.png"),
        ("a\r\nb\0.jpg", "ab.jpg"),
        ("\ud800.png", ".png"),
        ("", ""),
    ],
)
def test_SEC_116_names_are_for_reading_only(given: str, shown: str) -> None:
    assert tidy_filename(given) == shown
