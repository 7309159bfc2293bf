"""A sensible request to each route: what is asked of a blog on which there is one of everything.

Addresses that are read take their numbers and names from `World.names`; of each POST `ACTS` says what is sent, as one
function that prepares what it needs, so that the same request can be made again on something new.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import aiohttp
import pytest

from fedblog.activitypub.block_lists import Entry
from fedblog.blog.emoji import Emoji
from fedblog.blog.ledger import AccountId, Media
from fedblog.blog.model import ActorId, Post, QuoteState, ReplyId, Role, Writing
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer_actor import PeerActor
from fedblog.federation.forget_media import kept_name
from fedblog.media.kept import url_version
from fedblog.media.names import PictureKind
from fedblog.media.worker import MadePicture, PictureWorker
from fedblog.storage import (
    actors,
    block_lists,
    deliveries,
    emoji,
    expansion,
    factors,
    notice_settings,
    outgoing,
    planning,
    quotes,
)
from fedblog.storage.database import Tx
from fedblog.web import one_time, passkeys, second
from fedblog.web.keys import RENDERER
from fedblog.web.looks.look import Look
from fedblog.web.notices.web_push import b64url
from fedblog.web.passwords import hash_password
from fedblog.web.public.card import card_url
from tests.faults.injection import PASSWORD, Rig
from tests.faults.studio import Studio
from tests.media import files
from tests.samples import make_author

POINT = bytes.fromhex(  # the base point of P-256: a key that a browser could have
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
HASH = hash_password(PASSWORD)
SMALL = files.encoded(files.picture(8, 8), "PNG")


class PlainWorker(PictureWorker):
    """Gives three bytes for each picture: decoding is not what fails here."""

    async def make(self, data: bytes, kind: PictureKind) -> MadePicture:
        return MadePicture(8, 8, "", {0: data[:64], 8: data[:64]})


@dataclass(frozen=True, slots=True)
class Ask:
    """One POST: to where, with what, answered how where nothing fails. `file`: the field of a picture that is
    sent too; `changes`: something is stored by it; `keeps`: tables that may grow where it fails;
    `by`: who asks, if not the owner in the studio."""

    path: str
    form: dict[str, str] = field(default_factory=dict)
    file: str = ""
    good: int = 303
    changes: bool = True
    keeps: tuple[str, ...] = ()
    by: Studio | None = None


@dataclass
class World:
    """The blog, the owner in the studio, and one of everything. `names` stand in addresses, `particular` ones and `ids`
    in those that begin so."""

    rig: Rig
    token: str
    names: dict[str, object] = field(default_factory=dict)
    particular: dict[str, dict[str, object]] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1_000))

    def number(self) -> int:
        """Another one each time."""
        return next(self.numbers)

    async def value(self, sql: str, *params: str | int) -> int:
        """A number out of the database."""
        return int(await self.rig.live.services.db.read(lambda tx: tx.value(sql, *params)))

    async def post(self, *, publish: bool = True) -> Post:
        """A new post of the owner's."""
        publisher = self.rig.live.services.publisher
        text = await publisher.compose(Writing(title=f"Post {self.number()}", source="Words", tags=("bread",)))
        made = await publisher.save_draft(text, author_id=self.rig.post.author_id)
        return await publisher.publish(made.id) if publish else made

    async def note(self) -> int:
        """A new reply from elsewhere; its number here."""
        note = payloads.note(self.rig.bo, self.rig.post.uri, f"Reply {self.number()}")
        assert (await self.rig.deliver(payloads.create(self.rig.bo, note)))[0] == 202
        return await self.value("SELECT id FROM replies WHERE uri = $1", note["id"])

    async def answer(self) -> int:
        """A new answer of the owner's."""
        made = await self.rig.live.services.publisher.answer(
            author_id=self.rig.post.author_id, post_id=self.rig.post.id, source=f"Word {self.number()}"
        )
        return made.id

    def person(self, **more: Any) -> PeerActor:
        """Somebody new elsewhere."""
        return self.rig.peer.add_person(f"p{self.number()}", key=self.rig.bo.key, **more)

    async def picture(self) -> Media:
        """A new picture of the owner's."""
        return await self.rig.live.services.library.add(
            picture(self.number()), kind=PictureKind.PICTURE, owner_id=self.rig.post.author_id
        )

    async def follower(self, state: str) -> ActorId:
        """Somebody new who follows, or asks to."""
        who = self.person()
        followed = f"{self.rig.live.base_url}/ap/actors/ana"
        assert (await replace(self.rig, bo=who).deliver(payloads.follow(who, followed)))[0] == 202
        number = await self.value("SELECT id FROM actors WHERE uri = $1", who.id)
        await self.rig.live.services.db.write(
            lambda tx: tx.run("UPDATE followers SET state = $1 WHERE actor_id = $2", state, number)
        )
        return ActorId(number)

    async def quote(self) -> int:
        """A new quote that waits for an answer."""
        post, uri = self.rig.post, f"https://far.example/q/{self.number()}"
        who = await self.value("SELECT id FROM actors WHERE uri = $1", self.rig.bo.id)

        def add(tx: Tx) -> int:
            made = quotes.add(
                tx,
                uri=uri,
                url=uri,
                actor_id=ActorId(who),
                post_id=post.id,
                target_uri=post.uri,
                state=QuoteState.PENDING,
                public=True,
                listed=False,
                request='{"id": "https://far.example/r", "type": "QuoteRequest"}',
                published_at=1,
            )
            return made.id

        return await self.rig.live.services.db.write(add)

    async def failed(self) -> Post:
        """A post that a follower's server could not be given."""
        await self.follower("accepted")
        post = await self.post()

        def fail(tx: Tx) -> None:
            for activity in outgoing.unexpanded(tx, 1_000):
                expansion.expand(tx, activity)
            for (number,) in tx.all("SELECT id FROM deliveries WHERE object_uri = $1", post.uri):
                deliveries.fail(tx, number, status=500, error="away")

        await self.rig.live.services.db.write(fail)
        return post

    async def account(self) -> int:
        """Another author."""
        made = await make_author(self.rig.live.services, f"a{self.number()}", role=Role.AUTHOR, password_hash=HASH)
        return made.id

    async def decision(self) -> int:
        """A new reply that was hidden: the number of that decision."""
        by = AccountId(await self.value("SELECT id FROM accounts WHERE username = 'ana'"))
        made = await self.rig.live.services.publisher.hide_reply(ReplyId(await self.note()), by=by)
        return made.id

    async def browser(self) -> int:
        """The number of a new browser that shows notices."""
        account, number = await self.value("SELECT id FROM accounts WHERE username = 'ana'"), self.number()

        def add(tx: Tx) -> int:
            tx.run("DELETE FROM push_subscriptions")
            notice_settings.add_subscription(tx, AccountId(account), **browser(number))
            return notice_settings.subscriptions(tx, AccountId(account))[0].id

        return await self.rig.live.services.db.write(add)

    async def pia(self) -> Studio:
        """Another author, logged in, whose password is what it was."""
        if not await self.value("SELECT count(*) FROM accounts WHERE username = 'pia'"):
            await make_author(self.rig.live.services, "pia", role=Role.AUTHOR)
        await self.rig.live.services.db.write(
            lambda tx: tx.run("UPDATE accounts SET password_hash = $1 WHERE username = 'pia'", HASH)
        )
        return await self.logged_in("pia")

    async def half_way(self, code: str) -> Studio:
        """Somebody with a passkey and this recovery code, whose password was right."""
        services = self.rig.live.services
        if not await self.value("SELECT count(*) FROM accounts WHERE username = 'tess'"):
            made = await make_author(services, "tess", role=Role.AUTHOR, password_hash=HASH)

            def turn_on(tx: Tx) -> None:
                factors.begin_codes(tx, made.id, b"sealed")
                factors.confirm_codes(tx, made.id, b"sealed", 1)
                factors.add_passkey(tx, made.id, credential_id="tess", public_key=b"", sign_count=0, name="")

            await services.db.write(turn_on)
        number = AccountId(await self.value("SELECT id FROM accounts WHERE username = 'tess'"))
        await services.db.write(factors.set_recovery, number, [one_time.hash_recovery(code)])
        return await self.logged_in("tess")

    async def block_import(self) -> int:
        """The number of a list of blocks that waits for somebody to decide."""
        host = f"l{self.number()}.example"
        made = await self.rig.live.services.db.write(block_lists.draft, "List", [Entry("domain", host)])
        return int(made or 0)

    async def editor(self, post_id: int) -> dict[str, str]:
        """The editor's form as it stands."""
        return await self.rig.studio.form(f"/studio/posts/{post_id}", title="Changed", source=f"Word {self.number()}")

    async def logged_in(self, name: str = "ana") -> Studio:
        """Somebody on another device."""
        studio = Studio(self.rig.live.base_url, self.rig.live.session)
        await studio.log_in(name, PASSWORD)
        return studio


def picture(number: int) -> bytes:
    """The beginning of a PNG, another one each time."""
    return b"\x89PNG\r\n\x1a\n" + hashlib.sha256(str(number).encode()).digest()


def with_file(name: str, number: int, **fields: str) -> aiohttp.FormData:
    """A form with a picture."""
    form = aiohttp.FormData(fields)
    form.add_field(name, picture(number), filename="bread.png", content_type="image/png")
    return form


async def make_world(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> World:
    """One of everything. Every passkey is right, and every picture can be decoded: neither is what fails here."""
    monkeypatch.setattr(passkeys, "_check_shown", lambda *_: 1)
    monkeypatch.setattr(passkeys, "_check_made", lambda _, answer, __: passkeys.NewPasskey(answer, b"", 0))
    monkeypatch.setattr(second, "PASSKEYS_PER_MINUTE", 1_000_000)
    services = rig.live.services
    services.library._worker = PlainWorker()
    world = World(rig, (await rig.studio.form("/studio/account"))["csrf"])
    account = await world.value("SELECT id FROM accounts")
    reply, answer, quote = await world.note(), await world.answer(), await world.quote()
    follower, kept, draft = await world.follower("pending"), await world.picture(), await world.post(publish=False)
    assert (await rig.deliver(payloads.flag(rig.bo, [rig.post.uri], "Rude")))[0] == 202
    text = await services.publisher.compose(Writing(title="Part", source="One part", tags=("bread",), series="A row"))
    part = await services.publisher.save_draft(text, author_id=rig.post.author_id)
    await services.publisher.publish(part.id)
    await services.db.write(planning.set_preview_key, draft.id, "key")
    rig.clock.ahead += 60  # an edit of the same second is no other state
    text = await services.publisher.compose(
        Writing(title=rig.post.title, source="The kettle sings again", show_history=True)
    )
    rig.clock.ahead += 2  # within one second of its publication an edit makes no other state of a post
    await services.publisher.edit(rig.post.id, text, editor_id=rig.post.author_id)
    await rig.live.app[RENDERER].look.change(services.db, Look(theme="paper", accent="#106040"))
    icon, posted = f"{rig.peer.base_url}/icon.png", time.gmtime(rig.post.published_at)
    await services.db.write(lambda tx: tx.run("UPDATE actors SET icon_url = $1 WHERE uri = $2", icon, rig.bo.id))
    cat, shot = Emoji("cat", f"{rig.peer.base_url}/cat.png", "x.example"), f"{rig.peer.base_url}/shot.png"
    await services.db.write(emoji.keep, [cat], public=True)
    hung = f'[["{shot}","image/png",""]]'
    await services.db.write(lambda tx: tx.run("UPDATE replies SET attachments = $1 WHERE id = $2", hung, reply))
    services.emoji.store.keep(cat.key, SMALL)
    services.attached.store.keep(kept_name(reply, shot), SMALL)
    await world.browser()
    await services.db.write(partial(notice_settings.mark_seen, account_id=AccountId(account), at=1))
    await services.publisher.decide_quote(quote, QuoteState.ACCEPTED)
    await services.indexer.catch_up()

    def read(tx: Tx) -> dict[str, object]:
        return {
            "note": tx.value("SELECT uri FROM replies WHERE id = $1", answer).rpartition("/")[2],
            "activity": tx.value("SELECT max(uri) FROM outgoing WHERE type = 'Create'").rpartition("/")[2],
            "token": tx.value("SELECT unsubscribe FROM notice_settings WHERE account_id = $1", account),
        }

    services = rig.live.services
    author = await services.db.read(actors.by_id, rig.post.author_id)
    card = card_url(rig.post, author, rig.live.app[RENDERER].look.look, services.settings)
    world.names = {
        "name": "ana",
        "slug": rig.post.slug,
        "tag": "bread",
        "format": "atom",
        "post": rig.post.uri.rpartition("/")[2],
        "number": 1,
        "id": rig.post.id,
        "file": f"{kept.name}.jpg",
        "key": "key",
        "quote": quote,
        "reply": reply,
        "year": posted.tm_year,
        "month": f"{posted.tm_mon:02}",
        **await services.db.read(read),
    }
    world.particular = {
        "/nodeinfo": {"version": "2.1"},
        "/series": {"slug": "a-row"},
        "/avatar": {"version": url_version(icon)},
        "/look": {"version": rig.live.app[RENDERER].look.version},
        "/emoji": {"key": cat.key},
        "/attached": {"version": url_version(shot)},
        "/card": {"key": card.rpartition("/")[2].removesuffix(".png")},
        "/static": {"version": "0", "name": "style.css"},
    }
    world.ids = {
        "/avatar": await world.value("SELECT id FROM actors WHERE uri = $1", rig.bo.id),
        "/attached": reply,
        "/draft": draft.id,
        "/studio/media": kept.id,
        "/studio/replies": reply,
        "/studio/answers": answer,
        "/studio/quotes": quote,
        "/studio/followers": follower,
        "/studio/decisions": await world.decision(),
        "/studio/blocks/imports": await world.block_import(),
        "/studio/privacy": follower,
        "/studio/reports": await world.value("SELECT id FROM reports"),
    }
    return world


def browser(number: int) -> dict[str, Any]:
    """A browser's subscription."""
    return {
        "endpoint": f"https://push.example/{number}",
        "p256dh": b64url(POINT),
        "auth": b64url(b"0" * 16),
        "user_agent": "",
        "at_most": 1_000_000,
    }
