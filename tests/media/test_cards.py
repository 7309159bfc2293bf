"""Pictures of link cards: any title makes one, what can't be drawn is left out, and each is drawn once."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from fedblog.media import cards
from fedblog.media.cards import HEIGHT, WIDTH, CardFacts, Cards
from fedblog.media.draw_card import _showable, _wrapped, draw
from fedblog.media.worker import MediaFailed

FACTS = CardFacts(
    title="On bread",
    author="Ana Lima",
    site="Living Letters",
    paper="#fdfcf9",
    ink="#26231e",
    soft="#57514a",
    accent="#9c3d1f",
    serif=True,
    rtl=False,
)


@pytest.mark.parametrize(
    "title",
    [
        "On bread",
        "word " * 60,
        "W" * 200,
        "朝のパンについて",
        "عن الخبز والصباح",
        "🥖🥖",
        "",
        "\x00\x1b[31m\u202eevil\u2066\ufffe",
        "e" + "\u0301" * 190,
        "ꙮ\U0001f468\u200d\U0001f469",
    ],
)
def test_any_title_makes_a_picture(title: str) -> None:
    for rtl in (False, True):
        data = draw(msgspec.structs.replace(FACTS, title=title, rtl=rtl))
        with Image.open(io.BytesIO(data)) as picture:
            assert (picture.format, picture.size) == ("PNG", (WIDTH, HEIGHT))
            colours = picture.convert("RGB").getcolors(1_000)
        assert colours is not None
        assert len(colours) > 5, "something is written"
        assert len(data) < 60_000


def test_what_no_font_has_is_left_out() -> None:
    assert _showable("Bread \U0001f956 and\tbutter\u202e") == "Bread and butter"
    nothing = draw(msgspec.structs.replace(FACTS, title="\U0001f956"))
    assert nothing == draw(msgspec.structs.replace(FACTS, title="")), "the blog's name stands there instead"


def test_lines_keep_every_letter_and_the_width() -> None:
    from fedblog.media.draw_card import _load

    font = _load("", 40)
    text = "One incomprehensibilitiesandsomemoreincomprehensibilities two"
    lines = list(_wrapped(text, font, 400))
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(font.getlength(line) <= 400 for line in lines)


async def test_a_card_is_drawn_once_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    async def run(module: str, request: bytes, seconds: float) -> bytes:
        calls.append(module)
        return draw(msgspec.msgpack.decode(request, type=CardFacts))

    monkeypatch.setattr(cards, "run_apart", run)
    monkeypatch.setattr(cards, "MOST_KEPT", 2)
    keeper = Cards(tmp_path / "cards")
    found = await asyncio.gather(*(keeper.get(FACTS) for _ in range(5)))
    assert len(set(found)) == len(calls) == 1
    for title in ("Two", "Three"):
        await keeper.get(msgspec.structs.replace(FACTS, title=title))
    assert len(list((tmp_path / "cards").iterdir())) == 2

    async def broken(module: str, request: bytes, seconds: float) -> bytes:
        return b""

    monkeypatch.setattr(cards, "run_apart", broken)
    with pytest.raises(MediaFailed):
        await keeper.get(msgspec.structs.replace(FACTS, title="Four"))
