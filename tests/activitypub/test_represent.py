"""What is stored and shown of foreign objects is clean, bounded and says what they said."""

from __future__ import annotations

from typing import Any

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitypub.normalise import read_actor, read_note
from fedblog.activitypub.represent import EMPTY_WARNING, profile_of, reply_of
from fedblog.blog.ledger import Profile
from fedblog.blog.model import ActorId, NewReply, ReplyState, Visibility
from tests.activitypub.make import NOW

MIA = "https://m.example/users/mia"
ATTACKS = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '"><svg onload=alert(1)>',
    '<p style="position:fixed">x</p>',
    "<iframe src=https://evil.example></iframe>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    '<form action="https://evil.example"><input name=x>',
    "<p>unclosed <b><i>",
    "</p></div></article></main>",
    "<plaintext>",
    "<!--",
    "<textarea>",
    "\x00\x01\u202ex",
]
PIECES = st.lists(st.sampled_from([*ATTACKS, "<p>", "</p>", "text", "<a href='https://a.example'>", "&lt;", "'"]))


def reply(**changes: Any) -> NewReply:
    raw = {"id": "https://m.example/n/1", "type": "Note", "content": "<p>Hi</p>", "attributedTo": MIA, **changes}
    return reply_of(
        read_note(raw),
        actor_id=ActorId(5),
        visibility=Visibility.UNLISTED,
        state=ReplyState.HELD,
        reason="first_reply",
        now=NOW,
        received=b'{"x":1}',
    )


def profile(**changes: Any) -> Profile:
    raw = {"id": MIA, "type": "Person", "preferredUsername": "mia", "inbox": f"{MIA}/inbox", **changes}
    return profile_of(read_actor(raw), domain="m.example", now=NOW)


def assert_inert(html: str) -> None:
    tree = html5lib.parseFragment(html, namespaceHTMLElements=False)
    for element in tree.iter():
        assert element.tag not in {"script", "style", "iframe", "form", "input", "img", "svg", "math", "textarea"}
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert name not in {"style", "id", "name"}
            assert name != "href" or value.startswith(("https://", "http://", "mailto:"))


@pytest.mark.parametrize("kind", ["Note", "Article", "Question", "Video", "Event"])
@given(text=PIECES.map("".join))
@pytest.mark.proves("SEC-093")
def test_a_hostile_reply_of_any_type_is_inert(kind: str, text: str) -> None:
    made = reply(
        type=kind,
        content=text,
        name=text,
        summary=text,
        sensitive=True,
        oneOf=[{"name": text}],
        attachment=[{"type": "Image", "url": "https://m.example/1.png", "name": text, "mediaType": text}],
        quote="https://q.example/?a='&b=\"",
    )
    assert_inert(made.content_html)
    assert {item.media_type for item in made.attachments} == {"image/png"}  # by its URL, whatever it says
    assert "\x00" not in made.name + made.content_warning


@given(PIECES.map("".join))
@pytest.mark.proves("SEC-093")
def test_a_hostile_profile_is_inert(text: str) -> None:
    made = profile(
        name=text,
        summary=text,
        url=text,
        icon={"type": "Image", "url": text},
        followers=text,
        attachment=[{"type": "PropertyValue", "name": text, "value": text}],
    )
    assert_inert(made.summary_html)
    assert all(not label.isspace() for label, _ in made.fields)
    for _, value in made.fields:
        assert_inert(value)
    assert (made.url, made.icon_url, made.followers_uri) == (MIA, "", "")


def test_what_the_caller_decided_is_kept() -> None:
    made = reply(inReplyTo=["https://b.example/1", "https://b.example/2"])
    assert (made.actor_id, made.visibility, made.state) == (5, Visibility.UNLISTED, ReplyState.HELD)
    assert (made.reason, made.original, made.local, made.source) == ("first_reply", b'{"x":1}', False, "")
    assert made.in_reply_to == "https://b.example/1"
    assert reply().in_reply_to == ""


@pytest.mark.parametrize(
    ("published", "updated", "expected"),
    [
        ("2026-01-02T03:04:05Z", None, (1767323045, None)),
        ("2026-01-02T03:04:05.678Z", "2026-01-02T04:04:05+01:00", (1767323045, None)),
        ("2026-01-02T03:04:05+0000", "2026-01-03T03:04:05Z", (1767323045, 1767409445)),
        ("2026-01-02T03:04:05", "2099-01-01T00:00:00Z", (1767323045, None)),
        ("2099-01-01T00:00:00Z", None, (NOW, None)),
        ("99999-01-01T00:00:00Z", None, (NOW, None)),
        ("2026-02-30T00:00:00Z", ["2026"], (NOW, None)),
        (None, None, (NOW, None)),
        (["2026-01-02T03:04:05Z"], {}, (NOW, None)),
        (5, 5, (NOW, None)),
    ],
)
@pytest.mark.proves("SEC-060")
def test_INB_36_dates_are_lenient_and_never_in_the_future(
    published: object, updated: object, expected: tuple[int, int | None]
) -> None:
    made = reply(published=published, updated=updated)
    assert (made.published_at, made.edited_at) == expected


def test_INB_13_title_is_kept_for_articles_and_dropped_for_notes() -> None:
    assert reply(type="Page", name="A  title\u202e").name == "A title"
    assert reply(type="Note", name="A title").name == ""


@pytest.mark.parametrize("kind", ["Video", "Audio", "Image", "Event"])
def test_INB_13_media_types_link_to_their_page(kind: str) -> None:
    made = reply(type=kind, url="https://m.example/watch?a=1&b=2", content="")
    assert 'href="https://m.example/watch?a=1&amp;b=2"' in made.content_html


def test_INB_13_poll_options_are_a_list() -> None:
    made = reply(type="Question", oneOf=[{"name": "Tea <b>"}, {"name": "Coffee"}])
    assert made.options == (("Tea <b>", 0), ("Coffee", 0))
    counted = {"name": "Tea", "replies": {"type": "Collection", "totalItems": 3}}
    assert reply(type="Question", anyOf=[counted]).options == (("Tea", 3),)


@pytest.mark.proves("SEC-054")
def test_INB_34_long_content_is_cut_with_a_link_to_the_original() -> None:
    made = reply(content="<p>" + "word " * 60_000 + "</p>", url="https://m.example/@mia/1")
    assert len(made.content_html.encode()) < 101_000
    assert made.content_html.count('href="https://m.example/@mia/1"') == 1
    assert "href" not in reply(url="https://m.example/@mia/1").content_html


@pytest.mark.proves("SEC-054")
def test_INB_34_attachments_are_at_most_sixteen() -> None:
    made = reply(attachment=[{"type": "Image", "url": f"https://m.example/{n}.png"} for n in range(40)])
    assert len(made.attachments) == 16


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"summary": "Food & <b>drink</b>"}, "Food & drink"),
        ({"summary": ""}, ""),
        ({"summary": "  "}, ""),
        ({"summary": None, "sensitive": True}, ""),
        ({"summary": "\u200b"}, EMPTY_WARNING),
        ({"summary": "An excerpt", "type": "Article"}, ""),
        ({"summary": "A warning", "type": "Article", "sensitive": True}, "A warning"),
        ({"summary": "x" * 5000}, "x" * 500),
    ],
)
def test_content_warnings(change: dict[str, Any], expected: str) -> None:
    assert reply(**change).content_warning == expected


def test_plain_text_keeps_its_paragraphs_and_shows_markup_as_text() -> None:
    made = reply(content="One <b>\ntwo\n\n\nthree", mediaType="text/plain")
    assert made.content_html == "<p>One &lt;b&gt;<br>two</p><p>three</p>"


@pytest.mark.proves("SEC-045")
def test_a_quote_is_linked_once() -> None:
    quote = "https://q.example/n/1"
    assert f'href="{quote}"' in reply(quote=quote).content_html
    assert reply(quote=quote, content=f'<p>RE: <a href="{quote}">x</a></p>').content_html.count("RE:") == 1


def test_totals_and_context() -> None:
    made = reply(likes={"totalItems": 4}, shares={"totalItems": "5"}, context="tag:m.example,2026:1")
    assert (made.remote_likes, made.remote_announces, made.context) == (4, 0, "tag:m.example,2026:1")
    assert reply(context="x\n" + "y" * 10).context == ""
    assert reply(context="x" * 3000).context == ""


def test_a_profile_without_a_user_name_gets_one_from_its_id() -> None:
    assert profile(preferredUsername=None).username == "mia"
    assert profile(preferredUsername=None, id="https://m.example/").username == "unknown"
    assert profile(preferredUsername="x" * 500).username == "x" * 64
    for sign in "@\ufe6b\uff20":
        assert profile(preferredUsername=f"ana{sign}blog.example {'x' * 90}").username == "ana"
    assert profile(preferredUsername="@ana").username == "ana"
    assert profile(preferredUsername="ana  of blog").username == "ana_of_blog"


@pytest.mark.proves("SEC-044", "SEC-082")
def test_VIS_02_followers_of_another_origin_are_not_believed() -> None:
    assert profile(followers=f"{MIA}/followers").followers_uri == f"{MIA}/followers"
    assert profile(followers="https://blog.example/ap/actors/ana/followers").followers_uri == ""
