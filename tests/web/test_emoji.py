"""Custom emoji of other servers: named in their tags, fetched by us when a page shows them, seen as small pictures."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mf2py
import pytest
from aiohttp import web

from fedblog.blog.ledger import Account
from fedblog.blog.model import Post
from fedblog.demo import peer_payloads as say
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.demo.peer_server import Answer
from fedblog.storage import emoji, replies, threads
from tests.live import Live, live_app
from tests.media import files
from tests.samples import make_author, make_post

CAT = files.encoded(files.picture(64, 64), "PNG")
IMG = re.compile(
    r'<img class="emoji" src="(/emoji/[\w-]{12})" alt="(:[^"]+:)" title="\2" width="20" height="20" loading="lazy">'
)


class Scene:
    """A blog with a post, a server with people, and emoji at `/emoji/NAME.png` there."""

    def __init__(self, live: Live, peer: PeerServer, post: Post) -> None:
        self.live, self.peer, self.post = live, peer, post
        self.inbox = f"{live.base_url}/inbox"
        self.mia = self.person("mia", ":cat: Mia :unknown:", "cat")

    def tag(self, name: str, url: str = "") -> dict[str, Any]:
        """An Emoji as Mastodon sends it."""
        icon = {"type": "Image", "mediaType": "image/png", "url": url or f"{self.peer.base_url}/emoji/{name}.png"}
        return {"id": f"{self.peer.base_url}/emojis/{name}", "type": "Emoji", "name": f":{name}:", "icon": icon}

    def person(self, name: str, called: str, *emojis: str) -> PeerActor:
        """Somebody there."""
        return self.peer.add_person(name, name=called, key_type="ed25519", tag=[self.tag(one) for one in emojis])

    async def send(self, activity: dict[str, Any]) -> None:
        """Signed, to our inbox."""
        status, body = await self.peer.post_activity(self.mia, self.inbox, activity)
        assert status == 202, body

    async def say(self, content: str, *tags: dict[str, Any], **extra: Any) -> dict[str, Any]:
        """A reply to the post."""
        note = say.note(self.mia, self.post.uri, content, **{"tag": list(tags), **extra})
        await self.send(say.create(self.mia, note))
        return note

    async def page(self) -> str:
        """The post's page."""
        return (await self.live.get(f"/@ana/{self.post.slug}")).text


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with PeerServer() as peer, live_app(tmp_path) as live:
        peer.answer("/emoji/cat.png", Answer(body=CAT, content_type="image/svg+xml"))
        account: Account = await make_author(live.services)
        yield Scene(live, peer, await make_post(live.services, account.actor_id))


async def test_INB_23_in_names_texts_warnings_choices_and_reactions(scene: Scene) -> None:
    tag = scene.tag
    await scene.say(
        "<p>Hello :cat: <code>:cat:</code> <a href='https://x.example/:cat:'>:cat:</a> :dog:</p>", tag("cat")
    )
    await scene.say("Look", tag("cat"), summary="Cats :cat: inside", sensitive=True)
    option = {"type": "Note", "name": "This :cat:", "replies": {"type": "Collection", "totalItems": 2}}
    await scene.say("Which?", tag("cat"), type="Question", oneOf=[option])
    await scene.send(say.emoji_react(scene.mia, scene.post.uri, ":cat:", tag=[tag("cat")]))
    html = await scene.page()
    body = html[html.index("<body") :]
    found = IMG.findall(body)
    assert {name for _, name in found} == {":cat:"}
    assert len({src for src, _ in found}) == 1, "one picture, one address"
    pictures = IMG.sub("😺", body)
    assert (
        'Hello 😺 <code>:cat:</code> <a href="https://x.example/:cat:" rel="nofollow noopener ugc">😺</a> :dog:'
        in pictures
    )
    assert "<bdi><span>😺 Mia :unknown:</span></bdi></a>" in pictures
    assert "</span> Cats 😺 inside</summary>" in pictures
    assert "<li>This 😺 <span" in pictures
    assert "<li><bdi>😺</bdi> 1</li>" in pictures
    assert 'aria-hidden="true">M<' in pictures, "initials are of the words"
    comments = mf2py.parse(doc=html)["items"][0]["properties"]["comment"]
    author = comments[0]["properties"]["author"][0]["properties"]
    assert author["name"][0].split() == [":cat:", "Mia", ":unknown:"]
    assert "/emoji/" not in str(author.get("photo")), "an emoji is nobody's portrait"
    assert scene.peer.gets("/emoji/cat.png") == 0, "nobody looked at it yet"
    stored = (await scene.live.services.db.read(threads.thread, scene.post.id))[0].reply
    assert "<img" not in stored.content_html
    feed = await scene.live.get(f"/@ana/{scene.post.slug}/comments.atom")
    assert ":cat: Mia" in feed.text
    assert "/emoji/" not in feed.text

    answers = await asyncio.gather(*(scene.live.get(found[0][0]) for _ in range(5)))
    assert {(answer.status, answer.body) for answer in answers} == {(200, CAT)}
    assert scene.peer.gets("/emoji/cat.png") == 1
    headers = answers[0].headers
    assert headers["Content-Type"] == "image/png", "as its bytes say, whatever the server claims"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]


async def test_only_what_the_tags_name_and_the_text_calls_is_kept(scene: Scene) -> None:
    hostile: list[Any] = [
        {"type": "Emoji", "name": ':x"onerror=alert(1):', "icon": {"url": "https://x.example/1"}},
        {"type": "Emoji", "name": ":js:", "icon": {"url": "javascript:alert(1)"}},
        {"type": "Emoji", "name": ":data:", "icon": {"url": "data:image/png;base64,AAAA"}},
        {"type": "Emoji", "name": ":long:", "icon": {"url": f"https://x.example/{'a' * 3000}"}},
        {"type": "Emoji", "name": ":none:"},
        {"type": "Emoji", "name": ":null:", "icon": None},
        {"type": "Emoji", "name": ["x"], "icon": ["y"]},
        {"type": "Emoji", "name": f":{'n' * 65}:", "icon": {"url": "https://x.example/2"}},
        {"type": "Emoji", "name": ":<b>:", "icon": {"url": "https://x.example/3"}},
        {"type": "Mention", "name": ":men:", "href": "https://x.example/4", "icon": {"url": "https://x.example/4"}},
        {"type": "Emoji", "name": ":unused:", "icon": {"url": "https://x.example/5"}},
        {"type": "Emoji", "name": "bare", "icon": "https://x.example/6"},
        {"type": "Emoji", "name": ":cat:", "icon": {"url": f"{scene.peer.base_url}/emoji/cat.png"}},
        {"type": "Emoji", "name": ":cat:", "icon": {"url": "https://x.example/second"}},
        None,
        ":cat:",
    ]
    text = ':js: :data: :long: :none: :null: :men: :bare: :cat: :&lt;b&gt;: :x"onerror=alert(1): ' + f":{'n' * 65}:"
    note = await scene.say(text, *hostile)
    kept = await scene.live.services.db.read(replies.by_uri, note["id"])
    assert kept is not None
    assert [name for name, _ in kept.emoji] == ["bare", "cat"]
    source = await scene.live.services.db.read(emoji.source, dict(kept.emoji)["cat"])
    assert source is not None
    assert source.url == f"{scene.peer.base_url}/emoji/cat.png"
    body = await scene.page()
    assert set(re.findall(r"<img[^>]*alt=\"(:[^\"]*)\"", body)) == {":bare:", ":cat:"}


async def test_an_edit_and_a_new_face_are_seen(scene: Scene) -> None:
    note = await scene.say("Hello :cat: :fox:", scene.tag("cat"))
    first = IMG.findall(await scene.page())
    assert ":fox:" not in {name for _, name in first}
    note["tag"] = [scene.tag("cat"), scene.tag("fox")]
    await scene.send(say.update(scene.mia, note))
    assert ":fox:" in {name for _, name in IMG.findall(await scene.page())}
    scene.mia.name = "Mia :fox:"
    scene.mia.extra["tag"] = [scene.tag("fox", f"{scene.peer.base_url}/emoji/red.png")]
    await scene.send(say.update(scene.mia, scene.mia.document()))
    html = await scene.page()
    faces = re.findall(r"<bdi><span>Mia <img class=\"emoji\" src=\"([^\"]+)\"", html)
    assert faces
    assert faces[0] not in {src for src, _ in first}
    await scene.send(say.delete(scene.mia, note["id"]))
    await scene.live.services.db.write(emoji.forget_unused)
    assert (await scene.live.get(first[0][0])).status == 404


async def test_SEC_079_what_can_not_be_had_or_is_none_answers_404(scene: Scene) -> None:
    peer, names = scene.peer, ["svg", "html", "huge", "bomb", "gone", "away", "private", "stalls", "endless"]
    for name, body in (
        ("svg", files.SVG),
        ("html", files.HTML),
        ("huge", CAT + b"x" * 600_000),
        ("bomb", files.png_bomb()),
    ):
        peer.answer(f"/emoji/{name}.png", Answer(body=body, content_type="image/png"))
    peer.gone("/emoji/gone.png")
    peer.redirect("/emoji/away.png", f"{peer.base_url}/emoji/cat.png")
    peer.redirect("/emoji/private.png", "http://10.0.0.1/x.png")
    scene.live.services.emoji._seconds = 0.3
    peer.hang("/emoji/stalls.png")
    peer.raw("/emoji/endless.png", _endless)
    note = await scene.say(" ".join(f":{name}:" for name in names), *[scene.tag(name) for name in names])
    kept = await scene.live.services.db.read(replies.by_uri, note["id"])
    assert kept is not None
    answers = await asyncio.gather(*(scene.live.get(f"/emoji/{key}") for _, key in kept.emoji))
    status = dict(zip(names, (answer.status for answer in answers), strict=True))
    assert status == {name: 200 if name == "away" else 404 for name in names}
    await asyncio.gather(*(scene.live.get(f"/emoji/{key}") for _, key in kept.emoji))
    assert peer.gets("/emoji/svg.png") == 1, "a failure is remembered"


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "image/png"})
    await response.prepare(request)
    for _ in range(40):
        await response.write(CAT * 100)
    return response


async def test_private_notes_blocked_servers_and_made_up_keys(scene: Scene) -> None:
    author = scene.live.services.ids.actor("ana")
    private = await scene.say(":cat:", scene.tag("cat", f"{scene.peer.base_url}/emoji/cat.png?1"),
                              to=[author], cc=[])  # fmt: skip
    public = await scene.say("Hi :cat:", scene.tag("cat"))
    db = scene.live.services.db
    keys = []
    for one in (private, public):
        stored = await db.read(replies.by_uri, one["id"])
        assert stored is not None
        keys.append(stored.emoji[0][1])
    for path in (f"/emoji/{keys[0]}", "/emoji/AAAAAAAAAAAA", "/emoji/x", "/emoji/../media/x", f"/emoji/{keys[1]}x"):
        assert (await scene.live.get(path)).status == 404, path
    assert (await scene.live.get(f"/emoji/{keys[1]}")).status == 200
    host = urlsplit(scene.peer.base_url).hostname or ""
    await scene.live.services.publisher.block_domain(host)
    assert (await scene.live.get(f"/emoji/{keys[1]}")).status == 404
    await scene.live.services.publisher.unblock_domain(host)
    assert (await scene.live.get(f"/emoji/{keys[1]}")).status == 200
    assert scene.peer.gets("/emoji/cat.png") == 1


async def test_it_can_be_switched_off(tmp_path: Path) -> None:
    async with PeerServer() as peer, live_app(tmp_path, media={"remote_emoji": False}) as live:
        account = await make_author(live.services)
        scene = Scene(live, peer, await make_post(live.services, account.actor_id))
        note = await scene.say("Hi :cat:", scene.tag("cat"))
        kept = await live.services.db.read(replies.by_uri, note["id"])
        assert kept is not None
        assert "/emoji/" not in await scene.page()
        assert (await live.get(f"/emoji/{kept.emoji[0][1]}")).status == 404
