"""HTTP signatures as most of the fediverse makes them: draft-cavage-http-signatures-12."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from functools import lru_cache

from fedblog.activitypub.urls import Uri, host_of, maybe_uri
from fedblog.records import record
from fedblog.signatures import headers as hdr
from fedblog.signatures.digest import check_digest, make_digest
from fedblog.signatures.headers import HeaderTable
from fedblog.signatures.keys import PrivateKey
from fedblog.signatures.model import Claim, Reason, SignatureRefused, SignedRequest, Unsealed
from fedblog.signatures.times import check_window, http_date, parse_http_date, parse_seconds

ACTIVITY_JSON = "application/activity+json"
ALGORITHMS = frozenset({"rsa-sha256", "rsa-sha512", "hs2019", "ed25519"})
MAX_SIGNATURE_BYTES = 1024  # RSA with 8,192 bits
_SCHEME = re.compile(r"signature[ \t]+", re.IGNORECASE)
# name = token | "quoted string"; every part is possessive or ends at a character the next can't begin with
_PARAMETER = re.compile(
    r"[ \t]*+([A-Za-z]++)[ \t]*+=[ \t]*+"
    r"(?:\"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*+)\"|([!#$%&'*+.^_`|~0-9A-Za-z-]++))[ \t]*+(,|\Z)"
)
_ESCAPE = re.compile(r"\\(.)")
# How nearly all write them, read at once; whatever else comes is read parameter by parameter.
_USUAL = re.compile(
    r'keyId="([\x20\x21\x23-\x5b\x5d-\x7e]*+)",(?:algorithm="([a-z0-9-]*+)",)?+'
    r'headers="([\x20\x21\x23-\x5b\x5d-\x7e]*+)",signature="([A-Za-z0-9+/=]*+)"\Z'
)


@record(frozen=True, slots=True)
class Parameters:
    """The parameters of a Signature header, as sent; `algorithm` and `covered` in lower case."""

    key_id: str
    signature: bytes
    algorithm: str | None
    covered: tuple[str, ...]
    created: str | None
    expires: str | None

    @property
    def dated(self) -> bool:
        """Whether created and expires count (SIG-06)."""
        return self.algorithm in {None, "hs2019"}


def signature_value(table: HeaderTable) -> str | None:
    """The parameter text: of `Signature` (a leading "Signature " dropped), or of `Authorization: Signature …`."""
    value = table.get("signature")
    if value is not None:
        return _SCHEME.sub("", value, count=1) if _SCHEME.match(value) else value
    authorization = table.get("authorization")
    if authorization is None:
        return None
    scheme = _SCHEME.match(authorization)
    return authorization[scheme.end() :] if scheme else None


def parse_parameters(value: str) -> Parameters:
    """Reads `keyId="…",headers="…",signature="…"` (SIG-03), the only reader there is.

    Raises `SignatureRefused`: 400 for anything outside the grammar, a parameter twice, no keyId or signature.
    """
    usual = _USUAL.match(value)
    if usual is not None:
        key_id, algorithm, names, signature = usual.groups()
        return Parameters(key_id, _decode_signature(signature), algorithm, _names(names), None, None)
    return _parse_each(value)


def _parse_each(value: str) -> Parameters:
    found: dict[str, str] = {}
    position = 0
    while True:
        match = _PARAMETER.match(value, position)
        if match is None:
            raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "parameters")
        name, quoted, token, comma = match.groups()
        if name.lower() in found:
            raise SignatureRefused(Reason.SIGNATURE_DUPLICATE_PARAMETER, name)
        if quoted is not None:
            token = _ESCAPE.sub(r"\1", quoted) if "\\" in quoted else quoted
        found[name.lower()] = token
        if not comma:
            break
        position = match.end()
    if "keyid" not in found or "signature" not in found:
        raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "keyId and signature are needed")
    algorithm = found.get("algorithm")
    return Parameters(
        key_id=found["keyid"],
        signature=_decode_signature(found["signature"]),
        algorithm=None if algorithm is None else algorithm.lower(),
        covered=_covered(found),
        created=found.get("created"),
        expires=found.get("expires"),
    )


def _decode_signature(text: str) -> bytes:
    try:
        signature = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError) as exc:
        raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "base64") from exc
    if not 0 < len(signature) <= MAX_SIGNATURE_BYTES:
        raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "signature length")
    return signature


def _covered(found: dict[str, str]) -> tuple[str, ...]:
    # The draft's text names (created) as the default list and older drafts date; either is too small for us (SIG-05).
    return _names(found.get("headers", "(created)" if "created" in found else "date"))


@lru_cache(256)  # servers send the same list each time
def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.lower().split())
    if len(names) > hdr.MAX_COVERED or len(set(names)) != len(names):
        raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "header list")
    return names


def signing_string(method: str, target: str, table: HeaderTable, parameters: Parameters) -> bytes:
    """The bytes that are signed (draft §2.3).

    Raises `SignatureRefused` where a covered header is missing or a special component unknown.
    """
    lines = []
    for name in parameters.covered:
        value = table.get(name) if name[0] != "(" else _special(name, method, target, parameters)
        if value is None:
            raise SignatureRefused(Reason.COVERED_HEADER_MISSING, name)
        lines.append(f"{name}: {value}")
    return hdr.encode_base(lines)


def _special(name: str, method: str, target: str, parameters: Parameters) -> str | None:
    if name == "(request-target)":
        return f"{method.lower()} {target}"
    if name == "(created)":
        return parameters.created
    if name == "(expires)":
        return parameters.expires
    raise SignatureRefused(Reason.COMPONENT_UNSUPPORTED, name)


def read_claim(request: SignedRequest, table: HeaderTable, value: str, *, now: float) -> Claim:
    """All that can be said without the key: form, algorithm, coverage, time, digest. `value` is what `signature_value`
    found. Raises `SignatureRefused`.
    """
    parameters = parse_parameters(value)
    key_id = maybe_uri(parameters.key_id)
    if key_id is None:
        raise SignatureRefused(Reason.KEY_ID_INVALID)
    if parameters.algorithm is not None and parameters.algorithm not in ALGORITHMS:
        raise SignatureRefused(Reason.ALGORITHM_UNSUPPORTED)
    _check_coverage(request, parameters)
    created = _check_time(table, parameters, now)
    base = signing_string(request.method, request.target, table, parameters)
    if "digest" in parameters.covered:
        check_digest(table.get("digest"), request.body)
    return Claim(
        scheme="cavage",
        key_id=key_id,
        algorithm=parameters.algorithm,
        base=base,
        signature=parameters.signature,
        created=created,
        covered=parameters.covered,
        alternates=_without_query(request, table, parameters),
    )


def _check_coverage(request: SignedRequest, parameters: Parameters) -> None:
    problem = _coverage_problem(parameters.covered, request.has_content, parameters.dated)
    if problem is not None:
        raise SignatureRefused(problem)


@lru_cache(256)
def _coverage_problem(names: tuple[str, ...], has_content: bool, dated: bool) -> Reason | None:
    covered = set(names)
    if covered & {"(created)", "(expires)"} and not dated:
        return Reason.CREATED_WITH_RSA
    needed = {"(request-target)", "host"} | ({"digest"} if has_content else set())
    if not needed <= covered or not covered & {"date", "(created)"}:
        return Reason.COVERAGE_INSUFFICIENT
    return None


def _check_time(table: HeaderTable, parameters: Parameters, now: float) -> int | None:
    created = expires = None
    if parameters.dated:
        created = None if parameters.created is None else parse_seconds(parameters.created)
        expires = None if parameters.expires is None else parse_seconds(parameters.expires)
    check_window(created, expires, now)
    if "date" in parameters.covered:
        date = table.get("date")
        if date is None:
            raise SignatureRefused(Reason.COVERED_HEADER_MISSING, "date")
        dated = parse_http_date(date)
        check_window(dated, None, now)
        created = dated if created is None else created
    return created


def _without_query(request: SignedRequest, table: HeaderTable, parameters: Parameters) -> tuple[bytes, ...]:
    """SIG-08: several peers sign the path alone; taken for requests that only read."""
    if request.has_content:
        return ()
    path, query = hdr.split_target(request.target)
    if query is None:
        return ()
    return (signing_string(request.method, path, table, parameters),)


def prepare_cavage(
    *,
    method: str,
    url: Uri,
    body: bytes | None,
    key: PrivateKey,
    now: float,
    with_query: bool = True,
    extra: Mapping[str, str] | None = None,
) -> Unsealed:
    """The first knock (OUT-02) but for its signature: Host, Date, Digest and Content-Type with a body.

    `now` is Unix seconds; `with_query=False` signs the path alone, for peers that check only that (OUT-05); `extra`
    headers are sent and signed as well.
    """
    headers = {"Host": host_of(url), "Date": http_date(now)}
    if body is not None:
        headers |= {"Digest": make_digest(body), "Content-Type": ACTIVITY_JSON}
    if extra:
        headers |= extra
    target = hdr.request_target(url)
    # RSA names the one algorithm every peer knows; for Ed25519 the draft leaves only hs2019.
    algorithm = "rsa-sha256" if key.algorithm == "rsa" else "hs2019"
    lines = [f"(request-target): {method.lower()} {target if with_query else hdr.split_target(target)[0]}"]
    lines += [f"{name.lower()}: {value}" for name, value in headers.items()]
    covered = " ".join(("(request-target)", *map(str.lower, headers)))
    before = f'keyId="{key.key_id}",algorithm="{algorithm}",headers="{covered}",signature="'
    return Unsealed(headers, hdr.encode_base(lines), before, '"')


def sign_cavage(
    *,
    method: str,
    url: Uri,
    body: bytes | None,
    key: PrivateKey,
    now: float,
    with_query: bool = True,
    extra: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """All headers to add for the first knock, `Signature` included; see `prepare_cavage`."""
    made = prepare_cavage(method=method, url=url, body=body, key=key, now=now, with_query=with_query, extra=extra)
    return made.sealed(key.sign(made.base))
