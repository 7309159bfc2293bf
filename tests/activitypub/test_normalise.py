"""Shapes of foreign JSON, and that nothing but `Refused` ever comes out of reading it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitypub.normalise import (
    MAX_ATTACHMENTS,
    MAX_TAGS,
    has_forbidden_keyword,
    id_of,
    one_or_many,
    read_activity,
    read_actor,
    read_collection,
    read_key,
    read_note,
)
from fedblog.activitypub.represent import profile_of, reply_of, visibility_of
from fedblog.activitypub.validate import validate_activity
from fedblog.blog.model import ActorId, ReplyState, Visibility
from fedblog.errors import Refused
from tests.activitypub.make import NOW, PUBLIC

MIA = "https://m.example/users/mia"
NOTE: dict[str, Any] = {"id": "https://m.example/n/1", "type": "Note", "content": "<p>Hi</p>", "attributedTo": MIA}
LIKE: dict[str, Any] = {"id": "https://m.example/l/1", "type": "Like", "actor": MIA, "object": "https://b.example/1"}

NAMES = """
    id type actor object attributedTo inReplyTo to cc content contentMap name nameMap summary url tag
    attachment mediaType href icon image publicKey assertionMethod publicKeyPem publicKeyMultibase owner
    endpoints sharedInbox inbox outbox followers preferredUsername replies likes totalItems items
    orderedItems first next partOf oneOf anyOf quote quoteUrl published updated sensitive directMessage
    context language generator implements suspended as:actor as:object as:type @graph fields value
    alsoKnownAs movedTo target instrument result
"""
KEYS = st.sampled_from(NAMES.split())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(
        [MIA, PUBLIC, "https://m.example/n/1", "Note", "Person", "Create", "Like", "Question", "Multikey", "Link"]
    )
    | st.sampled_from(["PropertyValue", "Mention", "Event", "Article", "text/markdown", "https://x.example/[", "en"])
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=25
)


@given(JSON, JSON)
def test_INB_07_arbitrary_json_gives_a_value_or_refused(document: Any, value: Any) -> None:
    for candidate in (document, {**NOTE, "inReplyTo": value, "tag": document}, {**LIKE, "object": value}):
        for read in (read_activity, read_collection, validate_activity):
            with suppress(Refused):
                read(candidate)
        with suppress(Refused):
            note = read_note(candidate)
            visibility = visibility_of(note, None, followers_uri="")
            reply_of(
                note,
                actor_id=ActorId(1),
                visibility=visibility,
                state=ReplyState.PUBLISHED,
                reason="",
                now=NOW,
                received=b"",
            )
        with suppress(Refused):
            profile_of(read_actor(candidate), domain="m.example", now=NOW)
        assert has_forbidden_keyword(candidate) in (True, False)
        read_key(candidate)


@pytest.mark.parametrize("key", sorted({"content", "name", "summary", "url", "tag", "attachment", "published", "to"}))
@given(value=JSON)
@pytest.mark.proves("SEC-049")
def test_ACT_14_any_value_in_any_property_of_a_note_or_actor_is_survived(key: str, value: Any) -> None:
    read_note({**NOTE, key: value})
    read_actor({"id": MIA, "type": "Person", key: value, "icon": value, "publicKey": value, "endpoints": value})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"actor": None}, "actor_missing"),
        ({"actor": []}, "actor_missing"),
        ({"actor": {}}, "actor_missing"),
        ({"actor": 1}, "actor_missing"),
        ({"actor": [MIA, "https://m.example/users/eve"]}, "actor_ambiguous"),
        ({"actor": "acct:mia@m.example"}, "actor_invalid"),
        ({"actor": "https://u@m.example/"}, "actor_invalid"),
        ({"type": None}, "type_missing"),
        ({"type": 5}, "type_missing"),
        ({"type": []}, "type_missing"),
        ({"id": "tag:m.example,1"}, "id_invalid"),
        ({"id": 7}, "id_invalid"),
        ({"id": {"id": "https://m.example/1"}}, "id_invalid"),
    ],
)
@pytest.mark.proves("SEC-033")
def test_INB_06_INB_07_an_activity_without_one_clear_actor_type_and_id_is_refused(
    change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Refused) as caught:
        read_activity({**LIKE, **change})
    assert (caught.value.reason, caught.value.status) == (reason, 400)


def test_INB_06_an_absent_id_is_no_mistake() -> None:
    assert read_activity({**LIKE, "id": None}).id is None
    assert read_activity({key: value for key, value in LIKE.items() if key != "id"}).id is None


def test_INB_07_actor_and_object_as_string_object_or_list() -> None:
    for actor in (MIA, [MIA], {"id": MIA, "type": "Person"}, [{"id": MIA}], [MIA, MIA]):
        assert read_activity({**LIKE, "actor": actor}).actor == MIA
    for value in ("https://b.example/1", ["https://b.example/1"], {"id": "https://b.example/1"}):
        assert read_activity({**LIKE, "object": value}).object_id == "https://b.example/1"
    several = read_activity({**LIKE, "object": ["https://b.example/1", NOTE, None, 3]})
    assert several.object is None
    assert several.objects == ("https://b.example/1", NOTE)


def test_INB_07_types_may_be_a_list_or_prefixed() -> None:
    assert read_activity({**LIKE, "type": ["x:Odd", "Like"]}).type == "Like"
    assert read_activity({**LIKE, "type": ["x:Odd"]}).type == "x:Odd"
    assert read_note({**NOTE, "type": "https://www.w3.org/ns/activitystreams#Note"}).type == "Note"


def test_INB_08_prefixed_terms_are_read_by_their_short_names() -> None:
    activity = read_activity({"as:type": "as:Like", "as:actor": MIA, "as:object": "https://b.example/1", "actor": MIA})
    assert (activity.type, activity.actor, activity.object_id) == ("Like", MIA, "https://b.example/1")
    # the short name wins where both are there: there is one reading only
    assert read_activity({**LIKE, "as:actor": "https://evil.example/u"}).actor == MIA


@pytest.mark.parametrize("keyword", ["@graph", "@included", "@reverse"])
@pytest.mark.proves("SEC-022")
def test_INB_08_graph_restructuring_is_seen_at_any_depth(keyword: str) -> None:
    assert has_forbidden_keyword({keyword: []})
    assert has_forbidden_keyword({**LIKE, "object": {"tag": [{"x": [[{keyword: 1}]]}]}})
    assert has_forbidden_keyword({"@context": [{"term": {keyword: "x"}}]})
    assert not has_forbidden_keyword({**LIKE, "content": keyword})


def test_INB_08_a_very_deep_document_is_scanned_without_recursion() -> None:
    document: Any = {"@graph": 1}
    for _ in range(5000):
        document = [document]
    assert has_forbidden_keyword(document)


def test_INB_13_a_note_with_a_name_and_no_content_is_a_vote() -> None:
    assert read_note({"id": NOTE["id"], "type": "Note", "name": "Tea", "inReplyTo": "https://b.example/1"}).is_vote
    assert not read_note({**NOTE, "name": "Title"}).is_vote
    assert not read_note({"id": NOTE["id"], "type": "Article", "name": "Title"}).is_vote


@pytest.mark.proves("SEC-054")
def test_INB_34_tags_and_attachments_are_cut() -> None:
    note = read_note(
        {
            **NOTE,
            "tag": [{"type": "Mention", "href": f"https://m.example/{n}"} for n in range(500)],
            "attachment": [{"type": "Image", "url": f"https://m.example/{n}.png"} for n in range(500)],
        }
    )
    assert (len(note.tags), len(note.attachments)) == (MAX_TAGS, MAX_ATTACHMENTS)
    assert len(note.mentions) == MAX_TAGS


@pytest.mark.parametrize(
    ("change", "language"),
    [
        ({"contentMap": {"de": "<p>Hi</p>"}}, "de"),
        ({"contentMap": {"fr": "x", "de": "<p>Hi</p>"}}, "de"),  # the one that equals content
        ({"contentMap": {"fr": "x", "de": "y"}}, "fr"),  # else the first
        ({"contentMap": {"und": "<p>Hi</p>"}}, ""),
        ({"contentMap": {'"><script>': "<p>Hi</p>"}}, ""),
        ({"contentMap": []}, ""),
        ({"language": {"identifier": "nl", "name": "Nederlands"}}, "nl"),
        ({}, ""),
    ],
)
def test_ART_12_language_of_what_is_read(change: dict[str, Any], language: str) -> None:
    assert read_note({**NOTE, **change}).content_language == language


def test_content_may_come_in_a_map_alone() -> None:
    note = read_note({"id": NOTE["id"], "type": "Note", "contentMap": {"de": "Hallo", "en": "Hello"}})
    assert (note.content, note.content_language) == ("Hallo", "de")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://m.example/@mia/1", "https://m.example/@mia/1"),
        ({"type": "Link", "href": "https://m.example/1"}, "https://m.example/1"),
        (
            [
                {"type": "Link", "mediaType": "video/mp4", "href": "https://m.example/1.mp4"},
                {"type": "Link", "mediaType": "text/html", "href": "https://m.example/1"},
            ],
            "https://m.example/1",
        ),
        ("javascript:alert(1)", ""),
        (["javascript:alert(1)", "https://m.example/1"], "https://m.example/1"),
        (None, ""),
        ("https://m.example/?a=1&#038;b=2", "https://m.example/?a=1&b=2"),
    ],
)
def test_url_shapes(url: object, expected: str) -> None:
    assert read_note({**NOTE, "url": url}).url == expected


@pytest.mark.parametrize(
    ("change", "quote"),
    [
        ({"quote": "https://a.example/1", "quoteUri": "https://a.example/2"}, "https://a.example/1"),
        ({"quoteUri": "https://a.example/2"}, "https://a.example/2"),
        ({"quoteUrl": "https://a.example/3"}, "https://a.example/3"),
        ({"_misskey_quote": "https://a.example/4"}, "https://a.example/4"),
        (
            {"tag": {"type": "Link", "mediaType": "application/activity+json", "href": "https://a.example/5"}},
            "https://a.example/5",
        ),
        ({"tag": {"type": "Link", "mediaType": "text/html", "href": "https://a.example/6"}}, ""),
    ],
)
def test_ART_19_all_spellings_of_a_quote_are_read(change: dict[str, Any], quote: str) -> None:
    assert read_note({**NOTE, **change}).quote == quote


def test_ACT_14_keys_in_all_places_and_bad_ones_skipped() -> None:
    actor = read_actor(
        {
            "id": MIA,
            "type": "Person",
            "inbox": f"{MIA}/inbox",
            "publicKey": [{"id": f"{MIA}#a", "publicKeyPem": "x", "owner": MIA}, None, "https://x.example", {}],
            "assertionMethod": [
                {"id": f"{MIA}#b", "type": "Multikey", "controller": MIA, "publicKeyMultibase": "z6Mk"},
                {"id": 5, "publicKeyMultibase": "z6Mk"},
            ],
        }
    )
    assert [(key.id, key.owner, key.pem, key.multibase) for key in actor.public_keys] == [
        (f"{MIA}#a", MIA, "x", None),
        (f"{MIA}#b", MIA, None, "z6Mk"),
    ]


@pytest.mark.proves("SEC-054")
def test_KEY_08_at_most_ten_keys() -> None:
    keys = [{"id": f"{MIA}#{n}", "publicKeyPem": "x"} for n in range(1000)]
    assert len(read_actor({"id": MIA, "publicKey": keys}).public_keys) == 10


def test_ACT_15_documents_without_inbox_or_with_keys_only_are_partial() -> None:
    key = {"id": f"{MIA}#k", "publicKeyPem": "x"}
    assert read_actor({"id": MIA, "type": "Person", "publicKey": key}).partial
    assert read_actor({"id": MIA, "type": "Person", "publicKey": key, "inbox": f"{MIA}/inbox"}).partial
    assert not read_actor({"id": MIA, "inbox": f"{MIA}/inbox", "outbox": f"{MIA}/outbox"}).partial


def test_KEY_02_a_key_document_tells_its_owner() -> None:
    found = read_key({"id": f"{MIA}/main-key", "type": "Key", "owner": {"id": MIA}, "publicKeyPem": "x"})
    assert found is not None
    assert found.owner == MIA
    assert read_key({"id": f"{MIA}/main-key", "owner": MIA}) is None
    assert read_key({"id": "acct:mia@m.example", "publicKeyPem": "x"}) is None


@pytest.mark.parametrize("name", ["items", "orderedItems"])
def test_COL_06_items_in_every_shape(name: str) -> None:
    page = read_collection({"type": "CollectionPage", name: [NOTE, MIA, None, 5]})
    assert page.items == (NOTE, MIA)
    assert read_collection({name: MIA}).items == (MIA,)
    assert read_collection({name: NOTE}).items == (NOTE,)


@pytest.mark.parametrize("value", ["?page=2", "/page/2", "https://evil.example/p2", "http://m.example/p2", 5, []])
def test_COL_06_relative_and_foreign_pages_are_refused(value: object) -> None:
    page = read_collection({"id": "https://m.example/c", "next": value, "first": value})
    assert (page.next, page.first) == (None, None)


def test_COL_06_pages_on_the_same_origin_are_kept() -> None:
    document = {
        "id": "https://m.example/c",
        "type": "Collection",
        "totalItems": -1,
        "first": {"type": "CollectionPage", "next": "https://m.example/c?page=2", "items": [MIA]},
    }
    found = read_collection(document)
    assert found.total is None
    assert found.first_page is not None
    assert found.first_page.items == (MIA,)
    assert found.first_page.next == "https://m.example/c?page=2"
    assert read_collection({"next": "https://m.example/2"}).next is None
    assert read_collection({"next": "https://m.example/2"}, origin="https://m.example/1").next is not None


def test_COL_06_a_collection_that_is_its_own_first_page_ends() -> None:
    document: dict[str, Any] = {"id": "https://m.example/c", "items": [MIA]}
    document["first"] = document
    found = read_collection(document)
    assert found.first_page is not None
    assert found.first_page.first_page is None


def test_small_readers() -> None:
    assert one_or_many(None) == []
    assert one_or_many([None, 1]) == [1]
    assert one_or_many("a") == ["a"]
    assert id_of({"type": "Link", "href": MIA}) == MIA
    assert id_of({"id": ""}) is None
    assert id_of(5) is None


@pytest.mark.parametrize(
    ("to", "cc", "expected"),
    [
        ([PUBLIC], [], Visibility.PUBLIC),
        (["as:Public"], [], Visibility.PUBLIC),
        ("Public", [], Visibility.PUBLIC),
        ({"id": PUBLIC}, [], Visibility.PUBLIC),
        ([f"{MIA}/followers"], PUBLIC, Visibility.UNLISTED),
        ([f"{MIA}/followers"], [], Visibility.FOLLOWERS),
        ([MIA], [], Visibility.DIRECT),
        (None, None, Visibility.DIRECT),
        (["https://www.w3.org/ns/activitystreams#public"], [], Visibility.DIRECT),
        (["as:public"], ["public", "PUBLIC", " Public", "Public "], Visibility.DIRECT),
        (["http://www.w3.org/ns/activitystreams#Public"], [], Visibility.DIRECT),
        (["https://www.w3.org/ns/activitystreams#Public#"], [], Visibility.DIRECT),
        (["https://evil.example/ns/activitystreams#Public"], [], Visibility.DIRECT),
        ([["as:Public"]], [], Visibility.DIRECT),
    ],
)
def test_VIS_01_VIS_02_spellings_and_places_of_public(to: object, cc: object, expected: Visibility) -> None:
    note = read_note({**NOTE, "to": to, "cc": cc})
    assert visibility_of(note, None, followers_uri=f"{MIA}/followers") is expected


@given(st.text(max_size=60))
@pytest.mark.proves("SEC-082")
def test_VIS_01_no_text_but_the_three_spellings_is_public(text: str) -> None:
    for address in (text, f"as:{text}", f"https://www.w3.org/ns/activitystreams#{text}"):
        note = read_note({**NOTE, "to": [address]})
        seen = visibility_of(note, None, followers_uri="")
        assert (seen is Visibility.PUBLIC) is (address in (PUBLIC, "as:Public", "Public"))


@pytest.mark.parametrize(
    ("note", "activity", "expected"),
    [
        ({"to": [MIA]}, {"to": [PUBLIC]}, Visibility.DIRECT),
        ({"to": [PUBLIC]}, {"to": [MIA]}, Visibility.DIRECT),
        ({"to": [PUBLIC]}, {"cc": [PUBLIC]}, Visibility.UNLISTED),
        ({}, {"to": [PUBLIC]}, Visibility.PUBLIC),
        ({"to": [PUBLIC]}, {}, Visibility.PUBLIC),
        ({}, {}, Visibility.DIRECT),
    ],
)
def test_VIS_03_the_narrower_audience_wins(
    note: dict[str, Any], activity: dict[str, Any], expected: Visibility
) -> None:
    read = read_activity({**LIKE, "type": "Create", **activity})
    assert visibility_of(read_note({**NOTE, **note}), read, followers_uri="") is expected


@pytest.mark.parametrize("flag", [True, "true", 1])
def test_VIS_04_direct_message_forces_private(flag: object) -> None:
    note = read_note({**NOTE, "to": [PUBLIC], "directMessage": flag})
    assert visibility_of(note, None, followers_uri="") is Visibility.DIRECT


def test_VIS_04_chat_messages_are_private_by_kind() -> None:
    note = read_note({**NOTE, "type": "ChatMessage", "to": [PUBLIC]})
    assert visibility_of(note, None, followers_uri="") is Visibility.DIRECT
    assert not note.is_reply_type


def test_ACT_03_an_actor_is_reached_on_its_own_site_only() -> None:
    """Somebody's `inbox` on a victim's server would turn each of our posts into requests there."""
    actor = {"id": "https://peer.example/u/1", "type": "Person", "preferredUsername": "u"}
    elsewhere = read_actor({**actor, "inbox": "https://victim.example/inbox"})
    assert (elsewhere.inbox, elsewhere.partial) == ("", True)
    shared = {"sharedInbox": "https://victim.example/inbox"}
    mixed = read_actor({**actor, "inbox": "https://ap.peer.example/inbox", "endpoints": shared})
    assert (mixed.inbox, mixed.shared_inbox, mixed.partial) == ("https://ap.peer.example/inbox", "", False)


def test_SEC_047_a_page_on_somebody_elses_site_is_not_linked() -> None:
    actor = {"id": "https://peer.example/u/1", "type": "Person", "preferredUsername": "u"}
    read = read_actor({**actor, "inbox": "https://peer.example/inbox", "url": "https://blog.example/@ana"})
    assert profile_of(read, domain="peer.example", now=1).url == "https://peer.example/u/1"
