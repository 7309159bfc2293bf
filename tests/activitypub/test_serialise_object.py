"""Posts and answers as they go out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import html5lib
import pytest

from fedblog.activitypub.normalise import read_actor, read_note
from fedblog.activitypub.serialise import article, create, note, tombstone, with_context
from fedblog.activitypub.wire import dump, parse_object
from fedblog.blog.model import Post, QuotePolicy, ReplyPolicy, Visibility
from tests.activitypub.make import AUTHOR, BASE, BLOG, IDS, MIA, PUBLIC, answer, post, settings
from tests.shared import fixture, needs_shared

MENTION = ("https://m.example/users/mia", "@mia@m.example")
FOLLOWERS = AUTHOR.followers_uri


def build(changed: Post | None = None, mentions: Any = (), **blog: Any) -> dict[str, Any]:
    made = changed or post()
    return article(made, author=AUTHOR, blog=BLOG, ids=IDS, settings=settings(**blog), mentions=mentions)


def test_ART_01_type_id_and_page_url() -> None:
    made = build()
    assert (made["type"], made["id"]) == ("Article", f"{BASE}/ap/posts/7")
    assert made["url"] == f"{BASE}/@ana/friendship"


def test_ART_02_name_is_plain_text_without_entities() -> None:
    assert build()["name"] == "Friendship & <Ruin>"


def test_ART_03_summary_only_when_written() -> None:
    assert "summary" not in build()
    assert build(post(summary="A lede & more"))["summary"] == "A lede & more"
    assert len(build(post(summary="x" * 999))["summary"]) == 300
    assert build(lede_in_summary=True)["summary"] == "Full text. More of it."
    assert build(post(summary="Mine"), lede_in_summary=True)["summary"] == "Mine"


def test_ART_03_a_content_warning_is_summary_sensitive_and_subject() -> None:
    made = build(post(content_warning="Loss", summary="A lede"), lede_in_summary=True)
    assert (made["summary"], made["sensitive"], made["dcterms:subject"]) == ("Loss", True, "Loss")
    assert "sensitive" not in build()
    assert "More of it" not in made["preview"]["content"]


@pytest.mark.parametrize("html", ["<p>a</p>", '<p class="x" id="y" style="color:red">a <img src="/x.png" alt="b"></p>'])
def test_ART_04_content_has_no_styles_ids_or_relative_urls(html: str) -> None:
    content = build(post(content_html=html))["content"]
    for element in html5lib.parseFragment(content, namespaceHTMLElements=False).iter():
        assert not {"style", "id"} & set(element.attrib)
        assert element.attrib.get("class", "mention") in {"mention", "hashtag", "invisible", "ellipsis"}
        assert not element.attrib.get("src", "https://").startswith("/")


def test_ART_06_card_mode_sends_no_attachment_pictures_mode_at_most_four_cover_first() -> None:
    html = "".join(f'<p><img src="{BASE}/media/{n}.webp" alt="alt {n}"></p>' for n in range(6))
    shown = post(content_html=html, image_url=f"{BASE}/media/3.webp", image_alt="Cover")
    card = build(shown)
    assert "attachment" not in card
    cover = {"type": "Image", "mediaType": "image/webp", "url": f"{BASE}/media/3.webp", "name": "Cover"}
    assert card["image"] == cover
    pictures = build(replace(shown, pictures=True))
    assert pictures["image"] == cover
    assert [item["url"][-6:-5] for item in pictures["attachment"]] == ["3", "0", "1", "2"]
    assert pictures["attachment"][1]["name"] == "alt 0"
    assert "image" not in build()


def test_ART_07_one_author_and_co_authors_by_mention() -> None:
    made = build(mentions=[MENTION])
    assert made["attributedTo"] == AUTHOR.uri
    assert MENTION[0] in made["cc"]
    assert {"type": "Mention", "href": MENTION[0], "name": MENTION[1]} in made["tag"]


def test_ART_08_VIS_05_public_posts_name_followers_and_blog() -> None:
    made = build()
    assert made["to"] == [PUBLIC]
    assert made["cc"] == [FOLLOWERS, BLOG.uri, BLOG.followers_uri]
    assert made["audience"] == BLOG.uri


@pytest.mark.parametrize(
    ("visibility", "to", "public_in_cc"),
    [
        (Visibility.PUBLIC, [PUBLIC], False),
        (Visibility.UNLISTED, [FOLLOWERS], True),
        (Visibility.FOLLOWERS, [FOLLOWERS], False),
    ],
)
def test_VIS_05_object_and_activity_have_the_same_audience(
    visibility: Visibility, to: list[str], public_in_cc: bool
) -> None:
    made = build(post(visibility=visibility))
    activity = create(made, activity_id=IDS.activity(1), published=5)
    assert made["to"] == activity["to"] == to
    assert made["cc"] == activity["cc"]
    assert (PUBLIC in made["cc"]) is public_in_cc
    assert ("audience" in made) is visibility.is_public
    if visibility is Visibility.FOLLOWERS:
        assert BLOG.uri not in made["cc"]


def test_VIS_06_hidden_recipients_are_never_written() -> None:
    text = dump(create(build(), activity_id=IDS.activity(1), published=5))
    assert b'"bto"' not in text
    assert b'"bcc"' not in text


def test_ART_09_preview_is_a_note_with_title_and_lede() -> None:
    preview = build()["preview"]
    assert preview["type"] == "Note"
    assert preview["attributedTo"] == AUTHOR.uri
    assert preview["content"] == ("<p><strong>Friendship &amp; &lt;Ruin&gt;</strong></p><p>Full text. More of it.</p>")
    assert "<a" not in preview["content"]


def test_ART_10_dates_and_updated_only_after_an_edit() -> None:
    made = build(post(published_at=1767323045))
    assert made["published"] == "2026-01-02T03:04:05Z"
    assert "updated" not in made
    assert build(post(edited_at=1767409445))["updated"] == "2026-01-03T03:04:05Z"


def test_ART_11_hashtags_point_at_their_pages() -> None:
    assert build(post(tags=("Tea Time",)))["tag"] == [
        {"type": "Hashtag", "name": "#Tea Time", "href": f"{BASE}/tag/Tea%20Time"}
    ]


def activity_size(made: dict[str, Any]) -> int:
    return len(dump(with_context(create(made, activity_id=IDS.activity(2**63 - 1), published=1_800_000_000))))


def test_ART_12_content_map_goes_along_only_while_small() -> None:
    assert build()["contentMap"] == {"en": build()["content"]}
    seen = set()
    for words in range(0, 6000, 250):
        made = build(post(content_html="<p>" + "word " * words + "</p>"))
        seen.add("contentMap" in made)
        assert "contentMap" not in made or activity_size(made) < 30_000
        assert made["nameMap"] == {"en": made["name"]}, "the language stays"
    assert seen == {True, False}


def test_ART_13_replies_are_embedded_with_an_empty_first_page() -> None:
    replies = build()["replies"]
    assert replies == {
        "id": f"{BASE}/ap/posts/7/replies",
        "type": "Collection",
        "first": {
            "type": "CollectionPage",
            "partOf": f"{BASE}/ap/posts/7/replies",
            "next": f"{BASE}/ap/posts/7/replies?page=1",
            "items": [],
        },
    }


def test_ART_14_likes_and_shares_carry_their_totals() -> None:
    made = build()
    assert made["likes"] == {"id": f"{BASE}/ap/posts/7/likes", "type": "Collection", "totalItems": 3}
    assert made["shares"] == {"id": f"{BASE}/ap/posts/7/shares", "type": "Collection", "totalItems": 2}


def test_ART_15_context_is_ours_and_conversation_is_not_sent() -> None:
    assert build()["context"] == f"{BASE}/ap/posts/7/context"
    assert "conversation" not in build()


def test_ART_16_parts_are_dropped_in_order_until_it_fits() -> None:
    source, seen = "s" * 25_000, []
    for size in (1_000, 20_000, 40_000, 70_000):
        made = build(post(source=source, content_html=f"<p>{'x' * size}</p>"))
        seen.append([key for key in ("source", "contentMap", "preview") if key in made])
        assert activity_size(made) <= 60_000 or size == 70_000
        assert made["content"].count("x") == size
    assert seen == [["source", "preview"], ["source", "preview"], ["preview"], []]


def test_ART_16_many_mentions_count_as_well() -> None:
    crowd = [(f"https://m.example/users/{n:04}", f"@u{n}@m.example") for n in range(150)]
    made = build(post(content_html=f"<p>{'x' * 25_000}</p>", source="s" * 9_000), mentions=crowd)
    assert activity_size(made) <= 60_000


@pytest.mark.parametrize(
    ("changes", "may_reply"),
    [
        ({}, None),
        ({"comments_open": False}, [AUTHOR.uri]),
        ({"comments_open": False, "reply_policy": ReplyPolicy.FOLLOWERS}, [AUTHOR.uri]),
        ({"reply_policy": ReplyPolicy.FOLLOWERS}, [AUTHOR.uri, FOLLOWERS]),
        ({"reply_policy": ReplyPolicy.MENTIONED}, [AUTHOR.uri, MENTION[0]]),
    ],
)
def test_ART_17_ART_18_the_policy_says_who_may_reply_and_only_what_is_enforced(
    changes: dict[str, Any], may_reply: list[str] | None
) -> None:
    policy = build(post(**changes), mentions=[MENTION])["interactionPolicy"]
    told = {"automaticApproval": may_reply, "manualApproval": []} if may_reply is not None else None
    assert policy.get("canReply") == told
    assert set(policy) <= {"canReply", "canQuote"}


@pytest.mark.parametrize(
    ("policy", "automatic", "manual"),
    [
        (QuotePolicy.EVERYONE, [PUBLIC], []),
        (QuotePolicy.FOLLOWERS, [AUTHOR.uri, FOLLOWERS], []),
        (QuotePolicy.APPROVE, [AUTHOR.uri], [PUBLIC]),
        (QuotePolicy.NOBODY, [AUTHOR.uri], []),
    ],
)
def test_ART_19_the_policy_says_who_may_quote(policy: QuotePolicy, automatic: list[str], manual: list[str]) -> None:
    told = build(post(quote_policy=policy))["interactionPolicy"]["canQuote"]
    assert told == {"automaticApproval": automatic, "manualApproval": manual}


def test_ART_20_source_only_for_markdown() -> None:
    assert build()["source"] == {"content": "Full *text*.", "mediaType": "text/markdown"}
    assert "source" not in build(post(source_type="text/html"))


def test_ART_21_VIS_05_an_answer_mentions_and_addresses_whom_it_answers() -> None:
    made = note(
        answer(), actor=AUTHOR, ids=IDS, in_reply_to_actor=MIA, mentions=[("https://o.example/u", "@u@o.example")]
    )
    assert made["type"] == "Note"
    assert made["inReplyTo"] == "https://m.example/users/mia/statuses/1"
    assert made["to"] == [PUBLIC]
    assert made["cc"] == [FOLLOWERS, MIA.uri, "https://o.example/u"]
    assert made["tag"] == [
        {"type": "Mention", "href": MIA.uri, "name": "@mia@m.example"},
        {"type": "Mention", "href": "https://o.example/u", "name": "@u@o.example"},
    ]
    assert made["content"] == "<p>Thank you.</p>"
    assert made["url"] == f"{BASE}/@ana/friendship?reply=9#reply-9"
    assert "name" not in made


def test_ART_21_nobody_is_mentioned_twice_and_not_oneself() -> None:
    made = note(answer(), actor=AUTHOR, ids=IDS, in_reply_to_actor=MIA, mentions=[(MIA.uri, "@mia@m.example")])
    assert len(made["tag"]) == 1
    assert note(answer(), actor=AUTHOR, ids=IDS, in_reply_to_actor=AUTHOR)["tag"] == []
    assert note(answer(), actor=AUTHOR, ids=IDS, in_reply_to_actor=None)["tag"] == []


def test_ART_15_an_answer_copies_its_parents_context() -> None:
    assert note(answer(), actor=AUTHOR, ids=IDS, in_reply_to_actor=MIA)["context"] == f"{BASE}/ap/posts/7/context"
    assert "context" not in note(answer(context=""), actor=AUTHOR, ids=IDS, in_reply_to_actor=MIA)


def test_ART_13_ART_14_answers_embed_their_collections_too() -> None:
    made = note(answer(), actor=AUTHOR, ids=IDS, in_reply_to_actor=MIA)
    assert made["replies"]["first"]["next"].startswith(f"{BASE}/ap/notes/9/replies?")
    assert made["likes"]["totalItems"] == 1
    assert made["shares"]["totalItems"] == 0


def test_VIS_05_a_private_answer_goes_to_the_named_only() -> None:
    made = note(answer(visibility=Visibility.DIRECT), actor=AUTHOR, ids=IDS, in_reply_to_actor=MIA)
    assert (made["to"], made["cc"]) == ([MIA.uri], [])
    made = note(answer(visibility=Visibility.FOLLOWERS), actor=AUTHOR, ids=IDS, in_reply_to_actor=MIA)
    assert (made["to"], made["cc"]) == ([FOLLOWERS], [MIA.uri])
    made = note(answer(visibility=Visibility.UNLISTED), actor=AUTHOR, ids=IDS, in_reply_to_actor=MIA)
    assert (made["to"], made["cc"]) == ([FOLLOWERS], [PUBLIC, MIA.uri])


def test_an_answer_with_warning_and_edit() -> None:
    made = note(answer(content_warning="Food", edited_at=1767409445), actor=AUTHOR, ids=IDS, in_reply_to_actor=MIA)
    assert (made["summary"], made["sensitive"]) == ("Food", True)
    assert made["updated"] == "2026-01-03T03:04:05Z"


def test_ART_22_tombstone() -> None:
    assert tombstone(IDS.post(7), former_type="Article", deleted_at=1767323045) == {
        "id": f"{BASE}/ap/posts/7",
        "type": "Tombstone",
        "formerType": "Article",
        "deleted": "2026-01-02T03:04:05Z",
    }


@needs_shared
def test_ART_01_everything_of_the_model_article_is_there() -> None:
    model = fixture("fepb2b8-article-emitted")
    made = with_context(
        build(
            post(summary="A lede", image_url=f"{BASE}/media/1.webp", image_alt="x", pictures=True, edited_at=1767409445)
        )
    )
    assert set(model) <= set(made)
    assert set(model["image"]) <= set(made["image"])
    assert made["cc"][-1] == BLOG.followers_uri
    assert len(model["cc"]) == 2  # the author's and the blog's followers; ours adds the blog itself (ART-08)


def test_our_own_documents_are_read_by_our_own_readers() -> None:
    made = with_context(build(post(visibility=Visibility.UNLISTED), mentions=[MENTION]))
    read = read_note(parse_object(dump(made)))
    assert (read.id, read.type, read.content_language) == (IDS.post(7), "Article", "en")
    assert (read.likes_total, read.shares_total) == (3, 2)
    assert read.mentions == (MENTION[0],)
    assert read_actor({**made, "type": "Person"}).partial
