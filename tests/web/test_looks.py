"""The blog's look: colours that can be read, four themes, styles of one's own, templates that stand in for ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.config import make_settings
from fedblog.errors import ConfigError, InvalidInput
from fedblog.web.assets import Assets, pack_css
from fedblog.web.keys import RENDERER
from fedblog.web.looks.colour import READABLE, contrast, ink_on, readable, tidy
from fedblog.web.looks.current import CurrentLook
from fedblog.web.looks.look import Look, checked, decode, encode, report, shades, sheet, tokens
from fedblog.web.looks.themes import FONTS, THEMES
from fedblog.web.renderer import Renderer
from tests.web.desk import Desk

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
LINK = re.compile(r'href="(/look/[0-9a-f]+\.css)"')


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == pytest.approx(1)


@pytest.mark.parametrize(("given_", "tidied"), [("#ABC", "#aabbcc"), ("a1b2c3", "#a1b2c3"), ("#A1B2C3", "#a1b2c3")])
def test_colours_are_tidied(given_: str, tidied: str) -> None:
    assert tidy(given_) == tidied


@pytest.mark.parametrize("text", ["", "red", "#12345", "#1234567", "url(x)", "#fff;}", "#ggg", "#fff\n"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        tidy(text)


@given(colours, colours)
def test_any_colour_becomes_readable_on_any_other(colour: str, on: str) -> None:
    shade = readable(colour, on, 4.5 if max(contrast(on, "#000000"), contrast(on, "#ffffff")) >= 4.5 else 1)
    assert contrast(shade, on) >= min(READABLE, max(contrast(on, "#000000"), contrast(on, "#ffffff"))) - 2.5
    assert contrast(ink_on(colour), colour) >= 4


@given(colours, st.sampled_from(sorted(THEMES)))
def test_every_accent_can_be_read_on_every_theme(accent: str, theme: str) -> None:
    for palette in (THEMES[theme].light, THEMES[theme].dark):
        used = shades(accent, palette)
        assert contrast(used.accent, palette.paper) >= READABLE
        assert contrast(used.accent, palette.surface) >= READABLE
        assert contrast(used.on_accent, used.accent) >= READABLE
        assert contrast(used.strong, used.soft) >= READABLE
    assert all(row.light >= READABLE and row.dark >= READABLE for row in report(Look(theme=theme, accent=accent)).rows)


def test_the_plain_look_is_the_style_sheet_itself() -> None:
    assert sheet(Look()) == ""
    css = pack_css(Assets().get("style.css").page.body.decode())
    for line in tokens(Look()).split(";"):
        name, _, value = line.partition(":")
        if name in ("--accent-soft", "--accent-strong", "--on-accent", "--heading"):
            continue  # chosen by eye there, computed for accents of one's own
        shown = pack_css(f"a{{{name}:{value.replace('#ffffff', '#fff')}}}").removeprefix("a{").removesuffix("}")
        assert re.sub(r"\s", "", shown.removesuffix(";")) in re.sub(r"\s", "", css), line


def test_a_stored_look_that_can_not_be_used_is_the_plain_one() -> None:
    look = Look(theme="press", accent="#336699", custom_css="a{}")
    assert decode(encode(look)) == look
    for text in (None, "", "[]", "{", '{"theme": "gone"}', '{"accent": "red;}"}'):
        assert decode(text) == Look()
    assert decode('{"theme": "clear", "later": 1}').theme == "clear"


def test_what_is_not_to_be_had_is_refused() -> None:
    for look in (
        Look(theme="x"),
        Look(heading_font="Comic"),
        Look(scheme="x"),
        Look(custom_css="x" * 20_001),
        Look(custom_css="a{"),
    ):
        with pytest.raises(InvalidInput):
            checked(look)


async def test_the_owner_changes_the_look(desk: Desk) -> None:
    olga = await desk.logged_in("olga")
    first = await desk.browser().get("/")
    assert not LINK.search(first.text)
    form = {
        "theme": "garden",
        "accent": "#aa3377",
        "heading_font": "mono",
        "scheme": "dark",
        "custom_css": "p{color:red}",
    }
    tried = await olga.send("/studio/looks", {**form, "act": "try"})
    assert tried.status == 200
    assert "Nothing is saved yet" in tried.text
    assert not LINK.search((await desk.browser().get("/")).text)
    assert (await olga.send("/studio/looks", {**form, "act": "save"})).status == 303
    found = LINK.search((await desk.browser().get("/")).text)
    assert found
    css = await desk.browser().get(found[1])
    assert css.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in css.headers["Cache-Control"]
    assert FONTS["mono"] in css.text
    assert css.text.endswith("p{color:red}")
    assert "color-scheme:dark" in css.text
    assert not LINK.search((await olga.get("/studio/looks")).text), "the studio keeps its own look"
    assert (await desk.browser().get("/look/0123456789ab.css")).headers["Cache-Control"] == "no-cache"
    assert (await olga.send("/studio/looks", {"theme": "paper", "own_accent": "1", "act": "save"})).status == 303
    assert (await desk.browser().get(found[1])).status == 404


async def test_bad_looks_change_nothing(desk: Desk) -> None:
    olga = await desk.logged_in("olga")
    for form in ({"theme": "nope"}, {"theme": "clear", "accent": "red"}, {"theme": "clear", "custom_css": "a{" * 5}):
        refused = await olga.send("/studio/looks", {**form, "act": "save"})
        assert refused.status == 400
        assert 'role="alert"' in refused.text
    assert not LINK.search((await desk.browser().get("/")).text)
    assert (await (await desk.logged_in("edda")).get("/studio/looks")).status == 403


async def test_samples_and_contrast_follow_the_query(desk: Desk) -> None:
    olga = await desk.logged_in("olga")
    css = await olga.get("/studio/looks/sample.css?theme=press&accent=%23ffff00")
    assert ".look-sample{" in css.text
    assert "#ffff00)" in css.text, "bright yellow is fine on the dark page"
    table = await olga.get("/studio/looks/contrast?theme=press&accent=%23ffff00")
    assert "is used as" in table.text
    assert "too little" not in table.text
    assert ".look-sample{" in (await olga.get("/studio/looks/sample.css?theme=%3C&accent=x")).text


async def test_another_process_comes_to_have_it(desk: Desk) -> None:
    now = [0.0]
    elsewhere = CurrentLook(lambda: now[0])
    await elsewhere.refresh(desk.parts.db)
    await desk.app[RENDERER].look.change(desk.parts.db, Look(theme="clear"))
    await elsewhere.refresh(desk.parts.db)
    assert elsewhere.look == Look()
    now[0] += 3
    await elsewhere.refresh(desk.parts.db)
    assert elsewhere.look == Look(theme="clear")


def test_templates_of_the_admins_stand_in_for_ours(tmp_path: Path) -> None:
    (tmp_path / "mine" / "public").mkdir(parents=True)
    (tmp_path / "mine" / "public" / "error.html").write_text(
        '{% extends "our/public/error.html" %}{% block title %}Mine{% endblock %}', "utf-8"
    )
    raw = {"server": {"domain": "blog.example"}, "blog": {"templates_dir": "mine"}}
    renderer = Renderer(make_settings(raw, relative_to=tmp_path), Assets())
    html = renderer.html("public/error.html", code=404, heading="Not here", words="Gone.", detail="", reference="")
    assert "<title>Mine</title>" in html
    with pytest.raises(ConfigError, match="templates_dir"):
        make_settings({**raw, "blog": {"templates_dir": "nowhere"}}, relative_to=tmp_path)
