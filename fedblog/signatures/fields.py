"""Structured fields (RFC 9651) read strictly: bounded, no key twice, every failure a `SignatureRefused`.

The parser is loaded with the first field, not at the start: most of those who sign do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from fedblog.signatures.model import Reason, SignatureRefused

Member = Any  # http_sf: a bare item, (bare item, parameters) or (list of items, parameters)


def parse_dictionary(value: str, *, malformed: Reason = Reason.SIGNATURE_MALFORMED) -> dict[str, Member]:
    """A dictionary field; raises `SignatureRefused(malformed)`, or `signature_duplicate_parameter` for a key twice."""
    import http_sf

    try:
        parsed = http_sf.parse(value.encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse_duplicate)
    except (http_sf.StructuredFieldError, ValueError, OverflowError) as exc:
        raise SignatureRefused(malformed, "structured field") from exc
    if not isinstance(parsed, dict):
        raise SignatureRefused(malformed, "structured field")
    return parsed


def _refuse_duplicate(key: str, _where: str) -> NoReturn:
    raise SignatureRefused(Reason.SIGNATURE_DUPLICATE_PARAMETER, key)


def bare(member: Member) -> object:
    """The value without its parameters."""
    return member[0] if isinstance(member, tuple) else member


def parameters(member: Member) -> Mapping[str, object]:
    """The parameters of an item or inner list, in order."""
    found = member[1] if isinstance(member, tuple) else {}
    return found if isinstance(found, dict) else {}


def serialise(member: Member) -> str:
    """One item or inner list in its canonical spelling (RFC 9651 §4.1). Raises `SignatureRefused` (400)."""
    import http_sf

    try:
        return http_sf.ser([member])
    except (ValueError, TypeError, OverflowError) as exc:
        raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "structured field") from exc


def serialise_dictionary(members: dict[str, Member]) -> str:
    """A whole dictionary in its canonical spelling. Raises `SignatureRefused` (400)."""
    import http_sf

    try:
        return http_sf.ser(members)
    except (ValueError, TypeError, OverflowError) as exc:
        raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "structured field") from exc
