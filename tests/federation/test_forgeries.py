"""Every way to sign falsely that we know of, through a real socket: each is refused and leaves nothing behind."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from fedblog.activitypub.urls import Uri
from fedblog.signatures.digest import make_digest
from fedblog.signatures.keys import PrivateKey, generate_ed25519
from fedblog.signatures.rfc9421 import sign_rfc9421
from tests.federation.house import BASE_URL, House

INBOX = Uri(f"{BASE_URL}/inbox")
FULL = "(request-target) host date digest"
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Request:
    """A signed request in its parts; a forgery changes one or two of them."""

    body: bytes
    key: PrivateKey
    now: float
    covered: str = FULL
    headers: tuple[tuple[str, str | None], ...] = ()
    parameters: str = 'algorithm="rsa-sha256"'
    key_id: str = ""
    target: str = "post /inbox"
    host: str = "blog.example"
    sign: Sign | None = None
    sent_body: bytes | None = None
    raw: str | None = None
    authorization: bool = False

    def build(self) -> tuple[bytes, dict[str, str]]:
        """Body and headers as they are sent."""
        values = {"host": self.host, "date": formatdate(self.now, usegmt=True), "digest": make_digest(self.body)}
        values |= {"content-type": "application/activity+json", "(request-target)": self.target}
        changed = {name: value for name, value in self.headers if value is not None}
        values |= changed
        base = "\n".join(f"{name}: {values.get(name, '')}" for name in self.covered.split()).encode()
        signature = base64.b64encode((self.sign or self.key.sign)(base)).decode()
        line = f'keyId="{self.key_id or self.key.key_id}",{self.parameters},headers="{self.covered}"'
        line = self.raw.replace("SIG", signature) if self.raw is not None else f'{line},signature="{signature}"'
        gone = {name for name, value in self.headers if value is None}
        sent = {name: values[name] for name in ("date", "digest", *changed) if name in values and name not in gone}
        sent = {name: value for name, value in sent.items() if not name.startswith("(") and name != "host"}
        name = "Authorization" if self.authorization else "Signature"
        return self.sent_body if self.sent_body is not None else self.body, {**sent, name: line}


def forgeries(r: Request, stranger: PrivateKey, neighbour: str, rsa: RSAPrivateKey) -> dict[str, Request]:
    """Name -> forgery. `neighbour` is somebody else's key id on the actor's host, with the same key pair."""

    def dated(seconds: float) -> Request:
        return replace(r, now=r.now + seconds)

    def with_header(name: str, value: str | None, **more: Any) -> Request:
        return replace(r, headers=((name, value),), **more)

    def created(value: str, **more: str) -> Request:
        tail = "".join(f",{name}={told}" for name, told in more.items())
        return replace(
            r,
            covered="(request-target) host (created) digest",
            parameters=f"algorithm=hs2019,created={value}{tail}",
            headers=(("(created)", value.strip('"')),),
        )

    pem = r.key.public.pem.encode()
    sha = base64.b64encode(hashlib.sha256(r.body).digest()).decode()
    md5 = base64.b64encode(hashlib.md5(r.body, usedforsecurity=False).digest()).decode()
    good = f'keyId="{r.key.key_id}",algorithm="rsa-sha256",headers="{FULL}",signature="SIG"'
    found = {
        "another key": replace(r, sign=stranger.sign),
        "a neighbour's key": replace(r, key_id=neighbour),
        "a stranger's key": replace(r, key_id=str(stranger.key_id), sign=stranger.sign),
        "no such key": replace(r, key_id=f"{r.key.key_id}-2"),
        "a key on another host": replace(r, key_id="http://nobody.localhost:1/users/bob#main-key"),
        "our own actor as the key": replace(r, key_id=f"{BASE_URL}/ap/actors/ana#main-key"),
        "our own instance as the key": replace(r, key_id=f"{BASE_URL}/ap/instance#main-key"),
        "a swapped body": replace(r, sent_body=r.body.replace(b"Well said", b"Ill said!")),
        "a longer body": replace(r, sent_body=r.body + b" "),
        "an empty body": replace(r, sent_body=b""),
        "an old date": dated(-12 * 3600 - 10),
        "a date to come": dated(3700),
        "no date": with_header("date", None),
        "an unreadable date": with_header("date", "yesterday"),
        "an empty date": with_header("date", ""),
        "a date with another zone": with_header("date", "Tue, 24 Nov 2026 10:00:00 PST"),
        "date not covered": replace(r, covered="(request-target) host digest"),
        "digest not covered": replace(r, covered="(request-target) host date"),
        "host not covered": replace(r, covered="(request-target) date digest"),
        "target not covered": replace(r, covered="host date digest"),
        "only the date": replace(r, covered="date"),
        "nothing covered": replace(r, covered=""),
        "a header that isn't there": replace(r, covered=f"{FULL} x-nothing"),
        "covered twice": replace(r, covered=f"{FULL} date"),
        "an unknown component": replace(r, covered=f"{FULL} (magic)"),
        "another path": replace(r, target="post /ap/actors/ana/inbox"),
        "another method": replace(r, target="get /inbox"),
        "a target with query": replace(r, target="post /inbox?x=1"),
        "a target in capitals": replace(r, target="POST /inbox"),
        "another server's host": replace(r, host="other.example"),
        "our host with a suffix": replace(r, host="blog.example.evil.example"),
        "our host with a port": replace(r, host="blog.example:8443"),
        "no digest": with_header("digest", None),
        "a wrong digest": with_header("digest", make_digest(b"something else")),
        "an MD5 digest": with_header("digest", f"MD5={md5}"),
        "an empty digest": with_header("digest", ""),
        "a digest without a value": with_header("digest", "SHA-256="),
        "a cut digest": with_header("digest", f"SHA-256={sha[:-4]}"),
        "a digest of an unknown kind": with_header("digest", f"SHA-1={sha}"),
        "two digests that differ": with_header("digest", f"SHA-256={sha},SHA-256={make_digest(b'x')[8:]}"),
        "algorithm none": replace(r, parameters='algorithm="none"', sign=lambda _: b"\0"),
        "HMAC with the public key": replace(
            r, parameters='algorithm="hmac-sha256"', sign=lambda base: hmac.digest(pem, base, "sha256")
        ),
        "HMAC called hs2019": replace(
            r, parameters='algorithm="hs2019"', sign=lambda base: hmac.digest(pem, base, "sha256")
        ),
        "SHA-1": replace(r, sign=lambda base: rsa.sign(base, padding.PKCS1v15(), hashes.SHA1())),
        "SHA-1 that says so": replace(
            r,
            parameters='algorithm="rsa-sha1"',
            sign=lambda base: rsa.sign(base, padding.PKCS1v15(), hashes.SHA1()),
        ),
        "PSS called PKCS1": replace(
            r, sign=lambda base: rsa.sign(base, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        ),
        "the base not hashed": replace(r, sign=lambda base: base[:256].ljust(256, b"\0")),
        "Ed25519 for an RSA key": replace(r, parameters='algorithm="ed25519"', sign=lambda _: bytes(64)),
        "an empty signature": replace(r, sign=lambda _: b""),
        "zeros": replace(r, sign=lambda _: bytes(256)),
        "a cut signature": replace(r, sign=lambda base: r.key.sign(base)[:-1]),
        "a longer signature": replace(r, sign=lambda base: r.key.sign(base) + b"\0"),
        "signature before its body": replace(r, raw=good.replace('"SIG"', '"!!!!"')),
        "key id twice": replace(r, raw=f'keyId="{stranger.key_id}",{good}'),
        "signature twice": replace(r, raw=f'{good},signature="AAAA"'),
        "headers twice": replace(r, raw=f'{good},headers="date"'),
        "key id twice in capitals": replace(r, raw=f'{good},KEYID="{stranger.key_id}"'),
        "an open quote": replace(r, raw=good[:-1]),
        "no separator": replace(r, raw=good.replace(",", " ")),
        "text behind it": replace(r, raw=f"{good} and more"),
        "no key id": replace(r, raw=good.partition(",")[2]),
        "created with rsa-sha256": replace(
            r, covered=f"{FULL} (created)", parameters=f'algorithm="rsa-sha256",created={int(r.now)}'
        ),
        "created long ago": created(str(int(r.now) - 13 * 3600)),
        "created to come": created(str(int(r.now) + 3700)),
        "created as a word": created("now"),
        "created as a fraction": created("1.5"),
        "created of 400 digits": created("9" * 400),
        "expired": created(str(int(r.now) - 100), expires=str(int(r.now) - 50)),
        "expires as a word": created(str(int(r.now)), expires="never"),
        "as a bearer token": replace(r, raw="Bearer x", authorization=True),
        "in Authorization, by another key": replace(r, raw=f"Signature {good}", authorization=True, sign=stranger.sign),
        "an empty line": replace(r, raw=""),
        "commas": replace(r, raw="," * 4000),
        "backslashes": replace(r, raw='keyId="' + "\\" * 4000),
    }
    for scheme in (
        *("file:///etc/passwd", "data:application/json,{}", "javascript:alert(1)", "ftp://m.example/k", "/users/bob#k"),
        *(
            "https://user:pass@m.example/k",
            "https://",
            "acct:bob@m.example",
            "http://169.254.169.254/k",
            "http://[::1]/",
        ),
    ):
        found[f"key id {scheme}"] = replace(r, key_id=scheme)
    return found


@pytest.mark.proves(
    *("SEC-001", "SEC-002", "SEC-003", "SEC-004", "SEC-007", "SEC-008", "SEC-010", "SEC-011", "SEC-012", "SEC-013"),
    *("SEC-014", "SEC-015", "SEC-016", "SEC-017", "SEC-018", "SEC-019", "SEC-026", "SEC-028"),
)
async def test_no_forgery_is_taken(web_house: House, rsa_keys: list[PrivateKey]) -> None:
    """400 or 401 for each, nothing stored, nobody asked but where a key could be; the honest request is taken."""
    house = web_house
    post, bob = await house.publish(), house.person()
    neighbour, key = house.person(name="neighbour"), house.world.key_of(bob)
    assert isinstance(key.key, RSAPrivateKey)
    eve = house.world.url("e.example", "/users/eve")
    stranger = PrivateKey(Uri(f"{eve}#main-key"), "rsa", rsa_keys[1].key)
    house.world.person(eve, publicKey={"id": f"{eve}#main-key", "owner": eve, "publicKeyPem": rsa_keys[1].public.pem})
    body = json.dumps(house.create(house.note(bob, post.uri))).encode()
    honest = Request(body, key, house.clock.now)
    names = list(forgeries(honest, stranger, f"{neighbour}#main-key", key.key))
    assert len(names) >= 80
    for name in names:
        forgery = forgeries(replace(honest, now=house.clock.now), stranger, f"{neighbour}#main-key", key.key)[name]
        status, reason = await house.post(*forgery.build())
        assert status in (400, 401), f"{name}: {status} {reason}"
        house.clock.now += 61  # a key that was looked for in vain is asked for again
    for name, broken in rfc9421_forgeries(body, key, stranger, house.clock.now).items():
        status, reason = await house.post(body, broken)
        assert status in (400, 401), f"RFC 9421, {name}: {status} {reason}"
    assert await house.thread(post, public_only=False) == []
    assert {place[0] for place in house.world.seen} <= {"m.example", "e.example", "nobody"}
    sent, headers = replace(honest, now=house.clock.now).build()
    assert await house.post(sent, headers) == (202, "reply_published")
    assert await house.post(sent, headers) == (202, "duplicate")
    other = json.dumps(house.create(house.note(bob, post.uri))).encode()
    honestly = sign_rfc9421(method="POST", url=INBOX, body=other, key=key, now=house.clock.now)
    assert await house.post(other, honestly) == (202, "reply_published")


def rfc9421_forgeries(body: bytes, key: PrivateKey, stranger: PrivateKey, now: float) -> dict[str, dict[str, str]]:
    """The same for the newer scheme, by changing what an honest client sends."""

    def signed(by: PrivateKey = key, url: Uri = INBOX, at: float = now, what: bytes = body) -> dict[str, str]:
        return sign_rfc9421(method="POST", url=url, body=what, key=by, now=at)

    def changed(name: str, old: str, new: str) -> dict[str, str]:
        headers = signed()
        assert old in headers[name], (name, headers[name])
        return {**headers, name: headers[name].replace(old, new)}

    ours = signed()
    impostor = PrivateKey(key.key_id, "rsa", stranger.key)
    return {
        "another key": signed(impostor),
        "a stranger's key": signed(stranger),
        "another path": signed(url=Uri(f"{BASE_URL}/ap/actors/ana/inbox")),
        "another host": signed(url=Uri("https://other.example/inbox")),
        "too old": signed(at=now - 13 * 3600),
        "to come": signed(at=now + 3700),
        "another body": signed(what=b"{}"),
        "a changed digest": {**ours, "Content-Digest": signed(what=b"{}")["Content-Digest"]},
        "no digest": {name: value for name, value in ours.items() if name != "Content-Digest"},
        "no input": {name: value for name, value in ours.items() if name != "Signature-Input"},
        "no signature": {name: value for name, value in ours.items() if name != "Signature"},
        "method not covered": changed("Signature-Input", '"@method" ', ""),
        "digest not covered": changed("Signature-Input", ' "content-digest"', ""),
        "nothing covered": {**ours, "Signature-Input": f'sig1=();created={int(now)};keyid="{key.key_id}"'},
        "unreadable input": {**ours, "Signature-Input": "sig1=("},
        "another label": changed("Signature", "sig1=", "sig2="),
        "an Ed25519 key of nobody": signed(generate_ed25519(Uri(f"{key.key_id}-ed"))),
    }
