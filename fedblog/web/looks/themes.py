"""The four themes and the fonts to choose from. Fonts are those that people's machines have: nothing is loaded.

A theme is a set of colours for light and for dark, two fonts, a corner radius, and a few rules of its own; what it
leaves out is as in `static/style.css`, whose look is the theme "paper".
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a theme, in light or in dark, as `#rrggbb`."""

    paper: str
    surface: str
    raised: str
    ink: str
    ink_soft: str
    ink_faint: str
    line: str
    line_strong: str
    accent: str


@dataclass(frozen=True, slots=True)
class Theme:
    """One look. `rules` is CSS that the tokens can't say."""

    name: str
    light: Palette
    dark: Palette
    heading: str
    text: str
    radius: str = "8px"
    rules: str = ""


FONTS: Final = MappingProxyType(
    {
        "charter": 'Charter, "Bitstream Charter", "Iowan Old Style", "Palatino Linotype", "Sitka Text", Cambria, '
        'Georgia, "Liberation Serif", serif',
        "bookish": '"Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", "P052", Georgia, serif',
        "system": 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", '
        "Arial, sans-serif",
        "humanist": 'Seravek, "Gill Sans Nova", Ubuntu, Calibri, "DejaVu Sans", source-sans-pro, sans-serif',
        "grotesque": '"Helvetica Neue", Inter, Roboto, Arial, "Liberation Sans", sans-serif',
        "slab": 'Rockwell, "Rockwell Nova", "Roboto Slab", "DejaVu Serif", "Sitka Small", serif',
        "mono": 'ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "Liberation Mono", monospace',
    }
)
"""Font stacks by name."""

THEMES: Final = MappingProxyType(
    {
        "paper": Theme(
            name="paper",
            light=Palette(
                "#fdfcf9", "#f5f2ea", "#ffffff", "#26231e", "#57514a", "#6f685d", "#e3ddd1", "#c9c1b2", "#9c3d1f"
            ),
            dark=Palette(
                "#191816", "#23211e", "#2a2825", "#e8e3d9", "#bdb6a9", "#9d9587", "#38352f", "#565147", "#f0a482"
            ),
            heading="charter",
            text="charter",
        ),
        "clear": Theme(
            name="clear",
            light=Palette(
                "#ffffff", "#f4f6f9", "#ffffff", "#14181f", "#414a57", "#5c6675", "#dfe4ea", "#bcc5d0", "#1d5fd1"
            ),
            dark=Palette(
                "#12151a", "#1b2027", "#222831", "#e6eaf0", "#b3bcc8", "#8f9aa8", "#2b323c", "#4a5462", "#7db0ff"
            ),
            heading="system",
            text="system",
            radius="10px",
            rules=".masthead,.empty{text-align:start}.masthead::after{margin-inline:0}"
            ".masthead-tagline{font-style:normal;margin-inline:0}"
            ".prose,.post-card-excerpt{font-size:1.0938rem}",
        ),
        "press": Theme(
            name="press",
            light=Palette(
                "#ffffff", "#f2f2f0", "#ffffff", "#0d0d0d", "#363636", "#555555", "#d4d4d0", "#8c8c88", "#a8071a"
            ),
            dark=Palette(
                "#0e0e0e", "#1a1a1a", "#222222", "#f2f2ef", "#c9c9c5", "#a3a39e", "#333333", "#6b6b67", "#ff8f8f"
            ),
            heading="bookish",
            text="bookish",
            radius="0px",
            rules=".masthead{border-bottom:3px double var(--ink);margin-bottom:2.5rem;padding-bottom:1.75rem}"
            ".masthead::after{display:none}.masthead-title{font-weight:700;letter-spacing:-.03em}"
            ".post-card-title,.post-title{font-weight:700}.site-header{border-bottom:3px double var(--ink)}"
            ".avatar,.avatar>img{border-radius:0}",
        ),
        "garden": Theme(
            name="garden",
            light=Palette(
                "#f7faf5", "#eaf1e6", "#ffffff", "#1d2a20", "#45564a", "#5b6b5f", "#d5e0d1", "#aebfab", "#2f6b3c"
            ),
            dark=Palette(
                "#121814", "#1a221c", "#212b24", "#e2ebe1", "#b4c2b5", "#8fa092", "#2b362e", "#4a5a4e", "#8fd19b"
            ),
            heading="slab",
            text="humanist",
            radius="16px",
            rules=".masthead::after{border-top-style:dotted;border-top-width:4px;width:4.5rem}"
            ".prose{font-size:1.125rem}",
        ),
    }
)
"""The themes by name; the first is what a new blog has."""
