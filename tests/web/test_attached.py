"""Pictures that hang on replies: named on the page, fetched by us when a reader opens one, gone with their reply."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from fedblog.blog.emoji import Emoji
from fedblog.blog.ledger import Account
from fedblog.blog.model import Post, Reply, ReplyState, Visibility
from fedblog.demo import peer_payloads as say
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_server import Answer
from fedblog.media.kept import PictureStore, attached_limits, url_version
from fedblog.storage import emoji, posts, replies, reply_media
from fedblog.storage.database import Tx
from tests.live import Live, live_app
from tests.media import files
from tests.samples import make_author, make_post
from tests.web.desk import Desk

SEA = files.jpeg(640, 480)
OPENS = re.compile(
    r'<details class="media"><summary>(.*?)</summary><a href="(/attached/\d+/[0-9a-f]{12})" rel="nofollow">'
)


class Scene:
    """A blog with a post, and a server with Mia and pictures at `/media/NAME`."""

    def __init__(self, live: Live, peer: PeerServer, account: Account, post: Post) -> None:
        self.live, self.peer, self.account, self.post = live, peer, account, post
        self.mia = peer.add_person("mia", name="Mia", key_type="ed25519")

    def url(self, name: str) -> str:
        return f"{self.peer.base_url}/media/{name}"

    def picture(self, name: str, alt: str = "", **more: Any) -> dict[str, Any]:
        """An attachment as Mastodon sends it."""
        return {"type": "Document", "mediaType": "image/jpeg", "url": self.url(name), "name": alt or None, **more}

    async def send(self, activity: dict[str, Any]) -> None:
        status, body = await self.peer.post_activity(self.mia, f"{self.live.base_url}/inbox", activity)
        assert status == 202, body

    async def say(self, *attached: dict[str, Any], **extra: Any) -> Reply:
        """A reply with these attachments, as it is stored."""
        note = say.note(self.mia, self.post.uri, "Look", **{"attachment": list(attached), **extra})
        await self.send(say.create(self.mia, note))
        return await self.stored(note["id"])

    async def stored(self, uri: str) -> Reply:
        found = await self.live.services.db.read(replies.by_uri, uri)
        assert found is not None
        return found

    def path(self, reply: Reply, name: str) -> str:
        return f"/attached/{reply.id}/{url_version(self.url(name))}"

    async def status(self, reply: Reply, name: str = "sea.jpg") -> int:
        return (await self.live.get(self.path(reply, name))).status

    async def page(self) -> str:
        return (await self.live.get(f"/@ana/{self.post.slug}")).text

    @property
    def store(self) -> PictureStore:
        return self.live.services.attached.store

    async def kept(self) -> list[str]:
        """What is on the disk once the jobs that are due are done."""
        async with asyncio.timeout(20):
            while await self.live.services.jobs.run_due():
                pass
        return await asyncio.to_thread(self.store.names)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with PeerServer() as peer, live_app(tmp_path) as live:
        peer.answer("/media/sea.jpg", Answer(body=SEA, content_type="text/html"))
        account = await make_author(live.services)
        yield Scene(live, peer, account, await make_post(live.services, account.actor_id))


async def test_named_first_and_fetched_when_somebody_asks(scene: Scene) -> None:
    reply = await scene.say(
        scene.picture("sea.jpg", 'The "sea" & <two> cats'),
        scene.picture("plain.jpg"),
        {"type": "Image", "url": scene.url("kind.png")},
        {"type": "Document", "mediaType": "image/svg+xml", "url": scene.url("x.svg")},
        {"type": "Document", "mediaType": "image/heic", "url": scene.url("telephone.heic"), "name": "As it was"},
        {"type": "Document", "mediaType": "video/mp4", "url": scene.url("film.mp4"), "name": "A film"},
        {"type": "Document", "mediaType": "audio/ogg", "url": scene.url("song.ogg")},
        {"type": "Document", "mediaType": "image/png", "url": "javascript:alert(1)"},
    )
    html = await scene.page()
    assert OPENS.findall(html) == [
        ("Picture: The &#34;sea&#34; &amp; &lt;two&gt; cats", scene.path(reply, "sea.jpg")),
        ("Picture without description", scene.path(reply, "plain.jpg")),
        ("Picture without description", scene.path(reply, "kind.png")),
    ]
    assert f'<a href="{scene.url("film.mp4")}" rel="nofollow ugc noopener">A film</a>' in html
    assert f'<a href="{scene.url("telephone.heic")}" rel="nofollow ugc noopener">As it was</a>' in html
    assert "javascript:" not in html
    assert "<img src" not in html
    assert not [seen for seen in scene.peer.requests if seen.path.startswith("/media/")], "nobody asked yet"

    answers = await asyncio.gather(*(scene.live.get(scene.path(reply, "sea.jpg")) for _ in range(5)))
    assert {(answer.status, answer.body) for answer in answers} == {(200, SEA)}
    assert scene.peer.gets("/media/sea.jpg") == 1
    headers = answers[0].headers
    assert headers["Content-Type"] == "image/jpeg", "as its bytes say, whatever the server claims"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["X-Robots-Tag"] == "noindex"
    for wrong in ("film.mp4", "x.svg", "other.jpg"):
        assert await scene.status(reply, wrong) == 404
    other = await make_post(scene.live.services, scene.account.actor_id, "Another")
    for path in (f"/attached/{other.id}/{url_version(scene.url('sea.jpg'))}", f"/attached/{2**63}/{'0' * 12}",
                 f"/attached/{reply.id}/../../{scene.url('sea.jpg')}", f"/attached/0/{'0' * 12}"):  # fmt: skip
        assert (await scene.live.get(path)).status == 404
    assert len([seen for seen in scene.peer.requests if seen.path.startswith("/media/")]) == 1


async def test_warned_of_where_it_is_sensitive(scene: Scene) -> None:
    await scene.say(scene.picture("sea.jpg", "Cats"), sensitive=True)
    assert [words for words, _ in OPENS.findall(await scene.page())] == [
        '<span class="badge">Sensitive</span> Picture: Cats'
    ]
    folded = await scene.say(scene.picture("one.jpg", "Dogs"), scene.picture("two.jpg", sensitive=True), summary="Pets")
    html = await scene.page()
    warned = html[html.index('<details class="warned warned-small">') :]
    assert [href for _, href in OPENS.findall(warned)][:2] == [
        scene.path(folded, "one.jpg"),
        scene.path(folded, "two.jpg"),
    ]
    assert [item.sensitive for item in folded.attachments] == [False, True]


async def test_SEC_079_what_is_no_picture_or_can_not_be_had(scene: Scene) -> None:
    peer, small = scene.peer, scene.store
    small.limits = attached_limits(200_000)
    scene.live.services.attached._seconds = 0.3
    bodies = {
        "svg": files.SVG,
        "html": files.HTML,
        "huge": SEA + b"x" * 200_000,
        "bomb": files.png_bomb(),
        "nothing": b"",
    }
    for name, body in bodies.items():
        peer.answer(f"/media/{name}", Answer(body=body, content_type="image/jpeg"))
    peer.gone("/media/gone")
    peer.redirect("/media/private", "http://192.168.0.1/x.jpg")
    peer.redirect("/media/loop", scene.url("loop"))
    peer.redirect("/media/away", scene.url("sea.jpg"))
    peer.hang("/media/stalls")
    peer.raw("/media/endless", _endless)
    names = [*bodies, "gone", "private", "loop", "stalls", "endless", "away"]
    reply = await scene.say(*[scene.picture(name) for name in names])
    for _ in range(2):
        found = await asyncio.gather(*(scene.status(reply, name) for name in names))
        assert dict(zip(names, found, strict=True)) == {name: 200 if name == "away" else 502 for name in names}
    assert peer.gets("/media/svg") == 1, "a failure is remembered"
    assert await scene.kept() == [scene.path(reply, "away").removeprefix("/attached/").replace("/", "-")]
    page = await scene.live.get(scene.path(reply, "svg"))
    assert "another server and got nothing usable back" in page.text


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "image/jpeg"})
    await response.prepare(request)
    for _ in range(100):
        await response.write(SEA)
    return response


async def test_VIS_04_only_for_those_who_may_read_the_reply(scene: Scene) -> None:
    author, people = scene.live.services.ids.actor("ana"), scene.live.services.publisher
    private = await scene.say(scene.picture("sea.jpg"), to=[author], cc=[])
    assert await scene.status(private) == 404
    public = await scene.say(scene.picture("sea.jpg"))
    below = say.note(scene.mia, public.uri, "Below", attachment=[scene.picture("sea.jpg")])
    await scene.send(say.create(scene.mia, below))
    under = await scene.stored(below["id"])
    assert await scene.status(public) == await scene.status(under) == 200
    assert len(await scene.kept()) == 2
    await people.hide_reply(public.id, by=None)
    assert await scene.status(public) == await scene.status(under) == 404
    assert await scene.kept() == [scene.path(under, "sea.jpg").removeprefix("/attached/").replace("/", "-")]
    await people.approve_reply(public.id, trust_author=False, by=None)
    assert await scene.status(public) == 200
    host = urlsplit(scene.peer.base_url).hostname or ""
    await people.block_domain(host)
    assert await scene.status(public) == 404
    assert await scene.kept() == []
    await people.unblock_domain(host)
    assert await scene.status(public) == 200
    await people.unpublish(scene.post.id)
    assert await scene.status(public) == 404
    assert await scene.kept() == []


async def test_gone_with_an_edit_and_with_the_reply(scene: Scene) -> None:
    note = say.note(scene.mia, scene.post.uri, "Look", attachment=[scene.picture("sea.jpg")])
    await scene.send(say.create(scene.mia, note))
    reply = await scene.stored(note["id"])
    assert await scene.status(reply) == 200
    scene.peer.answer("/media/new.jpg", Answer(body=SEA))
    note["attachment"] = [scene.picture("new.jpg")]
    await scene.send(say.update(scene.mia, note))
    assert (await scene.status(reply), await scene.status(reply, "new.jpg")) == (404, 200)
    assert await scene.kept() == [f"{reply.id}-{url_version(scene.url('new.jpg'))}"]
    await scene.send(say.delete(scene.mia, note["id"]))
    assert (await scene.stored(note["id"])).state is ReplyState.REMOVED
    assert await scene.status(reply, "new.jpg") == 404
    assert await scene.kept() == []


@pytest.mark.parametrize("shows", ["link", "off"])
async def test_as_the_blog_is_set(tmp_path: Path, shows: str) -> None:
    async with PeerServer() as peer, live_app(tmp_path, media={"remote_media": shows}) as live:
        account = await make_author(live.services)
        scene = Scene(live, peer, account, await make_post(live.services, account.actor_id))
        reply = await scene.say(scene.picture("sea.jpg", "Cats"))
        html = await scene.page()
        assert OPENS.findall(html) == []
        assert (scene.url("sea.jpg") in html) is (shows == "link")
        assert await scene.status(reply) == 404
        assert peer.gets("/media/sea.jpg") == 0
        # What was kept under another setting goes.
        scene.store.keep(f"{reply.id}-{url_version(scene.url('sea.jpg'))}", SEA)
        await live.services.db.write(reply_media.forget_soon)
        assert await scene.kept() == []


async def test_a_reply_without_any_costs_no_job(scene: Scene) -> None:
    reply = await scene.say()
    db = scene.live.services.db
    await scene.kept()
    await scene.live.services.publisher.hide_reply(reply.id, by=None)
    await db.write(posts.delete, scene.post.id)
    assert await db.read(lambda tx: tx.all("SELECT kind FROM jobs WHERE kind = $1", reply_media.KIND)) == []


def hang(tx: Tx, reply_id: int, attachments: str) -> None:
    """Give a reply that is stored already these attachments."""
    tx.run("UPDATE replies SET attachments = $1 WHERE id = $2", attachments, reply_id)


async def test_VIS_04_people_of_the_blog_see_what_they_may_read(desk: Desk) -> None:
    """Held ones: the author and who looks after everybody's posts. Private ones: whom they answer, and nobody else."""
    post, mia = await desk.write_post("anna"), await desk.stranger()
    held = await desk.reply(post, mia, state=ReplyState.HELD)
    private = await desk.reply(post, mia, visibility=Visibility.DIRECT)
    cat = Emoji("cat", "https://far.example/cat.png", "far.example")
    await desk.parts.db.write(emoji.keep, [cat], public=False)
    desk.parts.emoji.store.keep(cat.key, SEA)
    hung, paths = "https://far.example/a.jpg", []
    for reply in (held, private):
        await desk.parts.db.write(hang, reply.id, f'[["{hung}","image/jpeg",""]]')
        desk.parts.attached.store.keep(f"{reply.id}-{url_version(hung)}", SEA)
        paths.append(f"/attached/{reply.id}/{url_version(hung)}")
    seen = {}
    for name in ("", "anna", "bert", "edda"):
        browser = await desk.logged_in(name) if name else desk.browser()
        answers = [await browser._send("HEAD", path, None, {}) for path in (*paths, f"/emoji/{cat.key}")]
        seen[name] = [answer.status for answer in answers]
        kept = {answer.headers["Cache-Control"] for answer in answers if answer.status == 200}
        assert kept <= {"private, no-store", "private, max-age=3600"}
    assert seen == {"": [404, 404, 404], "anna": [200, 200, 200], "bert": [404, 404, 200], "edda": [200, 404, 200]}
