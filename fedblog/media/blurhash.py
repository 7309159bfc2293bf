"""BlurHash (https://blurha.sh, algorithm by Wolt): a few letters that stand for a blurred picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
_LINEAR = [v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in range(256)]

Pixel = tuple[int, int, int]
Colour = tuple[float, float, float]


def blurhash(pixels: Sequence[Pixel], width: int, height: int, columns: int = 4, rows: int = 3) -> str:
    """The hash of `width` × `height` sRGB pixels in rows; give it a thumbnail, the work is pixels × components."""
    linear = [(_LINEAR[r], _LINEAR[g], _LINEAR[b]) for r, g, b in pixels]
    factors = [_factor(linear, width, height, x, y) for y in range(rows) for x in range(columns)]
    first, rest = factors[0], factors[1:]
    peak = max((abs(value) for factor in rest for value in factor), default=0.0)
    quantised = max(0, min(82, int(peak * 166 - 0.5)))
    scale = (quantised + 1) / 166
    text = _base83(columns - 1 + (rows - 1) * 9, 1) + _base83(quantised, 1)
    text += _base83((_to_srgb(first[0]) << 16) + (_to_srgb(first[1]) << 8) + _to_srgb(first[2]), 4)
    for factor in rest:
        red, green, blue = (_quantise(value / scale) for value in factor)
        text += _base83(red * 361 + green * 19 + blue, 2)
    return text


def _factor(linear: Sequence[Colour], width: int, height: int, x: int, y: int) -> Colour:
    """One component of the cosine transform."""
    across = [math.cos(math.pi * x * column / width) for column in range(width)]
    red = green = blue = 0.0
    for row in range(height):
        down = math.cos(math.pi * y * row / height)
        for column in range(width):
            basis = across[column] * down
            pixel = linear[row * width + column]
            red += basis * pixel[0]
            green += basis * pixel[1]
            blue += basis * pixel[2]
    norm = (1 if x == y == 0 else 2) / (width * height)
    return red * norm, green * norm, blue * norm


def _to_srgb(value: float) -> int:
    value = max(0.0, min(1.0, value))
    return int((value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055) * 255 + 0.5)


def _quantise(value: float) -> int:
    return max(0, min(18, int(math.copysign(math.sqrt(abs(value)), value) * 9 + 9.5)))


def _base83(value: int, length: int) -> str:
    return "".join(_DIGITS[value // 83**place % 83] for place in range(length - 1, -1, -1))
