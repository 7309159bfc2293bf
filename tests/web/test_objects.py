"""Objects and collections at their ids and pages (PROTOCOL B, H, K, L)."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.model import ActorId, Post, PostText, ReactionKind, Visibility, Writing
from fedblog.storage import followers, posts
from fedblog.storage.database import Tx
from fedblog.web import collections
from tests.live import Answer, Live, live_app
from tests.samples import make_author, make_person, make_post, make_reply, react

ACTIVITY = "application/activity+json"
LD = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def read(answer: Answer) -> dict[str, Any]:
    found = json.loads(answer.body)
    assert isinstance(found, dict)
    return found


async def walk(live: Live, first: str) -> list[Any]:
    """All items of a collection, page by page."""
    items: list[Any] = []
    url: str | None = first
    while url is not None:
        page = read(await live.get(url, accept=ACTIVITY))
        items += page.get("orderedItems") or page.get("items", [])
        url = page.get("next")
    return items


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        (ACTIVITY, True),
        (LD, True),
        ("application/ld+json", True),
        ("application/json", True),
        (f"{ACTIVITY}, {LD}", True),
        (f"{ACTIVITY}, text/html;q=0.1", True),
        ('application/activity+json, application/ld+json; profile="https://www.w3.org/ns/activitystreams"', True),
        ("application/jrd+json", False),
        ("*/*", False),
        ("", False),
        (BROWSER, False),
        ("text/html", False),
        (f"text/html, {ACTIVITY};q=0.9", False),
        (f"text/html, {ACTIVITY}", False),
        ("image/png", False),
    ],
)
@pytest.mark.proves("SEC-118")
async def test_NEG_01_NEG_03_pages_answer_what_is_asked_for(live: Live, accept: str, is_json: bool) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    for path in ("/@ana", f"/@ana/{post.slug}"):
        answer = await live.get(path, accept=accept)
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith(ACTIVITY if is_json else "text/html")
        assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize("accept", ["*/*", "", BROWSER, ACTIVITY])
async def test_NEG_01_NEG_02_ids_always_answer_activitystreams(live: Live, accept: str) -> None:
    await make_author(live.services)
    answer = await live.get("/ap/actors/ana", accept=accept)
    assert answer.headers["Content-Type"] == ACTIVITY
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_NEG_04_ACT_17_validators_and_304(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    for path in ("/", "/@ana", f"/@ana/{post.slug}", "/ap/actors/ana", post.uri, "/feed.atom"):
        first = await live.get(path)
        again = await live.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status, again.body) == (304, b""), path
        assert again.headers["ETag"] == first.headers["ETag"]
        # A browser takes a 304's headers over into the page that it kept.
        assert again.headers.get("Content-Security-Policy") in (None, first.headers["Content-Security-Policy"])
        changed = await live.get(path, headers={"If-None-Match": '"other"'})
        assert changed.status == 200
    assert (await live.get("/ap/actors/ana")).headers["Cache-Control"] == "public, max-age=180"


async def test_NEG_05_preflight_is_answered_for_public_data(live: Live) -> None:
    for path in ("/ap/actors/ana", "/.well-known/webfinger", "/nodeinfo/2.1"):
        headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
        answer = await live.request("OPTIONS", path, headers=headers)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


async def test_NEG_06_head_options_and_unknown_methods(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    for path in ("/", f"/@ana/{post.slug}", "/ap/actors/ana", "/feed.rss"):
        assert (await live.request("HEAD", path)).status == 200
        assert (await live.request("OPTIONS", path)).status == 204
        refused = await live.request("DELETE", path)
        assert refused.status == 405
        assert "GET" in refused.headers["Allow"]


async def test_DISC_12_DISC_13_pages_lead_to_their_objects(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    blog = live.services.ids.actor("blog")
    for path, uri in (
        (f"/@ana/{post.slug}", post.uri),
        ("/@ana", live.services.ids.actor("ana")),
        ("/", blog),
        ("/@blog", blog),
    ):
        page = await live.get(path)
        assert f'<link rel="alternate" type="application/activity+json" href="{uri}">' in page.text
        assert f"<{uri}>" in page.headers["Link"]
        assert 'type="application/activity+json"' in page.headers["Link"]
    document = read(await live.get(f"/@ana/{post.slug}", accept=ACTIVITY))
    assert document["id"] == post.uri


async def test_ACT_03_ACT_07_ACT_10_all_actors_are_served_without_signature(live: Live) -> None:
    await make_author(live.services)
    keys = set()
    for path, kind in (("/ap/actors/ana", "Person"), ("/ap/actors/blog", "Group"), ("/ap/instance", "Application")):
        document = read(await live.get(path))
        assert document["type"] == kind
        assert document["id"] == f"{live.base_url}{path}"
        assert document["@context"]
        keys.add(document["publicKey"]["publicKeyPem"])
        for name in ("inbox", "outbox", "followers", "following"):
            assert document[name].startswith(live.base_url)
    assert len(keys) == 3


@pytest.mark.proves("SEC-084", "SEC-085")
async def test_ART_23_what_is_not_public_looks_like_what_never_was(live: Live) -> None:
    account = await make_author(live.services)
    publisher = live.services.publisher
    draft = await publisher.save_draft(
        await publisher.compose(Writing(title="Secret plans", source="Not yet.")), author_id=account.actor_id
    )
    ids = live.services.ids
    private = await live.services.db.write(_publish_for_followers, account.actor_id, draft, ids)
    for accept in (ACTIVITY, "text/html"):
        unknown = await live.get("/@ana/never-was", accept=accept)
        unknown_id = await live.get("/ap/posts/123456789", accept=accept)
        assert unknown.status == unknown_id.status == 404
        for path in ("/@ana/secret-plans", "/@ana/for-friends", "/@ana/secret-plans/comments.atom"):
            answer = await live.get(path, accept=accept)
            assert (answer.status, answer.body) == (404, unknown.body), path
        for uri in (ids.post(draft.id), private.uri, f"{private.uri}/replies", f"{private.uri}/likes"):
            answer = await live.get(uri, accept=accept)
            assert (answer.status, answer.body) == (404, unknown_id.body), uri
    outbox = json.dumps(await walk(live, f"{ids.actor('ana')}/outbox?page=1"))
    assert "friends" not in outbox
    for path in ("/", "/feed.atom", "/sitemap.xml", "/@ana", "/ap/actors/ana/featured"):
        assert "friends" not in (await live.get(path)).text.lower(), path


def _publish_for_followers(tx: Tx, author_id: ActorId, like: Post, ids: LocalIds) -> Post:
    """The publisher offers public and unlisted only; an imported or older row may hold more."""
    names = {field.name for field in fields(PostText)}
    values = {name: getattr(like, name) for name in names}
    text = PostText(**{**values, "slug": "for-friends", "title": "For friends", "visibility": Visibility.FOLLOWERS})
    made = posts.create_draft(tx, text, author_id=author_id, editor_id=author_id)
    return posts.publish(tx, made.id, ids.post)


@pytest.mark.proves("SEC-086")
async def test_ART_22_deleted_posts_answer_410_with_their_tombstone(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    page = f"/@ana/{post.slug}"
    assert (await live.get(page)).status == 200
    await live.services.publisher.delete(post.id)
    answer = await live.get(post.uri, accept=ACTIVITY)
    assert answer.status == 410
    document = read(answer)
    assert (document["type"], document["formerType"], document["id"]) == ("Tombstone", "Article", post.uri)
    assert (await live.get(page)).status == 410
    assert (await live.get(f"{post.uri}/replies", accept=ACTIVITY)).status == 404
    assert await walk(live, "/ap/actors/ana/outbox?page=1") == []


async def test_a_withdrawn_id_stays_gone_after_a_second_publication(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    await live.services.publisher.unpublish(post.id)
    assert (await live.get(f"/@ana/{post.slug}")).status == 404
    again = await live.services.publisher.publish(post.id)
    assert again.uri != post.uri
    assert (await live.get(post.uri, accept=ACTIVITY)).status == 410
    assert read(await live.get(again.uri, accept=ACTIVITY))["id"] == again.uri


async def test_COL_01_outbox_pages_hold_public_posts_newest_first(live: Live) -> None:
    account = await make_author(live.services)
    made = [await make_post(live.services, account.actor_id, f"Post {number}") for number in range(23)]
    head = read(await live.get("/ap/actors/ana/outbox"))
    assert (head["type"], head["totalItems"]) == ("OrderedCollection", 23)
    assert "orderedItems" not in head
    items = await walk(live, head["first"])
    assert [item["object"]["id"] for item in items] == [post.uri for post in reversed(made)]
    assert {item["type"] for item in items} == {"Create"}
    announced = await walk(live, "/ap/actors/blog/outbox?page=1")
    assert [item["object"] for item in announced] == [post.uri for post in reversed(made)]
    assert {item["type"] for item in announced} == {"Announce"}


@pytest.mark.parametrize("shown", [True, False])
async def test_COL_02_followers_are_counted_and_listed_only_if_shown(tmp_path: Any, shown: bool) -> None:
    async with live_app(tmp_path, blog={"show_followers": shown}) as live:
        account = await make_author(live.services)
        people = [await make_person(live.services, f"P{number} X", "a.example") for number in range(61)]
        for number, person in enumerate(people):
            await live.services.db.write(
                followers.add,
                actor_id=person.id,
                target_id=account.actor_id,
                state="accepted" if number else "pending",
                follow_uri=f"{person.uri}/follow",
                follow_json="{}",
            )
        head = read(await live.get("/ap/actors/ana/followers"))
        assert head["totalItems"] == 60
        assert ("first" in head) is shown
        if shown:
            assert set(await walk(live, head["first"])) == {person.uri for person in people[1:]}
        else:
            assert (await live.get("/ap/actors/ana/followers?page=1")).status == 404


async def test_COL_03_ART_15_replies_begin_with_our_own_and_context_holds_all(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo = await make_person(live.services)
    others = [
        await make_reply(live.services, bo, f"<p>{number}</p>", post=post, number=number + 1) for number in range(21)
    ]
    hidden = await make_reply(live.services, bo, "<p>psst</p>", post=post, visibility=Visibility.DIRECT, number=99)
    own = await live.services.publisher.answer(author_id=account.actor_id, source="Me too.", post_id=post.id)
    nested = await live.services.publisher.answer(author_id=account.actor_id, source="Yes!", reply_id=others[0].id)
    head = read(await live.get(f"{post.uri}/replies", accept=ACTIVITY))
    assert (head["type"], head["totalItems"]) == ("Collection", 22)
    first = read(await live.get(head["first"], accept=ACTIVITY))
    assert first["items"] == [own.uri]
    everybody = await walk(live, head["first"])
    assert everybody == [own.uri, *(reply.uri for reply in others)]
    whole = await walk(live, f"{post.uri}/context?page=1")
    assert whole[0] == post.uri
    assert set(whole[1:]) == {reply.uri for reply in (*others, own, nested)}
    assert hidden.uri not in whole
    assert read(await live.get(f"{post.uri}/context"))["attributedTo"] == live.services.ids.actor("ana")
    note = read(await live.get(nested.uri))
    assert (note["type"], note["inReplyTo"]) == ("Note", others[0].uri)
    assert bo.uri in note["cc"]


async def test_COL_03_our_own_answers_come_first_however_many(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "OWN_ANSWERS", 3)
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo = await make_person(live.services)
    others = [await make_reply(live.services, bo, f"<p>{number}</p>", post=post, number=number) for number in (1, 2)]
    answer = live.services.publisher.answer
    for wanted in (3, 4, 7):
        own = await walk(live, f"{post.uri}/replies?page=1")
        while len(own) < wanted + len(others):
            made = await answer(author_id=account.actor_id, source=f"Answer {len(own)}.", post_id=post.id)
            own = [*own[: -len(others)], made.uri, *own[-len(others) :]]
        assert await walk(live, f"{post.uri}/replies?page=1") == own
        assert own[-2:] == [reply.uri for reply in others]


async def test_COL_04_likes_and_shares_are_counts(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo = await make_person(live.services)
    await react(live.services, bo, post=post, kind=ReactionKind.LIKE)
    await react(live.services, bo, post=post, kind=ReactionKind.ANNOUNCE)
    for name in ("likes", "shares"):
        document = read(await live.get(f"{post.uri}/{name}"))
        assert document["totalItems"] == 1
        assert bo.uri not in json.dumps(document)


@pytest.mark.parametrize("cursor", ["0", "x", "MQ==", "LTE", "..", "%00", "MS4y", "A" * 200])
async def test_COL_05_a_bad_cursor_is_not_found(live: Live, cursor: str) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    for path in ("/ap/actors/ana/outbox", f"{post.uri}/context", f"{post.uri}/replies"):
        assert (await live.get(f"{path}?page={cursor}")).status == 404, path
    assert (await live.get(f"/?before={cursor}")).status == 404
    assert (await live.get(f"/@ana/{post.slug}?after={cursor}")).status == 404


async def test_COL_07_featured_holds_ids(live: Live) -> None:
    account = await make_author(live.services)
    made = [await make_post(live.services, account.actor_id, f"Post {number}") for number in range(6)]
    for name in ("ana", "blog"):
        document = read(await live.get(f"/ap/actors/{name}/featured"))
        assert document["orderedItems"] == [post.uri for post in reversed(made)][:5]


@pytest.mark.proves("SEC-082")
async def test_VIS_04_private_items_are_in_no_public_answer(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo = await make_person(live.services)
    for number, visibility in enumerate((Visibility.DIRECT, Visibility.FOLLOWERS)):
        await make_reply(
            live.services, bo, "<p>marker-7f3a</p>", post=post, visibility=visibility, number=number + 1, url=""
        )
    paths = ["/", "/@ana", f"/@ana/{post.slug}", f"/@ana/{post.slug}/comments.atom", "/feed.json", "/sitemap.xml"]
    paths += [post.uri, f"{post.uri}/replies?page=1", f"{post.uri}/context?page=1", "/ap/actors/ana/outbox?page=1"]
    for path in paths:
        answer = await live.get(path)
        assert answer.status == 200
        assert "marker-7f3a" not in answer.text, path
        assert bo.uri not in answer.text, path
    assert "No thoughts yet" in (await live.get(f"/@ana/{post.slug}")).text


async def test_activities_are_served_while_their_object_is_public(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    create = (await walk(live, "/ap/actors/ana/outbox?page=1"))[0]
    answer = await live.get(create["id"])
    assert read(answer)["object"]["id"] == post.uri
    await live.services.publisher.unpublish(post.id)
    assert (await live.get(create["id"])).status == 404


async def test_ART_21_a_note_at_its_id_mentions_all_whom_it_was_sent_to(live: Live) -> None:
    account = await make_author(live.services)
    await make_author(live.services, "bea", "Béa")
    post = await make_post(live.services, account.actor_id)
    bo = await make_person(live.services)
    reply = await make_reply(live.services, bo, "<p>Hi</p>", post=post)
    source = f"Ask @bea@{live.services.settings.domain} about it."
    answer = await live.services.publisher.answer(author_id=account.actor_id, source=source, reply_id=reply.id)
    note = read(await live.get(answer.uri))
    mentioned = {tag["href"] for tag in note["tag"] if tag["type"] == "Mention"}
    assert mentioned == {bo.uri, live.services.ids.actor("bea")}
    assert mentioned <= set(note["cc"])
