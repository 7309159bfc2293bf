"""A look: what the owner chose, and the style sheet made of it. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import msgspec

from fedblog.errors import InvalidInput
from fedblog.web.i18n import gettext
from fedblog.web.looks.colour import contrast, ink_on, lightened, mix, readable, tidy
from fedblog.web.looks.themes import FONTS, THEMES, Palette

MAX_CSS: Final = 20_000
SCHEMES: Final = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class Look:
    """What the owner chose. "" of accent and fonts: the theme's own. `custom_css` is for public pages only."""

    theme: str = "paper"
    accent: str = ""
    heading_font: str = ""
    text_font: str = ""
    scheme: str = "auto"
    custom_css: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether it is just what the style sheet of every page says."""
        return self == Look()


@dataclass(frozen=True, slots=True)
class Shades:
    """An accent as it is used on a palette: every one of them can be read where it stands."""

    accent: str
    strong: str
    on_accent: str
    soft: str


def checked(look: Look) -> Look:
    """The look with its colour tidied. Raises `InvalidInput` for what is not to be had."""
    if look.theme not in THEMES:
        raise InvalidInput(gettext("There is no such theme."), reason="look")
    if any(font and font not in FONTS for font in (look.heading_font, look.text_font)):
        raise InvalidInput(gettext("There is no such font."), reason="look")
    if look.scheme not in SCHEMES:
        raise InvalidInput(gettext("There is no such colour scheme."), reason="look")
    if len(look.custom_css) > MAX_CSS:
        raise InvalidInput(f"Your own styles have at most {MAX_CSS:,} characters.", reason="look")
    if look.custom_css.count("{") != look.custom_css.count("}"):
        raise InvalidInput(gettext("Your own styles don't close every brace { that they open."), reason="look")
    changed = {"accent": tidy(look.accent) if look.accent else ""}
    return Look(**{**asdict(look), **changed})


def shades(accent: str, palette: Palette) -> Shades:
    """The accent where it is text on paper, on a surface and under text; moved in lightness where it must be."""
    for ground in (palette.paper, palette.surface):
        accent = readable(accent, ground)
    dark = contrast(palette.paper, "#ffffff") > contrast(palette.paper, "#000000")
    soft = mix(accent, palette.paper, 0.16 if dark else 0.12)
    return Shades(accent, readable(lightened(accent, 0.08 if dark else -0.08), soft), ink_on(accent), soft)


def sheet(look: Look) -> str:
    """The style sheet that is loaded after `style.css`; "" where the look is that one's."""
    if look.is_plain:
        return ""
    scheme = "" if look.scheme == "auto" else f":root:not([data-scheme]){{color-scheme:{look.scheme}}}"
    return f":root{{{tokens(look)}}}{scheme}{THEMES[look.theme].rules}\n{look.custom_css}"


def tokens(look: Look) -> str:
    """The custom properties of a look, as declarations; every colour a pair for light and dark."""
    theme = THEMES[look.theme]
    light, dark = theme.light, theme.dark
    bright, dim = _shades_of(look)
    values = {field.name.replace("_", "-"): _both(light, dark, field.name) for field in fields(Palette)}
    values["accent"] = _pair(bright.accent, dim.accent)
    values["accent-strong"] = _pair(bright.strong, dim.strong)
    values["on-accent"] = _pair(bright.on_accent, dim.on_accent)
    values["accent-soft"] = _pair(bright.soft, dim.soft)
    values["heading"] = FONTS[look.heading_font or theme.heading]
    values["serif"] = FONTS[look.text_font or theme.text]
    values["radius"] = theme.radius
    return "".join(f"--{name}:{value};" for name, value in values.items())


@dataclass(frozen=True, slots=True)
class Measured:
    """Contrast of one pairing in light and in dark."""

    what: str
    light: float
    dark: float


@dataclass(frozen=True, slots=True)
class Report:
    """How readable a look is: the shades that its accent really gets, and the contrast of each pairing."""

    light_accent: str
    dark_accent: str
    is_moved: bool
    rows: tuple[Measured, ...]


def report(look: Look) -> Report:
    """Measure a look."""
    theme = THEMES[look.theme]
    bright, dim = _shades_of(look)

    def row(what: str, name: str, on: str) -> Measured:
        pairs = [(getattr(palette, name), getattr(palette, on)) for palette in (theme.light, theme.dark)]
        return Measured(what, *(contrast(*pair) for pair in pairs))

    rows = (
        row("text", "ink", "paper"),
        row("small_text", "ink_faint", "surface"),
        Measured("links", contrast(bright.accent, theme.light.paper), contrast(dim.accent, theme.dark.paper)),
        Measured("buttons", contrast(bright.on_accent, bright.accent), contrast(dim.on_accent, dim.accent)),
    )
    moved = bool(look.accent) and {bright.accent, dim.accent} != {look.accent}
    return Report(bright.accent, dim.accent, moved, rows)


def _shades_of(look: Look) -> tuple[Shades, Shades]:
    theme = THEMES[look.theme]
    return (
        shades(look.accent or theme.light.accent, theme.light),
        shades(look.accent or theme.dark.accent, theme.dark),
    )


def encode(look: Look) -> str:
    """As it is stored."""
    return msgspec.json.encode(asdict(look)).decode()


def decode(text: str | None) -> Look:
    """What is stored; the plain look for anything that can't be used (any more)."""
    if not text:
        return Look()
    try:
        raw: dict[str, Any] = msgspec.json.decode(text, type=dict)
        known = {field.name for field in fields(Look)}
        return checked(Look(**{key: str(value) for key, value in raw.items() if key in known}))
    except (msgspec.DecodeError, msgspec.ValidationError, InvalidInput):
        return Look()


def fingerprint(text: str) -> str:
    """A short name of a style sheet's text, for its address."""
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _both(light: Palette, dark: Palette, name: str) -> str:
    return _pair(getattr(light, name), getattr(dark, name))


def _pair(light: str, dark: str) -> str:
    return f"light-dark({light},{dark})"
