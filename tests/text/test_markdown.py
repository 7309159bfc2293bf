"""Markdown and authors' HTML: what is rendered, linked, found and refused; and what peers keep of it."""

from __future__ import annotations

import re

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedblog.errors import InvalidInput
from fedblog.text.markdown import MentionLink, Rendered, count_words, render_html, render_markdown
from fedblog.text.markup import names
from fedblog.text.sanitise import clean_author, federated_html, plain_text
from tests.text.judges import PEERS, as_peer_shows, complaints

BASE = "https://blog.example/@ana/post"
ANA = MentionLink("https://other.example/@bob", "bob", "bob@other.example")
SCHEMES = ("http://", "https://", "mailto:", "tel:", "xmpp:")

ARTICLE = """
# Top *title*

A paragraph with **bold**, ~~gone~~, `code <b>`, a [link](/about "t") and #FirstTag, hi @bob@other.example.[^1]

## Second

> quoted line
> - item one
> - item two

| Name | Count |
|------|------:|
| left | 12 |

```python
def greet(name):
    return f"hi {name} #nottag"
```

![A red bicycle](bike.jpg)

1. first
2. second

[^1]: The note below.
"""


def render(source: str) -> Rendered:
    return render_markdown(
        source,
        base_url=BASE,
        tag_url=lambda tag: f"https://blog.example/tag/{tag}",
        mention_urls={"bob@other.example": ANA},
    )


def test_ART_11_hashtags_are_linked_and_listed() -> None:
    done = render(
        "#Café and #日本語タグ, #हिन्दी. #café again, #123 #_ no, x#no &#35;no `#code` [#in](https://e.example/)"
    )
    assert done.tags == ("Café", "日本語タグ", "हिन्दी")
    assert (
        '<a href="https://blog.example/tag/Café" class="mention hashtag" rel="tag">#<span>Café</span></a>' in done.html
    )
    assert done.html.count("hashtag") == 4
    assert "<code>#code</code>" in done.html


@pytest.mark.parametrize("source", [r"\#not", "# not", "https://e.example/#not", "a#not", "/#not", "`#not`", "##not"])
def test_these_are_no_hashtags(source: str) -> None:
    assert render(source).tags == ()
    assert "#not" in plain_text(render(source).html) or source == "# not"


def test_mentions_are_linked_when_known() -> None:
    done = render(
        r"@bob@other.example, @eve@unknown.example. `@bob@other.example` \@bob@other.example mail@bob.example"
    )
    assert done.mentions == ("bob@other.example", "eve@unknown.example")
    known = (
        '<span class="h-card"><a href="https://other.example/@bob" class="u-url mention">@<span>bob</span></a></span>'
    )
    assert done.html.count(known) == 1
    assert "@eve@unknown.example" in done.html


def test_only_written_urls_become_links() -> None:
    done = render(
        "https://a.example/x?y=1&z=2 http://b.example bare.example www.bare.example me@mail.example //c.example ftp://d.example"
    )
    assert re.findall(r'href="([^"]*)"', done.html) == ["https://a.example/x?y=1&amp;z=2", "http://b.example"]


@pytest.mark.proves("SEC-096", "SEC-101")
def test_raw_html_and_hostile_links_in_markdown_show_as_text() -> None:
    done = render("<script>alert(1)</script> [x](javascript:alert(1)) ![y](data:text/html,z) <img src=x onerror=1>")
    assert complaints(done.html, SCHEMES) == []
    assert "&lt;script&gt;" in done.html


def test_headings_start_at_h2_and_have_prefixed_anchors() -> None:
    assert render("# One\n\n## Two").html == '<h2 id="post-one">One</h2>\n<h3 id="post-two">Two</h3>'
    assert render("## Two\n\n### Three").html.startswith('<h2 id="post-two">')
    assert "<h6" in render("# a\n\n###### b").html


def test_footnotes_lead_there_and_back() -> None:
    html = render("Text.[^n]\n\n[^n]: Note.").html
    targets = re.findall(rf'href="{re.escape(BASE)}#([^"]+)"', html)
    ids = re.findall(r'id="([^"]+)"', html)
    assert len(targets) == 2
    assert set(targets) == set(ids)
    assert all(name.startswith("post-") for name in ids)


def test_urls_become_absolute_and_pictures_are_found() -> None:
    done = render('![A cat](cat.jpg "Tom") [rel](../b) [q](?x=1)')
    assert [(i.url, i.alt, i.title) for i in done.images] == [("https://blog.example/@ana/cat.jpg", "A cat", "Tom")]
    assert 'href="https://blog.example/b"' in done.html
    assert f'href="{BASE}?x=1"' in done.html


def test_code_is_highlighted_within_bounds() -> None:
    html = render("```python\nx = 1 < 2\n```").html
    assert html.startswith('<pre class="highlight"><code class="language-python"><span class="n">x</span>')
    assert "&lt;" in html
    assert "<span" not in render("```python\n" + "x = 1\n" * 10_000 + "```").html
    assert "<span" not in render("```nolanguage\nx = 1\n```").html
    assert 'class="language-' not in render('```"><script>\nx\n```').html


def test_leading_lines_of_code_survive() -> None:
    assert "\n\nx\n</code>" in render("```\n\n\nx\n```").html


def test_tables_align_without_styles() -> None:
    html = render("|a|b|\n|:-:|--:|\n|1|2|").html
    assert '<td class="align-center">1</td>' in html
    assert "style" not in html


def test_too_long_a_source_is_refused() -> None:
    for act in (render, lambda s: render_html(s, base_url=BASE, tag_url=str)):
        with pytest.raises(InvalidInput) as caught:
            act("é" * 500_001)
        assert caught.value.reason == "source_too_long"
    assert render("x" * 999_999).word_count == 1


def test_odd_characters() -> None:
    done = render("a\ud800b\x00c \u202eevil שלום 👩‍👧 \U000f5e23tag")
    assert plain_text(done.html) == "abc evil שלום 👩‍👧 tag"
    assert render("").html == ""


def test_deep_nesting_keeps_the_text() -> None:
    assert "deep" in render(">" * 60 + " deep").html
    render("[" * 5000 + "x")
    render("*a " * 3000)


def test_words_are_counted() -> None:
    assert count_words("Don't stop-gap 3.5 — “ok”") == 4
    assert count_words("日本語です") == 3
    assert count_words("") == 0
    assert render(ARTICLE).word_count > 30


def test_html_of_authors_is_cleaned_linked_and_measured() -> None:
    done = render_html(
        '<h1 onclick=x>T</h1><p style="color:red">See #Tag <a rel="me noopener" href="/me">me</a></p>'
        '<figure><img src="a.png" alt="A"><figcaption>C</figcaption></figure><script>x</script>'
        '<video src="v.mp4" autoplay></video><a id="x" href="#x">self</a>',
        base_url=BASE,
        tag_url=lambda tag: f"https://blog.example/tag/{tag}",
    )
    assert complaints(done.html, SCHEMES) == []
    assert done.html.startswith("<h2>T</h2><p>See <a")
    assert 'rel="me noopener"' in done.html
    assert "<figcaption>C</figcaption>" in done.html
    assert "autoplay" not in done.html
    assert "controls" in done.html
    assert f'href="{BASE}#post-x"' in done.html
    assert done.tags == ("Tag",)


def test_cleaning_an_authors_html_again_changes_nothing() -> None:
    once = render(ARTICLE).html
    assert clean_author(once, base_url=BASE) == once


ART_04_TAGS = names(
    "p span h2 h3 h4 h5 h6 br a del s pre code em strong b i u sub sup ul ol li blockquote img video audio source ruby "
    "rt rp"
)
ART_04_CLASSES = frozenset({"mention", "hashtag", "h-card", "u-url", "invisible", "ellipsis", "quote-inline"})


def _check_subset(content: str) -> None:
    tree = html5lib.parseFragment(content, container="div", namespaceHTMLElements=False)
    for element in list(tree.iter())[1:]:
        assert element.tag in ART_04_TAGS
        assert set(element.attrib) <= {
            "href",
            "rel",
            "class",
            "src",
            "alt",
            "title",
            "width",
            "height",
            "start",
            "controls",
            "type",
        }
        assert set(element.attrib.get("class", "").split()) <= ART_04_CLASSES
        for name in ("href", "src"):
            assert element.attrib.get(name, "https://").startswith(("https://", "http://", "mailto:"))
        if element.tag == "img":
            assert "alt" in element.attrib


def test_ART_04_federated_content_is_the_subset() -> None:
    content = federated_html(render(ARTICLE).html)
    _check_subset(content)
    assert "<h2>Top <em>title</em></h2>" in content
    assert '<img src="https://blog.example/@ana/bike.jpg" alt="A red bicycle">' in content
    assert "<p>left | 12</p>" in content.replace("\n", "")
    assert "<pre><code>def greet(name):\n    return" in content
    assert 'class="mention hashtag"' in content
    assert "↩" not in content


def test_ART_04_media_and_unusual_elements() -> None:
    shown = clean_author(
        "<dl><dt>Term</dt><dd>Meaning</dd></dl><hr><details><summary>More</summary>Text</details>"
        '<video><source src="v.mp4" type="video/mp4">sorry</video><figure><img src="a.png" alt="A">'
        "<figcaption>Cap</figcaption></figure><p id=x class='highlight lead'>End</p>",
        base_url=BASE,
    )
    content = federated_html(shown)
    _check_subset(content)
    assert "<p><strong>Term</strong></p><p>Meaning</p>" in content
    assert "<p><em>Cap</em></p>" in content
    assert '<source src="https://blog.example/@ana/v.mp4"' in content
    assert "<p>End</p>" in content


@pytest.mark.parametrize("peer", sorted(PEERS))
def test_ART_05_text_survives_each_peer(peer: str) -> None:
    html = render(ARTICLE).html
    shown = as_peer_shows(federated_html(html), peer)
    words = set(re.findall(r"\w+", plain_text(html)))
    assert words <= set(re.findall(r"\w+", shown))
    assert "A red bicycle" in shown
    assert "left | 12" in shown.replace("\n", "")


def test_ART_02_a_title_has_no_entities() -> None:
    assert plain_text("<p>Fish &amp; Chips &lt;3</p>") == "Fish & Chips <3"


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("#*_`[]()<>!@~|\\-\n \t:&;.1aé日/\"'^\ud800"), max_size=120))
@pytest.mark.proves("SEC-101")
def test_any_markdown_renders_safely(source: str) -> None:
    done = render(source)
    assert complaints(done.html, SCHEMES) == []
    assert complaints(federated_html(done.html)) == []
    assert clean_author(done.html, base_url=BASE) == done.html
