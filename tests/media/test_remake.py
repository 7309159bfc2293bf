"""Pictures made anew: every kind comes in, nothing hidden goes out, and what is broken or too large is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image, ImageCms

from fedblog.media.names import PictureKind
from fedblog.media.remake import Made, Request, remake
from tests.media import files

# The alphabet of base 83, from the format's description.
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"


def made(data: bytes, kind: PictureKind = PictureKind.PICTURE) -> Made:
    return remake(Request(kind, data))


def opened(body: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(body))
    image.load()
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_every_kind_becomes_webp_and_one_jpeg(kind: str) -> None:
    result = made(files.encoded(files.picture(2000, 1500), kind))
    assert (result.problem, result.width, result.height) == ("", 1600, 1200)
    assert sorted(result.files) == [0, 480, 960, 1600]
    for width, body in result.files.items():
        image = opened(body)
        assert image.format == ("WEBP" if width else "JPEG")
        assert image.size == ((width or 1600), (width or 1600) * 3 // 4)
        # Still the same picture.
        above, below = (image.convert("RGB").getpixel((image.width // 2, image.height * part // 10)) for part in (2, 8))
        assert _near(above, (150, 190, 230))
        assert _near(below, (90, 140, 60))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16", "CMYK"])
def test_every_mode(mode: str) -> None:
    if mode == "I;16":
        image = Image.new("I;16", (60, 40), 40_000)
    else:
        image = files.picture(60, 40, mode) if mode != "LA" else files.picture(60, 40, "L").convert("LA")
    result = made(files.encoded(image, "JPEG" if mode == "CMYK" else "PNG"))
    assert (result.problem, result.width, result.height) == ("", 60, 40)
    assert sorted(result.files) == [0, 60]
    if mode == "I;16":
        assert _near(opened(result.files[0]).convert("RGB").getpixel((5, 5)), (156, 156, 156))


def test_SEC_116_nothing_hidden_comes_along() -> None:
    data = files.with_gps()
    assert b"SecretPhoneMaker" in data
    for body in made(data).files.values():
        image = opened(body)
        assert dict(image.getexif()) == {}
        assert not {"exif", "comment", "icc_profile", "xmp"} & set(image.info)
        for secret in (b"Secret", b"2026:01:02", b"Exif"):
            assert secret not in body


def test_the_way_up_is_applied() -> None:
    result = made(files.with_gps(orientation=6))
    assert (result.width, result.height) == (900, 1200)
    # Turned a quarter clockwise, the sun of the upper left is at the upper right.
    assert _near(opened(result.files[0]).convert("RGB").getpixel((900 - 155, 205)), (250, 220, 90))


def test_colours_are_brought_to_srgb() -> None:
    """A profile is applied, not dropped: in a Lab-like space the same numbers are another colour."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert made(files.jpeg(icc_profile=profile)).problem == ""
    assert made(files.jpeg(icc_profile=b"no profile at all")).problem == ""


def test_transparency_stays_in_webp_and_is_white_in_jpeg() -> None:
    result = made(files.encoded(Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "PNG"))
    assert opened(result.files[50]).convert("RGBA").getpixel((9, 9))[3] == 0  # type: ignore[index]
    assert opened(result.files[0]).getpixel((9, 9)) == (255, 255, 255)


def test_of_a_moving_picture_the_first_image_is_kept() -> None:
    first, second = files.picture(80, 60), Image.new("RGB", (80, 60), "red")
    result = made(files.encoded(first, "GIF", save_all=True, append_images=[second]))
    assert getattr(opened(result.files[80]), "n_frames", 1) == 1
    assert _near(opened(result.files[0]).convert("RGB").getpixel((40, 10)), (150, 190, 230))


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (300, 200), (481, 300), (3000, 9)])
def test_any_shape(size: tuple[int, int]) -> None:
    result = made(files.encoded(Image.new("RGB", size), "PNG"))
    assert result.problem == ""
    assert result.width <= min(1600, size[0])
    assert max(width for width in result.files) == result.width
    assert opened(result.files[0]).size == (result.width, result.height)
    assert result.height <= 5000


def test_avatars_are_squares_and_headers_are_three_to_one() -> None:
    avatar = made(files.jpeg(1200, 900), PictureKind.AVATAR)
    assert {width: opened(body).size for width, body in avatar.files.items()} == {
        0: (400, 400),
        160: (160, 160),
        400: (400, 400),
    }
    small = made(files.jpeg(90, 70), PictureKind.AVATAR)
    assert {width: opened(body).size for width, body in small.files.items()} == {
        0: (70, 70),
        160: (70, 70),
        400: (70, 70),
    }
    header = made(files.jpeg(2400, 2000), PictureKind.HEADER)
    assert {width: opened(body).size for width, body in header.files.items()} == {
        0: (1500, 500),
        750: (750, 250),
        1500: (1500, 500),
    }


@pytest.mark.parametrize("name", files.HOSTILE)
def test_SEC_116_what_is_no_picture_is_refused(name: str) -> None:
    result = made(files.HOSTILE[name])
    assert (result.problem, result.files) == ("not_a_picture", {})


def test_SEC_116_a_bomb_is_refused_by_what_its_header_says() -> None:
    assert len(files.png_bomb()) < 10_000
    assert made(files.png_bomb()).problem == "too_many_pixels"
    assert made(files.png_bomb(9_000)).problem == "too_many_pixels"


def test_SEC_116_of_a_polyglot_only_the_picture_is_left() -> None:
    for body in made(files.polyglot()).files.values():
        assert b"<script" not in body
        assert b"<svg" not in body


def test_the_blurhash_is_of_the_whole_picture() -> None:
    """4 × 3 components: size flag, maximum, average colour, eleven times two digits."""
    result = made(files.jpeg())
    assert len(result.blurhash) == 28
    assert result.blurhash[0] == "L"
    flat = made(files.encoded(Image.new("RGB", (64, 64), (250, 40, 90)), "PNG"))
    average = 0
    for digit in flat.blurhash[2:6]:
        average = average * 83 + DIGITS.index(digit)
    assert _near((average >> 16, average >> 8 & 255, average & 255), (250, 40, 90))


def _near(pixel: Any, wanted: tuple[int, int, int]) -> bool:
    return all(abs(a - b) <= 14 for a, b in zip(pixel, wanted, strict=True))
