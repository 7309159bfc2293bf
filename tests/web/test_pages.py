"""Pages for people: what they show, whom they escape, how they stay whole without scripts."""

from __future__ import annotations

import asyncio
import gzip
import random
import re
import time
from pathlib import Path
from typing import Any

import html5lib
import pytest

from fedblog.blog.model import Post, ReactionKind, Reply, ReplyState, Visibility, Writing
from fedblog.storage import posts, replies
from fedblog.storage.database import Tx
from fedblog.web.keys import PAGES, RENDERER
from tests.live import Live, live_app
from tests.samples import make_author, make_person, make_post, make_reply, picture, react
from tests.storage.support import new_reply

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def parse(text: str) -> Any:
    """The page as a browser sees it; broken markup is an error."""
    parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
    tree = parser.parse(text)
    problems = [code for _, code, _ in parser.errors]
    assert problems == [], problems
    return tree


async def test_an_empty_blog_says_so_kindly(live: Live) -> None:
    page = await live.get("/")
    assert page.status == 200
    assert "The first page is still blank" in page.text
    assert live.services.settings.blog.tagline in page.text
    parse(page.text)


async def test_front_page_lists_posts_and_pages_on(tmp_path: Path) -> None:
    async with live_app(tmp_path, blog={"posts_per_page": 2}) as live:
        account = await make_author(live.services)
        for number in range(5):
            await make_post(live.services, account.actor_id, f"Post {number}", tags=("Tea",))
        seen: list[str] = []
        path: str | None = "/"
        while path is not None:
            page = await live.get(path)
            parse(page.text)
            seen += re.findall(r'<a class="p-name"[^>]*>(Post \d)</a>', page.text)
            older = re.search(r'rel="next" href="([^"]+)"', page.text)
            path = older[1] if older else None
        assert seen == [f"Post {number}" for number in (4, 3, 2, 1, 0)]
        tag = await live.get("/tag/tea")
        assert "#Tea" in tag.text
        assert "5 posts" in tag.text
        assert (await live.get("/tag/unheard")).status == 404


async def test_a_card_counts_in_words(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo, cy = await make_person(live.services), await make_person(live.services, "Cy")
    await make_reply(live.services, bo, "<p>Hello</p>", post=post)
    await react(live.services, bo, post=post, kind=ReactionKind.LIKE)
    await react(live.services, cy, post=post, kind=ReactionKind.LIKE)
    assert "1 reply · 2 likes" in (await live.get("/")).text


async def test_a_post_shows_its_conversation_nested(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id, "First light")
    bo, cy = await make_person(live.services), await make_person(live.services, "Cy Dee", "other.example")
    first = await make_reply(live.services, bo, "<p>One</p>", post=post, published_at=1000, remote_likes=3)
    answer = await live.services.publisher.answer(author_id=account.actor_id, source="Thanks!", reply_id=first.id)
    await make_reply(live.services, cy, "<p>Three</p>", parent=answer, published_at=3000)
    await make_reply(live.services, cy, "<p>Four</p>", post=post, published_at=4000, edited_at=5000)
    await react(live.services, cy, reply=answer, kind=ReactionKind.LIKE)
    await live.services.publisher.like_reply(first.id, author_id=account.actor_id)
    page = (await live.get(f"/@ana/{post.slug}")).text
    tree = parse(page)
    assert "4 thoughts on “First light”" in page
    top = tree.find(".//ol[@class='thread']")
    assert len(top.findall("li")) == 2
    nested = top.find("li/details/ol/li/details/ol/li/article")
    assert nested is not None
    assert "Three" in "".join(nested.itertext())
    assert nested.attrib["aria-label"] == "Reply by Cy Dee to Ana Lima, level 3"
    assert "@cy@other.example" in page
    assert '<span class="badge">author</span>' in page
    assert 'title="As told by social.example">Liked by 3 people, the author among them' in page
    assert "Liked by 1 person" in page
    assert 'class="reply-edited"' in page
    assert f'href="{first.url}"' in page
    assert "Reply to <bdi>Bo Berg</bdi>" in page
    assert "<img" not in page


async def test_removed_warned_and_held_replies(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo, cy = await make_person(live.services), await make_person(live.services, "Cy Dee")
    gone = await make_reply(live.services, bo, "<p>oops</p>", post=post)
    await make_reply(live.services, cy, "<p>below</p>", parent=gone)
    await make_reply(live.services, cy, "<p>inner</p>", post=post, content_warning="spiders")
    await make_reply(live.services, cy, "<p>waits</p>", post=post, state=ReplyState.HELD)
    shot = picture("https://social.example/cat.png", "A cat asleep")
    await make_reply(live.services, cy, "<p>look</p>", post=post, attachments=(shot,))
    await live.services.db.write(replies.remove, gone.id)
    page = (await live.get(f"/@ana/{post.slug}")).text
    parse(page)
    assert "oops" not in page
    assert "This reply was removed by its author." in page
    assert "below" in page
    assert re.search(r"<summary>.*spiders</summary>\s*<div[^>]*>\s*<p>inner</p>", page)
    assert "waits" not in page
    assert '<details class="media"><summary>Picture: A cat asleep</summary>' in page
    assert '<a class="faint" href="https://social.example/cat.png" rel="nofollow ugc noopener">' in page


async def test_unlisted_replies_show_in_the_thread_but_not_to_search_engines(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo = await make_person(live.services)
    await make_reply(live.services, bo, "<p>softly</p>", post=post, visibility=Visibility.UNLISTED)
    page = (await live.get(f"/@ana/{post.slug}")).text
    assert "softly" in page
    assert "data-nosnippet" in page
    assert "softly" not in (await live.get(f"/@ana/{post.slug}/comments.atom")).text


async def test_a_page_is_new_with_everything_that_changes_it(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    path = f"/@ana/{post.slug}"
    bo = await make_person(live.services)
    seen = {(await live.get(path)).headers["ETag"]}

    async def changes(text: str) -> None:
        answer = await live.get(path)
        assert answer.headers["ETag"] not in seen
        assert text in answer.text
        seen.add(answer.headers["ETag"])

    await make_reply(live.services, bo, "<p>fresh words</p>", post=post)
    await changes("fresh words")
    await react(live.services, bo, post=post, kind=ReactionKind.LIKE)
    await changes("1 like")
    await live.services.publisher.update_profile(account.actor_id, name="Ana Maria", summary_source="New bio")
    await changes("Ana Maria")
    await make_person(live.services, "Bo Renamed", username="bo")
    await changes("Bo Renamed")
    text = await live.services.publisher.compose(Writing(title="Second light", source="Changed.", slug=post.slug))
    await live.services.publisher.edit(post.id, text, editor_id=account.actor_id)
    await changes("Second light")


async def test_a_changed_slug_and_another_spelling_redirect(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id, "First light")
    text = await live.services.publisher.compose(Writing(title="First light", source="x", slug="dawn"))
    await live.get("/@ana/first-light")
    await live.services.publisher.edit(post.id, text, editor_id=account.actor_id)
    moved = await live.get("/@ana/first-light")
    assert (moved.status, moved.headers["Location"]) == (301, f"{live.base_url}/@ana/dawn")
    feed = await live.get("/@ana/first-light/comments.atom")
    assert (feed.status, feed.headers["Location"]) == (301, f"{live.base_url}/@ana/dawn/comments.atom")
    assert (await live.get("/@ANA/dawn")).headers["Location"] == f"{live.base_url}/@ana/dawn"
    assert (await live.get("/@Ana")).headers["Location"] == f"{live.base_url}/@ana"


@pytest.mark.proves("SEC-095")
async def test_foreign_text_is_escaped_wherever_it_shows(live: Live) -> None:
    account = await make_author(live.services, name="Ana")
    post = await make_post(live.services, account.actor_id, f"Title {HOSTILE}", summary=HOSTILE, tags=("ok",))
    evil = await make_person(
        live.services, HOSTILE, username="evil", url="javascript:alert(1)", icon_url="javascript:alert(1)"
    )
    shot = picture("javascript:alert(1)", HOSTILE)
    good = picture('https://x.example/"><script>alert(1)</script>', HOSTILE)
    await make_reply(
        live.services,
        evil,
        "<p>plain</p>",
        post=post,
        name=HOSTILE,
        content_warning=HOSTILE,
        language=HOSTILE,
        url="javascript:alert(1)",
        attachments=(shot, good),
    )
    await react(live.services, evil, post=post, kind=ReactionKind.LIKE)
    for path in ("/", f"/@ana/{post.slug}", "/@ana", "/tag/ok"):
        tree = parse((await live.get(path)).text)
        for element in tree.iter():
            data = element.attrib.get("type") == "application/ld+json"  # read by nobody's browser
            assert element.tag != "script" or "src" in element.attrib or data
            assert not [name for name in element.attrib if name.startswith("on")]
            for name in ("href", "src"):
                assert not element.attrib.get(name, "").lower().startswith(("javascript:", "data:"))
    for path in (f"/interact?handle={HOSTILE}", f"/{HOSTILE}", f"/tag/{HOSTILE}", f"/@{HOSTILE}"):
        page = await live.get(path)
        assert page.status in (400, 404)
        assert "<script>alert" not in page.text


@pytest.mark.proves("SEC-055")
async def test_a_long_chain_of_replies_stays_flat_and_whole(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo = await make_person(live.services)
    above: Reply | None = None
    for number in range(450):
        above = await make_reply(
            live.services, bo, f"<p>level {number}.</p>", post=post, parent=above, number=number + 1
        )
    first = await live.get(f"/@ana/{post.slug}")
    parse(first.text)
    assert first.text.count('<details class="branch" open>') == 4
    assert "replying-to-always" in first.text
    following = re.search(r'rel="next nofollow" href="([^"#]+)', first.text)
    assert following is not None
    second = await live.get(f"/@ana/{post.slug}{following[1]}")
    parse(second.text)
    following = re.search(r'rel="next nofollow" href="([^"#]+)', second.text)
    assert following is not None
    third = await live.get(f"/@ana/{post.slug}{following[1]}")
    shown = [int(found) for found in re.findall(r"level (\d+)\.", first.text + second.text + third.text)]
    assert shown == list(range(450))
    assert "From the beginning" in second.text


async def test_a_permalink_finds_its_reply_on_a_later_page(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo, path = await make_person(live.services), f"/@ana/{post.slug}"
    made = [
        await make_reply(live.services, bo, f"<p>{number}</p>", post=post, number=number + 1, published_at=number)
        for number in range(65)
    ]
    held = await make_reply(live.services, bo, "<p>held</p>", post=post, state=ReplyState.HELD)
    late = made[63]
    assert f'id="reply-{late.id}"' not in (await live.get(path)).text
    found = await live.get(f"{path}?reply={late.id}")
    assert f'id="reply-{late.id}"' in found.text
    assert found.text.count('<article class="reply ') == 5
    assert f'<link rel="canonical" href="{live.base_url}{path}">' in found.text
    assert f'href="?reply={late.id}#reply-{late.id}"' in found.text
    form = (await live.get(f"{path}?replyto={late.id}")).text
    assert f'id="reply-{late.id}"' in form
    assert f'<a href="?reply={late.id}#reply-{late.id}"><bdi>Bo Berg</bdi></a>' in form
    assert f'name="uri" value="{late.uri}"' in form
    assert "Cancel reply" in form
    parse(form)
    for wrong in (held.id, 1, "x", "-1", 2**63, 10**30):
        for key in ("reply", "replyto"):
            assert (await live.get(f"{path}?{key}={wrong}")).status == 404, (key, wrong)


async def test_DISC_13_a_permalink_answers_servers_with_the_note(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    reply = await make_reply(live.services, await make_person(live.services), "<p>One</p>", post=post)
    secret = await make_reply(
        live.services, await make_person(live.services), "<p>Two</p>", post=post, visibility=Visibility.DIRECT
    )
    accept = "application/activity+json"
    answer = await live.get(f"/@ana/{post.slug}?reply={reply.id}", accept=accept)
    assert (answer.status, answer.headers["Location"]) == (303, reply.uri)
    assert (await live.get(f"/@ana/{post.slug}?reply={secret.id}", accept=accept)).status == 404


async def test_a_conversation_in_another_order(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo = await make_person(live.services)
    old = await make_reply(live.services, bo, "<p>word-old</p>", post=post, published_at=1000)
    await make_reply(live.services, bo, "<p>word-below</p>", parent=old, published_at=9000)
    await make_reply(live.services, bo, "<p>word-liked</p>", post=post, published_at=2000, remote_likes=5)
    await make_reply(live.services, bo, "<p>word-new</p>", post=post, published_at=3000)
    wanted = {
        "": ["old", "below", "liked", "new"],
        "?sort=newest": ["new", "liked", "old", "below"],
        "?sort=liked": ["liked", "old", "below", "new"],
        "?sort=odd": ["old", "below", "liked", "new"],
    }
    for query, order in wanted.items():
        page = await live.get(f"/@ana/{post.slug}{query}")
        parse(page.text)
        assert re.findall(r"word-(\w+)", page.text) == order, query
    assert (
        '<a href="?sort=newest#thoughts" rel="nofollow" aria-current="true">'
        in (await live.get(f"/@ana/{post.slug}?sort=newest")).text
    )


async def test_a_thousand_replies_come_in_pages_of_a_modest_size(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    people = [await make_person(live.services, f"Person {number}", username=f"p{number}") for number in range(20)]
    words = [
        "the",
        "kettle",
        "sings",
        "and",
        "nobody",
        "outside",
        "hears",
        "the",
        "day",
        "begin",
        "with",
        "rain",
        "over",
        "roofs",
        "while",
        "bread",
        "turns",
        "brown",
    ]
    dice = random.Random(7)

    def write(tx: Tx) -> None:
        there: list[Reply] = []
        for _number in range(1000):
            parent = dice.choice([None, *there[-5:]])
            text = " ".join(dice.choices(words, k=dice.randrange(5, 40)))
            who = dice.choice(people)
            new = new_reply(who.id, parent.uri if parent else post.uri, content_html=f"<p>{text}</p>")
            key = None if parent is None else parent.id
            there.append(replies.add(tx, new, post_id=None if parent else post.id, parent_id=key))

    await live.services.db.write(write)
    path, seen = f"/@ana/{post.slug}", 0
    following: str | None = path
    while following is not None:
        page = await live.get(following)
        # What everybody loads first is leaner than the pages of those who go on.
        assert 40_000 < len(page.body) < (100_000 if following == path else 300_000)
        assert len(gzip.compress(page.body)) < 40_000
        seen += page.text.count('<article class="reply ')
        found = re.search(r'rel="next nofollow" href="([^"#]+)', page.text)
        following = path + found[1] if found else None
    assert seen == 1000


SAYS = (
    "I once repaired an umbrella. It took a weekend and a cobbler's needle, and new it had cost nine euros. Every time"
    " it rains I am unreasonably happy. So yes, it was worth it, and no, I can't defend it."
)


async def converse(live: Live, post: Post, count: int) -> None:
    """Replies as a busy server brings them: each names whom it answers and the author, in one long talk in threes."""
    people = [
        await make_person(
            live.services,
            f"Inês Duarte {number}",
            "mastodon.example",
            username=f"ines_d{number}",
            icon_url=f"https://files.mastodon.social.example/accounts/avatars/{number}.png",
        )
        for number in range(7)
    ]
    there: list[Reply] = []

    def write(tx: Tx) -> None:
        for number in range(count):
            who, parent = people[number % 7], there[number - 1] if number % 3 else None
            named = [(f"{live.base_url}/@ana", "ana")]
            if parent is not None:
                other = people[(number - 1) % 7]
                named.insert(0, (other.url, other.username))
            links = " ".join(
                f'<span class="h-card"><a href="{url}" class="u-url mention">@<span>{name}</span></a></span>'
                for url, name in named
            )
            new = new_reply(
                who.id,
                parent.uri if parent else post.uri,
                uri=f"{who.uri}/statuses/1157535{post.id % 10**7:07}{number:04}",
                url=f"{who.url}/1157535{post.id % 10**7:07}{number:04}",
                content_html=f"<p>{links} {SAYS}</p>",
                remote_likes=number % 4,
            )
            key = None if parent is None else parent.id
            there.append(replies.add(tx, new, post_id=None if parent else post.id, parent_id=key))

    await live.services.db.write(write)


async def weight(live: Live, path: str) -> tuple[int, int]:
    """Bytes of a page, and of the sheets that it waits for."""
    page = await live.get(path)
    sheets = [await live.get(url) for url in re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.text)]
    return len(page.body), sum(len(sheet.body) for sheet in sheets)


async def test_V5_pages_weigh_no_more_than_agreed(live: Live) -> None:
    """HTML and sheets before pictures: 50 kB for a post with sixteen replies, 100 kB of HTML for a thousand."""
    account = await make_author(live.services)
    long = await make_post(live.services, account.actor_id, "Long", source="The kettle sings. " * 100)
    await converse(live, long, 1000)
    usual = await make_post(live.services, account.actor_id, "Usual", source="The kettle sings. " * 100, tags=("tea",))
    await converse(live, usual, 16)
    for number in range(18):
        await make_post(live.services, account.actor_id, f"Post {number}", source="The kettle sings. " * 100)
    for path, most in ((f"/@ana/{usual.slug}", 50_000), ("/", 35_000), ("/@ana", 35_000)):
        html, sheets = await weight(live, path)
        assert html + sheets < most, (path, html, sheets)
    assert (await live.get(f"/@ana/{usual.slug}")).text.count('<article class="reply ') == 16
    html, _ = await weight(live, f"/@ana/{long.slug}")
    assert html < 100_000, html


async def test_pages_ask_nobody_else_for_anything(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id, source="Words. " * 800)
    bo = await make_person(live.services)
    for number in range(8):
        await make_reply(live.services, bo, f"<p>Reply {number}</p>", post=post, number=number + 1)
    for path in ("/", "/@ana", f"/@ana/{post.slug}"):
        page = await live.get(path)
        tree = parse(page.text)
        for element in tree.iter():
            assert "style" not in element.attrib
            assert element.tag != "style"
            data = element.attrib.get("type") == "application/ld+json"
            if element.tag in {"script", "img", "link"} and not data:
                source = element.attrib.get("src") or element.attrib.get("href", "")
                loads = element.tag != "link" or element.attrib["rel"] in {"stylesheet", "icon"}
                assert not loads or source.startswith("/static/"), source


async def test_link_previews_and_the_authors_byline(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id, "First light", tags=("Tea",))
    page = await live.get(f"/@ana/{post.slug}")
    url = f"{live.base_url}/@ana/first-light"
    for line in (
        f'<link rel="canonical" href="{url}">',
        '<meta property="og:title" content="First light">',
        '<meta name="description" property="og:description" content="The kettle sings. Outside, the day begins.">',
        f'<meta property="og:url" content="{url}">',
        '<meta property="article:tag" content="Tea">',
    ):
        assert line in page.text


async def test_DISC_14_pages_name_their_author_for_link_cards(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    page = await live.get(f"/@ana/{post.slug}")
    handle = f"@ana@{live.services.settings.domain}"
    assert f'<meta name="fediverse:creator" content="{handle}">' in page.text
    actor = await live.get("/ap/actors/ana")
    assert live.services.settings.domain in actor.text


async def test_one_version_is_rendered_once_for_everybody(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    renderer = live.app[RENDERER]
    rendered: list[str] = []
    original = renderer.html

    def slow(template: str, **context: Any) -> str:
        rendered.append(template)
        time.sleep(0.05)  # in a thread: long enough that all others ask meanwhile
        return original(template, **context)

    monkeypatch.setattr(renderer, "html", slow)
    answers = await asyncio.gather(*(live.get(f"/@ana/{post.slug}") for _ in range(12)))
    assert {answer.status for answer in answers} == {200}
    assert rendered == ["public/post.html"]
    assert live.app[PAGES] is not None


async def test_compressed_pages_have_validators_of_their_own(live: Live) -> None:
    account = await make_author(live.services)
    post: Post = await make_post(live.services, account.actor_id)
    path = f"/@ana/{post.slug}"
    plain = await live.get(path, headers={"Accept-Encoding": "identity"})
    zipped = await live.get(path, headers={"Accept-Encoding": "gzip"})
    refused = await live.get(path, headers={"Accept-Encoding": "gzip;q=0"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in refused.headers
    assert zipped.body == plain.body == refused.body
    assert zipped.headers["ETag"] != plain.headers["ETag"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    again = await live.get(path, headers={"If-None-Match": f"W/{zipped.headers['ETag']}"})
    assert again.status == 304


async def test_comments_closed_is_said(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    await live.services.db.write(posts.set_comments_open, post.id, False)
    page = await live.get(f"/@ana/{post.slug}")
    assert "The conversation under this post is closed." in page.text


async def test_INB_35_leading_mentions_are_folded(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo = await make_person(live.services)
    mention = '<span class="h-card"><a href="https://a.example/@ana" class="u-url mention">@<span>ana</span></a></span>'
    await make_reply(live.services, bo, f"<p>{mention} What a morning</p>", post=post)
    page = (await live.get(f"/@ana/{post.slug}")).text
    parse(page)
    assert re.search(r'<p class="folded"[^>]*>.*>@ana</a></p>\s*<p>What a morning</p>', page)
