"""Activities and collections as they go out, and the context that defines their terms."""

from __future__ import annotations

from typing import Any

import pytest

from fedblog.activitypub import serialise
from fedblog.activitypub.context import CONTEXT, TERMS
from fedblog.activitypub.multikey import KeyMaterial
from fedblog.activitypub.normalise import read_activity, read_actor, read_collection
from fedblog.activitypub.validate import validate_activity
from fedblog.activitypub.wire import dump, parse_object
from fedblog.blog.model import Visibility
from tests.activitypub.make import AUTHOR, BASE, BLOG, IDS, MIA, NOW, PUBLIC, actor, answer, post, settings
from tests.shared import fixture, needs_shared

ED_RAW = bytes.fromhex("2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6")  # FEP-521a
ED_PEM = KeyMaterial("ed25519", ED_RAW).pem
ED_MULTIBASE = "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
ID = IDS.activity(1)

# Terms that https://www.w3.org/ns/activitystreams itself defines and we use.
AS2_TERMS = """
Move Flag Add Remove target instrument result
    id type actor object target to cc audience published updated name summary content contentMap nameMap url href
    mediaType attributedTo inReplyTo context tag attachment image icon preview source replies likes shares
    totalItems first last next prev partOf items orderedItems formerType deleted generator preferredUsername
    inbox outbox followers following endpoints sharedInbox Article Note Tombstone Person Group Application
    Image Mention Collection CollectionPage OrderedCollection OrderedCollectionPage Create Update Delete
    Announce Accept Reject Follow Like Undo
"""
AS2 = frozenset(AS2_TERMS.split())
SECURITY = frozenset({"publicKey", "owner", "publicKeyPem"})  # https://w3id.org/security/v1
CID = frozenset({"assertionMethod", "Multikey", "controller", "publicKeyMultibase"})  # https://www.w3.org/ns/cid/v1


def actor_of(local: str = "author", name: str = "ana", **changes: Any) -> dict[str, Any]:
    made = actor(local, name, **changes)
    keys = [(IDS.main_key(made.uri), "rsa", "RSA PEM"), (IDS.ed25519_key(made.uri), "ed25519", ED_PEM)]
    return serialise.actor_document(made, ids=IDS, settings=settings(), keys=keys)


def article() -> dict[str, Any]:
    shown = post(content_warning="Loss", image_url=f"{BASE}/1.png", pictures=True, comments_open=False, edited_at=NOW)
    return serialise.article(
        shown, author=AUTHOR, blog=BLOG, ids=IDS, settings=settings(), mentions=[(MIA.uri, MIA.handle)]
    )


def note() -> dict[str, Any]:
    return serialise.note(answer(), actor=AUTHOR, ids=IDS, in_reply_to_actor=MIA)


def follow_json() -> dict[str, Any]:
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": "https://m.example/f/1",
        "type": "Follow",
        "actor": MIA.uri,
        "object": AUTHOR.uri,
        "signature": {"type": "RsaSignature2017"},
    }


def request() -> dict[str, Any]:
    """A QuoteRequest as Mastodon sends it: the quoting Note is embedded."""
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": "https://m.example/q/1",
        "type": "QuoteRequest",
        "actor": MIA.uri,
        "object": IDS.post(7),
        "instrument": {"id": "https://m.example/n/1", "type": "Note", "content": "<p>read this</p>", "odd:term": 1},
    }


def everything() -> dict[str, dict[str, Any]]:
    made_create = serialise.create(article(), activity_id=ID, published=NOW)
    like = serialise.like("https://m.example/n/1", actor=AUTHOR, activity_id=ID, to=[MIA.uri])
    return {
        "author": actor_of(image_url=f"{BASE}/2.jpg"),
        "blog": actor_of("blog", "blog"),
        "instance": actor_of("instance", "blog.example"),
        "article": article(),
        "note": note(),
        "tombstone": serialise.tombstone(IDS.post(7), former_type="Article", deleted_at=NOW),
        "create": made_create,
        "update": serialise.update(note(), activity_id=ID, published=NOW),
        "update actor": serialise.update(actor_of(), activity_id=ID, published=NOW),
        "delete": serialise.delete(
            IDS.post(7), actor=AUTHOR, activity_id=ID, former_type="Article", deleted_at=NOW, to=[PUBLIC]
        ),
        "delete actor": serialise.delete_actor(AUTHOR, activity_id=ID),
        "announce": serialise.announce(made_create, actor=BLOG, activity_id=ID, published=NOW),
        "accept": serialise.accept(follow_json(), actor=AUTHOR, activity_id=ID),
        "reject": serialise.reject(follow_json(), actor=AUTHOR, activity_id=ID),
        "follow": serialise.follow(MIA.uri, actor=AUTHOR, activity_id=ID),
        "like": like,
        "undo": serialise.undo(like, activity_id=IDS.activity(2)),
        "move": serialise.move(AUTHOR, MIA.uri, activity_id=ID, published=NOW),
        "moved": actor_of(moved_to=MIA.uri, also_known_as=(MIA.uri,)),
        "flag": serialise.flag([MIA.uri], actor=AUTHOR, activity_id=ID, content="spam", to=[MIA.uri]),
        "pin": serialise.pin("Add", IDS.post(7), actor=AUTHOR, activity_id=ID, target=IDS.featured(AUTHOR.uri)),
        "quote": serialise.quote_authorization(IDS.quote(1), actor=AUTHOR, quoting=MIA.uri, quoted=IDS.post(7)),
        "accept quote": serialise.accept_quote(request(), actor=AUTHOR, activity_id=ID, authorization=IDS.quote(1)),
        "reject quote": serialise.reject_quote(request(), actor=AUTHOR, activity_id=ID),
        "reject reply": serialise.reject_reply(MIA.uri, actor=AUTHOR, activity_id=ID, to=MIA.uri),
        "approved note": serialise.note(
            answer(approved_by="https://m.example/a/1"), actor=AUTHOR, ids=IDS, in_reply_to_actor=MIA
        ),
        "collection": serialise.collection(f"{BASE}/c", total=3, first=f"{BASE}/c?page=1", last=f"{BASE}/c?page=1"),
        "context": serialise.collection(f"{BASE}/c", total=1, items=[IDS.post(7)], attributed_to=AUTHOR.uri),
        "page": serialise.collection_page(
            f"{BASE}/c?page=1", part_of=f"{BASE}/c", items=[made_create], next_uri=f"{BASE}/c?page=2", total=3
        ),
    }


def undefined_terms(value: Any, inside: str = "") -> set[str]:
    """Keys and types that neither ActivityStreams nor our context defines."""
    known = AS2 | SECURITY | CID | set(TERMS)
    found: set[str] = set()
    if isinstance(value, list):
        return found.union(*(undefined_terms(item, inside) for item in value))
    if not isinstance(value, dict):
        return found
    for key, inner in value.items():
        if key == "@context":
            continue
        prefix, colon, _ = key.partition(":")
        if inside not in ("contentMap", "nameMap") and key not in known and not (colon and prefix in TERMS):
            found.add(key)
        if key == "type" and inner not in known:
            found.add(inner)
        found |= undefined_terms(inner, key)
    return found


@pytest.mark.parametrize("name", list(everything()))
def test_ACT_06_every_term_in_use_is_defined(name: str) -> None:
    made = serialise.with_context(everything()[name])
    assert undefined_terms(made) == set()
    assert made["@context"][0] == "https://www.w3.org/ns/activitystreams"
    assert made["@context"][1:3] == ["https://w3id.org/security/v1", "https://www.w3.org/ns/cid/v1"]
    assert parse_object(dump(made)) == made


def test_ACT_06_an_undefined_term_would_be_seen() -> None:
    assert undefined_terms({"object": [{"made:up": 1, "x": {"type": "Odd"}}]}) == {"made:up", "x", "Odd"}
    assert {key for key in TERMS if key not in str(everything()) and ":" not in str(TERMS[key])} == set()


def test_ACT_06_context_is_added_once_and_in_front() -> None:
    made = serialise.with_context({"id": "x", "@context": "other"})
    assert list(made) == ["@context", "id"]
    assert made["@context"] is CONTEXT
    for name, document in everything().items():
        assert str(document).count("@context") == 0, name


@pytest.mark.parametrize(("local", "kind"), [("author", "Person"), ("blog", "Group"), ("instance", "Application")])
def test_ACT_01_ACT_03_kinds_and_required_properties(local: str, kind: str) -> None:
    name = "blog.example" if local == "instance" else local
    made = actor_of(local, name)
    assert made["type"] == kind
    assert all(made[key] for key in ("preferredUsername", "name", "publicKey"))
    assert all(made[key].startswith(BASE) for key in ("id", "inbox", "outbox", "followers", "following", "url"))
    read = read_actor(made)
    assert (read.partial, read.preferred_username, read.shared_inbox) == (False, name, f"{BASE}/inbox")


def test_ACT_04_what_remote_pages_show() -> None:
    made = actor_of(image_url=f"{BASE}/media/wide.webp")
    assert (made["name"], made["summary"]) == ("Ana Ruiz", "<p>Writes.</p>")
    assert made["icon"] == {"type": "Image", "mediaType": "image/png", "url": f"{BASE}/media/ana.png"}
    assert made["image"]["mediaType"] == "image/webp"
    link, text = made["attachment"]
    assert link["type"] == "PropertyValue"
    assert link["value"] == (
        '<a href="https://ana.example/" rel="me nofollow noopener" target="_blank">ana.example</a>'
    )
    assert text["value"] == "tea &amp; &lt;b&gt;"
    assert (made["discoverable"], made["indexable"], made["manuallyApprovesFollowers"]) == (True, True, False)
    assert made["published"].endswith("Z")
    assert made["tag"] == []
    assert "icon" not in actor_of(icon_url="")


def test_ACT_05_shared_inbox_is_nested() -> None:
    assert actor_of()["endpoints"] == {"sharedInbox": f"{BASE}/inbox"}
    assert "sharedInbox" not in actor_of()


def test_ACT_08_ACT_09_keys_are_fragments_of_the_actor() -> None:
    made = actor_of()
    assert made["publicKey"] == {"id": f"{made['id']}#main-key", "owner": made["id"], "publicKeyPem": "RSA PEM"}
    assert made["assertionMethod"] == [
        {
            "id": f"{made['id']}#ed25519-key",
            "type": "Multikey",
            "controller": made["id"],
            "publicKeyMultibase": ED_MULTIBASE,
        }
    ]


def test_DISC_05_DISC_14_actor_names_its_handle_and_its_attribution_domain() -> None:
    assert actor_of()["webfinger"] == "ana@blog.example"
    assert actor_of()["attributionDomains"] == ["blog.example"]


def test_DISC_17_the_generator_tells_which_signatures_we_read() -> None:
    hrefs = [entry["href"] for entry in actor_of()["generator"]["implements"]]
    assert hrefs == [
        "https://datatracker.ietf.org/doc/html/rfc9421",
        "https://datatracker.ietf.org/doc/html/rfc9421#name-eddsa-using-curve-edwards25",
    ]
    assert read_actor(actor_of()).implements == tuple(hrefs)


ACTIVITIES = [name for name, document in everything().items() if "actor" in document]


@pytest.mark.parametrize("name", ACTIVITIES)
def test_every_activity_of_ours_would_pass_an_inbox(name: str) -> None:
    made = serialise.with_context(everything()[name])
    validate_activity(made)
    assert read_activity(made).actor in (AUTHOR.uri, BLOG.uri)


def test_VIS_05_create_and_update_speak_to_the_objects_audience() -> None:
    for kind in ("create", "update"):
        made = everything()[kind]
        assert made["to"] == made["object"]["to"]
        assert made["cc"] == made["object"]["cc"]
        assert made["actor"] == made["object"]["attributedTo"]
    assert everything()["create"]["audience"] == BLOG.uri
    assert "audience" not in everything()["update"]


def test_ACT_11_an_actor_update_goes_to_everybody_and_followers() -> None:
    made = everything()["update actor"]
    assert (made["actor"], made["to"], made["cc"]) == (AUTHOR.uri, [PUBLIC], [AUTHOR.followers_uri])
    assert made["object"]["type"] == "Person"


def test_ART_08_the_blog_announces_the_whole_create() -> None:
    made = everything()["announce"]
    assert (made["actor"], made["to"], made["cc"]) == (BLOG.uri, [PUBLIC], [BLOG.followers_uri])
    assert made["object"]["type"] == "Create"
    assert made["object"]["object"]["id"] == IDS.post(7)
    bare = serialise.announce(IDS.post(7), actor=BLOG, activity_id=ID, published=NOW, cc=[MIA.uri])
    assert (bare["object"], bare["cc"]) == (IDS.post(7), [BLOG.followers_uri, MIA.uri])


@pytest.mark.parametrize("visibility", [Visibility.UNLISTED, Visibility.FOLLOWERS])
def test_VIS_04_an_announce_is_never_wider_than_what_it_announces(visibility: Visibility) -> None:
    shown = serialise.article(post(visibility=visibility), author=AUTHOR, blog=BLOG, ids=IDS, settings=settings())
    made = serialise.create(shown, activity_id=ID, published=NOW)
    if visibility is Visibility.FOLLOWERS:
        with pytest.raises(ValueError, match="public"):
            serialise.announce(made, actor=BLOG, activity_id=IDS.activity(2), published=NOW)
    else:
        announced = serialise.announce(made, actor=BLOG, activity_id=IDS.activity(2), published=NOW)
        assert (announced["to"], announced["cc"]) == ([BLOG.followers_uri], [PUBLIC])


def test_ART_22_delete_carries_a_tombstone() -> None:
    made = everything()["delete"]
    assert made["object"]["type"] == "Tombstone"
    assert made["object"]["formerType"] == "Article"
    assert made["to"] == [PUBLIC]


def test_INB_21_accept_embeds_the_follow_as_received() -> None:
    for kind in ("accept", "reject"):
        made = everything()[kind]
        assert made["actor"] == AUTHOR.uri
        assert made["to"] == [MIA.uri]
        assert made["object"] == {
            "id": "https://m.example/f/1",
            "type": "Follow",
            "actor": MIA.uri,
            "object": AUTHOR.uri,
        }


def test_undo_embeds_the_activity_without_a_copy_of_its_object() -> None:
    made = everything()["undo"]
    assert (made["type"], made["actor"], made["to"]) == ("Undo", AUTHOR.uri, [MIA.uri])
    assert made["object"]["object"] == "https://m.example/n/1"
    announced = serialise.undo(everything()["announce"], activity_id=IDS.activity(3))
    assert announced["object"]["object"] == ID


def test_COL_01_COL_03_collections_and_pages() -> None:
    page = everything()["page"]
    assert (page["type"], page["partOf"], page["next"]) == ("OrderedCollectionPage", f"{BASE}/c", f"{BASE}/c?page=2")
    assert "prev" not in page
    unordered = serialise.collection_page(f"{BASE}/r?page=1", part_of=f"{BASE}/r", items=[], ordered=False)
    assert (unordered["type"], unordered["items"]) == ("CollectionPage", [])
    read = read_collection(page)
    assert (read.next, len(read.items), read.total) == (f"{BASE}/c?page=2", 1, 3)


def test_COL_02_COL_04_a_count_without_items() -> None:
    assert serialise.collection(f"{BASE}/likes", total=4, ordered=False) == {
        "id": f"{BASE}/likes",
        "type": "Collection",
        "totalItems": 4,
    }


@needs_shared
def test_ART_15_context_collection_is_like_the_model() -> None:
    model = fixture("fep7888-orderedcollection-context")
    made = serialise.with_context(
        serialise.collection(model["id"], total=2, items=model["orderedItems"], attributed_to=model["attributedTo"])
    )
    assert {key: value for key, value in made.items() if key != "@context"} == {
        key: value for key, value in model.items() if key != "@context"
    }


def test_followers_only_posts_never_name_everybody() -> None:
    hidden = serialise.article(
        post(visibility=Visibility.FOLLOWERS), author=AUTHOR, blog=BLOG, ids=IDS, settings=settings()
    )
    assert PUBLIC.encode() not in dump(serialise.create(hidden, activity_id=ID, published=NOW))
