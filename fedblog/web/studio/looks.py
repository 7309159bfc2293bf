"""/studio/looks: theme, accent, fonts and styles of one's own for the public pages, tried before they are kept."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from fedblog.errors import InvalidInput
from fedblog.web.i18n import gettext
from fedblog.web.keys import RENDERER, SERVICES
from fedblog.web.looks.look import MAX_CSS, SCHEMES, Look, checked, report, tokens
from fedblog.web.looks.themes import FONTS, THEMES
from fedblog.web.render import render
from fedblog.web.studio.access import Who, done, show
from fedblog.web.studio.forms import Form


async def looks(request: web.Request, who: Who) -> web.StreamResponse:
    """The form with what is chosen."""
    current = request.app[RENDERER].look
    await current.refresh(request.app[SERVICES].db)
    return await _page(request, who, current.look)


async def save_looks(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Keep it, or show what it would look like (`act` = try)."""
    look = Look(
        theme=form.line("theme"),
        accent="" if form.flag("own_accent") else form.line("accent"),
        heading_font=form.line("heading_font"),
        text_font=form.line("text_font"),
        scheme=form.line("scheme") or "auto",
        custom_css=form.text("custom_css").strip(),
    )
    try:
        look = checked(look)
    except InvalidInput as error:
        usable = _usable({"theme": look.theme}, look.custom_css[:MAX_CSS])
        return await _page(request, who, usable, problem=str(error), status=400)
    if form.line("act") == "try":
        return await _page(request, who, look, is_tried=True)
    await request.app[RENDERER].look.change(request.app[SERVICES].db, look)
    return done("/studio/looks", "looks")


async def sample(request: web.Request, who: Who) -> web.StreamResponse:
    """The tokens of a look for the samples on the page, and of every theme for its card."""
    look = _usable(request.query)
    rules = [f".theme-{name}{{{tokens(Look(theme=name))}}}" for name in THEMES]
    rules.append(f".look-sample{{{tokens(look)}}}")
    return web.Response(text="\n".join(rules), content_type="text/css", headers={"Cache-Control": "private, no-store"})


async def contrast_table(request: web.Request, who: Who) -> web.StreamResponse:
    """The part of the page that says how readable a look is."""
    return render(request, "studio/_contrast.html", report=report(_usable(request.query)), words=_words())


def _usable(values: Mapping[str, str], custom_css: str = "") -> Look:
    """The look that a query names, the plain one for what can't be read."""
    names = ("theme", "accent", "heading_font", "text_font", "scheme")
    try:
        return checked(Look(**{name: values[name] for name in names if values.get(name)}, custom_css=custom_css))
    except InvalidInput:
        return Look(custom_css=custom_css)


async def _page(
    request: web.Request, who: Who, look: Look, *, problem: str = "", is_tried: bool = False, status: int = 200
) -> web.Response:
    return await show(
        request,
        who,
        "looks.html",
        status=status,
        problem=problem,
        chosen=look,
        is_tried=is_tried,
        accent=look.accent or THEMES[look.theme].light.accent,
        themes=_theme_words(),
        fonts=[("", gettext("The theme's own")), *((name, _font_words()[name]) for name in FONTS)],
        schemes=[(name, _scheme_words()[name]) for name in SCHEMES],
        report=report(look),
        words=_words(),
        max_css=MAX_CSS,
    )


def _theme_words() -> list[tuple[str, str, str]]:
    """Name, title and description of each theme."""
    return [
        ("paper", gettext("Paper"), gettext("Warm and bookish, for reading at length.")),
        ("clear", gettext("Clear"), gettext("Plain and modern, text first.")),
        ("press", gettext("Press"), gettext("Black on white like a newspaper, square corners.")),
        ("garden", gettext("Garden"), gettext("Green and soft, with round corners.")),
    ]


def _font_words() -> dict[str, str]:
    return {
        "charter": gettext("Charter (serif)"),
        "bookish": gettext("Palatino (serif, bookish)"),
        "system": gettext("The reader's system font"),
        "humanist": gettext("Humanist (friendly sans-serif)"),
        "grotesque": gettext("Grotesque (neutral sans-serif)"),
        "slab": gettext("Slab (sturdy serif)"),
        "mono": gettext("Typewriter (monospaced)"),
    }


def _scheme_words() -> dict[str, str]:
    return {
        "auto": gettext("As the reader's system says"),
        "light": gettext("Light, unless the reader chooses dark"),
        "dark": gettext("Dark, unless the reader chooses light"),
    }


def _words() -> dict[str, str]:
    """What each measured pairing is."""
    return {
        "text": gettext("Text on the page"),
        "small_text": gettext("Small print on a box"),
        "links": gettext("Links on the page"),
        "buttons": gettext("Words on buttons"),
    }
