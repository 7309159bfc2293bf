"""The covered components of RFC 9421 (section 2): what each one's line in the signature base says."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, quote

from fedblog.signatures import fields
from fedblog.signatures import headers as hdr
from fedblog.signatures.headers import HeaderTable
from fedblog.signatures.model import Reason, SignatureRefused, SignedRequest

Component = tuple[str, Mapping[str, object]]
FIELD_PARAMETERS = frozenset({"sf", "bs", "key"})
# The structured fields that ;sf may re-serialise here: those whose type is known for sure.
_DICTIONARIES = frozenset({"content-digest", "signature", "signature-input", "accept-signature", "priority"})


def signature_base(
    request: SignedRequest, table: HeaderTable, components: Sequence[Component], signature_params: str
) -> bytes:
    """The bytes that are signed (RFC 9421 §2.5); `signature_params` is the inner list in canonical spelling.

    Raises `SignatureRefused` where a component is missing, unknown or named twice.
    """
    lines = []
    seen = set()
    for name, parameters in components:
        identifier = fields.serialise((name, dict(parameters)))
        if identifier in seen:
            raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "component named twice")
        seen.add(identifier)
        value = _derived(request, name, parameters) if name.startswith("@") else _field(table, name, parameters)
        lines.append(f"{identifier}: {value}")
    lines.append(f'"@signature-params": {signature_params}')
    return hdr.encode_base(lines)


def _derived(request: SignedRequest, name: str, parameters: Mapping[str, object]) -> str:
    path, query = hdr.split_target(request.target)
    authority = hdr.normal_authority(request.authority, request.scheme)
    values = {
        "@method": request.method,
        "@target-uri": f"{request.scheme}://{authority}{request.target}",
        "@authority": authority,
        "@scheme": request.scheme,
        "@request-target": request.target,
        "@path": path,
        "@query": f"?{query or ''}",
    }
    if name == "@query-param" and set(parameters) == {"name"}:
        return _query_parameter(query or "", parameters["name"])
    if name not in values or parameters:
        raise SignatureRefused(Reason.COMPONENT_UNSUPPORTED, name)
    return values[name]


def _query_parameter(query: str, wanted: object) -> str:
    """RFC 9421 §2.2.8: decoded and encoded anew; a name that is there twice can't be covered."""
    found = [value for name, value in parse_qsl(query, keep_blank_values=True) if _form_encode(name) == wanted]
    if len(found) != 1:
        raise SignatureRefused(Reason.COVERED_HEADER_MISSING, "@query-param")
    return _form_encode(found[0])


def _form_encode(text: str) -> str:
    """The percent-encode set of forms, blanks as %20; unlike `quote` it does not spare the tilde."""
    return quote(text, safe="*-._").replace("~", "%7E")


def _field(table: HeaderTable, name: str, parameters: Mapping[str, object]) -> str:
    value = table.get(name)
    flags_hold = all(parameters[flag] is True for flag in ("sf", "bs") if flag in parameters)
    if name != name.lower() or not set(parameters) <= FIELD_PARAMETERS or not flags_hold:
        raise SignatureRefused(Reason.COMPONENT_UNSUPPORTED, name)
    if value is None:
        raise SignatureRefused(Reason.COVERED_HEADER_MISSING, name)
    if not parameters:
        return value
    if "bs" in parameters:
        if len(parameters) > 1:
            raise SignatureRefused(Reason.COMPONENT_UNSUPPORTED, "bs goes alone")
        return ", ".join(_byte_sequence(line) for line in table.lines(name))
    if name not in _DICTIONARIES:
        raise SignatureRefused(Reason.COMPONENT_UNSUPPORTED, f"{name} as a structured field")
    members = fields.parse_dictionary(value)
    if "key" not in parameters:
        return fields.serialise_dictionary(members)
    key = parameters["key"]
    if not isinstance(key, str) or key not in members:
        raise SignatureRefused(Reason.COVERED_HEADER_MISSING, name)
    return fields.serialise(members[key])


def _byte_sequence(line: str) -> str:
    return f":{base64.b64encode(hdr.encode_base([line])).decode()}:"


def read_components(members: object) -> tuple[Component, ...]:
    """The components of a parsed inner list. Raises `SignatureRefused` (400) where they aren't strings."""
    if not isinstance(members, list) or len(members) > hdr.MAX_COVERED:
        raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "covered components")
    components = []
    for member in members:
        name = fields.bare(member)
        if not isinstance(name, str):
            raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "component name")
        components.append((name, fields.parameters(member)))
    return tuple(components)
