"""Every real payload is read without loss of what a reader would miss."""

from __future__ import annotations

from typing import Any

import jsonschema
import jsonschema_rs
import pytest

from fedblog.activitypub.normalise import (
    has_forbidden_keyword,
    id_of,
    one_or_many,
    read_activity,
    read_actor,
    read_collection,
    read_note,
    type_of,
)
from fedblog.activitypub.represent import EMPTY_WARNING, profile_of, reply_of, visibility_of
from fedblog.activitypub.urls import same_site
from fedblog.activitypub.validate import schema_name, schema_of, validate_activity
from fedblog.activitypub.vocab import ACTIVITY_TYPES, ACTOR_TYPES, Note
from fedblog.activitypub.wire import dump, parse_object
from fedblog.blog.model import ActorId, NewReply, ReplyState, Visibility
from fedblog.federation.handlers.like import emoji_of
from tests.activitypub.make import NOW
from tests.shared import CAPTURES, capture, capture_names, fixture, fixture_index, needs_shared

pytestmark = needs_shared

BROKEN_KEY = "https://m.example/actor"  # its PEM is torn: mastodon-application-instance-actor
PLACEHOLDERS = {"{{DOMAIN}}": "m.example", "{{domain}}": "m.example", "{{nickname}}": "nick"}


def load(name: str) -> Any:
    """A fixture; the peers' templates get a host and a name."""
    text = dump(fixture(name)).decode()
    for mark, value in PLACEHOLDERS.items():
        text = text.replace(mark, value)
    return parse_object(text.encode())


def captured(name: str) -> Any:
    """The document or body of a capture; None where it holds none."""
    found = capture(name)
    return found.get("body_json") or found.get("response", {}).get("body_json")


def is_activity(document: Any) -> bool:
    return isinstance(document, dict) and "actor" in document and "object" in document


DOCUMENTS = [
    pytest.param(load(entry["file"]), id=entry["file"])
    for entry in fixture_index()
    if not entry["file"].startswith("vector-")
]
DOCUMENTS += [pytest.param(captured(name), id=name) for name in capture_names() if isinstance(captured(name), dict)]


def document_of(param: Any) -> Any:
    return param.values[0]


ACTIVITIES = [param for param in DOCUMENTS if is_activity(document_of(param))]
EXPECT = {entry["file"]: entry["expect"] for entry in fixture_index()}


def represent(note: Note) -> NewReply:
    return reply_of(
        note,
        actor_id=ActorId(1),
        visibility=Visibility.PUBLIC,
        state=ReplyState.PUBLISHED,
        reason="",
        now=NOW,
        received=b"{}",
    )


def test_the_collections_of_fixtures_are_there() -> None:
    assert len(ACTIVITIES) > 150
    assert CAPTURES.is_dir()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_INB_08_no_real_document_uses_graph_keywords(document: Any) -> None:
    assert not has_forbidden_keyword(document)
    assert parse_object(dump(document)) == document


@pytest.mark.parametrize("document", ACTIVITIES)
def test_INB_07_every_activity_is_valid_and_read(document: Any) -> None:
    validate_activity(document)
    activity = read_activity(document)
    assert activity.type == type_of(document)
    assert activity.actor == id_of(one_or_many(document["actor"])[0])
    assert activity.id == document.get("id")
    assert len(activity.objects) == len(one_or_many(document["object"]))
    assert activity.object_id == id_of(one_or_many(document["object"])[0])
    assert len(activity.to) == len(dict.fromkeys(id_of(item) for item in one_or_many(document.get("to"))))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_both_validators_are_of_one_mind(document: Any) -> None:
    broken = [document, {**document, "actor": 5}, {**document, "object": None}, {**document, "type": []}, [document]]
    for candidate in broken:
        for definition in {schema_name(candidate), "activity", "withContent", "withTarget", "content"}:
            schema = schema_of(definition)
            fast = jsonschema_rs.validator_for(schema).is_valid(candidate)
            assert fast is jsonschema.Draft202012Validator(schema).is_valid(candidate)


def inner_note(document: Any) -> Any:
    inner = document.get("object") if is_activity(document) else document
    return inner if isinstance(inner, dict) and "id" in inner and type_of(inner) else None


NOTES = [
    param
    for param in DOCUMENTS
    if (found := inner_note(document_of(param))) is not None
    and type_of(found) not in ACTOR_TYPES | ACTIVITY_TYPES
    and "Collection" not in type_of(found)
]


@pytest.mark.parametrize("document", NOTES)
def test_INB_13_every_object_is_read_and_its_fields_land(document: Any) -> None:
    raw = inner_note(document)
    note = read_note(raw)
    assert note.id == raw["id"]
    if isinstance(raw.get("content"), str):
        assert note.content == raw["content"]
    authors = one_or_many(raw.get("attributedTo"))
    assert set(note.attributed_to) >= {id_of(author) for author in authors}
    assert note.in_reply_to == tuple(id_of(parent) for parent in one_or_many(raw.get("inReplyTo")))
    if isinstance(raw.get("likes"), dict) and "totalItems" in raw["likes"]:
        assert note.likes_total == raw["likes"]["totalItems"]
    assert len(note.attachments) >= len([item for item in one_or_many(raw.get("attachment")) if item.get("url")][:16])
    reply = represent(note)
    assert (reply.uri, reply.url) == (note.id, note.url if note.url and same_site(note.url, note.id) else note.id)
    assert reply.published_at <= NOW
    assert "<script" not in reply.content_html
    if note.content and not note.content.startswith("<p></p>"):
        assert reply.content_html


ACTORS = [param for param in DOCUMENTS if type_of(document_of(param)) in ACTOR_TYPES]


@pytest.mark.parametrize("document", ACTORS)
def test_ACT_14_every_actor_is_read_and_its_fields_land(document: Any) -> None:
    actor = read_actor(document)
    assert actor.id == document["id"]
    assert actor.preferred_username == document.get("preferredUsername", "")
    assert actor.inbox == document.get("inbox", "")
    assert actor.name == (document.get("name") or "")
    assert actor.summary == (document.get("summary") or "")
    assert actor.shared_inbox == ((document.get("endpoints") or {}).get("sharedInbox") or "")
    listed = [key for key in one_or_many(document.get("publicKey")) if str(key.get("id")).startswith("https://")]
    assert {key["id"] for key in listed} <= {key.id for key in actor.public_keys}
    assert bool(actor.icon_url) == bool(document.get("icon"))
    profile = profile_of(actor, domain="m.example", now=NOW)
    usable = [key for key in listed if len(key["publicKeyPem"]) > 100 and actor.id != BROKEN_KEY]
    assert {key["id"] for key in usable} <= {key.key_id for key in profile.keys}
    assert all(key.public_pem.startswith("-----BEGIN PUBLIC KEY-----\n") for key in profile.keys)


@pytest.mark.parametrize("document", [p for p in DOCUMENTS if "Collection" in type_of(document_of(p))])
def test_COL_06_every_collection_is_read(document: Any) -> None:
    found = read_collection(document)
    listed = one_or_many(document.get("orderedItems")) or one_or_many(document.get("items"))
    assert len(found.items) == len(listed)
    assert found.total == document.get("totalItems")
    for name, value in (("first", found.first), ("next", found.next)):
        if isinstance(document.get(name), str):
            assert value == document[name]


def activity_note(name: str) -> Note:
    return read_note(read_activity(load(name)).object)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, expect in EXPECT.items()
        if expect in ("private", "comment") and "create" in name and is_activity(fixture(name))
    ],
)
def test_VIS_02_VIS_03_fixtures_show_to_whom_they_say(name: str) -> None:
    activity = read_activity(load(name))
    note = read_note(activity.object)
    shown = visibility_of(note, activity, followers_uri=f"{activity.actor}/followers").is_public
    assert shown is (EXPECT[name] == "comment")
    if "unlisted" in name or "home" in name:
        assert visibility_of(note, activity, followers_uri="") is Visibility.UNLISTED


def test_ACT_15_gotosocial_key_stub_is_partial() -> None:
    actor = read_actor(load("gotosocial-person-key-stub"))
    assert actor.partial
    assert actor.public_keys[0].id == "https://gts.example/users/zork/main-key"
    assert profile_of(actor, domain="gts.example", now=NOW).keys[0].algorithm == "rsa"


def test_ACT_15_sharkey_stripped_actor_is_partial() -> None:
    actor = read_actor(load("sharkey-person-stripped"))
    assert actor.partial
    assert len(actor.public_keys) == 1


def test_ACT_16_a_suspended_actor_says_so_and_is_not_partial() -> None:
    actor = read_actor(load("mastodon-tombstone-person-suspended"))
    assert (actor.suspended, actor.partial) == (True, False)
    assert profile_of(actor, domain="m.example", now=NOW).suspended


def test_KEY_08_fedify_two_keys_bad_entry_skipped() -> None:
    actor = read_actor(load("fedify-person-two-keys"))
    assert len(actor.public_keys) == 3
    keys = profile_of(actor, domain="fedify.example", now=NOW).keys
    assert [(key.key_id, key.algorithm) for key in keys] == [
        ("https://fedify.example/users/fay#main-key", "rsa"),
        ("https://fedify.example/users/fay#multikey-2", "ed25519"),
    ]


def test_hubzilla_url_is_a_link_object() -> None:
    actor = read_actor(load("hubzilla-person"))
    assert actor.url == "https://hub.somaton.com/channel/testc6"
    assert actor.shared_inbox == "https://hub.somaton.com/inbox"
    assert activity_note("hubzilla-create-note-reply").url.startswith("https://")


def test_INB_11_peertube_video_has_its_person_first() -> None:
    note = read_note(load("peertube-video"))
    assert note.attributed_to[0] == "https://tilvids.com/accounts/thelinuxexperiment"
    assert note.name
    reply = represent(note)
    assert note.url in reply.content_html
    assert reply.name == note.name


def test_peertube_comment_is_markdown_shown_as_text() -> None:
    note = read_note(load("peertube-note-comment"))
    assert note.media_type == "text/markdown"
    assert represent(note).content_html.startswith("<p>@af2@bae.st")


def test_wordpress_actor_and_article() -> None:
    blog = read_actor(load("wordpress-group-blog"))
    assert blog.webfinger == "dbzer0.com@dbzer0.com"
    assert blog.implements == ("https://datatracker.ietf.org/doc/html/rfc9421",)
    assert "&#038;" not in blog.icon_url
    article = read_note(load("wordpress-article-with-policy"))
    assert (article.likes_total, article.shares_total, article.content_language) == (2, 0, "en")
    assert len(article.attachments) == 4


def test_INB_13_votes_are_known_as_such() -> None:
    assert activity_note("mastodon-create-note-poll-vote").is_vote
    votes = read_activity(load("gotosocial-create-notes-poll-votes")).objects
    assert len(votes) > 1
    assert all(read_note(vote).is_vote for vote in votes)


def test_INB_13_an_article_as_reply_shows_title_and_text() -> None:
    note = activity_note("shape-create-article-reply")
    reply = represent(note)
    assert note.is_reply_type
    assert (reply.type, reply.name) == ("Article", note.name)
    assert reply.name
    assert reply.content_html


def test_INB_13_a_question_shows_its_options() -> None:
    reply = represent(read_note(load("misskey-question-no-end")))
    assert [name for name, _ in reply.options][:2] == ["Working", "Broken af"]


def test_misskey_empty_warning_still_folds() -> None:
    assert represent(activity_note("misskey-create-note-reply")).content_warning == EMPTY_WARNING


def test_mastodon_warning_folds_and_article_summary_does_not() -> None:
    assert represent(activity_note("mastodon-create-note-sensitive")).content_warning
    assert represent(read_note(load("nodebb-article-with-preview"))).content_warning == ""


def test_INB_36_threads_date_with_offset_without_colon() -> None:
    note = activity_note("threads-create-note-reply")
    assert str(note.published).endswith("+0000")
    assert represent(note).published_at != NOW


def test_quotes_are_read_and_linked() -> None:
    for name in ("fedibird-note-quote-uri", "fep-e232-note-quote-link-tag", "misskey-note-quote"):
        note = read_note(load(name))
        assert note.quote
        assert note.quote in represent(note).content_html or "RE:" in represent(note).content_html
    assert activity_note("mastodon-create-note-quote").quote


def test_INB_34_pixelfed_picture_keeps_its_alternative_text() -> None:
    note = read_note(load("pixelfed-note-image"))
    assert represent(note).attachments[0].url == note.attachments[0].url
    assert represent(note).attachments[0].media_type == "image/jpeg"


def test_gotosocial_language_and_lemmy_language() -> None:
    assert read_note(load("lemmy-note-comment")).content_language == "fr"
    assert activity_note("mastodon-create-note-contentmap").content_language


def test_COL_06_mastodon_context_embeds_its_first_page() -> None:
    found = read_collection(load("mastodon-collection-context"))
    assert found.first_page is not None
    assert found.first_page.items


def test_custom_emoji_as_real_servers_name_them() -> None:
    """In a warning, in a single tag that is no list, in names, and as reactions of three dialects."""

    def of_note(document: Any) -> dict[str, str]:
        made = reply_of(
            read_note(document), actor_id=ActorId(1), visibility=Visibility.PUBLIC, now=NOW,
            state=ReplyState.PUBLISHED, reason="", received=b"",
        )  # fmt: skip
        return {one.name: one.url for one in made.emoji}

    place = "https://patch.cx/emoji/custom"
    warned = of_note(load("akkoma-note-emoji-in-summary"))
    assert warned == {name: f"{place}/{name}.png" for name in ("joker_smile", "joker_disapprove")}
    assert list(of_note(load("kroeg-create-note-emoji-is-object")["object"])) == ["icon_e_smile"]
    person = profile_of(read_actor(load("pleroma-person")), domain="queer.hacktivis.me", now=NOW)
    assert [name for name, _ in person.emoji] == ["bzh"], "those that the name calls"
    told = {
        "akkoma-emojireact-custom": "blobfox",
        "misskey-like-custom-emoji": "hanapog",
        "sharkey-like-emoji": "blobcat",
    }
    for name, emoji in told.items():
        sign, picture = emoji_of(read_activity(load(name)), "there.example")
        assert (sign, picture is not None and picture.url.startswith("https://")) == (f":{emoji}:", True), name
