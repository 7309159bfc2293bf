"""What the studio's lists ask for, on both engines: posts by tab, pictures, where a post is, notices and settings."""

from __future__ import annotations

from fedblog.blog.ledger import Account, ActivityId, NewMedia
from fedblog.blog.model import Post, PostText, ReactionKind, Role
from fedblog.storage import (
    accounts,
    actors,
    deliveries,
    expansion,
    followers,
    lanes,
    media,
    notice_settings,
    notices,
    outgoing,
    planning,
    post_lists,
    posts,
    reach,
    reactions,
    replies,
)
from fedblog.storage.database import Database, Tx
from fedblog.storage.notices import Kind
from fedblog.storage.post_lists import Wanted
from tests.storage.support import START, Clock, add_author, add_post, new_reply, profile, text


def _account(tx: Tx) -> Account:
    add_author(tx, "blog", "blog")
    alice = add_author(tx)
    return accounts.add(tx, username="alice", email="", password_hash="x", role=Role.OWNER, actor_id=alice.id)


def _drafts(tx: Tx, account: Account) -> list[Post]:
    def draft(slug: str, **more: object) -> Post:
        made: PostText = text(slug=slug, title=f"100% {slug}", **more)
        return posts.create_draft(tx, made, author_id=account.actor_id, editor_id=account.actor_id)

    out = add_post(tx, slug="out", source="Flour", tags=("Baking",))
    planning.schedule(tx, draft("planned").id, START + 60)
    planning.trash(tx, draft("gone").id)
    return [out, draft("plain")]


async def test_posts_by_tab(db: Database) -> None:
    account = await db.write(_account)
    await db.write(_drafts, account)
    counts = await db.read(post_lists.counts, Wanted(author_id=account.actor_id))
    assert counts == {"": 3, "draft": 1, "scheduled": 1, "published": 1, "unpublished": 0, "trash": 1}
    for wanted, slugs in (
        (Wanted("draft"), ["plain"]),
        (Wanted("trash"), ["gone"]),
        (Wanted("scheduled"), ["planned"]),
        (Wanted(tag="baking"), ["out"]),
        (Wanted(search="flour"), ["out"]),
        (Wanted(search="100% pl"), ["plain", "planned"]),
        (Wanted(search="100_ pl"), []),
    ):
        found = await db.read(post_lists.page, wanted, skip=0, limit=9)
        assert sorted(post.slug for post in found) == slugs, wanted
    for scope in (account.actor_id, None):
        assert ("baking", "Baking") in await db.read(post_lists.tags, scope)


def _sent(tx: Tx, account: Account) -> Post:
    bob = actors.upsert_remote(tx, profile())
    followers.add(
        tx,
        actor_id=bob.id,
        target_id=account.actor_id,
        state="accepted",
        follow_uri="https://x.example/1",
        follow_json="",
    )
    post = add_post(tx, slug="sent")
    activity = outgoing.add(
        tx,
        activity_id=ActivityId(tx.new_id()),
        uri="https://blog.example/ap/activities/1",
        actor_id=account.actor_id,
        type="Create",
        object_uri=post.uri,
        body=b"{}",
        audience=outgoing.Audience(followers_of=(account.actor_id,)),
        public=True,
    )
    expansion.expand(tx, activity.id)
    return post


async def test_where_a_post_is(db: Database) -> None:
    account = await db.write(_account)
    post = await db.write(_sent, account)
    (parcel,) = await db.read(reach.parcels, post)
    assert (parcel.host, parcel.state, parcel.followers) == ("remote.example", "waiting", 1)
    (claimed,) = (await db.write(lanes.claim, lanes=9, per_lane=9, lease_seconds=60)).lanes[0].deliveries
    await db.write(deliveries.fail, claimed.id, status=404, error="")
    assert (await db.read(reach.why, post, "BOB", "remote.example")).code == "failed"
    assert (await db.read(reach.why, post, "nobody", "remote.example")).code == "unknown"
    assert await db.write(reach.try_again, post, "other.example") == 0
    assert await db.write(reach.try_again, post) == 1
    assert (await db.read(reach.parcels, post))[0].state == "waiting"
    assert len((await db.write(lanes.claim, lanes=9, per_lane=9, lease_seconds=60)).lanes) == 1


def _happen(tx: Tx, account: Account, post: Post) -> None:
    bob = actors.by_uri(tx, profile().uri)
    assert bob is not None
    reactions.add(tx, kind=ReactionKind.LIKE, actor_id=bob.id, post_id=post.id, activity_uri="https://x.example/2")
    replies.add(tx, new_reply(bob.id, post.uri), post_id=post.id, parent_id=None)


async def test_notices_and_how_one_is_told(db: Database, clock: Clock) -> None:
    account = await db.write(_account)
    post = await db.write(_sent, account)
    (claimed,) = (await db.write(lanes.claim, lanes=9, per_lane=9, lease_seconds=60)).lanes[0].deliveries
    await db.write(deliveries.fail, claimed.id, status=404, error="")
    clock.forward(10)
    await db.write(_happen, account, post)
    found = await db.read(notices.recent, account, since=0, until=int(clock.now), limit=99)
    assert sorted(one.kind for one in found) == [Kind.FOLLOW, Kind.LIKE, Kind.REPLY, Kind.TROUBLE]
    since = int(clock.now) - 5
    later = await db.read(notices.recent, account, since=since, until=int(clock.now), limit=99)
    assert sorted(one.kind for one in later) == [Kind.LIKE, Kind.REPLY]
    assert await db.read(notices.recent, account, since=since, until=since, limit=99) == []
    # Settings
    await db.write(
        notice_settings.save,
        account.id,
        muted=("like",),
        mail="daily",
        ntfy_url="https://x.example/t",
        ntfy_token=b"\x00",
    )
    chosen = await db.read(notice_settings.of, account.id)
    assert (chosen.mail, chosen.muted, chosen.ntfy_token) == ("daily", ("like",), b"\x00")
    assert chosen.mail_told_at == chosen.push_told_at == int(clock.now)
    assert await db.read(notice_settings.active) == [account.id]
    await db.write(notice_settings.failed, account.id, "mail", "x" * 999)
    clock.forward(10)
    await db.write(notice_settings.told, account.id, "mail", int(clock.now))
    await db.write(notice_settings.mark_seen, account.id, 5)
    again = await db.read(notice_settings.of, account.id)
    assert (again.mail_error, again.mail_told_at, again.seen_at) == ("", int(clock.now), 5)
    assert await db.read(notice_settings.by_unsubscribe, again.unsubscribe) == account.id
    assert await db.read(notice_settings.by_unsubscribe, "") is None
    await db.write(notice_settings.end_mail, account.id)
    keys = {"p256dh": "p", "auth": "a", "user_agent": "u", "at_most": 1}
    assert await db.write(notice_settings.add_subscription, account.id, endpoint="https://p.example/1", **keys)  # type: ignore[arg-type]
    assert await db.write(notice_settings.add_subscription, account.id, endpoint="https://p.example/1", **keys)  # type: ignore[arg-type]
    assert not await db.write(notice_settings.add_subscription, account.id, endpoint="https://p.example/2", **keys)  # type: ignore[arg-type]
    (browser,) = await db.read(notice_settings.subscriptions, account.id)
    assert await db.write(notice_settings.drop_subscription, browser.id, account.id)


async def test_pictures_by_words_and_use(db: Database) -> None:
    account = await db.write(_account)

    def fill(tx: Tx) -> None:
        for number, alt in enumerate(("The Sea", "", "50%")):
            name = "p" + f"{number:020x}"
            media.add(
                tx,
                NewMedia(
                    name=name,
                    kind="p",
                    owner_id=account.actor_id,
                    alt=alt,
                    filename=f"{number}.jpg",
                    source_hash=name,
                    width=9,
                    height=9,
                    widths=(9,),
                    blurhash="",
                    bytes=9,
                ),
                most_bytes=10**6,
            )
        add_post(tx, source=f"![x](/media/p{0:020x}.jpg)")

    await db.write(fill)
    for wish, names in (
        ({}, ["0.jpg", "1.jpg", "2.jpg"]),
        ({"words": "sea"}, ["0.jpg"]),
        ({"words": "%"}, ["2.jpg"]),
        ({"only": "unused"}, ["1.jpg", "2.jpg"]),
        ({"only": "undescribed"}, ["1.jpg"]),
    ):
        found = await db.read(media.search, owner_id=account.actor_id, before=None, limit=9, **wish)
        assert sorted(one.filename for one in found) == names, wish
