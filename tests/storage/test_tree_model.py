"""The stored tree against a tiny model: any order of replies, edits, removals and decisions, on both engines."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fedblog.blog.model import ReplyState, Visibility
from fedblog.storage import actors, posts, replies
from fedblog.storage.database import Database
from tests.storage.support import START, Clock, add_post, new_reply, profile

T = TypeVar("T")
PUBLIC = (Visibility.PUBLIC, Visibility.UNLISTED)


@dataclass
class Entry:
    """A reply as the model sees it: whom it answers (None: the post), whether it arrived, and what it is."""

    uri: str
    parent: int | None
    time: int
    visibility: Visibility
    state: ReplyState
    arrived: bool = False


class Tree(RuleBasedStateMachine):
    """Replies are planned first and arrive in any order; what is shown follows from the plan alone."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.plan: list[Entry] = []

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.db = self.do(Database.open(self.url or str(self.folder / "db"), clock=Clock()))
        self.do(self.db.migrate())
        self.do(self.db.write(lambda tx: [tx.run(f"DELETE FROM {table}") for table in TABLES]))
        self.post = self.do(self.db.write(add_post))
        self.bob = self.do(self.db.write(actors.upsert_remote, profile())).id

    @rule(
        choice=st.integers(0, 30),
        visibility=st.sampled_from([*PUBLIC, *PUBLIC, *Visibility]),
        held=st.booleans() | st.just(False),
        time=st.integers(0, 5),
        now=st.booleans(),
    )
    def plan_one(self, choice: int, visibility: Visibility, held: bool, time: int, now: bool) -> None:
        number = len(self.plan)
        parent = choice % (number + 1) - 1
        state = ReplyState.HELD if held else ReplyState.PUBLISHED
        uri = f"https://remote.example/notes/{number}"
        # Times differ: for equal ones the order of arrival decides, which the model does not know.
        self.plan.append(Entry(uri, None if parent < 0 else parent, START + time * 1_000 + number, visibility, state))
        if now:
            self.arrive(number)

    def _new(self, entry: Entry, **changes: Any) -> Any:
        above = self.post.uri if entry.parent is None else self.plan[entry.parent].uri
        made = {"uri": entry.uri, "published_at": entry.time, "visibility": entry.visibility, "state": entry.state}
        return new_reply(self.bob, above, **(made | changes))

    @precondition(lambda self: self.plan)
    @rule(choice=st.integers(0, 30))
    def arrive(self, choice: int) -> None:
        entry = self.plan[choice % len(self.plan)]
        removed = entry.arrived and entry.state is ReplyState.REMOVED
        post_id = self.post.id if entry.parent is None else None
        if not removed:
            self.do(self.db.write(replies.add, self._new(entry), post_id=post_id, parent_id=None))
            entry.arrived = True

    def _stored(self, choice: int) -> tuple[Entry, Any]:
        entry = self.plan[choice % len(self.plan)]
        return entry, self.do(self.db.read(replies.by_uri, entry.uri))

    @precondition(lambda self: self.plan)
    @rule(choice=st.integers(0, 30), state=st.sampled_from([ReplyState.HELD, ReplyState.HIDDEN, ReplyState.PUBLISHED]))
    def decide(self, choice: int, state: ReplyState) -> None:
        entry, stored = self._stored(choice)
        if stored is not None and entry.state is not ReplyState.REMOVED:
            self.do(self.db.write(replies.set_state, stored.id, state, "because"))
            entry.state = state

    @precondition(lambda self: self.plan)
    @rule(choice=st.integers(0, 30))
    def remove(self, choice: int) -> None:
        entry, stored = self._stored(choice)
        if stored is None:
            return
        self.do(self.db.write(replies.remove, stored.id))
        if stored.state is ReplyState.ORPHAN:
            entry.arrived = False
            entry.state = ReplyState.PUBLISHED
        else:
            entry.state = ReplyState.REMOVED

    @precondition(lambda self: self.plan)
    @rule(choice=st.integers(0, 30), visibility=st.sampled_from([*Visibility]))
    def edit(self, choice: int, visibility: Visibility) -> None:
        entry, stored = self._stored(choice)
        if stored is None:
            return
        changed = self._new(entry, visibility=visibility, content_html=f"<p>{visibility}</p>")
        self.do(self.db.write(replies.update_remote, stored.id, changed))
        order = list(Visibility)
        if entry.state is not ReplyState.REMOVED and order.index(visibility) > order.index(entry.visibility):
            entry.visibility = visibility

    def _expected(self) -> tuple[list[str], int]:
        """Ids in tree order and the count, from the model by plain recursion."""

        def below(parent: int | None) -> list[tuple[str, bool]]:
            found: list[tuple[str, bool]] = []
            children = [n for n, entry in enumerate(self.plan) if entry.parent == parent and entry.arrived]
            for number in sorted(children, key=lambda n: self.plan[n].time):
                entry = self.plan[number]
                if entry.visibility not in PUBLIC or entry.state not in (ReplyState.PUBLISHED, ReplyState.REMOVED):
                    continue
                under = below(number)
                if entry.state is ReplyState.PUBLISHED or under:
                    found += [(entry.uri, entry.state is ReplyState.PUBLISHED), *under]
            return found

        shown = below(None)
        return [uri for uri, _ in shown], sum(published for _, published in shown)

    @invariant()
    def shows_what_the_model_says(self) -> None:
        if not hasattr(self, "db"):
            return
        rows = self.do(self.db.read(replies.thread, self.post.id))
        post = self.do(self.db.read(posts.by_id, self.post.id))
        assert post is not None
        assert ([row.reply.uri for row in rows], post.reply_count) == self._expected()
        assert self.do(self.db.integrity()) == []

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.do(self.db.close())
            shutil.rmtree(self.folder)
        self.loop.close()


TABLES = ("reactions", "tombstones", "replies", "revisions", "post_tags", "posts", "keys", "actors")
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]


def test_INB_15_INB_19_any_order_gives_the_tree_of_the_model(url: str) -> None:
    machine = type("Machine", (Tree,), {"url": url if url.startswith("postgresql") else ""})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=QUIET)
    )


def test_the_model_notices_a_wrong_count(tmp_path: Path) -> None:
    """The machine above can fail: a counter changed behind its back is found."""
    machine = Tree()
    machine.open()
    machine.plan_one(choice=0, visibility=Visibility.PUBLIC, held=False, time=0, now=True)
    machine.shows_what_the_model_says()
    machine.do(machine.db.write(lambda tx: tx.run("UPDATE threads SET reply_count = 7")))
    with pytest.raises(AssertionError):
        machine.shows_what_the_model_says()
    machine.teardown()
