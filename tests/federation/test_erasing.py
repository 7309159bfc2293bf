"""A person of another server is erased: nothing of them is left in any file, and nothing comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fedblog.blog.model import Actor
from fedblog.errors import Conflict, NotFound
from fedblog.federation.forget_media import kept_name
from fedblog.federation.housekeeping import DAY, forget_unused
from fedblog.federation.pictures import RemotePictures
from fedblog.federation.privacy import IndexTidier, erase, held
from fedblog.media.kept import AVATAR_LIMITS, PictureStore
from fedblog.storage import actors, person_record, replies
from fedblog.storage.indexer import Indexer
from tests.federation.house import PUBLIC, House
from tests.media.files import jpeg

NAME, WORDS, NOTE = "zebediah", "quokkasaurus", "wombatesque"


def pictures(house: House, folder: str = "avatars") -> RemotePictures:
    """The proxy of avatars, or of what hangs on replies."""
    store = PictureStore(house.settings.data_dir / folder, 10**8, AVATAR_LIMITS, house.clock)
    return RemotePictures(house.client, store, house.clock)


async def everything_of(house: House) -> tuple[Actor, list[dict[str, Any]]]:
    """Somebody who left all that there is; who they are, and the Notes they sent."""
    post = await house.publish()
    who, bob = (
        house.person("z.example", NAME, summary=f"<p>{WORDS}</p>", icon=f"https://z.example/{NAME}.png"),
        house.person(),
    )
    shot = f"https://z.example/{NAME}.jpg"
    hung = {"type": "Document", "mediaType": "image/jpeg", "url": shot, "name": WORDS}
    sign = {"type": "Emoji", "name": ":sign:", "icon": {"type": "Image", "url": f"https://z.example/{NAME}.gif"}}
    notes = [house.note(who, post.uri, f"<p>{WORDS} one</p>", attachment=[hung])]
    notes.append(house.note(who, notes[0]["id"], f"<p>{WORDS} two :sign:</p>", tag=[sign]))
    other = house.note(bob, notes[0]["id"], "<p>Right you are</p>")
    notes.append(house.note(who, other["id"], f"<p>{WORDS} three</p>"))
    for note in (*notes[:2], other, notes[2]):
        assert (await house.send(house.create(note)))[1] == "reply_published"
    quoting = house.note(who, None, f"<p>{WORDS} four</p>", quote=post.uri)
    await house.send(house.create(quoting))
    orphan = house.note(who, "https://nowhere.example/x", f"<p>{WORDS} five</p>")
    await house.send(house.create(orphan))
    for kind, what in (("Follow", house.author.uri), ("Like", post.uri), ("Announce", post.uri), ("Like", other["id"])):
        await house.send(house.activity(kind, who, what, to=[PUBLIC]))
    await house.send(house.activity("Flag", who, [other["id"]], content=f"{NOTE} report"))
    await house.send(house.activity("Flag", bob, [who, notes[0]["id"]], content="rude"))
    await house.send(
        house.activity("Undo", who, {"type": "Like", "id": f"{who}/likes/9", "object": "https://x.example/1"})
    )
    actor = await house.actor(who)
    stored = await house.reply(notes[0]["id"])
    assert stored is not None
    await house.publisher.mark_spam(stored.id)
    await house.publisher.approve_reply(stored.id)
    await house.publisher.like_reply(stored.id, author_id=house.author.id)
    await Indexer(house.db).catch_up()
    pictures(house).store.keep(f"{actor.id}-0123456789ab", jpeg(8, 8))
    pictures(house, "attached").store.keep(kept_name(stored.id, shot), jpeg(9, 9))
    return actor, [*notes, quoting, orphan]


def places_of(folder: Path, *words: str) -> list[str]:
    """Files that hold any of the words, in any case."""
    wanted = [word.lower().encode() for word in words]
    return [
        f"{path.name}: {word.decode()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for word in wanted
        if word in path.read_bytes().lower() or word in path.name.encode()
    ]


async def test_nothing_of_them_is_left_and_nothing_comes_back(house: House, tmp_path: Path) -> None:
    actor, notes = await everything_of(house)
    avatars, attached = pictures(house), pictures(house, "attached")
    told = await held(house.db, avatars, attached, actor.id)
    assert len(told["replies"]) == 4
    assert told["replies"][0]["as_received"]["content"] == f"<p>{WORDS} one</p>"
    assert {one["kind"] for one in told["reactions"]} == {"like", "announce"}
    for name in ("follows", "quotes", "reports_by_them", "reports_about_them", "decisions", "pictures", "inbox_log"):
        assert told[name], name
    assert told["profile"]["handle"] == actor.handle
    assert len(told["pictures"]) == 2
    assert "rude" not in str(told)  # who reports somebody is safe from them

    assert attached.store.names()
    done = await erase(house.db, avatars, attached, actor.id)
    assert attached.store.names() == []
    assert (done.replies, done.follows) == (4, 1)
    assert await house.db.integrity() == []
    now = await house.db.read(lambda tx: tx.all("SELECT reply_count, like_count, announce_count FROM threads"))
    assert now == [(1, 0, 0)]
    assert await house.db.read(person_record.find, actor.handle) == []
    with pytest.raises(NotFound):
        await erase(house.db, avatars, attached, actor.id)
    with pytest.raises(Conflict):
        await erase(house.db, avatars, attached, house.author.id)
    (tmp_path / "dump").mkdir()
    await house.db.dump(tmp_path / "dump")
    assert places_of(tmp_path / "dump", NAME, WORDS, NOTE, "z.example/users") == []

    # Sent again, found elsewhere, or brought up to date: it stays away, under whatever activity.
    who = notes[0]["attributedTo"]
    for note in notes:
        assert (await house.send(house.create(note)))[1] == "deleted_before", note["id"]
    assert (await house.send(house.activity("Update", who, notes[0])))[1] != "reply_published"
    assert (await house.send(house.activity("Delete", who, notes[0]["id"])))[0] == 202
    unseen = house.note(who, notes[0]["inReplyTo"], "<p>Older than the wish</p>")
    assert (await house.send(house.create(unseen)))[1] == "deleted_before"
    assert await house.db.read(replies.by_uri, notes[1]["id"]) is None
    # What they write from then on is theirs to write.
    house.clock.now += DAY
    fresh = house.note(who, notes[0]["inReplyTo"], "<p>Hello again</p>", published="2026-11-26T00:00:00Z")
    assert (await house.send(house.create(fresh)))[1] == "reply_published"


async def test_not_even_the_file_on_disk_holds_a_word_of_them(house: House) -> None:
    """SQLite leaves deleted bytes in free pages, and words in its index, unless it is told not to."""
    actor, _ = await everything_of(house)
    folder = house.settings.data_dir
    await erase(house.db, pictures(house), pictures(house, "attached"), actor.id)
    await IndexTidier(house.db)({})
    await house.db.close()
    assert any(path.suffix in (".sqlite3", ".db") for path in folder.iterdir())
    assert places_of(folder, NAME, WORDS, NOTE, str(actor.id) + "-") == []


async def test_profiles_that_nobody_needs_go_with_time(house: House) -> None:
    """Of people who left nothing here; who wrote, follows or is blocked stays, who is gone goes altogether."""
    post = await house.publish()
    writer, idle, blocked, gone = (house.person("m.example", name) for name in ("writer", "idle", "blocked", "gone"))
    for who in (writer, gone):
        await house.send(house.create(house.note(who, post.uri)))
    for who in (idle, blocked):
        await house.send(house.activity("Like", who, "https://x.example/nothing"))
    await house.publisher.block_actor(blocked)
    await house.db.write(actors.mark_deleted, (await house.actor(gone)).id)

    async def known() -> set[str]:
        rows = await house.db.read(lambda tx: tx.all("SELECT uri FROM actors WHERE local = ''"))
        return {row[0].rpartition("/")[2] for row in rows}

    assert await forget_unused(house.db, int(house.clock.now), 30) == []
    assert await known() == {"writer", "idle", "blocked", "gone"}
    house.clock.now += 31 * DAY
    named = house.person("m.example", "named")
    await house.send(house.activity("Like", named, "https://x.example/nothing"))
    await house.db.write(
        lambda tx: tx.run("UPDATE posts SET mentions = $1 WHERE id = $2", json.dumps([named]), post.id)
    )
    house.clock.now += 31 * DAY
    assert await forget_unused(house.db, int(house.clock.now), 0) == []
    assert len(await forget_unused(house.db, int(house.clock.now), 30)) == 2
    assert await known() == {"writer", "blocked", "named"}
    assert await house.db.integrity() == []
    assert (await house.send(house.activity("Like", idle, post.uri)))[0] == 202
    assert "idle" in await known()
