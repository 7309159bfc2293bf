"""Colours that can be read: contrast as WCAG 2.2 counts it, and the nearest shade that has enough of it. Pure."""

from __future__ import annotations

import colorsys
import re

from fedblog.errors import InvalidInput
from fedblog.web.i18n import gettext

READABLE = 4.5
"""Least contrast of text (WCAG 2.2, 1.4.3)."""

_HEX = re.compile(r"#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_STEPS = 200

Rgb = tuple[float, float, float]


def tidy(text: str) -> str:
    """A colour as `#rrggbb`, of `#abc`, `abc` or `#aabbcc`. Raises `InvalidInput` for anything else."""
    if not _HEX.fullmatch(text):
        raise InvalidInput(gettext("A colour is written as #rrggbb, for example #9c3d1f."), reason="colour")
    digits = text.removeprefix("#").lower()
    return f"#{''.join(digit * 2 for digit in digits) if len(digits) == 3 else digits}"


def contrast(one: str, other: str) -> float:
    """Contrast of two colours (`#rrggbb`), 1 to 21."""
    lighter, darker = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: str, on: str, least: float = READABLE) -> str:
    """The colour, or the shade of it nearest in lightness that has enough contrast on `on`."""
    if contrast(colour, on) >= least:
        return colour
    hue, lightness, saturation = colorsys.rgb_to_hls(*_rgb(colour))
    towards = 1.0 if _luminance(_rgb(on)) < 0.18 else 0.0
    for step in range(1, _STEPS + 1):
        shade = _hex(colorsys.hls_to_rgb(hue, lightness + (towards - lightness) * step / _STEPS, saturation))
        if contrast(shade, on) >= least:
            return shade
    return "#ffffff" if towards else "#000000"


def ink_on(colour: str) -> str:
    """White or nearly black, whichever reads better on a colour."""
    return max(("#ffffff", "#16130f"), key=lambda ink: contrast(colour, ink))


def mix(colour: str, other: str, share: float) -> str:
    """`share` (0 to 1) of a colour with the rest of another."""
    pairs = zip(_rgb(colour), _rgb(other), strict=True)
    return _hex(tuple(one * share + two * (1 - share) for one, two in pairs))  # type: ignore[arg-type]


def lightened(colour: str, by: float) -> str:
    """The colour with its lightness (0 to 1) changed by `by`."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_rgb(colour))
    return _hex(colorsys.hls_to_rgb(hue, min(1.0, max(0.0, lightness + by)), saturation))


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255


def _hex(rgb: Rgb) -> str:
    return "#" + "".join(f"{round(min(1.0, max(0.0, part)) * 255):02x}" for part in rgb)


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
