"""An archive goes out and comes back: into an empty blog of the same domain, and into another one."""

from __future__ import annotations

import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fedblog.archive.exporter import Exported, Exporter
from fedblog.archive.markdown_folder import read_markdown
from fedblog.archive.wxr_read import read_wxr
from fedblog.blog.model import HoldPolicy, Post, PostKind, ReplyState, Visibility
from fedblog.errors import NotFound
from fedblog.federation.services import Services
from fedblog.storage import actors, moderation, posts, replies
from tests.archive.entries import entries
from tests.archive.world import (
    NOW,
    author_id,
    blog,
    everything,
    follow,
    like,
    outgoing,
    reply,
    restore,
    write_post,
)

SECRET, HELD, DRAFT = "for alice alone", "waits for approval", "not finished"


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[tuple[Services, Post]]:
    """A blog with a post, a draft and a thread that has everything in it."""
    async with blog(tmp_path / "source") as services:
        post = await write_post(
            services,
            "Straße ]]> & <tags>",
            "Hello **world** #Garden\n\n```python\nx = 1\n```\n\nSee ]]> here.",
            summary="A lede",
            tags=("Bicycle",),
        )
        await write_post(
            services, "Draft", DRAFT, draft=True, series="Reading", series_position=2, show_history=True,
            canonical_url="https://old.example/draft", hold_policy=HoldPolicy.ALL, close_after_days=7,
        )  # fmt: skip
        top = await reply(services, post, "first", at=NOW - 900)
        below = await reply(services, post, "second <b>level</b>", by="carol", to=top)
        await reply(services, post, SECRET, by="dave", visibility=Visibility.DIRECT)
        await reply(services, post, HELD, by="erin", state=ReplyState.HELD)
        gone = await reply(services, post, "to be removed", by="frank", at=NOW - 700)
        await reply(services, post, "below the removed one", by="gina", to=gone)
        await services.db.write(replies.remove, gone.id)
        answer = await services.publisher.answer(
            author_id=await author_id(services), source="*Thanks!*", reply_id=below.id
        )
        await reply(services, post, "third level", by="bob", to=answer)
        await like(services, "carol", post_id=post.id)
        await like(services, "bob", reply_id=answer.id)
        await follow(services, "bob")
        await services.db.write(moderation.block, "domain", "bad.example", "spam")
        found = await services.db.read(posts.by_id, post.id)
        assert found is not None
        yield services, found


async def pack(services: Services, path: Path, *, author: str = "", drafts: bool = False) -> Exported:
    return await Exporter(services, author=author, drafts=drafts).write(path)


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Part by part, so that a difference is named."""
    assert one["followers"] == other["followers"]
    assert one["blocks"] == other["blocks"]
    for left, right in zip(one["posts"], other["posts"], strict=True):
        assert left[:-1] == right[:-1]
        for row, other_row in zip(left[-1], right[-1], strict=True):
            assert row == other_row


def contents(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {info.name: file.read() for info in tar if (file := tar.extractfile(info)) is not None}


async def test_LIFE_01_an_empty_blog_of_the_same_domain_becomes_the_same_blog(
    source: tuple[Services, Post], tmp_path: Path
) -> None:
    """Ids, texts, trees, counts, followers and blocks; and nobody is told."""
    services, post = source
    await services.publisher.hide_reply((await reply(services, post, "hidden")).id)
    await write_post(services, "About", "who we are", kind=PostKind.PAGE, federated=False)
    made = await pack(services, tmp_path / "a.tar.gz", drafts=True)
    assert (made.posts, made.followers) == (3, 1)
    async with blog(tmp_path / "copy") as copy:
        report = await restore(copy, tmp_path / "a.tar.gz")
        assert report.warnings == []
        assert_same(await everything(copy), await everything(services))
        assert await outgoing(copy) == 0
        counts = report.counts
        assert (counts["posts"], counts["drafts"], counts["blocks"]) == (2, 1, 1)


async def test_LIFE_01_it_goes_page_by_page(
    source: tuple[Services, Post], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parents may stand on an earlier page, and in an earlier unit of work."""
    monkeypatch.setattr("fedblog.archive.exporter.PAGE", 10)
    monkeypatch.setattr("fedblog.archive.exporter.REPLIES", 1)
    monkeypatch.setattr("fedblog.archive.restore.AT_ONCE", 2)
    await follow(source[0], "carol")
    await write_post(source[0], "Another", "text")
    await pack(source[0], tmp_path / "a.tar.gz", drafts=True)
    async with blog(tmp_path / "copy") as copy:
        report = await restore(copy, tmp_path / "a.tar.gz")
        assert report.warnings == []
        assert_same(await everything(copy), await everything(source[0]))


async def test_LIFE_01_posts_for_somebody_else_bring_no_followers(
    source: tuple[Services, Post], tmp_path: Path
) -> None:
    await pack(source[0], tmp_path / "a.tar.gz", author="alice")
    async with blog(tmp_path / "copy", authors=("zoe",)) as copy:
        await restore(copy, tmp_path / "a.tar.gz", author="zoe")
        assert (await everything(copy))["followers"] == []
        assert [post[1] for post in (await everything(copy))["posts"]] == [source[1].uri]


async def test_LIFE_01_a_second_import_changes_nothing(source: tuple[Services, Post], tmp_path: Path) -> None:
    await pack(source[0], tmp_path / "a.tar.gz", drafts=True)
    async with blog(tmp_path / "copy") as copy:
        await restore(copy, tmp_path / "a.tar.gz")
        before = await everything(copy)
        report = await restore(copy, tmp_path / "a.tar.gz")
        assert await everything(copy) == before
        assert not {"posts", "drafts", "replies", "reactions", "followers", "blocks"} & set(report.counts)


async def test_LIFE_01_into_the_blog_it_came_from_nothing_changes(
    source: tuple[Services, Post], tmp_path: Path
) -> None:
    services, _ = source
    await pack(services, tmp_path / "a.tar.gz", drafts=True)
    before, sent = await everything(services), await outgoing(services)
    await restore(services, tmp_path / "a.tar.gz")
    assert [post[:5] for post in (await everything(services))["posts"] if post[9] == "published"] == [
        post[:5] for post in before["posts"] if post[9] == "published"
    ]
    assert await outgoing(services) == sent


async def test_LIFE_01_what_was_deleted_meanwhile_stays_deleted(source: tuple[Services, Post], tmp_path: Path) -> None:
    services, post = source
    await pack(services, tmp_path / "a.tar.gz")
    await services.publisher.delete(post.id)
    report = await restore(services, tmp_path / "a.tar.gz")
    assert report.counts["deleted_here"] == 1
    assert await services.db.read(posts.by_uri, post.uri) is None


async def test_LIFE_01_another_domain_gives_new_ids_and_notes_the_old_actor(
    source: tuple[Services, Post], tmp_path: Path
) -> None:
    """The tree is the same; what others wrote keeps its id; our own answers are ours again, under a new one."""
    services, _ = source
    await pack(services, tmp_path / "a.tar.gz")
    async with blog(tmp_path / "other", "other.example", ("zoe",)) as other:
        report = await restore(other, tmp_path / "a.tar.gz", author="zoe")
        there, here = (await everything(services))["posts"], (await everything(other))["posts"]
        old = next(one for one in there if one[9] == "published")
        (new,) = here
        assert new[1].startswith("https://other.example/ap/posts/")
        assert (new[2], new[3], new[4], new[11]) == (old[2], old[3], old[4], old[11])
        assert "https://other.example/tag/" in new[5]
        assert "blog.example" not in new[5]
        assert [row[3:6] for row in new[-1]] == [row[3:6] for row in old[-1]]
        for was, now in zip(old[-1], new[-1], strict=True):
            assert (now[1] == was[1]) is not was[9]
            assert now[1].startswith("https://other.example/ap/notes/") is was[9]
        author = await other.db.read(actors.by_local_name, "zoe")
        assert author is not None
        assert author.also_known_as == ("https://blog.example/ap/actors/alice",)
        assert (await everything(other))["followers"] == []
        assert await outgoing(other) == 0
        again = await restore(other, tmp_path / "a.tar.gz", author="zoe")
        assert "posts" not in again.counts
        assert "replies" not in again.counts
        assert (await everything(other))["posts"] == here
        assert report.counts["posts"] == 1


async def test_LIFE_01_federated_only_when_asked(source: tuple[Services, Post], tmp_path: Path) -> None:
    await pack(source[0], tmp_path / "a.tar.gz")
    async with blog(tmp_path / "other", "other.example") as other:
        report = await restore(other, tmp_path / "a.tar.gz", federate=True)
        assert report.counts["federated"] == 1
        assert await outgoing(other) == 2  # Create, and the blog's Announce
        (made,) = (await everything(other))["posts"]
        assert made[11] == source[1].published_at


async def test_LIFE_01_dry_run_tells_and_changes_nothing(source: tuple[Services, Post], tmp_path: Path) -> None:
    await pack(source[0], tmp_path / "a.tar.gz")
    async with blog(tmp_path / "copy") as copy:
        before = await everything(copy)
        report = await restore(copy, tmp_path / "a.tar.gz", dry_run=True)
        assert (report.counts["posts"], report.counts["followers"]) == (1, 1)
        assert await everything(copy) == before


@pytest.mark.proves("SEC-082")
async def test_LIFE_01_nothing_private_leaves(source: tuple[Services, Post], tmp_path: Path) -> None:
    """Private, held and removed replies, drafts, keys: not in any file of the archive."""
    services, _ = source
    await pack(services, tmp_path / "a.tar.gz")
    files = contents(tmp_path / "a.tar.gz")
    for name, data in files.items():
        for word in (SECRET, HELD, DRAFT, "to be removed", "PRIVATE KEY", "Frank"):
            assert word.encode() not in data, (name, word)
    assert (tmp_path / "a.tar.gz").stat().st_mode & 0o077 == 0


async def test_LIFE_01_others_can_read_it(source: tuple[Services, Post], tmp_path: Path) -> None:
    """FEP-6fcd's files, Mastodon's lists, and a WordPress file that our own strict reader takes."""
    services, post = source
    await pack(services, tmp_path / "a.tar.gz", author="alice")
    files = contents(tmp_path / "a.tar.gz")
    manifest = json.loads(files["manifest.yml"])
    assert manifest["ubc-version"] == "0.1"
    assert set(manifest["contents"]["activitypub"]["contents"]) == {"actor.json", "outbox.json", "followers.csv"}
    actor = json.loads(files["activitypub/actor.json"])
    assert actor["id"] == "https://blog.example/ap/actors/alice"
    outbox = json.loads(files["activitypub/outbox.json"])
    assert outbox["type"] == "OrderedCollection"
    assert [item["object"]["id"] for item in outbox["orderedItems"]] == [post.uri]
    assert outbox["totalItems"] == 1
    assert files["activitypub/followers.csv"].decode().splitlines() == ["Account address", "bob@remote.example"]
    assert files["blocked_domains.csv"].decode().splitlines()[1] == "bad.example,suspend,false,false,,false"
    (tmp_path / "wordpress.xml").write_bytes(files["wordpress.xml"])
    with (tmp_path / "wordpress.xml").open("rb") as file:
        (entry,) = entries(read_wxr(file))
    assert (entry.title, entry.slug, entry.published_at) == (post.title, post.slug, post.published_at)
    assert "See ]]&gt; here." in entry.source
    parents = {comment.id: comment.parent for comment in entry.comments}
    assert len(parents) == post.reply_count + 1  # and the placeholder
    assert all(parent == "" or parent in parents for parent in parents.values())
    assert sum(1 for parent in parents.values() if not parent) == 2


async def test_LIFE_01_markdown_tree_has_a_head_that_reads_back(source: tuple[Services, Post], tmp_path: Path) -> None:
    services, post = source
    await pack(services, tmp_path / "a.tar.gz")
    files = contents(tmp_path / "a.tar.gz")
    text = files[f"posts/alice/{post.slug}.md"].decode()
    entry = read_markdown(text, f"{post.slug}.md")
    assert (entry.title, entry.slug, entry.source.rstrip()) == (post.title, post.slug, post.source.rstrip())
    assert (entry.published_at, entry.tags, entry.summary) == (post.published_at, post.tags, post.summary)
    assert entry.key == f"uri:{post.uri}"
    lines = [json.loads(line) for line in files[f"posts/alice/{post.slug}.thread.jsonl"].splitlines()]
    shown = [line for line in lines if line["kind"] == "reply"]
    assert {"author", "uri", "content", "likes", "boosts", "parent", "depth"} <= set(shown[0])


async def test_LIFE_01_an_author_who_is_not_here_is_named(source: tuple[Services, Post], tmp_path: Path) -> None:
    await pack(source[0], tmp_path / "a.tar.gz")
    async with blog(tmp_path / "other", "other.example", ("zoe",)) as other:
        with pytest.raises(NotFound, match="no author alice here"):
            await restore(other, tmp_path / "a.tar.gz")
    with pytest.raises(NotFound, match="no author nobody"):
        await pack(source[0], tmp_path / "b.tar.gz", author="nobody")
    assert not (tmp_path / "b.tar.gz").exists()
