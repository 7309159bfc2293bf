"""What an inbox takes for an activity, and the words for what it doesn't."""

from __future__ import annotations

from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitypub.validate import schema_name, schema_of, validate_activity
from fedblog.activitypub.vocab import ACTIVITY_TYPES
from fedblog.errors import Refused

MIA = "https://m.example/users/mia"
NOTE = {"id": "https://m.example/n/1", "type": "Note"}
CREATE: dict[str, Any] = {"id": "https://m.example/c/1", "type": "Create", "actor": MIA, "object": NOTE}
NAMES = ["id", "type", "actor", "object", "to", "cc", "tag", "content", "target", "inReplyTo", "attributedTo", "url"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["Create", "Like", "Note", MIA]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("kind", sorted(ACTIVITY_TYPES))
def test_INB_09_every_accepted_type_needs_an_object(kind: str) -> None:
    target = {"target": f"{MIA}/x"} if kind in {"Move", "Add", "Remove"} else {}
    validate_activity({"type": kind, "actor": MIA, "object": "https://b.example/1", **target})
    with pytest.raises(Refused) as caught:
        validate_activity({"type": kind, "actor": MIA, **target})
    assert caught.value.reason == "schema_object"
    assert "`object` is missing" in str(caught.value)


def test_INB_09_unknown_types_need_none() -> None:
    validate_activity({"type": "Lock", "actor": MIA})
    validate_activity({"type": "Arrive", "actor": {"id": MIA}, "object": None})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"actor": 5}, "schema_actor"),
        ({"actor": None}, "schema_actor"),
        ({"actor": []}, "schema_actor"),
        ({"actor": ""}, "schema_actor"),
        ({"type": 5}, "schema_type"),
        ({"type": [5]}, "schema_type"),
        ({"id": 5}, "schema_id"),
        ({"id": "x" * 3000}, "schema_id"),
        ({"object": 5}, "schema_object"),
        ({"object": []}, "schema_object"),
        ({"object": None}, "schema_object"),
        ({"object": {**NOTE, "id": None}}, "schema_object"),
        ({"object": {**NOTE, "content": {"a": 1}}}, "schema_object"),
        ({"object": {**NOTE, "content": 5}}, "schema_object"),
        ({"object": {**NOTE, "inReplyTo": 5}}, "schema_object"),
        ({"object": {**NOTE, "attributedTo": True}}, "schema_object"),
        ({"object": {**NOTE, "to": 7}}, "schema_object"),
        ({"object": {"type": "Note"}}, "schema_object"),
        ({"to": 5}, "schema_to"),
        ({"cc": True}, "schema_cc"),
        ({"tag": 5}, "schema_tag"),
    ],
)
def test_INB_04_wrong_kinds_are_refused_with_words(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as caught:
        validate_activity({**CREATE, **change})
    assert (caught.value.reason, caught.value.status) == (reason, 400)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("document", [None, 5, "x", [], [CREATE], {}])
def test_INB_04_what_is_no_activity_at_all(document: object) -> None:
    with pytest.raises(Refused) as caught:
        validate_activity(document)
    assert caught.value.reason.startswith("schema_")


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"object": "https://m.example/n/1"},
        {"object": [NOTE, NOTE]},
        {"type": ["Create", "x:Other"]},
        {"actor": [{"id": MIA, "type": "Person"}]},
        {"to": None, "cc": "as:Public"},
        {"object": {**NOTE, "to": ["as:Public", None], "tag": {"type": "Hashtag"}, "summary": None}},
        {"object": {**NOTE, "published": ["30 Feb"], "sensitive": None}},
    ],
)
def test_INB_07_odd_but_legal_shapes_pass(change: dict[str, Any]) -> None:
    validate_activity({**CREATE, **change})


def test_INB_08_prefixed_keys_are_judged_by_their_short_names() -> None:
    validate_activity({"as:type": "as:Like", "as:actor": MIA, "as:object": "https://b.example/1"})
    with pytest.raises(Refused):
        validate_activity({**CREATE, "object": {"as:id": 5, "as:type": "Note"}})


@pytest.mark.parametrize("prop", ["object", "content"])
def test_what_is_huge_is_refused_without_long_words(prop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The explainer takes seconds for a full inbox body: there only the place is told."""
    monkeypatch.setattr(jsonschema.Draft202012Validator, "iter_errors", None)
    huge = [{"type": "Note", "id": "https://m.example/1"}] * 20_000
    with pytest.raises(Refused) as caught:
        validate_activity({**CREATE, prop: huge})
    assert (caught.value.status, caught.value.reason) == (400, f"schema_{prop}")


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(Refused) as caught:
        validate_activity({**CREATE, "to": {"secret": 1}, "cc": 5, "actor": 5})
    assert "secret" not in str(caught.value)


@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8))
def test_both_validators_agree_on_anything(document: dict[str, Any]) -> None:
    schema = schema_of(schema_name(document))
    fast = jsonschema_rs.validator_for(schema).is_valid(document)
    assert fast is jsonschema.Draft202012Validator(schema).is_valid(document)
    if fast:
        validate_activity(document)
    else:
        with pytest.raises(Refused):
            validate_activity(document)
