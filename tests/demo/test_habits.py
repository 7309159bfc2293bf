"""The simulated servers' wording: different from each other, and readable for the inbox."""

from __future__ import annotations

import json

import pytest

from fedblog.activitypub.normalise import read_activity, read_actor, read_note
from fedblog.activitypub.validate import validate_activity
from fedblog.activitypub.wire import parse_object
from fedblog.demo import habits
from fedblog.demo.acts import ACTS, ESSAYS
from fedblog.demo.habits import Addressee
from fedblog.demo.peer_actor import PeerActor, make_key
from fedblog.demo.people import AUTHORS, PLACES, RESIDENTS, Place
from fedblog.demo.reading import PageReader

KEY = make_key("ed25519")
MARA = Addressee("http://localhost/ap/actors/mara", "http://localhost/@mara", "@mara@localhost")
NOW = 1_795_000_000.0


def someone(place: Place) -> PeerActor:
    return PeerActor(f"http://{place.host}:1", "ana", "Ana", KEY, "Person", place.style)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.style)
def test_what_each_software_writes_is_read(place: Place) -> None:
    """Id, author, parent, audience and words survive; markup in the words stays text."""
    actor = someone(place)
    note = habits.write_note(actor, "http://localhost/ap/posts/1", "1 < 2 & <b>no</b> tags", [MARA], now=NOW)
    activity = parse_object(json.dumps(habits.write_create(actor, note)).encode())
    validate_activity(activity)
    read = read_activity(activity)
    assert (read.type, read.actor) == ("Create", actor.id)
    found = read_note(note)
    assert (found.id, found.attributed_to, found.in_reply_to) == (
        note["id"],
        (actor.id,),
        ("http://localhost/ap/posts/1",),
    )
    assert "1 &lt; 2 &amp; &lt;b&gt;no&lt;/b&gt; tags" in found.content
    assert any(tag.href == MARA.id for tag in found.tags)
    assert note["id"] != habits.write_note(actor, None, "x", [], now=NOW)["id"]
    assert read_actor(actor.document()).inbox == actor.inbox


def test_each_software_has_its_own_habits() -> None:
    """No two wordings have the same properties and shapes; the ids that look odd do."""
    shapes = {}
    for place in PLACES:
        note = habits.write_note(someone(place), "http://localhost/ap/posts/1", "x", [MARA], now=NOW)
        shapes[place.style] = tuple(sorted((name, type(value).__name__) for name, value in note.items()))
        if place.style == "wordpress":
            assert "/?c=" in note["id"]
            assert "?" not in note["likes"]["id"]
    assert len(set(shapes.values())) == len(PLACES)


def test_the_script_is_in_order() -> None:
    """Everybody exists; what is answered, liked or deleted was written before; nobody answers what is gone."""
    people = {one.username for one in RESIDENTS} | {one.username for one in AUTHORS}
    known = {essay.key for essay in ESSAYS if essay.days_ago is not None}
    for act in ACTS:
        assert act.who in people
        if act.deed == "publish":
            known.add(act.to)
        if act.deed == "follow":
            continue
        assert act.to in known, act
        if act.deed == "delete":
            known.discard(act.to)
        if act.label:
            assert act.label not in known
            known.add(act.label)
    assert 15 <= sum(act.pause for act in ACTS) <= 30


def test_the_page_reader_counts_list_items() -> None:
    """Depth is that of the list; words belong to the reply that they stand in."""
    page = PageReader(
        '<ol><li><article id="reply-1"><p>one<br>more</p><ul><li>x</li></ul></article>'
        '<details><ol><li><article id="reply-2">two</article></li></ol></details></li>'
        '<li><article id="reply-3">three &amp; <img src="x">four</article></li></ol><style>no</style>'
    )
    assert [(one.anchor, one.depth, one.text) for one in page.replies] == [
        ("reply-1", 1, "one more x"),
        ("reply-2", 2, "two"),
        ("reply-3", 1, "three & four"),
    ]
    assert page.find("two") is page.replies[1]
    assert page.find("none") is None
    assert "no" not in page.text.split()
