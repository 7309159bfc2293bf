"""Reply, like, boost and follow from one's own server (DISC-15), and replies that come that way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from fedblog.blog.model import Writing
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_server import Answer as Scripted
from tests.live import Answer, Live, live_app
from tests.samples import make_author, make_person, make_post, make_reply


@pytest.fixture
async def peer() -> AsyncIterator[PeerServer]:
    async with PeerServer() as running:
        running.add_person("cy")
        yield running


def handle_at(peer: PeerServer) -> str:
    return f"@cy@{urlsplit(peer.base_url).netloc}"


async def interact(live: Live, **query: str) -> Answer:
    return await live.get(f"/interact?{urlencode(query)}")


async def test_the_form_works_without_scripts_and_names_its_target(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    page = await interact(live, kind="like", uri=post.uri)
    assert page.status == 200
    assert '<form class="from-server" action="/interact" method="get">' in page.text
    assert f'name="uri" value="{post.uri}"' in page.text
    assert f"{live.base_url}/@ana/{post.slug}" in page.text
    follow = await live.get("/follow")
    assert f"@blog@{live.services.settings.domain}" in follow.text


@pytest.mark.parametrize(
    ("intents", "kind", "path", "key"),
    [
        (True, "reply", "/interact", "uri"),
        (True, "like", "/interact", "uri"),
        (True, "follow", "/interact", "follow"),
        (False, "reply", "/authorize_interaction", "uri"),
        (False, "follow", "/authorize_interaction", "uri"),
    ],
)
async def test_DISC_15_a_handle_leads_to_its_own_server(
    live: Live, peer: PeerServer, intents: bool, kind: str, path: str, key: str
) -> None:
    peer.intents = intents
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    uri = live.services.ids.actor("ana") if kind == "follow" else post.uri
    answer = await interact(live, kind=kind, uri=uri, handle=handle_at(peer))
    assert answer.status == 303
    target = urlsplit(answer.headers["Location"])
    assert f"{target.scheme}://{target.netloc}" == peer.base_url
    assert (target.path, parse_qs(target.query)) == (path, {key: [uri]})


async def test_DISC_15_without_any_template_the_usual_address_is_tried(live: Live, peer: PeerServer) -> None:
    actor = peer.actors["/users/cy"]
    bare = {"subject": f"acct:cy@{actor.host}", "links": [peer.jrd(actor)["links"][1]]}
    peer.answer("/.well-known/webfinger", Scripted(body=bare, content_type="application/jrd+json"))
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    answer = await interact(live, kind="reply", uri=post.uri, handle=handle_at(peer))
    assert answer.headers["Location"] == f"{peer.base_url}/authorize_interaction?uri={quote(post.uri, safe='')}"


@pytest.mark.parametrize(
    "template",
    [
        "javascript:alert({uri})",
        "data:text/html,{uri}",
        "//evil.example/{uri}",
        "https://{uri}/x",
        "ftp://a.example/{uri}",
    ],
)
@pytest.mark.proves("SEC-108")
async def test_DISC_15_odd_templates_are_never_followed(live: Live, peer: PeerServer, template: str) -> None:
    actor = peer.actors["/users/cy"]
    links = [peer.jrd(actor)["links"][1], {"rel": "http://ostatus.org/schema/1.0/subscribe", "template": template}]
    links.append({"rel": "https://w3id.org/fep/3b86/Object", "template": template})
    jrd = {"subject": f"acct:cy@{actor.host}", "links": links}
    peer.answer("/.well-known/webfinger", Scripted(body=jrd, content_type="application/jrd+json"))
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    answer = await interact(live, kind="reply", uri=post.uri, handle=handle_at(peer))
    assert answer.headers["Location"].startswith(f"{peer.base_url}/authorize_interaction?")


@pytest.mark.parametrize("handle", ["nonsense", "@", "@a@b@c", "https://x.example/", "@cy@127.0.0.1:1", "@cy@[::1]:1"])
async def test_failures_show_the_target_to_copy(live: Live, handle: str) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    page = await interact(live, kind="reply", uri=post.uri, handle=handle)
    assert page.status == 200
    assert 'role="alert"' in page.text
    assert f"{live.base_url}/@ana/{post.slug}" in page.text


async def test_an_unknown_account_is_said(live: Live, peer: PeerServer) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    page = await interact(live, kind="reply", uri=post.uri, handle=handle_at(peer).replace("cy", "nobody"))
    assert "No account with that address was found" in page.text


async def test_only_what_is_public_here_can_be_acted_on(live: Live) -> None:
    account = await make_author(live.services)
    publisher = live.services.publisher
    text = await publisher.compose(Writing(title="Draft", source="x"))
    draft = await publisher.save_draft(text, author_id=account.actor_id)
    for uri in ("", "https://evil.example/post", "javascript:alert(1)", live.services.ids.post(draft.id)):
        assert (await interact(live, kind="reply", uri=uri)).status == 404, uri
    assert (await interact(live, kind="steal", uri=live.services.ids.actor("ana"))).status == 404


async def test_a_remote_reply_can_be_answered_and_leads_back_to_its_place(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo = await make_person(live.services)
    reply = await make_reply(live.services, bo, "<p>Hi</p>", post=post)
    page = await interact(live, kind="reply", uri=reply.uri)
    assert reply.url in page.text
    assert f"#reply-{reply.id}" in page.text
    back = await live.get(f"/authorize_interaction?uri={quote(reply.uri, safe='')}")
    assert back.headers["Location"] == f"{live.base_url}/@ana/{post.slug}?reply={reply.id}#reply-{reply.id}"


async def test_replies_are_liked_and_boosted_by_their_number(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    reply = await make_reply(live.services, await make_person(live.services), "<p>x</p>", post=post)
    for kind in ("like", "boost"):
        page = await live.get(f"/{kind}/{reply.id}")
        assert f'name="kind" value="{kind}"' in page.text
        assert f'name="uri" value="{reply.uri}"' in page.text
        for wrong in ("1", "x", "-1", "9" * 30):
            assert (await live.get(f"/{kind}/{wrong}")).status == 404, wrong


@pytest.mark.parametrize(
    ("uri", "url", "hint"),
    [
        ("https://a.example/users/bo/statuses/1", "https://a.example/@bo/1", False),
        ("https://a.example/users/bo/statuses/01K", "https://a.example/@bo/statuses/01K", False),
        ("https://a.example/notes/1", "", False),
        ("https://a.example/notes/1", "https://a.example/@bo/1", True),
        ("https://a.example/users/bo/statuses/1", "https://b.example/@bo/1", True),
        ("https://a.example/users/bo/statuses/1", "https://a.example/@bo/1?x", True),
        ("https://a.example/users/bo/statuses/1", "javascript:alert(1)", True),
    ],
)
async def test_scripts_can_tell_what_a_reply_is(live: Live, uri: str, url: str, hint: bool) -> None:
    """Its id stands beside the link only where the address of its page doesn't tell it."""
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    await make_reply(live.services, await make_person(live.services), "<p>x</p>", post=post, uri=uri, url=url)
    page = (await live.get(f"/@ana/{post.slug}")).text
    assert (f'#reply-form" data-uri="{uri}">' in page) is hint


async def test_look_ups_are_limited(tmp_path: Path, peer: PeerServer) -> None:
    async with live_app(tmp_path, limits={"remote_lookups_per_minute": 2}) as live:
        account = await make_author(live.services)
        post = await make_post(live.services, account.actor_id)
        query = {"kind": "reply", "uri": post.uri, "handle": handle_at(peer)}
        answers = [await interact(live, **query) for _ in range(3)]
        assert [answer.status for answer in answers] == [303, 303, 429]
        assert "Retry-After" in answers[2].headers
        assert (await interact(live, kind="reply", uri=post.uri)).status == 200


async def test_INB_03_a_signed_reply_is_on_the_page_after_202(live: Live, peer: PeerServer) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    path = f"/@ana/{post.slug}"
    assert "No thoughts yet" in (await live.get(path)).text
    actor = peer.actors["/users/cy"]
    note = payloads.note(actor, post.uri, "What a <b>morning</b><script>alert(1)</script>")
    peer.publish(note)
    status, body = await peer.post_activity(actor, f"{live.base_url}/inbox", payloads.create(actor, note))
    assert (status, body) == (202, b"")
    page = await live.get(path)
    assert "1 thought on" in page.text
    assert "What a <b>morning</b>" in page.text
    assert "alert(1)" not in page.text
    again, _ = await peer.post_activity(actor, f"{live.base_url}/ap/actors/ana/inbox", payloads.create(actor, note))
    assert again == 202
    assert "1 thought on" in (await live.get(path)).text
