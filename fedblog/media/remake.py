"""Decoding an untrusted picture and making it anew: run as a process of its own (`python -m fedblog.media.remake`).

The server never decodes: a picture that breaks the decoder breaks this process, which has limits on memory and time,
no arguments to be tricked with and nothing to steal. One request comes in on standard input, one answer goes out.
Pillow is imported in here only, so that a server at rest doesn't carry it.
"""

from __future__ import annotations

import contextlib
import io
import resource
import sys
import warnings
from typing import Any

import msgspec
from PIL import Image, ImageCms, ImageOps

from fedblog.media.blurhash import blurhash
from fedblog.media.names import AVATAR_SMALL, LARGEST, PictureKind

MAX_PIXELS = 64_000_000
MAX_MEMORY = 2_000_000_000  # bytes of address space
MAX_CPU_SECONDS = 60
WIDTHS = (480, 960, LARGEST)
MAX_HEIGHT = 5_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
_WEBP = {"format": "WEBP", "quality": 82, "method": 4}
_JPEG = {"format": "JPEG", "quality": 84, "optimize": True, "progressive": True}
_CROPS = {PictureKind.AVATAR: (1, (AVATAR_SMALL, 400)), PictureKind.HEADER: (3, (750, 1500))}


class Request(msgspec.Struct):
    """The upload, and what it is for."""

    kind: PictureKind
    data: bytes


class Made(msgspec.Struct):
    """Files by width (0: the JPEG), the size of the largest, and the blurhash. `problem` is set where nothing was."""

    problem: str = ""
    width: int = 0
    height: int = 0
    blurhash: str = ""
    files: dict[int, bytes] = {}


def remake(request: Request) -> Made:
    """All files of a picture. Hidden data (EXIF, GPS, comments, profiles) does not come along; the way up is applied
    and colours are brought to sRGB first."""
    try:
        return _variants(_decode(request.data), request.kind)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Made(problem="too_many_pixels")
    except MemoryError:
        return Made(problem="too_many_pixels")
    except Exception:  # decoders raise whatever they like on broken input
        return Made(problem="not_a_picture")


def _decode(data: bytes) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    if picture.format == "JPEG":
        picture.draft(None, (LARGEST, LARGEST))  # libjpeg leaves out detail that is not needed
    picture.load()
    # Before the mode changes, since a profile belongs to a mode.
    upright = ImageOps.exif_transpose(picture)
    return _to_rgb(upright, picture.info.get("icc_profile"))


def _to_rgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if picture.mode.startswith("I;16") or picture.mode == "I":
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            return converted or picture.convert("RGB")
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info
    return picture.convert("RGBA" if has_alpha else "RGB")


def _variants(picture: Image.Image, kind: PictureKind) -> Made:
    if kind in _CROPS:
        ratio, widths = _CROPS[kind]
        picture = _crop(picture, ratio)
        sizes = {width: min(width, picture.width) for width in widths}
        heights = {width: max(1, sizes[width] // ratio) for width in widths}
    else:
        most = min(LARGEST, picture.width, max(1, picture.width * MAX_HEIGHT // picture.height))
        sizes = {width: width for width in (*(w for w in WIDTHS if w < most), most)}
        heights = {width: max(1, round(picture.height * width / picture.width)) for width in sizes}
    largest = max(sizes)
    made = Made(width=sizes[largest], height=heights[largest], blurhash=_blurhash(picture))
    for width in sorted(sizes, reverse=True):
        # Each from the one above, which is much less work and looks the same.
        picture = picture.resize((sizes[width], heights[width]), Image.Resampling.LANCZOS, reducing_gap=3.0)
        if width == largest:
            made.files[0] = _encode(_flat(picture), _JPEG)
        made.files[width] = _encode(picture, _WEBP)
    return made


def _crop(picture: Image.Image, ratio: int) -> Image.Image:
    """The middle, `ratio` times as wide as high."""
    height = min(picture.height, max(1, picture.width // ratio))
    width = min(picture.width, height * ratio)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def _flat(picture: Image.Image) -> Image.Image:
    """JPEG has no transparency: what is behind becomes white."""
    if picture.mode != "RGBA":
        return picture
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def _encode(picture: Image.Image, options: dict[str, Any]) -> bytes:
    # A new picture of the same pixels: nothing of `info` can be written.
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)
    out = io.BytesIO()
    bare.save(out, **options)
    return out.getvalue()


def _blurhash(picture: Image.Image) -> str:
    small = _flat(picture.resize((32, 32), Image.Resampling.BOX, reducing_gap=2.0))
    data = small.tobytes()
    pixels = [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]
    return blurhash(pixels, 32, 32)


def set_limits() -> None:
    """So much memory and time, and no file."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_SECONDS, MAX_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main() -> None:
    """Limits first, then one request and one answer, both MessagePack."""
    set_limits()
    request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Request)
    sys.stdout.buffer.write(msgspec.msgpack.encode(remake(request)))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
