"""What hangs on replies: who may see it, what may stay, and the one job that drops the rest."""

from __future__ import annotations

from fedblog.blog.model import Attachment, ReplyId, ReplyState, Visibility
from fedblog.storage import actors, hiding, jobs, posts, replies, reply_media
from fedblog.storage.database import Database
from tests.storage.support import add_post, new_reply, profile

CAT = Attachment("https://files.example/cat.jpg", "image/jpeg", "A cat")
SPIDER = Attachment("https://files.example/spider.jpg", "image/jpeg", "", sensitive=True)


async def planned(db: Database) -> bool:
    """Whether the job is planned; it is not any more afterwards."""
    found = await db.read(jobs.get, reply_media.KIND, "")
    await db.write(jobs.drop, reply_media.KIND, "")
    return found is not None


async def test_who_may_see_it_and_what_may_stay(db: Database) -> None:
    post = await db.write(add_post)
    bob = await db.write(actors.upsert_remote, profile())
    hung = (CAT, SPIDER)
    shown, held, private, plain = [
        await db.write(replies.add, new_reply(bob.id, post.uri, **more), post_id=post.id, parent_id=None)
        for more in (
            {"attachments": hung},
            {"attachments": hung, "state": ReplyState.HELD},
            {"attachments": hung, "visibility": Visibility.DIRECT},
            {},
        )
    ]
    orphan = await db.write(
        replies.add, new_reply(bob.id, "https://x.example/1", attachments=hung), post_id=None, parent_id=None
    )
    every = [shown.id, held.id, private.id, plain.id, orphan.id]
    assert shown.attachments == hung
    assert await db.read(reply_media.of_reply, shown.id) == (hung, True)
    for one in (held, private, orphan):
        assert await db.read(reply_media.of_reply, one.id) == (hung, False)
    assert await db.read(reply_media.of_reply, ReplyId(7)) is None
    assert set(await db.read(reply_media.may_stay, [*every, 7])) == set(every)
    assert sorted(await db.read(reply_media.owners, bob.id)) == sorted(str(one) for one in every if one != plain.id)
    assert not await planned(db)

    await db.write(replies.set_state, plain.id, ReplyState.HIDDEN, "")
    assert not await planned(db), "there is nothing to drop"
    await db.write(replies.set_state, held.id, ReplyState.PUBLISHED, "")
    assert not await planned(db)
    assert await db.write(hiding.hide_all_of, bob.id) == 4
    assert await planned(db)
    assert await db.read(reply_media.of_reply, shown.id) == (hung, False)
    assert set(await db.read(reply_media.may_stay, every)) == {orphan.id}
    assert await db.write(hiding.show_all_of, bob.id) == 4
    assert not await planned(db)
    await db.write(replies.update_remote, shown.id, new_reply(bob.id, post.uri, uri=shown.uri, attachments=(SPIDER,)))
    assert await planned(db)
    assert (await db.read(reply_media.may_stay, [shown.id])) == {shown.id: (SPIDER,)}
    await db.write(replies.remove, shown.id)
    assert await planned(db)
    await db.write(posts.unpublish, post.id)
    assert await planned(db)
    assert set(await db.read(reply_media.may_stay, every)) == {orphan.id}
