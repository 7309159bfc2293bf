"""Our pictures in texts, and what becomes of others."""

from __future__ import annotations

import html5lib
from hypothesis import given
from hypothesis import strategies as st

from fedblog.blog.ledger import Media, MediaId
from fedblog.blog.model import ActorId
from fedblog.media.figures import foreign_pictures, frame, only_ours
from fedblog.text.markdown import render_html, render_markdown
from fedblog.text.sanitise import federated_html

BASE = "https://blog.example"
NAME = "p" + "0a" * 10
MINE = Media(
    MediaId(1), NAME, "p", ActorId(1), "", "sea.jpg", 1600, 1200, (480, 960, 1600), "L0", 1000, 1_800_000_000
)  # fmt: skip


def rendered(source: str) -> str:
    html = render_markdown(source, base_url=f"{BASE}/", tag_url=lambda tag: f"{BASE}/tag/{tag}").html
    return frame(html, {NAME: MINE}, BASE)


def test_a_picture_alone_is_a_figure_with_all_its_sizes() -> None:
    html = rendered(f'![The sea, <calm>](/media/{NAME}.jpg "At & noon")')
    assert html.startswith("<figure><img ")
    assert f'src="{BASE}/media/{NAME}.jpg"' in html
    assert f"{BASE}/media/{NAME}-480.webp 480w, {BASE}/media/{NAME}-960.webp 960w" in html
    assert 'width="1600" height="1200"' in html
    assert 'loading="lazy"' in html
    assert 'alt="The sea, &lt;calm&gt;"' in html or 'alt="The sea, <calm>"' in html
    assert html.endswith("<figcaption>At &amp; noon</figcaption></figure>")


def test_a_picture_in_a_sentence_stays_there() -> None:
    html = rendered(f"Look: ![the sea](/media/{NAME}.jpg) there.")
    assert html.startswith("<p>Look: <img ")
    assert "srcset" in html
    assert "<figure" not in html


def test_a_picture_that_is_a_link_stays_one() -> None:
    html = rendered(f"[![the sea](/media/{NAME}.jpg)](https://sea.example/)")
    assert html.startswith('<p><a href="https://sea.example/"')
    assert "srcset" in html


def test_others_and_unknown_ones_are_left_letter_by_letter() -> None:
    source = f"![x](https://far.example/x.jpg)\n\n![y](/media/p{'1' * 20}.jpg)\n\ntext & *more*"
    html = render_markdown(source, base_url=f"{BASE}/", tag_url=str).html
    assert frame(html, {NAME: MINE}, BASE) == html
    assert foreign_pictures(html, BASE) == ["https://far.example/x.jpg"]


def test_ART_04_ART_05_other_servers_get_a_plain_absolute_picture() -> None:
    html = federated_html(rendered(f'Before.\n\n![The sea](/media/{NAME}.jpg "At noon")\n\nAfter.'))
    assert f'<img src="{BASE}/media/{NAME}.jpg" alt="The sea" width="1600" height="1200">' in html
    assert "srcset" not in html
    assert "<figure" not in html
    assert "At noon" in html


def test_on_our_pages_a_foreign_picture_is_a_link() -> None:
    html = render_markdown(
        '![A "cat"](https://far.example/x.jpg?a=1&b=2) and [![b](https://far.example/b.jpg)](https://far.example/)',
        base_url=f"{BASE}/",
        tag_url=str,
    ).html
    shown = only_ours(html, BASE)
    assert "<img" not in shown
    assert 'href="https://far.example/x.jpg?a=1&amp;b=2"' in shown
    assert shown.count("<a ") == 2
    assert only_ours(rendered(f"![x](/media/{NAME}.jpg)"), BASE) == rendered(f"![x](/media/{NAME}.jpg)")


@given(st.text(max_size=60), st.text(max_size=40))
def test_whatever_the_words_nothing_leaves_its_attribute(alt: str, title: str) -> None:
    """Alternative text and title come back as they went in, whatever is in them."""
    source = f'<p><img src="/media/{NAME}.jpg" alt="{_escaped(alt)}" title="{_escaped(title)}"></p>'
    from_author = _clean(source)
    html = frame(from_author, {NAME: MINE}, BASE)
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    images = list(tree.iter("img"))
    assert len(images) == 1
    assert set(images[0].attrib) == {"src", "srcset", "sizes", "width", "height", "alt", "loading", "decoding"}
    assert [node.tag for node in tree.iter() if node.tag not in ("html", "head", "body")] in (
        ["figure", "img"],
        ["figure", "img", "figcaption"],
    )


def _clean(source: str) -> str:
    return render_html(source, base_url=f"{BASE}/", tag_url=str).html


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
