"""The studio's stories again on PostgreSQL: for each part of the storage those that write and list the most of it.

The same tests as elsewhere, on a `desk` whose database is another one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.storage.conftest import postgres_server, postgres_template  # noqa: F401 - fixtures
from tests.web import (
    test_block_lists,
    test_editor,
    test_media,
    test_privacy,
    test_rules,
    test_second_factor,
    test_studio_followers,
    test_studio_lists,
    test_studio_people,
    test_studio_posts,
    test_studio_talk,
    test_thread_desk,
)
from tests.web.desk import Desk, make_template, open_desk

_TEMPLATE = "desk_template"


def _url(server: str, name: str) -> str:
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="module")
def folder(postgres_server: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A data folder whose four accounts stand in a database that each test's own is copied from."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{_TEMPLATE}" TEMPLATE {postgres_template}'.encode())
    made = tmp_path_factory.mktemp("postgresql")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(make_template, made, _url(postgres_server, _TEMPLATE)).result()
    return made


@pytest.fixture
def url(postgres_server: str, folder: Path, tmp_path: Path) -> Iterator[str]:  # noqa: F811 - the fixture
    name = f"desk_{abs(hash(tmp_path))}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{_TEMPLATE}"'.encode())
    yield _url(postgres_server, name)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
async def desk(folder: Path, tmp_path: Path, url: str) -> AsyncIterator[Desk]:
    async with open_desk(folder, tmp_path / "data", database=url) as opened:
        yield opened
        assert await opened.parts.db.integrity() == []


async def test_it_is_postgresql(desk: Desk) -> None:
    assert desk.parts.db.engine == "postgresql"
    await asyncio.gather(*(desk.write_post("anna", f"Post {number}") for number in range(4)))


# Posts, revisions, plans, the trash, lists, search, deliveries.
test_publish = test_studio_posts.test_publishing_queues_the_create_and_shows_the_page
test_again = test_studio_posts.test_unpublish_asks_first_and_publishing_again_gives_a_new_id
test_twice = test_studio_posts.test_a_form_that_is_sent_twice_publishes_once
test_retry = test_studio_posts.test_what_could_not_be_delivered_can_be_sent_again
test_plan = test_editor.test_a_post_is_planned_changed_and_taken_back
test_filters = test_studio_lists.test_tabs_filters_and_words_find_posts
test_several = test_studio_lists.test_acts_on_several_posts_are_asked_or_taken_back
test_reach = test_studio_lists.test_the_author_sees_who_has_a_post_and_why_others_lack_it
test_versions = test_studio_lists.test_versions_are_compared_and_put_back_as_new_ones
# Conversations, decisions, answers, likes, blocks, what is learned.
test_unread = test_studio_talk.test_replies_show_with_what_they_answer_and_are_unread_once
test_reactions = test_studio_talk.test_likes_and_boosts_are_in_the_list
test_answer = test_studio_talk.test_an_answer_goes_out_as_a_note_and_stands_in_the_list
test_long = test_studio_talk.test_long_conversations_come_in_pages_that_know_what_was_new
test_undo = test_studio_talk.test_decisions_can_be_taken_back
test_found = test_studio_talk.test_filters_find_first_timers_reported_and_hidden
test_in_place = test_thread_desk.test_the_author_decides_about_replies_on_the_page
test_list_of_blocks = test_block_lists.test_a_file_is_shown_before_it_does_anything_and_taken_back
test_learns = test_rules.test_the_filter_learns_from_decisions_and_unlearns_with_undo
test_erased = test_privacy.test_somebody_is_found_handed_out_and_erased
# People, pictures.
test_follow = test_studio_people.test_a_follow_request_is_approved_or_turned_down
test_profile = test_studio_people.test_a_profile_is_saved_and_told
test_block = test_studio_people.test_blocking_asks_person_or_server_and_can_be_undone
test_added = test_studio_people.test_the_owner_adds_somebody_who_can_log_in
test_password = test_studio_people.test_a_new_password_needs_the_old_one_and_ends_other_log_ins
test_reached = test_studio_followers.test_the_list_tells_who_from_where_and_whether_they_are_reached
test_code = test_second_factor.test_the_code_is_asked_for_and_counts_once
test_pictures = test_media.test_pictures_are_found_and_unused_ones_deleted_together
