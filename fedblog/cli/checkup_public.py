"""How the blog looks from outside, as far as this machine can tell: its name, TLS, discovery, and a signed loop.

The loop is a request to the blog's own public address, signed with its own key (`web/loop.py`): what a proxy changes on
the way shows in what arrives.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import Uri
from fedblog.activitypub.wire import ACCEPT, is_activity_type, parse_object
from fedblog.app import SECRET_NAME
from fedblog.cli.findings import Finding
from fedblog.config import Settings
from fedblog.errors import ConfigError, FedblogError, FetchFailed
from fedblog.federation.client import Client, Response, user_agent
from fedblog.federation.guard import Guard
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.keys import PrivateKey, private_from_pem
from fedblog.storage import actors, keys
from fedblog.storage.database import SQLITE_NAME, Database
from fedblog.storage.seal import Sealer, load_secret
from fedblog.web.loop import PATH

CLOCK_SECONDS = 60
ASK_SECONDS = 5
_INBOX_TYPE = "application/activity+json"
_PROXY = "let the proxy pass requests on as they are: path, Host, body and the headers Date, Digest and Signature"
_FIXES = {
    "digest_mismatch": "something between rewrites bodies: turn that off for /inbox and /ap/",
    "host_mismatch": "let the proxy pass the Host header on unchanged",
    "too_old": "the clocks differ, or the proxy keeps requests: keep both clocks right with NTP",
    "in_future": "the clocks differ: keep both right with NTP",
    "key_id_invalid": "another blog answers here, or one with another database: look at the proxy",
}


async def ask_itself(settings: Settings) -> list[Finding]:
    """Name, WebFinger and actor through base_url, as another server asks; the clock of who answers; the signed loop."""
    actor = LocalIds(settings.base_url).actor(settings.blog.handle)
    account = quote(f"acct:{settings.blog.handle}@{settings.domain}", safe="")
    # The address is our own, by our own configuration: wherever it leads may be asked.
    guard = Guard(("0.0.0.0/0", "::/0"), allow_http=True)
    client = Client(guard, user_agent(settings), connect_timeout=ASK_SECONDS)
    found = await look_at_name(settings)
    try:
        url = Uri(f"{settings.base_url}/.well-known/webfinger?resource={account}")
        answer = await client.get(url, accept="application/jrd+json", timeout=ASK_SECONDS)
        discovery = _read_webfinger(answer.status, answer.body, actor)
        found += [discovery, *_compare_clocks(answer.header("Date") or "")]
        if discovery.state == "ok":
            found.append(_read_actor(await client.get(actor, accept=ACCEPT, timeout=ASK_SECONDS), actor))
            found += await ask_in_a_loop(client, settings)
    except FetchFailed as error:
        found.append(_no_answer(settings, str(error)))
    finally:
        await client.close()
    return found


async def look_at_name(settings: Settings) -> list[Finding]:
    """Whether the host name leads anywhere, and to where others can follow."""
    host = urlsplit(settings.base_url).hostname or ""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        fix = f"make an A (and AAAA) record for {host} that leads to this server; a new one takes a while to be seen"
        return [Finding("name", "warn", f"{host} leads nowhere: {error}", fix)]
    addresses = sorted({str(one[4][0]).partition("%")[0] for one in found})
    words = f"{host} leads to {', '.join(addresses)}"
    if not any(ipaddress.ip_address(one).is_global for one in addresses) and not settings.federation.allow_networks:
        fix = "other servers can't get there; on this machine that may be so (a name of its own in /etc/hosts)"
        return [Finding("name", "warn", f"{words}: no public address", fix)]
    return [Finding("name", "ok", words)]


def _no_answer(settings: Settings, error: str) -> Finding:
    if "certificate" in error.lower() or "[ssl" in error.lower():
        fix = "renew the certificate, let the proxy send the whole chain, and look whether it names this host"
        return Finding("TLS", "fail", f"{settings.base_url}: {error}", fix)
    fix = "if the server should be running: start it, and look at DNS, TLS and the proxy"
    return Finding("discovery", "skip", f"{settings.base_url} does not answer: {error}", fix)


async def ask_in_a_loop(client: Client, settings: Settings) -> list[Finding]:
    """A request that we sign and check ourselves; and whether the inbox is there for others."""
    try:
        key = await _instance_key(settings)
    except FedblogError as error:
        return [Finding("signed loop", "skip", f"no key to sign with: {error}")]
    uri, body = Uri(settings.base_url + PATH), json.dumps({"sent": time.time()}).encode()
    headers = sign_cavage(method="POST", url=uri, body=body, key=key, now=time.time())
    found = [_read_loop(await client.post(uri, body, headers, ASK_SECONDS), settings)]
    inbox = Uri(f"{settings.base_url}/inbox")
    answer = await client.post(inbox, b"{}", {"Content-Type": _INBOX_TYPE}, ASK_SECONDS)
    if answer.status == 401 and _reason(answer) == "signature_missing":
        return [*found, Finding("inbox", "ok", f"{inbox} is open to other servers")]
    words = f"{inbox} answered {answer.status} to a POST, before fedblog looked at it"
    return [*found, Finding("inbox", "fail", words, "let the proxy pass POST /inbox on, whatever its content type")]


async def _instance_key(settings: Settings) -> PrivateKey:
    """Raises `FedblogError` where the database or its key can't be opened; neither is made here."""
    secret, file = settings.data_dir / SECRET_NAME, settings.data_dir / SQLITE_NAME
    if not secret.exists() or not (settings.database.url or file.exists()):
        raise ConfigError("database or secret is missing")
    sealer = Sealer(load_secret(secret))
    database = await Database.open(settings)
    try:
        kept = await database.read(lambda tx: keys.local_keys(tx, actors.instance(tx).id, sealer))
    finally:
        await database.close()
    return private_from_pem(kept[0].private_pem, Uri(kept[0].key_id))


def _read_loop(answer: Response, settings: Settings) -> Finding:
    if answer.status != 200:
        reason = _reason(answer)
        words = f"a request that we signed came back with {answer.status} {reason}".rstrip()
        return Finding("signed loop", "fail", words, _FIXES.get(reason, _PROXY))
    address = str(_told(answer).get("address", ""))
    if _is_behind_a_proxy(address, settings):
        words = f"signatures arrive, but everybody seems to come from {address}: one limit for all"
        fix = "write the proxy's address into server.trusted_proxies, and let it set X-Forwarded-For"
        return Finding("signed loop", "warn", words, fix)
    return Finding("signed loop", "ok", f"a signed request arrives as it was sent, from {address}")


def _is_behind_a_proxy(address: str, settings: Settings) -> bool:
    """Whether we take the proxy for the asker: nobody but this machine itself comes from its loopback."""
    host = urlsplit(settings.base_url).hostname or ""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost" or host.endswith(".localhost")
    try:
        return ipaddress.ip_address(address).is_loopback and not here
    except ValueError:
        return False


def _told(answer: Response) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _reason(answer: Response) -> str:
    return str(_told(answer).get("reason", ""))


def _read_webfinger(status: int, body: bytes, actor: str) -> Finding:
    if status != 200:
        fix = "pass /.well-known/ through to fedblog, with the Host header unchanged"
        return Finding("discovery", "fail", f"WebFinger answered {status}", fix)
    try:
        links: list[dict[str, Any]] = json.loads(body)["links"]
        found = next((link.get("href") for link in links if link.get("rel") == "self"), None)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Finding("discovery", "fail", "something else answers WebFinger", "look at the proxy's configuration")
    if found != actor:
        return Finding("discovery", "fail", f"WebFinger names {found}, not {actor}", "look at domain and base_url")
    return Finding("discovery", "ok", f"WebFinger leads to {actor}")


def _read_actor(answer: Response, actor: str) -> Finding:
    if answer.status != 200 or not is_activity_type(answer.content_type):
        words = f"the actor answered {answer.status} {answer.content_type}"
        return Finding("actor", "fail", words, "pass /ap/ and the Accept header through to fedblog")
    try:
        found = parse_object(answer.body).get("id")
    except FedblogError as error:
        return Finding("actor", "fail", f"the actor is unreadable: {error}", "look at the proxy's configuration")
    if found != actor:
        return Finding("actor", "fail", f"the actor says it is {found}", "look at domain and base_url")
    return Finding("actor", "ok", f"{actor} answers other servers")


def _compare_clocks(header: str) -> list[Finding]:
    """The Date header comes from whoever stands in front; the two should agree."""
    try:
        away = parsedate_to_datetime(header).timestamp() - time.time()
    except (TypeError, ValueError):
        return []
    if abs(away) > CLOCK_SECONDS:
        return [Finding("clock of the server", "warn", f"{away:+.0f} s from this one", "keep both right with NTP")]
    return [Finding("clock of the server", "ok", "agrees with this one")]
