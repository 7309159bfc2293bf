"""Web push: messages that only the author's browser can read (RFC 8291, RFC 8188), signed by this blog (RFC 8292)."""

from __future__ import annotations

import base64
import json
import os
import struct
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fedblog.activitypub.urls import Uri, parse_uri
from fedblog.config import Settings
from fedblog.errors import FetchFailed, FetchTemporary, InvalidInput
from fedblog.federation.client import Client
from fedblog.storage import meta
from fedblog.storage.database import Database
from fedblog.storage.notice_settings import PushSubscription
from fedblog.storage.seal import Sealer
from fedblog.web.notices.words import Group

META_KEY = "web_push_key"
TTL_SECONDS = 3 * 86_400
TOKEN_SECONDS = 12 * 3_600
RECORD_SIZE = 4_096
MAX_PAYLOAD = 3_000
_POINT, _SECRET = 65, 16
_CURVE = ec.SECP256R1()


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The key pair that push services know this blog by."""

    private: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> str:
        """Base64url of the uncompressed point: what browsers subscribe with."""
        return b64url(point(self.private.public_key()))


async def server_keys(db: Database, sealer: Sealer) -> ServerKeys:
    """The blog's key pair; made when it is first asked for. Raises `ConfigError` when it can't be opened."""
    kept = await db.read(meta.get, META_KEY)
    if kept is None:
        fresh = ec.generate_private_key(_CURVE).private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        kept = await db.write(meta.keep, META_KEY, sealer.seal(fresh).decode("ascii"))
    key = serialization.load_der_private_key(sealer.open(kept.encode("ascii")), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InvalidInput("the key for web push is of another kind", reason="push_key")
    return ServerKeys(key)


def check_subscription(endpoint: str, p256dh: str, auth: str) -> None:
    """What a browser gave. Raises `InvalidInput`."""
    parse_uri(endpoint)
    if len(endpoint) > 2_000 or len(unb64url(auth)) != _SECRET:
        raise InvalidInput("that is no subscription of a browser", reason="push_subscription")
    load_point(unb64url(p256dh))


def notice_json(group: Group, settings: Settings) -> bytes:
    """What the browser shows: a title, a text, where a press leads."""
    document = {
        "title": settings.blog.title[:100],
        "body": f"{group.sentence}\n{group.text}".strip()[:600],
        "url": group.href,
        "tag": f"{group.kind}-{group.first.target}",
    }
    return json.dumps(document, ensure_ascii=False).encode()


async def send(
    client: Client, keys: ServerKeys, browser: PushSubscription, payload: bytes, settings: Settings, now: float
) -> bool:
    """Send a message through the guard; False when the browser is gone (RFC 8030 §7.3).

    Raises `FetchTemporary` or `FetchFailed`.
    """
    endpoint = parse_uri(browser.endpoint)
    body = encrypt(payload, unb64url(browser.p256dh), unb64url(browser.auth))
    headers = {
        "TTL": str(TTL_SECONDS),
        "Urgency": "normal",
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "Authorization": authorization(keys, endpoint, settings, now),
    }
    answer = await client.post(endpoint, body, headers)
    if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return False
    if 200 <= answer.status < 300:
        return True
    words = f"{urlsplit(endpoint).netloc} answered {answer.status}"
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= 500:
        raise FetchTemporary(words)
    raise FetchFailed(words)


def encrypt(
    payload: bytes,
    ua_public: bytes,
    auth: bytes,
    *,
    ephemeral: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """One record of `aes128gcm` for a browser (RFC 8291 §3, §4). `ephemeral` and `salt` are for test vectors."""
    if len(payload) > MAX_PAYLOAD:
        raise InvalidInput("too long for a push message", reason="push_too_long")
    ephemeral = ephemeral or ec.generate_private_key(_CURVE)
    salt = salt if salt is not None else os.urandom(16)
    as_public = point(ephemeral.public_key())
    shared = ephemeral.exchange(ec.ECDH(), load_point(ua_public))
    ikm = _hkdf(auth, shared, b"WebPush: info\0" + ua_public + as_public, 32)
    key = _hkdf(salt, ikm, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, ikm, b"Content-Encoding: nonce\0", 12)
    sealed = AESGCM(key).encrypt(nonce, payload + b"\x02", None)
    return salt + struct.pack("!IB", RECORD_SIZE, len(as_public)) + as_public + sealed


def authorization(keys: ServerKeys, endpoint: Uri, settings: Settings, now: float) -> str:
    """The VAPID header: a token for this push service alone, good for half a day (RFC 8292 §2, §3)."""
    parts = urlsplit(endpoint)
    contact = settings.federation.user_agent_contact
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int(now) + TOKEN_SECONDS,
        "sub": f"mailto:{contact}" if "@" in contact and ":" not in contact else settings.base_url,
    }
    head = b64url(json.dumps({"typ": "JWT", "alg": "ES256"}).encode())
    signed = f"{head}.{b64url(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(keys.private.sign(signed.encode("ascii"), ec.ECDSA(hashes.SHA256())))
    return f"vapid t={signed}.{b64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}, k={keys.public}"


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """The uncompressed point, 65 bytes."""
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def load_point(data: bytes) -> ec.EllipticCurvePublicKey:
    """A browser's key. Raises `InvalidInput` for what is no point of the curve."""
    try:
        if len(data) != _POINT:
            raise ValueError("length")
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, data)
    except ValueError:
        raise InvalidInput("that is no key of a browser", reason="push_subscription") from None


def b64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64url(text: str) -> bytes:
    """The bytes of base64url, padded or not. Raises `InvalidInput`."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise InvalidInput("that is no base64url", reason="push_subscription") from None


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)
