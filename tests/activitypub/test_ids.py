"""Local ids and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitypub.ids import LocalIds, LocalTarget
from tests.activitypub.make import BASE, IDS


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        (IDS.actor("ana"), LocalTarget("actor", name="ana")),
        (IDS.main_key(IDS.actor("ana")), LocalTarget("actor", name="ana")),
        (IDS.ed25519_key(IDS.actor("ana")), LocalTarget("actor", name="ana")),
        (IDS.instance(), LocalTarget("instance")),
        (IDS.post(7), LocalTarget("post", id=7)),
        (IDS.post(7, 3), LocalTarget("post", id=7, publication=3)),
        (IDS.note(9), LocalTarget("note", id=9)),
        (IDS.activity(2**63 - 1), LocalTarget("activity", id=2**63 - 1)),
        (IDS.profile_page("ana"), LocalTarget("profile_page", name="ana")),
        (IDS.post_page("ana", "friendship"), LocalTarget("post_page", name="ana", slug="friendship")),
        (IDS.reply_page("ana", "friendship", 9), LocalTarget("note", id=9)),
        (f"{BASE}/@ana/friendship?utm=1", LocalTarget("post_page", name="ana", slug="friendship")),
        (f"{BASE}/@ana/friendship/?a#reply-9", LocalTarget("note", id=9)),
        (f"{BASE}/@ana/friendship#comments", LocalTarget("post_page", name="ana", slug="friendship")),
        (f"{BASE}/%40ana/friendship", LocalTarget("post_page", name="ana", slug="friendship")),
        ("HTTPS://BLOG.example:443/ap/posts/7", LocalTarget("post", id=7)),
    ],
)
def test_INB_14_ids_and_page_urls_map_to_what_they_name(uri: str, target: LocalTarget) -> None:
    assert IDS.parse(uri) == target


@pytest.mark.parametrize(
    "uri",
    [
        "https://other.example/ap/posts/7",
        "http://blog.example/ap/posts/7",
        "https://blog.example:8443/ap/posts/7",
        "https://blog.example.evil.example/ap/posts/7",
        "https://blog.example@evil.example/ap/posts/7",
        f"{BASE}/ap/posts/07",
        f"{BASE}/ap/posts/0",
        f"{BASE}/ap/posts/-1",
        f"{BASE}/ap/posts/7-0",
        f"{BASE}/ap/posts/7/likes",
        f"{BASE}/ap/posts/{2**63}",
        f"{BASE}/ap/posts/{'9' * 400}",
        f"{BASE}/ap/notes/٣",
        f"{BASE}/ap/actors/",
        f"{BASE}/ap/actors/a/b",
        f"{BASE}/ap/unknown/1",
        f"{BASE}/@ana/a/b",
        f"{BASE}/tag/tea",
        BASE,
        "",
        "not a url",
    ],
)
def test_INB_14_everything_else_maps_to_nothing(uri: str) -> None:
    assert IDS.parse(uri) is None


def test_ART_01_a_second_publication_has_an_id_of_its_own() -> None:
    assert IDS.post(7) == f"{BASE}/ap/posts/7"
    assert IDS.post(7, 2) == f"{BASE}/ap/posts/7-2"
    assert "friendship" not in IDS.post(7)


def test_collections_and_endpoints_hang_below_their_owner() -> None:
    ana = IDS.actor("ana")
    assert IDS.inbox(ana) == f"{ana}/inbox"
    assert IDS.outbox(ana) == f"{ana}/outbox"
    assert IDS.following(ana) == f"{ana}/following"
    assert IDS.featured(ana) == f"{ana}/featured"
    assert IDS.shared_inbox() == f"{BASE}/inbox"
    assert IDS.collection(IDS.note(9), "likes") == f"{BASE}/ap/notes/9/likes"
    assert IDS.tag_page("Tee & Kaffee") == f"{BASE}/tag/Tee%20%26%20Kaffee"


def test_a_port_belongs_to_the_origin() -> None:
    ids = LocalIds("http://127.0.0.1:8080/")
    assert ids.base_url == "http://127.0.0.1:8080"
    assert ids.is_local(ids.post(1))
    assert not ids.is_local("http://127.0.0.1/ap/posts/1")


@given(st.text(max_size=60))
def test_arbitrary_paths_never_raise(text: str) -> None:
    IDS.parse(text)
    IDS.parse(f"{BASE}/ap/{text}")
    IDS.parse(f"{BASE}/@{text}")
