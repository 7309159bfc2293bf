"""Languages: which one is spoken to whom, and that every message keeps its values."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.dates import get_datetime_format
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from fedblog.web import i18n
from fedblog.web.filters import date_time, long_date, short_date, short_time
from fedblog.web.i18n import LANGUAGES, direction, gettext, grouped, known, ngettext, preferred, speaking
from tests.live import live_app


@pytest.mark.parametrize(
    ("tag", "language"),
    [("de", "de"), ("de-CH", "de"), ("DE_at", "de"), ("pt-BR", "en"), ("", "en"), ("en-XA", "en-xa"), ("ar-EG", "ar")],
)
def test_a_tag_leads_to_a_language_that_is_there(tag: str, language: str) -> None:
    assert known(tag) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "fr"),
        ("de", "de"),
        ("pt, es;q=0.8, de;q=0.9", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("pt-BR, nl", "fr"),
        ("*", "fr"),
        ("de;q=0, es;q=0.1", "es"),
        ("de;q=x, ja;q=2, es", "es"),
    ],
)
def test_the_browsers_wish_counts_by_weight(header: str, language: str) -> None:
    assert preferred(header, "fr") == language


@given(st.text(max_size=80))
def test_any_header_gives_a_language(header: str) -> None:
    assert preferred(header, "en") in (*i18n.LANGUAGES, i18n.PSEUDO)


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_and_times_are_written_as_the_language_does(language: str) -> None:
    with speaking(language):
        for number in (0, 5, 999, 1_234, 12_345, 1_234_567):
            assert grouped(number) == format_decimal(number, locale=language)
        wanted = str(get_datetime_format("medium", locale=language))
        assert short_time(0) == wanted.replace("{1}", short_date(0)).replace("{0}", "00:00")
        assert date_time(0) == wanted.replace("{1}", long_date(0)).replace("{0}", "00:00")


def test_directions() -> None:
    assert [direction(tag) for tag in ("ar", "he-IL", "fa", "en", "ja")] == ["rtl", "rtl", "rtl", "ltr", "ltr"]


def test_english_is_what_is_written() -> None:
    assert gettext("Reply") == "Reply"
    assert [ngettext("%(num)s like", "%(num)s likes", number) for number in (0, 1, 2)] == [
        "%(num)s likes",
        "%(num)s like",
        "%(num)s likes",
    ]


def test_the_strange_english_keeps_its_values() -> None:
    with speaking(i18n.PSEUDO):
        assert gettext("Reply to %(name)s") == "⟦Réplý tö %(name)s~~~~~⟧"
        assert ngettext("%(num)s like", "%(num)s likes", 2) % {"num": 2} == "⟦2 lîkés~~~~⟧"
    assert gettext("Reply") == "Reply"


async def test_pages_speak_the_blogs_language_and_the_log_in_the_browsers(tmp_path: Path) -> None:
    async with live_app(tmp_path, blog={"language": "ar"}) as live:
        home = await live.get("/", headers={"Accept-Language": "de"})
        login = await live.get("/login", headers={"Accept-Language": "de"})
        assert '<html lang="ar" dir="rtl">' in home.text
        assert '<html lang="de" dir="ltr">' in login.text
        assert "no-store" in login.headers["Cache-Control"]
