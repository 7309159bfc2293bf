"""Drawn replies are used again only while nothing they show has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from markupsafe import Markup

from fedblog.blog.model import PostId
from fedblog.blog.thread import Mark, mark_rows
from fedblog.storage import threads
from fedblog.web.fragments import Fragments
from fedblog.web.standing import Standing
from tests.live import Live
from tests.samples import make_author, make_person, make_post, make_reply


class Pen:
    """Counts what it draws."""

    def __init__(self) -> None:
        self.drawn = 0

    def __call__(self, mark: Mark) -> Markup:
        self.drawn += 1
        return Markup(str(mark.row.reply.id))


async def answered(live: Live) -> Mark:
    post = await make_post(live.services, (await make_author(live.services)).actor_id)
    bo = await make_person(live.services)
    first = await make_reply(live.services, bo, "<p>one</p>", post=post)
    await make_reply(live.services, bo, "<p>two</p>", parent=first)
    return mark_rows(await live.services.db.read(threads.thread, post.id))[1]


def _with_reply(mark: Mark, **changes: Any) -> Mark:
    return replace(mark, row=replace(mark.row, reply=replace(mark.row.reply, **changes)))


def _with_actor(mark: Mark, **changes: Any) -> Mark:
    return replace(mark, row=replace(mark.row, actor=replace(mark.row.actor, **changes)))


CHANGES: dict[str, Callable[[Mark], Mark]] = {
    "text": lambda mark: _with_reply(mark, content_html="<p>other</p>"),
    "likes": lambda mark: _with_reply(mark, remote_likes=3),
    "name": lambda mark: _with_actor(mark, name="Bo Renamed"),
    "picture": lambda mark: _with_actor(mark, icon_url="https://social.example/new.png"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_changed_is_drawn_anew(live: Live, change: str) -> None:
    mark, pen, kept = await answered(live), Pen(), Fragments()
    draw = kept.of_page(mark.row.actor.id, {}, {}, {})
    assert draw(mark, pen) == draw(mark, pen)
    assert pen.drawn == 1
    draw(CHANGES[change](mark), pen)
    assert pen.drawn == 2


async def test_where_it_stands_is_no_part_of_it(live: Live) -> None:
    mark, pen, kept = await answered(live), Pen(), Fragments()
    draw = kept.of_page(mark.row.actor.id, {}, {}, {})
    draw(mark, pen)
    draw(replace(mark, depth=9, indent=4, detached=True), pen)
    assert pen.drawn == 1
    draw(replace(mark, parent=None), pen)  # whom it answers is not named again
    assert pen.drawn == 2


async def test_what_stands_around_it_counts_too(live: Live) -> None:
    mark, pen, kept = await answered(live), Pen(), Fragments()
    reply, actor = mark.row.reply, mark.row.actor
    kept.of_page(actor.id, {}, {}, {})(mark, pen)
    kept.of_page(actor.id, {reply.id: [actor]}, {}, {})(mark, pen)
    kept.of_page(actor.id, {}, {reply.id: [(":cat:", 1)]}, {})(mark, pen)
    kept.of_page(actor.id, {}, {}, {actor.moved_to: actor})(mark, pen)
    kept.of_page(type(actor.id)(actor.id + 1), {}, {}, {})(mark, pen)
    assert pen.drawn == 5


async def test_no_more_is_kept_than_agreed(live: Live) -> None:
    mark, pen, kept = await answered(live), Pen(), Fragments(max_bytes=3_000)
    draw = kept.of_page(mark.row.actor.id, {}, {}, {})
    other = _with_reply(mark, id=type(mark.row.reply.id)(1))
    for one in (mark, other, mark):
        draw(one, pen)
    assert pen.drawn == 3


def test_what_stands_is_drawn_again_when_it_is_made_of_something_else() -> None:
    drawn, kept = list[str](), Standing(max_posts=2)

    def show(post: int, made_of: object, name: str = "head") -> Markup:
        def caller() -> Markup:
            drawn.append(name)
            return Markup(f"{made_of}")

        return kept.of_page(PostId(post), made_of)(name, caller=caller)

    assert [show(1, "a"), show(1, "a"), show(1, "a", "form")] == ["a", "a", "a"]
    assert drawn == ["head", "form"]
    assert show(1, "b") == "b"
    assert [show(2, "c"), show(3, "d"), show(1, "b")] == ["c", "d", "b"]  # the first one was dropped
    assert drawn == ["head", "form", "head", "head", "head", "head"]
