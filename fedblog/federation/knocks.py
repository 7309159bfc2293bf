"""How to sign a request that may be refused: what the host took last, then as it asks, then the other way (OUT-03..05).

"Double knocking" is what servers do while two kinds of HTTP signatures are about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from fedblog.activitypub.urls import Uri
from fedblog.blog.ledger import HostState
from fedblog.signatures.rfc9421 import COVERED, accepted_components

#: `rfc9421` signs with RSA, which everybody can verify; Ed25519 is for hosts that say that they can (OUT-09).
Scheme = Literal["cavage", "rfc9421", "rfc9421-ed25519"]

SCHEME_SECONDS = 30 * 86_400  # what worked is remembered so long (OUT-04)
REFRESH_SECONDS = 86_400  # and noted again at most once a day


class Knock(NamedTuple):
    """One way to sign a request; `components` are extra ones to cover (RFC 9421 only)."""

    scheme: Scheme
    with_query: bool = True
    components: Sequence[str] = ()


def preferred(host: HostState, *, now: float) -> Scheme:
    """What to try first."""
    fresh = now - host.scheme_at < SCHEME_SECONDS
    if fresh and host.scheme == "rfc9421":
        return "rfc9421"
    return "rfc9421-ed25519" if fresh and host.scheme == "rfc9421-ed25519" else "cavage"


def is_news(host: HostState, scheme: Scheme, *, now: float) -> bool:
    """Whether it is worth a write that this scheme worked."""
    return host.scheme != scheme or now - host.scheme_at >= REFRESH_SECONDS


def second_knock(refused: Knock, accept_signature: str | None) -> Knock:
    """After 400 or 401 to a POST: as the refusal asks, where we can, else the other kind."""
    return _as_asked(refused, accept_signature) or (Knock("rfc9421") if refused.scheme == "cavage" else Knock("cavage"))


def knocks_for(uri: Uri, first: Scheme) -> list[Knock]:
    """How to sign a GET, in this order: the scheme that worked last, the path alone (OUT-05), the other scheme."""
    cavage = [Knock("cavage")]
    if "?" in uri:
        cavage.append(Knock("cavage", with_query=False))
    rfc = [Knock("rfc9421")]
    if first == "rfc9421-ed25519":
        return [Knock(first), *cavage, *rfc]
    return rfc + cavage if first == "rfc9421" else cavage + rfc


def next_knocks(refused: Knock, left: list[Knock], accept_signature: str | None) -> list[Knock]:
    """What is left to try for a GET after a refusal: first what it asks for, in place of the plain RFC 9421."""
    asked = _as_asked(refused, accept_signature)
    return left if asked is None else [asked, *(knock for knock in left if knock.scheme != "rfc9421")]


def _as_asked(refused: Knock, accept_signature: str | None) -> Knock | None:
    """The knock that an `Accept-Signature` wishes for; None where we can't or just did. Wishes are heard once."""
    wished = accepted_components(accept_signature or "")
    if wished is None or refused.components:
        return None
    if refused.scheme == "rfc9421" and set(wished) <= set(COVERED):
        return None
    return Knock("rfc9421", components=wished)
