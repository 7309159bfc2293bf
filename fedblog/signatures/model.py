"""What goes into a signature check and what comes out of it: the request, the claim, the reasons for a refusal."""

from __future__ import annotations

import base64
from enum import StrEnum
from typing import Literal

from fedblog.activitypub.urls import Uri
from fedblog.errors import Refused
from fedblog.records import record

Scheme = Literal["cavage", "rfc9421"]


class Reason(StrEnum):
    """Why a signature or proof was refused: stable codes, kept in the inbox log."""

    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_MALFORMED = "signature_malformed"
    SIGNATURE_DUPLICATE_PARAMETER = "signature_duplicate_parameter"
    SIGNATURE_INVALID = "signature_invalid"
    HEADER_DUPLICATED = "header_duplicated"
    HEADER_TOO_LONG = "header_too_long"
    DIGEST_MISSING = "digest_missing"
    DIGEST_MISMATCH = "digest_mismatch"
    DIGEST_MALFORMED = "digest_malformed"
    DIGEST_UNSUPPORTED = "digest_unsupported"
    COVERAGE_INSUFFICIENT = "coverage_insufficient"
    COVERED_HEADER_MISSING = "covered_header_missing"
    COMPONENT_UNSUPPORTED = "component_unsupported"
    HOST_MISMATCH = "host_mismatch"
    DATE_UNPARSABLE = "date_unparsable"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    EXPIRED = "expired"
    CREATED_MISSING = "created_missing"
    CREATED_WITH_RSA = "created_with_rsa"
    ALGORITHM_UNSUPPORTED = "algorithm_unsupported"
    ALGORITHM_KEY_MISMATCH = "algorithm_key_mismatch"
    KEY_ID_INVALID = "key_id_invalid"
    PROOF_MISSING = "proof_missing"
    PROOF_MALFORMED = "proof_malformed"
    PROOF_UNSUPPORTED = "proof_unsupported"
    PROOF_WRONG_PURPOSE = "proof_wrong_purpose"
    PROOF_CONTEXT_MISMATCH = "proof_context_mismatch"
    PROOF_KEY_MISMATCH = "proof_key_mismatch"
    PROOF_EXPIRED = "proof_expired"
    PROOF_IN_FUTURE = "proof_in_future"
    PROOF_INVALID = "proof_invalid"

    @property
    def http_status(self) -> int:
        """400 for what can't be read in one way only (SIG-03, SIG-09, SIG-12), else 401."""
        return 400 if self in _UNREADABLE else 401


_UNREADABLE = frozenset(
    {
        Reason.SIGNATURE_MALFORMED,
        Reason.SIGNATURE_DUPLICATE_PARAMETER,
        Reason.HEADER_DUPLICATED,
        Reason.HEADER_TOO_LONG,
        Reason.DIGEST_MALFORMED,
    }
)


class SignatureRefused(Refused):
    """A signature or proof that doesn't hold; `code` says why, `status` is 400 or 401."""

    def __init__(self, code: Reason, detail: str = "") -> None:
        message = code.value.replace("_", " ")
        super().__init__(f"{message}: {detail}" if detail else message, reason=code.value, status=code.http_status)
        self.code = code


@record(frozen=True, slots=True)
class SignedRequest:
    """A request as it came over the wire.

    `target` is the raw path and query ("/inbox?x=%2F"), never decoded; `headers` are in wire order, names in any
    case; `authority` is the configured host[:port] that requests to us must be for (SIG-10), never a header's word;
    `scheme` is the public one.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    authority: str
    scheme: str = "https"

    @property
    def has_content(self) -> bool:
        """Whether this kind of request acts by its body, so that the body must be under the signature (SIG-05)."""
        return self.method.upper() not in {"GET", "HEAD"}


@record(frozen=True, slots=True)
class Unsealed:
    """A request of ours that lacks nothing but its signature over `base`.

    What is left is one act of the key, outside the interpreter's lock; `before` and `after` are what stands around the
    signature in its header.
    """

    headers: dict[str, str]
    base: bytes
    before: str
    after: str

    def sealed(self, signature: bytes) -> dict[str, str]:
        """All headers to add."""
        return {**self.headers, "Signature": f"{self.before}{base64.b64encode(signature).decode()}{self.after}"}


@record(frozen=True, slots=True)
class Claim:
    """A signature whose form, time, coverage and digest are right and whose key is still to be asked.

    `base` is what was signed; `alternates` are other bases that count as well (SIG-08). `algorithm` is the sender's
    word in lower case, if given; `created` is Unix seconds of (created) or Date; `covered` are component names in
    signing order.
    """

    scheme: Scheme
    key_id: Uri
    algorithm: str | None
    base: bytes
    signature: bytes
    created: int | None
    covered: tuple[str, ...]
    alternates: tuple[bytes, ...] = ()
