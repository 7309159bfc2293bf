"""Rows that were drawn before: used only where drawing them anew would give the same page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from fedblog.blog.model import Actor, Post, ReactionKind, Reply, ReplyId, ReplyState
from fedblog.storage import actors, posts, replies
from fedblog.storage.database import Tx
from fedblog.web.assets import Assets
from fedblog.web.drawn_rows import DrawnKeeper, DrawnRows, read_first, read_whole
from fedblog.web.keys import RENDERER
from fedblog.web.looks.look import Look
from fedblog.web.public import parts
from fedblog.web.public.ahead import QUIET_SECONDS, DrawAhead
from fedblog.web.public.parts import Part, Wanted
from fedblog.web.public.post import read_view, render_view
from fedblog.web.renderer import Renderer
from fedblog.web.standing import Standing
from tests.live import Live
from tests.samples import make_author, make_person, make_post, make_reply, react

Step = Callable[["Thread"], Awaitable[object]]


class Thread:
    """A post under which three people talk."""

    def __init__(self, live: Live, post: Post) -> None:
        self.live, self.post = live, post
        self.said: list[Reply] = []

    async def say(self, who: int, text: str, parent: int | None = None) -> None:
        """One more reply: to the post, or to a reply by its number."""
        actor = await self.person(who)
        above = None if parent is None else self.said[parent]
        self.said.append(await make_reply(self.live.services, actor, f"<p>{text}</p>", post=self.post, parent=above))

    async def person(self, who: int, **more: Any) -> Actor:
        """One of the people, as their server tells of them."""
        return await make_person(self.live.services, f"Person {who}", username=f"person{who}", **more)

    async def write(self, function: Callable[..., object], *args: object) -> None:
        """A change in the store."""
        await self.live.services.db.write(lambda tx: function(tx, *args))

    def id(self, number: int) -> ReplyId:
        return self.said[number].id

    async def page(self, known: DrawnRows | None) -> str:
        """What everybody gets to see."""
        services, renderer = self.live.services, self.live.app[RENDERER]
        view = await services.db.read(read_view, services.ids, "ana", self.post.slug, Wanted(Part()), None, known)
        standing = renderer.standing
        if known is None:
            renderer.standing = Standing()  # draws everything
        html = render_view(renderer, view, None, services.ids).html
        renderer.standing = standing
        if known is not None:
            known.keep(view.conversation)
        return html

    async def whole(self, known: DrawnRows, frame: str = "") -> str | None:
        """The page as it was drawn, frame included, if it can still be used."""
        key = frame or self.live.app[RENDERER].frame
        page = await self.live.services.db.read(read_whole, self.post.id, known, key)
        return None if page is None else page.html

    async def to_draw(self, known: DrawnRows) -> int:
        """How many rows would be drawn now."""

        def count(tx: Tx) -> int:
            version = posts.thread_version(tx, self.post.id)
            return len(read_first(tx, self.post.id, version, known, indent=4, limit=200)[1])

        return await self.live.services.db.read(count)


@pytest.fixture
async def thread(live: Live) -> Thread:
    account = await make_author(live.services)
    made = Thread(live, await make_post(live.services, account.actor_id))
    for who, parent in ((1, None), (2, 0), (1, 1), (3, 0), (2, None), (3, 4)):
        await made.say(who, f"words {len(made.said)}", parent)
    return made


async def _like(thread: Thread) -> None:
    await react(thread.live.services, await thread.person(3), reply=thread.said[1], kind=ReactionKind.LIKE)


async def _like_post(thread: Thread) -> None:
    await react(thread.live.services, await thread.person(3), post=thread.post, kind=ReactionKind.LIKE)


async def _publish_after(thread: Thread) -> None:
    await make_post(thread.live.services, thread.post.author_id, "A neighbour")


async def _move(thread: Thread) -> None:
    await thread.write(actors.set_moved, (await thread.person(2)).id, "https://elsewhere.example/users/bo")


async def _rename(thread: Thread) -> None:
    await thread.person(1, icon_url="https://social.example/new.png")


STEPS: dict[str, Step] = {
    "at first": lambda thread: thread.page(None),
    "a branch opens": lambda thread: thread.say(3, "between", 4),
    "a talk is broken": lambda thread: thread.say(2, "I too", 1),
    "at the end": lambda thread: thread.say(1, "last"),
    "a like": _like,
    "a like of the post": _like_post,
    "a neighbour": _publish_after,
    "counts": lambda thread: thread.write(replies.set_remote_counts, thread.id(0), 3, 2),
    "somebody moves": _move,
    "another picture": _rename,
    "hidden": lambda thread: thread.write(replies.set_state, thread.id(1), ReplyState.HIDDEN, ""),
    "shown again": lambda thread: thread.write(replies.set_state, thread.id(1), ReplyState.PUBLISHED, ""),
    "removed": lambda thread: thread.write(replies.remove, thread.id(4)),
    "closed": lambda thread: thread.write(posts.set_comments_open, thread.post.id, False),
    "deep": lambda thread: thread.say(1, "deeper", len(thread.said) - 2),
}


async def test_a_page_of_kept_rows_is_the_page_drawn_anew(thread: Thread, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each step: of rows in memory, of rows that were stored before it, and of rows that were stored now."""
    monkeypatch.setattr(parts, "FIRST_ROWS", 8)
    memory = DrawnRows(lambda: "recipe")
    db = thread.live.services.db
    for name, step in STEPS.items():
        before = DrawnRows(lambda: "recipe")
        await step(thread)
        anew = await thread.page(None)
        assert await thread.page(memory) == anew, name
        assert await thread.whole(before) in (None, anew), name
        assert await thread.page(before) == anew, name
        assert await thread.whole(before) == anew, name
        await DrawnKeeper(db, memory).flush()
        after = DrawnRows(lambda: "recipe")
        assert await thread.to_draw(after) == 0, name
        assert await thread.page(after) == anew, name
        assert await thread.whole(DrawnRows(lambda: "recipe")) == anew, name


async def test_only_what_changed_is_drawn(thread: Thread) -> None:
    known = DrawnRows(lambda: "recipe")
    await thread.page(known)
    assert await thread.to_draw(known) == 0
    await thread.say(3, "one more, beside others", 0)
    assert await thread.to_draw(known) <= 3
    await thread.page(known)
    await thread.write(replies.set_remote_counts, thread.id(3), 5, 0)
    assert await thread.to_draw(known) == 1


async def test_what_stands_around_the_rows_is_drawn_anew_with_another_look(thread: Thread) -> None:
    renderer, known = thread.live.app[RENDERER], DrawnRows(lambda: "recipe")
    first, old = await thread.page(known), renderer.frame
    await DrawnKeeper(thread.live.services.db, known).flush()
    await renderer.look.change(thread.live.services.db, Look(accent="#225577"))
    assert renderer.frame != old
    assert await thread.whole(known) is None
    assert await thread.to_draw(known) == 0
    again = await thread.page(known)
    assert again != first
    await DrawnKeeper(thread.live.services.db, known).flush()
    assert await thread.whole(DrawnRows(lambda: "recipe")) == again
    assert await thread.whole(known, old) is None
    form = await thread.live.get(f"/@ana/{thread.post.slug}?replyto={thread.id(0)}")
    assert form.text != again
    assert "Cancel reply" in form.text
    assert (await thread.live.get(f"/@ana/{thread.post.slug}")).text == again


async def test_another_recipe_draws_all_of_it(thread: Thread) -> None:
    known = DrawnRows(lambda: "old templates")
    await thread.page(known)
    await DrawnKeeper(thread.live.services.db, known).flush()
    assert await thread.to_draw(DrawnRows(lambda: "old templates")) == 0
    assert await thread.to_draw(DrawnRows(lambda: "new templates")) == len(thread.said)


async def test_the_recipe_is_made_of_templates_and_settings(live: Live) -> None:
    settings = live.services.settings
    turned = msgspec.structs.replace(settings.media, remote_avatars=not settings.media.remote_avatars)
    recipes = [
        Renderer(one, Assets()).rows.recipe for one in (settings, msgspec.structs.replace(settings, media=turned))
    ]
    assert live.app[RENDERER].rows.recipe == recipes[0] != recipes[1]


async def test_what_is_new_is_drawn_ahead_once_it_is_quiet(thread: Thread) -> None:
    now, renderer = 0.0, thread.live.app[RENDERER]
    ahead = DrawAhead(thread.live.services, renderer, lambda: now)
    assert await ahead.draw_next() is None
    await thread.say(1, "while nobody looks")
    assert await ahead.draw_next() is None
    now = QUIET_SECONDS
    assert await ahead.draw_next() == thread.post.id
    assert await thread.to_draw(renderer.rows) == 0
    assert await ahead.draw_next() is None
    for _ in range(20):  # never quiet
        await thread.write(posts.bump, thread.post.id)
        now += 1
        if await ahead.draw_next() is not None:
            break
    assert now < QUIET_SECONDS + 20
    await thread.write(posts.delete, thread.post.id)
    now += QUIET_SECONDS
    assert await ahead.draw_next() == thread.post.id  # and nothing happens


async def test_what_its_author_deleted_is_kept_nowhere(thread: Thread) -> None:
    known, db = DrawnRows(lambda: "recipe"), thread.live.services.db
    await thread.page(known)
    await DrawnKeeper(db, known).flush()
    assert await db.read(lambda tx: tx.value("SELECT count(*) FROM drawn_pages")) == 1
    late = DrawnRows(lambda: "recipe")
    page = await thread.page(late)
    await thread.write(replies.remove, thread.id(2))
    await DrawnKeeper(db, late).flush()  # drawn before, stored after
    assert "words 2" in page
    assert await db.read(lambda tx: tx.value("SELECT count(*) FROM drawn_pages")) == 0


async def test_nothing_is_kept_of_a_post_that_was_deleted(thread: Thread) -> None:
    known, db = DrawnRows(lambda: "recipe"), thread.live.services.db
    await thread.page(known)
    late = DrawnRows(lambda: "recipe")
    await thread.page(late)
    await DrawnKeeper(db, known).flush()
    await thread.write(posts.delete, thread.post.id)
    await DrawnKeeper(db, late).flush()
    assert await db.read(lambda tx: tx.value("SELECT count(*) FROM drawn_pages")) == 0


async def test_no_more_pages_are_kept_than_agreed(thread: Thread) -> None:
    known, first = DrawnRows(lambda: "recipe", max_bytes=1), thread.post.id
    await thread.page(known)
    assert known.get(first) is not None
    thread.post = await make_post(thread.live.services, thread.post.author_id, "Second light")
    await thread.say(1, "elsewhere")
    await thread.page(known)
    assert known.get(thread.post.id) is not None
    assert known.get(first) is None
