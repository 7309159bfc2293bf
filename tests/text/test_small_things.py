"""Names, mentions, excerpts, slugs and dates."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.text.dates import http_date, iso, parse_as2_datetime, parse_http_datetime, rfc2822
from fedblog.text.excerpt import excerpt, reading_minutes
from fedblog.text.sanitise import clean_name, clean_remote, fold_leading_mentions, plain_text
from fedblog.text.slug import RESERVED, slugify_title, valid_username
from tests.shared import fixture, needs_shared

NOW = 1_800_000_000
_LINK = '<a href="https://e.example" class="u-url mention">'


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  Ana \n B ", "Ana B"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("x\ud800y\x00z\x1b[1m", "xyz[1m"),
        ("<b>&amp;", "<b>&amp;"),
        ("\u200b\u2060", ""),
        ("z" + "\u0301" * 50, "z" + "\u0301" * 4),
        ("👩‍👧 ok", "👩‍👧 ok"),
        ("", ""),
    ],
)
@pytest.mark.proves("SEC-047")
def test_clean_name(raw: str, clean: str) -> None:
    assert clean_name(raw) == clean


def test_names_are_cut_between_characters() -> None:
    assert clean_name("a" * 200) == "a" * 100
    assert clean_name("abe\u0301", 3) == "ab"
    assert clean_name("ab👩\u200d👧", 4) == "ab"
    assert clean_name("x " * 500_000, 10) == "x x x x x"


@given(st.text(st.characters(), max_size=300), st.integers(1, 50))
def test_clean_name_is_short_printable_and_stable(text: str, limit: int) -> None:
    name = clean_name(text, limit)
    assert len(name) <= limit
    assert clean_name(name, limit) == name
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in name)


@pytest.mark.parametrize(
    ("html", "people", "rest"),
    [
        ('<p><a class="mention" href="https://e.example">@a</a> hi</p>', 1, "<p>hi</p>"),
        (
            f'<p><span class="h-card">{_LINK}@<span>a</span></a></span> {_LINK}@b</a> hi <b>x</b></p><p>y</p>',
            2,
            "<p>hi <b>x</b></p><p>y</p>",
        ),
        ('<p><a class="mention" href="https://e.example">@a</a></p><p>hi</p>', 1, "<p>hi</p>"),
        ('<a class="mention" href="https://e.example">@a</a><br>hi', 1, "hi"),
        ('<p><a class="mention" href="https://e.example">@a</a></p>', 0, None),
        ('<p>hi <a class="mention" href="https://e.example">@a</a></p>', 0, None),
        ('<p><a class="mention hashtag" href="https://e.example">#a</a> x</p>', 0, None),
        ('<p><a href="https://e.example">@a</a> x</p>', 0, None),
        ('<p><a class="mention" href="https://e.example">click</a> x</p>', 0, None),
        ("", 0, None),
    ],
)
def test_INB_35_leading_mentions_are_folded(html: str, people: int, rest: str | None) -> None:
    links, shown = fold_leading_mentions(html)
    assert links.count("<a ") == people
    assert shown == (html if rest is None else rest)


@needs_shared
@pytest.mark.parametrize(
    "name",
    [
        "mastodon-create-note-reply",
        "gotosocial-create-note-reply",
        "pleroma-create-note-reply",
        "misskey-create-note-home",
    ],
)
def test_INB_35_real_replies_fold(name: str) -> None:
    html = clean_remote(fixture(name)["object"]["content"])
    links, rest = fold_leading_mentions(html)
    assert plain_text(links).startswith("@")
    assert not plain_text(rest).startswith("@")
    assert plain_text(rest)
    assert clean_remote(rest) == rest


@needs_shared
def test_INB_35_a_reply_without_mentions_in_its_text_is_untouched() -> None:
    document = fixture("rebased-note-mentions-only-in-tag")
    html = clean_remote(document.get("object", document)["content"])
    assert fold_leading_mentions(html) == ("", html)


def test_plain_text() -> None:
    html = "<h2>T</h2><p>a &amp; b<br>c</p><ul><li>x</li><li>y</li></ul><pre>  k\n\n  l</pre><img alt='pic' src=x>"
    assert plain_text(html) == "T\na & b\nc\nx\ny\n  k\n\n  l\npic"
    assert plain_text("<script>x</script>a") == "a"


def test_an_excerpt_has_no_words_of_pictures() -> None:
    html = '<p>Before.</p><figure><img src="a.png" alt="A tree"><figcaption>By me</figcaption></figure><p>After.</p>'
    assert excerpt(html) == "Before. After."


def test_excerpts_end_well() -> None:
    whole = "First sentence is here. Second one follows z. B. here. Third is cut off somewhere."
    html = f"<h2>Head</h2><p>{whole}</p><pre>x</pre>"
    assert excerpt(html, 300) == whole
    assert excerpt(html, 60) == "First sentence is here. Second one follows z. B. here."
    assert excerpt("<p>one two three four</p>", 12) == "one two…"
    assert excerpt("<p>日本語の文です。つぎの文です。おわり。</p>", 12) == "日本語の文です。"
    assert excerpt("x" * 50, 10) == "x" * 9 + "…"
    assert excerpt("") == ""
    assert (
        excerpt('<p>A<sup class="footnote-ref"><a href="#x">[1]</a></sup> b.</p><section class="footnotes">n</section>')
        == "A b."
    )


@given(st.text(max_size=400), st.integers(10, 100))
def test_excerpts_never_cut_words(text: str, limit: int) -> None:
    html = f"<p>{text.replace('&', '&amp;').replace('<', '&lt;')}</p>"
    whole, short = " ".join(plain_text(html).split()), excerpt(html, limit)
    assert len(short) <= limit
    if len(whole) <= limit:
        assert short == whole
        return
    kept = short.removesuffix("…")
    assert whole.startswith(kept)
    if " " in whole[:limit]:
        assert not (kept[-1:].isalnum() and whole[len(kept)].isalnum())


def test_reading_time() -> None:
    assert [reading_minutes(n) for n in (0, 1, 230, 231, 2300)] == [1, 1, 1, 2, 10]


@pytest.mark.parametrize(
    ("title", "slug"),
    [("Hello, World!", "hello-world"), ("Čau Straße", "cau-strasse"), ("日本", "ri-ben"), ("🙂", "post"), ("", "post")],
)
def test_slugs(title: str, slug: str) -> None:
    assert slugify_title(title) == slug


@given(st.text(max_size=300))
def test_slugs_are_plain(title: str) -> None:
    slug = slugify_title(title)
    assert 0 < len(slug) <= 80
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_usernames() -> None:
    assert all(valid_username(name) for name in ("ana", "a", "x_1", "a" * 30))
    bad = ("", "Ana", "a-b", "a b", "a" * 31, "é", "ana\n", "../x")
    assert not any(valid_username(name) for name in (*bad, *RESERVED))
    assert {"ap", "login", "studio", "inbox", "feed", "admin"} <= RESERVED


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-01-02T03:04:05Z", 1704164645),
        ("2024-01-02T03:04:05.123Z", 1704164645),
        ("2024-01-02T03:04:05.123456789Z", 1704164645),
        ("2024-01-02T03:04:05+0000", 1704164645),
        ("2024-01-02T05:04:05+02:00", 1704164645),
        ("2024-01-01T22:04:05-0500", 1704164645),
        ("2024-01-02T03:04:05", 1704164645),
        ("2024-01-02 03:04:05", 1704164645),
        ("2024-01-02T03:04Z", 1704164640),
        (" 2024-01-02T03:04:05Z ", 1704164645),
        ("2016-12-31T23:59:60Z", 1483228799),
    ],
)
def test_INB_36_readable_times(text: str, seconds: int) -> None:
    assert parse_as2_datetime(text, now=NOW) == seconds


@pytest.mark.parametrize(
    "value",
    ["", "soon", "2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
     None, 5, ["2024-01-02T03:04:05Z"], "2024-01-02T03:04:05+99:99", "2024-01-02T03:04:61Z",
     "２０２４-01-02T03:04:05Z", "1" * 9999],
)  # fmt: skip
@pytest.mark.proves("SEC-060")
def test_INB_36_unreadable_or_future_times(value: object) -> None:
    assert parse_as2_datetime(value, now=NOW) is None


def test_INB_36_now_is_the_border() -> None:
    assert parse_as2_datetime(iso(NOW), now=NOW) == NOW
    assert parse_as2_datetime(iso(NOW + 1), now=NOW) is None


@given(st.text(max_size=40))
def test_times_never_raise(text: str) -> None:
    parse_as2_datetime(text, now=NOW)
    parse_http_datetime(text)


@given(st.integers(0, 4_000_000_000))
def test_times_round_trip(ts: int) -> None:
    assert parse_as2_datetime(iso(ts), now=ts) == ts
    assert parse_http_datetime(http_date(ts)) == ts
    assert parse_http_datetime(rfc2822(ts)) == ts


def test_ART_10_forms_of_time() -> None:
    assert iso(1704164645) == "2024-01-02T03:04:05Z"
    assert rfc2822(1704164645) == "Tue, 02 Jan 2024 03:04:05 +0000"
    assert http_date(1704164645) == "Tue, 02 Jan 2024 03:04:05 GMT"
    assert parse_http_datetime("Tuesday, 02-Jan-24 03:04:05 GMT") == 1704164645
    assert parse_http_datetime("Tue Jan  2 03:04:05 2024") == 1704164645
    assert parse_http_datetime(None) is None
