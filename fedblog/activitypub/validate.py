"""Is it an activity at all? JSON Schema of its type decides before anything else looks at it.

`jsonschema_rs` decides in microseconds; only where it says no does `jsonschema` find the words for it. A test keeps
both of one mind. The schema is in `schemas/activity.json`.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from fedblog.activitypub.normalise import short_names, type_of
from fedblog.activitypub.vocab import ACTIVITY_TYPES, Json
from fedblog.errors import Refused

if TYPE_CHECKING:  # loaded when something is judged: a twentieth of the start
    import jsonschema
    import jsonschema_rs

_SCHEMA: Json = json.loads(files(__package__).joinpath("schemas/activity.json").read_text("utf-8"))
_CONTENT_TYPES = frozenset({"Create", "Update"})
_TARGET_TYPES = frozenset({"Move", "Add", "Remove"})
_OBJECT_TYPES = ACTIVITY_TYPES - _CONTENT_TYPES - _TARGET_TYPES
_MAX_EXPLAINED = 500  # values
_NAMED = frozenset({"id", "type", "actor", "object", "target", "to", "cc", "content", "tag"})


def validate_activity(doc: object) -> None:
    """Nothing for an activity that can be read.

    Raises `Refused` (400) with the reason `schema_PROPERTY` (`schema_activity` for the whole) and the problem in words.
    """
    plain = _plain(doc)
    definition = schema_name(plain)
    if not _judge(definition).is_valid(plain):
        raise _explained(definition, plain) if _is_small(plain) else _located(definition, plain)


def schema_name(doc: object) -> str:
    """Which definition of the schema a document is held against, by its type."""
    kind = type_of(doc) if isinstance(doc, dict) else ""
    if kind in _CONTENT_TYPES:
        return "withContent"
    if kind in _TARGET_TYPES:
        return "withTarget"
    return "withObject" if kind in _OBJECT_TYPES else "activity"


def schema_of(definition: str) -> Json:
    """The JSON Schema of one definition, for both validators."""
    return {**_SCHEMA, "$ref": f"#/$defs/{definition}"}


def _plain(doc: object) -> object:
    """The document with short names on its own level and on its object's."""
    if not isinstance(doc, dict):
        return doc
    plain = short_names(doc)
    inner = plain.get("object")
    if not isinstance(inner, dict) or (short := short_names(inner)) is inner:
        return plain
    return {**plain, "object": short}


@cache
def _judge(definition: str) -> jsonschema_rs.Validator:
    import jsonschema_rs

    return jsonschema_rs.validator_for(schema_of(definition))


@cache
def _explainer(definition: str) -> jsonschema.Draft202012Validator:
    import jsonschema

    return jsonschema.Draft202012Validator(schema_of(definition))


def _explained(definition: str, doc: object) -> Refused:
    from jsonschema.exceptions import best_match

    error = best_match(_explainer(definition).iter_errors(doc))
    path = [str(part) for part in error.absolute_path] if error is not None else []
    missing = _missing(error) if error is not None else ""
    name = path[0] if path else missing
    reason = f"schema_{name}" if name in _NAMED else "schema_activity"
    where = ".".join(path) or "the activity"
    return Refused(f"{where}: {_words(error)}", reason=reason)


def _is_small(doc: object) -> bool:
    """Whether explaining is cheap: the explainer takes seconds for what fills an inbox body, and holds up everybody."""
    seen, waiting = 0, [doc]
    while waiting:
        here = waiting.pop()
        inside = list(here.values()) if isinstance(here, dict) else here if isinstance(here, list) else []
        seen += 1 + len(inside)
        if seen > _MAX_EXPLAINED:
            return False
        waiting.extend(inside)
    return True


def _located(definition: str, doc: object) -> Refused:
    """A refusal that only says where, as the fast validator tells it."""
    path = next((error.instance_path for error in _judge(definition).iter_errors(doc)), [])
    name = str(path[0]) if path else ""
    reason = f"schema_{name}" if name in _NAMED else "schema_activity"
    return Refused(f"{name or 'the activity'}: can't be read", reason=reason)


def _missing(error: jsonschema.ValidationError) -> str:
    if error.validator != "required" or not isinstance(error.instance, dict):
        return ""
    wanted = error.validator_value
    return next((str(name) for name in wanted if name not in error.instance), "") if isinstance(wanted, list) else ""


def _words(error: jsonschema.ValidationError | None) -> str:
    """What is wrong, without repeating the sender's data."""
    if error is None:
        return "can't be read"
    if missing := _missing(error):
        return f"`{missing}` is missing"
    if error.validator == "type":
        wanted = error.validator_value
        return f"must be {' or '.join(wanted) if isinstance(wanted, list) else wanted}"
    return f"has a shape that can't be read ({error.validator})"
