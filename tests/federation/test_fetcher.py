"""Signed fetches: knocks, content types, origins, WebFinger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fedblog.activitypub.discovery import parse_acct
from fedblog.activitypub.urls import Uri, host_of
from fedblog.activitypub.wire import ACCEPT
from fedblog.blog.model import ActorId
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.demo.peer_server import Answer
from fedblog.errors import ConfigError, DialRefused, FetchFailed, FetchGone, FetchTemporary
from fedblog.federation import fetcher as fetcher_module
from fedblog.federation import links
from fedblog.federation.client import ConnectFailed
from fedblog.federation.fetcher import Budget
from fedblog.federation.knocks import knocks_for
from fedblog.signatures.keys import PrivateKey
from fedblog.storage import actors, deliveries
from tests.federation.conftest import Net, PeerMaker
from tests.shared import fixture, needs_shared

JSON = "application/activity+json"


@pytest.fixture
def ana(peer: PeerServer, rsa_keys: list[PrivateKey]) -> PeerActor:
    """Somebody on the peer."""
    return peer.add_person("ana", key=rsa_keys[0])


@pytest.fixture
def note(peer: PeerServer, ana: PeerActor) -> Uri:
    """The id of a published note."""
    made = payloads.note(ana, None, "hello")
    peer.publish(made)
    return Uri(made["id"])


@pytest.mark.proves("SEC-081")
async def test_OUT_02_OUT_06_gets_are_signed_by_the_instance_actor(
    net: Net, peer: PeerServer, blog: PeerServer, note: Uri
) -> None:
    """A peer with authorized fetch verifies it by the key that the instance actor serves; cavage first."""
    peer.authorized_fetch = True
    fetched = await net.fetcher.document(note)
    assert fetched.doc["id"] == note
    seen = peer.requests[-1]
    assert (seen.verified, seen.scheme, seen.key_id) == (True, "cavage", f"{blog.base_url}/actor#main-key")
    assert 'headers="(request-target) host date"' in seen.header("Signature")
    assert seen.header("Accept") == ACCEPT


async def test_OUT_01_each_attempt_is_signed_anew(net: Net, peer: PeerServer, note: Uri) -> None:
    """A later fetch has a later Date."""
    await net.fetcher.document(note)
    net.clock.now += 600
    await net.fetcher.document(note)
    first, second = (seen.header("Date") for seen in peer.requests)
    assert first != second


async def test_OUT_03_OUT_04_second_knock_is_rfc9421_and_remembered(net: Net, peer: PeerServer, note: Uri) -> None:
    """A peer that knows RFC 9421 only: cavage is refused, the second knock works and is tried first next time."""
    peer.authorized_fetch, peer.schemes = True, ("rfc9421",)
    await net.fetcher.document(note)
    assert [(seen.scheme, seen.verified) for seen in peer.requests] == [("cavage", False), ("rfc9421", True)]
    assert 'alg="rsa-v1_5-sha256"' in peer.requests[-1].header("Signature-Input")
    assert (await net.db.read(deliveries.host_state, host_of(note))).scheme == "rfc9421"
    await net.fetcher.document(note)
    assert [seen.scheme for seen in peer.requests[2:]] == ["rfc9421"]
    net.clock.now += 31 * 86_400
    peer.clock = net.clock
    await net.fetcher.document(note)
    assert [seen.scheme for seen in peer.requests[3:]] == ["cavage", "rfc9421"]


async def test_OUT_04_goes_back_when_a_host_forgets(net: Net, peer: PeerServer, note: Uri) -> None:
    """Remembered as RFC 9421, now cavage only."""
    await net.db.write(deliveries.set_scheme, host_of(note), "rfc9421")
    peer.authorized_fetch, peer.schemes = True, ("cavage",)
    await net.fetcher.document(note)
    assert [seen.scheme for seen in peer.requests] == ["rfc9421", "cavage"]
    assert (await net.db.read(deliveries.host_state, host_of(note))).scheme == "cavage"


async def test_OUT_04_accept_signature_is_honoured(net: Net, peer: PeerServer, note: Uri) -> None:
    """More components are covered where the refusal asks for them."""
    wish = 'sig1=("@method" "@target-uri" "@authority" "date");created;keyid'
    path = note.removeprefix(peer.base_url)
    peer.answer(path, Answer(401, {}, headers={"Accept-Signature": wish}, times=1))
    await net.fetcher.document(note)
    covered = peer.requests[-1].header("Signature-Input")
    assert '"@authority"' in covered
    assert '"date"' in covered


async def test_OUT_05_with_query_then_without_then_rfc9421(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """Three knocks for a URL with a query; the second leaves the query out of the signature."""
    url = Uri(f"{ana.id}/outbox?page=true")
    peer.publish({"id": url, "type": "OrderedCollectionPage"}, at="/users/ana/outbox")
    peer.answer("/users/ana/outbox", Answer(401, {}, times=2))
    await net.fetcher.document(url)
    assert [seen.scheme for seen in peer.requests] == ["cavage", "cavage", "rfc9421"]
    assert [seen.verified for seen in peer.requests] == [True, True, True]
    assert peer.requests[0].header("Signature") != peer.requests[1].header("Signature")
    assert [knock.with_query for knock in knocks_for(url, "cavage")] == [True, False, True]


async def test_one_refusal_too_many_is_an_error(net: Net, peer: PeerServer, note: Uri) -> None:
    """401 to all knocks: a reason with the status, two requests in all."""
    peer.answer(note.removeprefix(peer.base_url), Answer(401, {}))
    with pytest.raises(FetchFailed) as caught:
        await net.fetcher.document(note)
    assert caught.value.reason == "http_401"
    assert len(peer.requests) == 2


@pytest.mark.parametrize(
    "content_type",
    [
        *(
            "text/html",
            "application/json",
            "application/ld+json",
            "image/png",
            "application/octet-stream",
            "text/plain",
        ),
        *('application/ld+json; profile="https://evil.example/"', "application/activity+jsonx", "text/activity+json"),
    ],
)
async def test_NEG_08_SEC_040_other_types_are_not_read(
    net: Net, peer: PeerServer, note: Uri, content_type: str
) -> None:
    """An upload that looks like an activity is not one."""
    path = note.removeprefix(peer.base_url)
    peer.objects[path] = (peer.objects[path][0], content_type)
    with pytest.raises(FetchFailed) as caught:
        await net.fetcher.document(note)
    assert caught.value.reason == "content_type"
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    "content_type",
    [
        *(JSON, "application/activity+json; charset=utf-8", "Application/Activity+JSON"),
        'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
        'application/ld+json;charset=utf-8;profile="https://www.w3.org/ns/activitystreams"',
    ],
)
async def test_NEG_08_the_two_types_are_read(net: Net, peer: PeerServer, note: Uri, content_type: str) -> None:
    """In all their spellings."""
    path = note.removeprefix(peer.base_url)
    peer.objects[path] = (peer.objects[path][0], content_type)
    assert (await net.fetcher.document(note)).doc["id"] == note


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "json_syntax"),
        (b"[]", "json_not_object"),
        (b'{"id":NaN}', "json_constant"),
        (b'{"id":"a","id":"b"}', "json_duplicate_key"),
        (b"\xff", "json_encoding"),
        (b"{}", "id_missing"),
        (b'{"id":5}', "id_missing"),
        (b'{"id":"javascript:x"}', "id_missing"),
        (b'{"@graph":[],"id":"x"}', "forbidden_keyword"),
    ],
)
async def test_SEC_049_bad_documents_have_a_reason(net: Net, peer: PeerServer, body: bytes, reason: str) -> None:
    """Each an ordinary FetchFailed."""
    peer.answer("/bad", Answer(body=body))
    with pytest.raises(FetchFailed) as caught:
        await net.fetcher.document(Uri(f"{peer.base_url}/bad"))
    assert caught.value.reason == reason


async def test_NEG_09_SEC_031_SEC_041_a_lying_id_is_refused(
    net: Net, peer: PeerServer, make_peer: PeerMaker, note: Uri
) -> None:
    """Another server's id: refused without asking that server."""
    evil = await make_peer("evil.localhost")
    evil.publish({"id": note, "type": "Note", "content": "lie"}, at="/lie")
    peer.requests.clear()
    with pytest.raises(FetchFailed) as caught:
        await net.fetcher.document(Uri(f"{evil.base_url}/lie"))
    assert caught.value.reason == "id_elsewhere"
    assert peer.requests == []


async def test_NEG_09_another_id_of_the_same_origin_is_fetched_once(net: Net, peer: PeerServer, note: Uri) -> None:
    """What counts is what the id itself answers."""
    peer.publish({"id": note, "type": "Note", "content": "stale copy"}, at="/page")
    fetched = await net.fetcher.document(Uri(f"{peer.base_url}/page"))
    assert (fetched.doc["content"], fetched.url) == ("<p>hello</p>", note)
    peer.publish({"id": f"{peer.base_url}/b", "type": "Note"}, at="/a")
    peer.publish({"id": f"{peer.base_url}/c", "type": "Note"}, at="/b")
    peer.requests.clear()
    with pytest.raises(FetchFailed) as caught:
        await net.fetcher.document(Uri(f"{peer.base_url}/a"))
    assert caught.value.reason == "id_elsewhere"
    assert [seen.path for seen in peer.requests] == ["/a", "/b"]


async def test_NEG_09_SEC_042_after_a_redirect_the_final_url_counts(
    net: Net, peer: PeerServer, make_peer: PeerMaker, note: Uri
) -> None:
    """A redirect to the id's own server is fine, one away from it is not."""
    other = await make_peer("other.localhost")
    other.redirect("/short", note)
    assert (await net.fetcher.document(Uri(f"{other.base_url}/short"))).url == note
    other.publish({"id": f"{peer.base_url}/claimed", "type": "Note"}, at="/copy")
    peer.redirect("/claimed", f"{other.base_url}/copy")
    with pytest.raises(FetchFailed) as caught:
        await net.fetcher.document(Uri(f"{peer.base_url}/claimed"))
    assert caught.value.reason == "id_elsewhere"


@pytest.mark.proves("SEC-081")
async def test_OUT_08_a_redirected_get_is_verified_at_each_hop(
    net: Net, peer: PeerServer, make_peer: PeerMaker, note: Uri
) -> None:
    """Each server gets a signature for its own URL."""
    other = await make_peer("other.localhost")
    other.redirect("/short", note)
    peer.authorized_fetch = True
    await net.fetcher.document(Uri(f"{other.base_url}/short"))
    assert (other.requests[0].verified, peer.requests[-1].verified) == (True, True)


@pytest.mark.parametrize("status", [404, 410])
async def test_gone_is_told_apart(net: Net, peer: PeerServer, note: Uri, status: int) -> None:
    """404 and 410 with their number."""
    peer.gone(note.removeprefix(peer.base_url), status)
    with pytest.raises(FetchGone) as caught:
        await net.fetcher.document(note)
    assert caught.value.http_status == status


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_temporary_answers_carry_retry_after(net: Net, peer: PeerServer, note: Uri, status: int) -> None:
    """Seconds from the header; without one None."""
    path = note.removeprefix(peer.base_url)
    peer.answer(path, Answer(status, {}, headers={"Retry-After": "120"}, times=1))
    peer.answer(path, Answer(status, {}))
    for expected in (120, None):
        with pytest.raises(FetchTemporary) as caught:
            await net.fetcher.document(note)
        assert caught.value.retry_after == expected


@pytest.mark.parametrize("where", ["html", "header"])
async def test_DISC_12_a_page_leads_to_its_document_once(net: Net, peer: PeerServer, note: Uri, where: str) -> None:
    """By `<link rel=alternate>` or by the Link header; a page behind the page is not followed."""
    html = f"<html><head><LINK type='{JSON}' rel='alternate' href={note}></head>" if where == "html" else "<p>"
    headers = {"Link": f'<{note}>; rel="alternate"; type="{JSON}"'} if where == "header" else {}
    peer.answer("/page", Answer(body=html.encode(), content_type="text/html; charset=utf-8", headers=headers))
    assert (await net.fetcher.document(Uri(f"{peer.base_url}/page"))).url == note
    with pytest.raises(FetchFailed) as caught:
        await net.fetcher.document(Uri(f"{peer.base_url}/page"), pages=False)
    assert caught.value.reason == "content_type"
    chain = f'<link rel="alternate" type="{JSON}" href="/page">'
    peer.answer("/chain", Answer(body=chain.encode(), content_type="text/html"))
    with pytest.raises(FetchFailed) as caught:
        await net.fetcher.document(Uri(f"{peer.base_url}/chain"))
    assert caught.value.reason == "content_type"


async def test_DISC_12_a_page_cannot_point_inwards(net: Net, peer: PeerServer) -> None:
    """The alternate is dialled by the same guard."""
    page = f'<link rel="alternate" type="{JSON}" href="http://169.254.169.254/latest/meta-data">'
    peer.answer("/page", Answer(body=page.encode(), content_type="text/html"))
    with pytest.raises(DialRefused):
        await net.fetcher.document(Uri(f"{peer.base_url}/page"))


def test_SEC_073_link_scanning_is_linear() -> None:
    """Pages made to be slow: with a quadratic scanner this test would not come to its end."""
    base = Uri("https://a.example/")
    hostile = [
        b"<link " * 50_000,
        b"<link " + b"a=" * 100_000,
        b"<link " + b'a="' * 100_000,
        b"<link rel=" + b"x " * 9**5,
    ]
    assert [links.alternate_in_html(page, base) for page in hostile] == [None] * 4
    assert links.alternate_in_header(["<" * 8000, "<a>;" * 2000, '<a>; rel="' * 800], base) is None


async def test_SEC_056_the_budget_counts_every_request(net: Net, peer: PeerServer, note: Uri) -> None:
    """Redirects and knocks included."""
    budget = Budget(3)
    peer.redirect("/r", note)
    await net.fetcher.document(Uri(f"{peer.base_url}/r"), budget=budget)
    assert budget.left == 1
    with pytest.raises(FetchFailed) as caught:
        await net.fetcher.document(Uri(f"{peer.base_url}/r"), budget=budget)
    assert caught.value.reason == "budget_spent"
    assert Budget().left == 20


async def test_SEC_028_our_own_host_is_not_fetched(net: Net, opened: list[str]) -> None:
    """Nobody makes us talk to ourselves."""
    with pytest.raises(DialRefused):
        await net.fetcher.document(Uri("http://blog.localhost:8080/ap/instance"))
    assert opened == []


async def test_SEC_071_knocks_and_hops_share_one_deadline(
    net: Net, peer: PeerServer, note: Uri, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that refuses slowly, knock after knock, is left."""
    path = note.removeprefix(peer.base_url)
    peer.answer(path, Answer(401, {}, times=1))
    peer.hang(path)
    monkeypatch.setattr(fetcher_module, "DOCUMENT_SECONDS", 0.3)
    with pytest.raises(ConnectFailed, match="too long"):
        await net.fetcher.document(note)
    assert len(peer.requests) == 2


# WebFinger


async def test_DISC_07_a_handle_leads_to_its_actor(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """With the right question and Accept header."""
    handle = parse_acct(ana.handle)
    assert await net.fetcher.webfinger_actor(handle) == ana.id
    seen = peer.requests[-1]
    assert seen.path == "/.well-known/webfinger"
    assert seen.header("Accept") == "application/jrd+json, application/json"
    with pytest.raises(FetchGone):
        await net.fetcher.jrd(parse_acct(f"@nobody@{ana.host}"))


@pytest.mark.parametrize("kind", ["xrd", "json"])
async def test_DISC_07_host_meta_after_404(net: Net, peer: PeerServer, make_peer: PeerMaker, kind: str) -> None:
    """The handle's domain has host-meta only, in either form."""
    front = await make_peer("front.localhost")
    bob = peer.add_person("bob", key_type="ed25519")
    template = f"{peer.base_url}/finger?x=1&resource={{uri}}"
    if kind == "xrd":
        escaped = template.replace("&", "&amp;")
        body = f'<?xml version="1.0"?><XRD><Link rel="lrdd" template="{escaped}"/></XRD>'.encode()
    else:
        body = json.dumps({"links": [{"rel": "lrdd", "template": template}]}).encode()
    kind_of = "application/xrd+xml" if kind == "xrd" else "application/jrd+json"
    front.answer("/.well-known/host-meta", Answer(body=body, content_type=kind_of))
    jrd = peer.jrd(bob) | {"subject": f"acct:bob@{host_of(Uri(front.base_url))}"}
    peer.answer("/finger", Answer(body=jrd))
    assert await net.fetcher.webfinger_actor(parse_acct(f"bob@{host_of(Uri(front.base_url))}")) == bob.id
    assert peer.requests[-1].target.startswith("/finger?x=1&resource=acct%3Abob%40front.localhost")


async def test_DISC_07_a_subject_elsewhere_is_asked_there_once(
    net: Net, peer: PeerServer, make_peer: PeerMaker, ana: PeerActor
) -> None:
    """Split domain: the server's own answer names the handle domain, and that one agrees."""
    front = await make_peer("front.localhost")
    front_host = host_of(Uri(front.base_url))
    split = peer.jrd(ana) | {"subject": f"acct:ana@{front_host}"}
    peer.answer("/.well-known/webfinger", Answer(body=split))
    front.answer("/.well-known/webfinger", Answer(body=split))
    found = await net.fetcher.jrd(parse_acct(ana.handle))
    assert (found.subject, found.self_href) == (f"acct:ana@{front_host}", ana.id)
    assert (len(peer.requests), len(front.requests)) == (1, 1)


@pytest.mark.parametrize("lie", ["unknown", "other_actor", "third_host"])
async def test_DISC_07_a_spoofed_subject_is_refused(
    net: Net, peer: PeerServer, make_peer: PeerMaker, ana: PeerActor, rsa_keys: list[PrivateKey], lie: str
) -> None:
    """The named domain does not know it, means somebody else, or passes the question on: no third question."""
    front = await make_peer("front.localhost")
    front_host = host_of(Uri(front.base_url))
    peer.answer("/.well-known/webfinger", Answer(body=peer.jrd(ana) | {"subject": f"acct:boss@{front_host}"}))
    if lie != "unknown":
        boss = front.add_person("boss", key=rsa_keys[1])
        answer = front.jrd(boss) if lie == "other_actor" else front.jrd(boss) | {"subject": f"acct:x@{ana.host}"}
        front.answer("/.well-known/webfinger", Answer(body=answer))
    with pytest.raises(FetchFailed):
        await net.fetcher.jrd(parse_acct(ana.handle))
    assert len(peer.requests) == 1


@needs_shared
async def test_DISC_07_the_real_spoof_is_refused(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """`attack-webfinger-spoofed-subject`, with the spoofed host on loopback."""
    spoof: dict[str, Any] = fixture("attack-webfinger-spoofed-subject")
    document = spoof.get("document", spoof)
    peer.answer("/.well-known/webfinger", Answer(body={**document, "subject": f"acct:trump@{ana.host}"}, times=1))
    peer.answer("/.well-known/webfinger", Answer(404, {}))
    with pytest.raises(FetchFailed):
        await net.fetcher.jrd(parse_acct(f"alex@{ana.host}"))


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"links":5}', b'{"links":[{"rel":"self","href":5}]}'])
async def test_DISC_07_rubbish_is_a_plain_failure(net: Net, peer: PeerServer, ana: PeerActor, body: bytes) -> None:
    """No actor, and a reason."""
    peer.answer("/.well-known/webfinger", Answer(body=body or b" ", content_type="application/jrd+json"))
    with pytest.raises(FetchFailed) as caught:
        await net.fetcher.webfinger_actor(parse_acct(ana.handle))
    assert caught.value.reason == "webfinger_invalid"


async def test_an_actor_without_a_key_is_a_set_up_mistake(net: Net, peer: PeerServer, note: Uri) -> None:
    """The message says what to do; nothing goes out."""
    with pytest.raises(ConfigError, match="doctor"):
        await net.fetcher.document(note, actor_id=ActorId(5))
    assert peer.requests == []


async def test_keys_are_read_again_when_forgotten(net: Net) -> None:
    """The signer keeps an opened key for five minutes, or until it is told to forget it."""
    instance = await net.db.read(actors.instance)
    url = Uri("https://other.example/x")
    before = await net.signer.headers("GET", url, None, actor_id=instance.id, scheme="cavage")
    net.signer.forget(instance.id)
    assert await net.signer.headers("GET", url, None, actor_id=instance.id, scheme="cavage") == before
