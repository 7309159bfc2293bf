"""Picture files made on the spot, good ones and bad ones."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageDraw


def picture(width: int = 1200, height: int = 900, mode: str = "RGB") -> Image.Image:
    """Sky above, meadow below, a sun at the upper left."""
    image = Image.new("RGB", (width, height), (150, 190, 230))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height // 2, width, height), fill=(90, 140, 60))
    draw.ellipse((width // 10, height // 10, width // 4, height // 4), fill=(250, 220, 90))
    return image.convert(mode)


def encoded(image: Image.Image | None = None, kind: str = "JPEG", **options: Any) -> bytes:
    """The file of a picture."""
    out = io.BytesIO()
    (image or picture()).save(out, kind, **options)
    return out.getvalue()


def jpeg(width: int = 1200, height: int = 900, **options: Any) -> bytes:
    """A JPEG of that size."""
    return encoded(picture(width, height), **options)


def with_gps(orientation: int = 6) -> bytes:
    """A photograph as a telephone takes it: lying on its side, with time, place and maker in it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SecretPhoneMaker"
    exif[0x0132] = "2026:01:02 03:04:05"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
    return encoded(exif=exif.tobytes(), comment=b"SecretComment")


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_bomb(side: int = 60_000) -> bytes:
    """Few bytes that unfold to `side`² pixels."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 2_000_000, 9)
    chunks = png_chunk(b"IHDR", header), png_chunk(b"IDAT", rows), png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"
ACTIVITY = (
    b'{"@context":"https://www.w3.org/ns/activitystreams","type":"Person","id":"https://blog.example/ap/actors/olga"}'
)


def polyglot() -> bytes:
    """A picture that a careless server would also serve as a page."""
    return jpeg(64, 64) + HTML + SVG


HOSTILE = {
    "nothing": b"",
    "text": b"hello",
    "svg": SVG,
    "svg_as_png": b"\x89PNG\r\n\x1a\n" + SVG,
    "html": HTML,
    "activity": ACTIVITY,
    "truncated_jpeg": jpeg()[:3000],
    "truncated_png": encoded(kind="PNG")[:300],
    "truncated_webp": encoded(kind="WEBP")[:200],
    "only_magic": b"\xff\xd8\xff",
    "tiff": encoded(kind="TIFF"),
    "bmp": encoded(kind="BMP"),
    "pdf": b"%PDF-1.7\n%%EOF",
    "zip": b"PK\x03\x04" + b"\0" * 60,
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "avif_brand_only": b"\0\0\0\x18ftypavif" + b"\0" * 60,
}
