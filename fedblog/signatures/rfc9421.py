"""HTTP Message Signatures, RFC 9421, within the profile that the fediverse uses (SIG-13 to SIG-15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from fedblog.activitypub.urls import Uri, host_of, maybe_uri
from fedblog.signatures import fields
from fedblog.signatures import headers as hdr
from fedblog.signatures.components import FIELD_PARAMETERS, Component, read_components, signature_base
from fedblog.signatures.digest import check_content_digest, make_content_digest
from fedblog.signatures.headers import HeaderTable
from fedblog.signatures.keys import PrivateKey
from fedblog.signatures.model import Claim, Reason, SignatureRefused, SignedRequest, Unsealed
from fedblog.signatures.times import check_window, http_date

ACTIVITY_JSON = "application/activity+json"
ACCEPT_SIGNATURE: Final = 'sig1=("@method" "@target-uri" "content-digest");created;keyid'
"""What a 401 says about the signatures we take (SIG-18, RFC 9421 §5.1)."""
ACCEPT_SIGNATURE_GET: Final = 'sig1=("@method" "@target-uri");created;keyid'
"""The same for a request without a body."""

ALGORITHMS = frozenset({"rsa-v1_5-sha256", "rsa-v1_5-sha512", "ed25519"})
MAX_LABELS = 4
LABEL = "sig1"
_OUR_ALGORITHM = {"rsa": "rsa-v1_5-sha256", "ed25519": "ed25519"}
COVERED: Final = ("@method", "@target-uri", "content-digest")
"""What we cover always; the digest where there is a body."""
_SIGNABLE = frozenset(
    {"@method", "@target-uri", "@authority", "@scheme", "@request-target", "@path", "@query"}
    | {"host", "date", "content-type", "content-digest"}
)


def read_claims(request: SignedRequest, table: HeaderTable, *, now: float) -> tuple[Claim, ...]:
    """The signatures, of the first four labels, that hold as far as can be said without a key.

    Any one may suffice later (SIG-13). Raises `SignatureRefused` where the headers can't be read or no label is
    left; then the reason is the first label's.
    """
    inputs = fields.parse_dictionary(table.get("signature-input") or "")
    signatures = fields.parse_dictionary(table.get("signature") or "")
    labels = [label for label in inputs if label in signatures][:MAX_LABELS]
    if not labels:
        raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "no label with both an input and a signature")
    claims: list[Claim] = []
    refusals: list[SignatureRefused] = []
    for label in labels:
        try:
            claims.append(_read_claim(request, table, inputs[label], fields.bare(signatures[label]), now))
        except SignatureRefused as refusal:
            refusals.append(refusal)
    if not claims:
        raise refusals[0]
    return tuple(claims)


def _read_claim(
    request: SignedRequest, table: HeaderTable, member: fields.Member, signature: object, now: float
) -> Claim:
    components = read_components(fields.bare(member))
    parameters = fields.parameters(member)
    if not isinstance(signature, bytes) or not signature:
        raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "the signature is no byte sequence")
    key_id, algorithm = _check_key_parameters(parameters)
    created = _check_time(parameters, now)
    _check_coverage(request, components)
    base = signature_base(request, table, components, fields.serialise(member))
    if any(name == "content-digest" for name, _ in components):
        check_content_digest(table.get("content-digest"), request.body)
    return Claim(
        scheme="rfc9421",
        key_id=key_id,
        algorithm=algorithm,
        base=base,
        signature=signature,
        created=created,
        covered=tuple(name for name, _ in components),
    )


def _check_key_parameters(parameters: Mapping[str, object]) -> tuple[Uri, str | None]:
    key_id = maybe_uri(parameters.get("keyid"))
    if key_id is None:
        raise SignatureRefused(Reason.KEY_ID_INVALID)
    algorithm = parameters.get("alg")
    if algorithm is None:
        return key_id, None
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise SignatureRefused(Reason.ALGORITHM_UNSUPPORTED)
    return key_id, algorithm


def _check_time(parameters: Mapping[str, object], now: float) -> int:
    created, expires = parameters.get("created"), parameters.get("expires")
    if created is None:
        raise SignatureRefused(Reason.CREATED_MISSING)
    # bool is an int in Python, and a bare `;created` parses as true
    if type(created) is not int or (expires is not None and type(expires) is not int):
        raise SignatureRefused(Reason.DATE_UNPARSABLE)
    check_window(created, expires if isinstance(expires, int) else None, now)
    return created


def _check_coverage(request: SignedRequest, components: Sequence[Component]) -> None:
    """SIG-13. `;key` covers one member only, so that it doesn't count towards what must be covered."""
    for name, parameters in components:
        allowed = frozenset[str]() if name.startswith("@") else FIELD_PARAMETERS
        if not set(parameters) <= allowed:
            raise SignatureRefused(Reason.COMPONENT_UNSUPPORTED, name)
    covered = {name for name, parameters in components if "key" not in parameters}
    _, query = hdr.split_target(request.target)
    by_parts = {"@authority", "@path"} | ({"@query"} if query is not None else set())
    bound = "@target-uri" in covered or by_parts <= covered
    if "@method" not in covered or not bound or (request.has_content and "content-digest" not in covered):
        raise SignatureRefused(Reason.COVERAGE_INSUFFICIENT)


def prepare_rfc9421(
    *,
    method: str,
    url: Uri,
    body: bytes | None,
    key: PrivateKey,
    now: float,
    components: Sequence[str] = (),
    extra: Mapping[str, str] | None = None,
) -> Unsealed:
    """The second knock (OUT-03) but for its signature: Host, Date, Signature-Input, and with a body Content-Digest and
    Content-Type.

    `components` are more to cover than we do anyway, as `accepted_components` reads them from a refusal (OUT-04);
    `extra` headers are sent and covered as well.
    """
    headers = {"Host": host_of(url), "Date": http_date(now), **(extra or {})}
    if body is not None:
        headers |= {"Content-Digest": make_content_digest(body), "Content-Type": ACTIVITY_JSON}
    wanted = dict.fromkeys((*COVERED, *(name.lower() for name in extra or ()), *components))
    absent = set() if body is not None else {"content-digest", "content-type"}
    covered: list[Component] = [(name, {}) for name in wanted if name not in absent]
    request = SignedRequest(
        method=method,
        target=hdr.request_target(url),
        headers=tuple(headers.items()),
        body=body or b"",
        authority=host_of(url),
        scheme=url.partition(":")[0].lower(),
    )
    parameters = {"created": int(now), "keyid": str(key.key_id), "alg": _OUR_ALGORITHM[key.algorithm]}
    inner_list: fields.Member = ([(name, {}) for name, _ in covered], parameters)
    base = signature_base(request, HeaderTable.of(request), covered, fields.serialise(inner_list))
    headers["Signature-Input"] = fields.serialise_dictionary({LABEL: inner_list})
    return Unsealed(headers, base, f"{LABEL}=:", ":")  # a byte sequence (RFC 9651 §3.3.5)


def sign_rfc9421(
    *,
    method: str,
    url: Uri,
    body: bytes | None,
    key: PrivateKey,
    now: float,
    components: Sequence[str] = (),
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """All headers to add for the second knock, `Signature` included; see `prepare_rfc9421`."""
    made = prepare_rfc9421(method=method, url=url, body=body, key=key, now=now, components=components, extra=extra)
    return made.sealed(key.sign(made.base))


def accepted_components(value: str) -> tuple[str, ...] | None:
    """What to pass to `sign_rfc9421` to satisfy an `Accept-Signature` header; None where we can't or it is garbage.

    We can where one label asks for components of the request without parameters, for `created` and `keyid`, and for
    our algorithm or none; not where it asks for a nonce, a tag or an expiry.
    """
    if len(value) > hdr.MAX_VALUE_LENGTH:
        return None
    try:
        members = fields.parse_dictionary(value)
    except SignatureRefused:
        return None
    for member in members.values():
        parameters = fields.parameters(member)
        flags = all(parameters[name] is True for name in ("created", "keyid") if name in parameters)
        if not flags or not set(parameters) <= {"created", "keyid", "alg"}:
            continue
        if parameters.get("alg", "rsa-v1_5-sha256") != "rsa-v1_5-sha256":
            continue
        try:
            components = read_components(fields.bare(member))
        except SignatureRefused:
            continue
        if all(name in _SIGNABLE and not parameters for name, parameters in components):
            return tuple(name for name, _ in components)
    return None


def parse_accept_signature(value: str) -> bool:
    """Whether we can sign as this `Accept-Signature` header asks (OUT-04)."""
    return accepted_components(value) is not None
