"""Handles on one host and ids on another; the server itself; what our discovery documents promise."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fedblog.activitypub.discovery import INTENT_PATHS, Handle, fill_template, read_jrd
from fedblog.activitypub.urls import Uri
from fedblog.demo.peer import PeerServer
from fedblog.federation import webfinger
from fedblog.federation.profiles import ED25519
from fedblog.signatures.keys import parse_public_pem
from fedblog.signatures.model import Scheme, SignedRequest
from fedblog.signatures.verify import check_claim, read_claims
from fedblog.storage import actors, listing
from tests.live import Live, live_app
from tests.samples import make_author, make_person, make_post, make_reply
from tests.web.desk import BASE, HOST, Desk, desk, template

__all__ = ["desk", "template"]
ROOT = Path(__file__).resolve().parents[2]

KNOCKS: tuple[Scheme, ...] = ("cavage", "rfc9421")
JRD = "/.well-known/webfinger?resource="


@pytest.fixture
async def split(tmp_path: Path) -> AsyncIterator[Live]:
    """A blog whose handles are @name@people.localhost while it lives elsewhere."""
    async with live_app(tmp_path, server={"domain": "people.localhost"}) as live:
        await make_author(live.services)
        yield live


async def jrd(live: Live, resource: str) -> dict[str, Any]:
    answer = await live.get(JRD + resource)
    assert answer.status == 200, resource
    return dict(json.loads(answer.body))


async def test_DISC_06_handles_carry_the_handle_domain_and_ids_the_server(split: Live) -> None:
    """Whichever way somebody asks, one subject; the actor names it too, so that the chain closes."""
    ana = f"{split.base_url}/ap/actors/ana"
    host = split.base_url.partition("//")[2]
    for resource in ("acct:ana@people.localhost", f"acct:ana@{host}", ana, f"{split.base_url}/@ana"):
        found = await jrd(split, resource)
        assert found["subject"] == "acct:ana@people.localhost", resource
        assert read_jrd(found).self_href == ana
    actor = json.loads((await split.get(ana, accept="application/activity+json")).body)
    assert actor["webfinger"] == "ana@people.localhost"
    assert actor["id"].startswith(split.base_url)
    assert (await jrd(split, "acct:people.localhost@people.localhost"))["links"][0]["href"].endswith("/ap/instance")
    assert (await split.get(JRD + "acct:ana@elsewhere.example")).status == 404
    page = await split.get("/@ana")
    assert "@ana@people.localhost" in page.text


async def test_DISC_06_a_peer_finds_them_through_the_redirect_of_the_handle_domain(
    tmp_path: Path, peer: PeerServer
) -> None:
    """The handle's domain answers with a redirect of /.well-known/webfinger, as docs/install.md says, and no more."""
    domain = peer.base_url.partition("//")[2]
    async with (
        live_app(tmp_path / "blog", server={"domain": domain}) as blog,
        live_app(tmp_path / "asker") as asker,
    ):
        await make_author(blog.services)
        ana = f"{blog.base_url}/ap/actors/ana"
        peer.redirect("/.well-known/webfinger", f"{blog.base_url}{JRD}acct:ana@{domain}", 301)
        assert await webfinger.webfinger_actor(asker.services.fetcher, Handle("ana", domain)) == ana
        known = await asker.services.resolver.actor(Uri(ana))
        assert known.handle == f"@ana@{domain}"


async def test_DISC_11_the_origin_names_the_instance_actor(split: Live) -> None:
    for origin in (f"{split.base_url}/", split.base_url):
        found = await jrd(split, origin)
        assert found == {
            "subject": f"{split.base_url}/",
            "aliases": [f"{split.base_url}/ap/instance"],
            "links": [
                {
                    "rel": "https://www.w3.org/ns/activitystreams#Service",
                    "type": "application/activity+json",
                    "href": f"{split.base_url}/ap/instance",
                }
            ],
        }


async def test_DISC_16_authors_offer_what_the_studio_can_do(desk: Desk) -> None:
    """Object and Create; no Follow, since our authors follow nobody; nothing that sends people elsewhere afterwards."""
    anna, stranger = await desk.logged_in("anna"), desk.browser()
    found = read_jrd(json.loads((await stranger.get(f"{JRD}acct:anna@{HOST}")).text))
    assert set(found.intents) == set(INTENT_PATHS) == {"Object", "Create"}
    assert "on-" not in json.dumps(found.intents)
    assert read_jrd(json.loads((await stranger.get(f"{JRD}acct:blog@{HOST}")).text)).intents == {}
    begun = {"name": "On kettles", "content": "First & <b>foremost</b>", "on-success": "https://evil.example/"}
    place = fill_template(found.intents["Create"], begun).removeprefix(BASE)
    page = await anna.get(place)
    assert page.status == 200
    assert 'value="On kettles"' in page.text
    assert "First &amp; &lt;b&gt;foremost&lt;/b&gt;</textarea>" in page.text
    assert "evil.example" not in page.text
    assert await desk.parts.db.read(listing.list_of_author, (await desk.account("anna")).actor_id, None) == []
    asked = await stranger.get(place)
    assert asked.status == 303
    assert "login" in asked.headers["Location"]


async def test_DISC_16_the_object_intent_leads_to_the_thread(desk: Desk) -> None:
    """To the reply where it stands; what isn't here is said not to be."""
    post = await desk.write_post("anna")
    reply = await make_reply(desk.parts, await make_person(desk.parts), "<p>Yes</p>", post=post)
    anna = await desk.logged_in("anna")
    template = INTENT_PATHS["Object"]
    there = await anna.get(fill_template(BASE + template, {"object": reply.uri}).removeprefix(BASE))
    assert there.status == 303
    assert there.headers["Location"].endswith(f"#reply-{reply.id}")
    missing = await anna.get(fill_template(BASE + template, {"object": "https://far.example/1"}).removeprefix(BASE))
    assert missing.status == 404


async def test_DISC_17_actors_say_which_signatures_we_check(split: Live) -> None:
    """And what they say is true: test_rfc9421 and test_vectors verify both."""
    ana = f"{split.base_url}/ap/actors/ana"
    actor = json.loads((await split.get(ana, accept="application/activity+json")).body)
    assert [item["href"] for item in actor["generator"]["implements"]] == [
        "https://datatracker.ietf.org/doc/html/rfc9421",
        ED25519,
    ]


async def test_LIFE_06_nodeinfo_leads_to_the_federation_document(split: Live) -> None:
    """The very text of this version, naming the FEPs."""
    text = ""
    for version in ("2.0", "2.1"):
        nodeinfo = json.loads((await split.get(f"/nodeinfo/{version}", accept="application/json")).body)
        answer = await split.get(nodeinfo["metadata"]["federationDocument"])
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"
        assert answer.body == (ROOT / "FEDERATION.md").read_bytes()
        text = answer.text
    for fep in ("67ff", "8b32", "8fcf", "844e", "3b86", "5feb", "f228"):
        assert f"FEP-{fep}" in text


async def test_LIFE_07_comments_of_who_is_not_indexable_stay_out_of_snippets(split: Live) -> None:
    """Unless an actor says that it may be found, its words carry data-nosnippet; a change of mind shows at once."""
    parts = split.services
    ana = await parts.db.read(actors.by_local_name, "ana")
    assert ana is not None
    post = await make_post(parts, ana.id)
    told: dict[str, dict[str, Any]] = {"Bo": {}, "Cy": {"indexable": True}, "Di": {"indexable": False}}
    for name, more in told.items():
        await make_reply(parts, await make_person(parts, name, **more), f"<p>{name} says</p>", post=post)
    await parts.publisher.answer(source="Mine", author_id=ana.id, post_id=post.id)

    async def kept_out() -> set[str]:
        articles = re.findall(r"<article class=\"reply .*?>", (await split.get(f"/@ana/{post.slug}")).text)
        assert len(articles) == 4
        return {name for name in ("Bo", "Cy", "Di", "Ana") for one in articles if name in one and "nosnippet" in one}

    assert await kept_out() == {"Bo", "Di"}
    await make_person(parts, "Bo", indexable=True)
    assert await kept_out() == {"Di"}


async def test_ACT_01_ACT_08_three_kinds_each_with_ids_and_keys_that_are_sent_as_they_are_served(split: Live) -> None:
    """Fetched over HTTP: no two share an id, a key or an inbox; and the `keyId` of what each signs is the very text
    that its document lists, under which stands the key that fits."""
    found: dict[str, dict[str, Any]] = {}
    for actor in await split.services.db.read(actors.local_actors):
        document = json.loads((await split.get(actor.uri, accept="application/activity+json")).body)
        assert document["id"] == actor.uri
        found[document["type"]] = document
        listed = document["publicKey"]
        for scheme in KNOCKS:
            headers = await split.services.signer.headers(
                "POST", Uri("https://far.example/inbox"), b"{}", actor_id=actor.id, scheme=scheme
            )
            sent = re.search(r'key[iI]d="([^"]+)"', headers.get("Signature-Input", headers["Signature"]))
            assert sent is not None
            assert sent[1] == listed["id"], scheme
            request = SignedRequest("POST", "/inbox", tuple(headers.items()), b"{}", "far.example", "https")
            (claim,) = read_claims(request, now=split.services.clock())
            check_claim(claim, parse_public_pem(listed["publicKeyPem"], Uri(listed["id"]), Uri(document["id"])))
    assert set(found) == {"Person", "Group", "Application"}
    for key in ("id", "inbox", "outbox", "preferredUsername"):
        assert len({document[key] for document in found.values()}) == 3, key
    assert len({document["publicKey"]["publicKeyPem"] for document in found.values()}) == 3
    assert len({document["publicKey"]["id"] for document in found.values()}) == 3
