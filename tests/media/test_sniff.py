"""What bytes are, read from their header; nothing that anybody sends raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.media.kept import AVATAR_LIMITS, picture_type
from fedblog.media.names import PictureFile, PictureKind, name_of_url, new_name, parse_file
from fedblog.media.sniff import sniff
from tests.media import files


@pytest.mark.parametrize(
    ("kind", "options", "media_type"),
    [
        ("PNG", {}, "image/png"),
        ("JPEG", {}, "image/jpeg"),
        ("JPEG", {"progressive": True}, "image/jpeg"),
        ("GIF", {}, "image/gif"),
        ("WEBP", {"quality": 50}, "image/webp"),
        ("WEBP", {"lossless": True}, "image/webp"),
        ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}, "image/webp"),
    ],
)
def test_kind_and_size_as_pillow_says(kind: str, options: dict[str, object], media_type: str) -> None:
    data = files.encoded(files.picture(123, 77), kind, **options)
    assert sniff(data) == (media_type, 123, 77)
    assert picture_type(data, AVATAR_LIMITS) == media_type


@pytest.mark.parametrize("name", [name for name in files.HOSTILE if not name.startswith("truncated")])
def test_SEC_079_nothing_else_is_an_avatar(name: str) -> None:
    assert picture_type(files.HOSTILE[name], AVATAR_LIMITS) == ""


def test_SEC_079_an_avatar_has_a_sane_size() -> None:
    assert picture_type(files.png_bomb(), AVATAR_LIMITS) == ""
    assert picture_type(files.encoded(files.picture(4000, 3000), "JPEG", quality=1), AVATAR_LIMITS) == ""
    assert picture_type(files.jpeg(64, 64) + b"\0" * 600_000, AVATAR_LIMITS) == ""


@given(
    st.binary(max_size=80),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"RIFF1234WEBPVP8X"]),
)
def test_anything_may_come(tail: bytes, head: bytes) -> None:
    found = sniff(head + tail)
    assert found is None or found.media_type.startswith("image/")


@pytest.mark.parametrize(
    "text",
    ["", "..", "../secret", "g" * 21 + ".jpg", "p" + "0" * 20, "p" + "0" * 20 + ".svg", "p" + "0" * 20 + "-0.webp",
     "p" + "0" * 20 + "-480.jpg", "p" + "0" * 20 + ".jpg/..", "p" + "0" * 20 + ".jpg\n", "P" + "0" * 20 + ".jpg",
     "p" + "٠" * 20 + ".jpg", "p" + "0" * 20 + ".jpg\0.svg", "p" + "0" * 20 + "-12345.webp"],
)  # fmt: skip
def test_SEC_112_only_names_that_we_make_are_names(text: str) -> None:
    assert parse_file(text) is None


def test_names_are_chance_and_are_read_back() -> None:
    first, second = new_name(PictureKind.AVATAR), new_name(PictureKind.AVATAR)
    assert first != second
    assert parse_file(f"{first}.jpg") == PictureFile(first, 0)
    assert parse_file(f"{first}-160.webp") == PictureFile(first, 160)
    base = "https://blog.example"
    assert name_of_url(base, f"{base}/media/{first}.jpg") == first == name_of_url(base, f"/media/{first}.jpg")
    assert name_of_url(base, f"https://evil.example/media/{first}.jpg") == ""
    assert name_of_url(base, f"{base}.evil.example/media/{first}.jpg") == ""
