"""Formulas, links within a text, anchors, the contents list, and what scrolls."""

from __future__ import annotations

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.text.article import Heading, link_within, set_prose
from fedblog.text.formulas import to_mathml
from fedblog.text.markdown import render_html, render_markdown
from fedblog.text.plain import plain_text
from fedblog.text.sanitise import federated_html

BASE = "https://blog.example"


def rendered(source: str) -> str:
    return render_markdown(source, base_url=f"{BASE}/", tag_url=lambda tag: f"{BASE}/tag/{tag}").html


def shown(html: str, words: int = 1000) -> str:
    return set_prose(html, base_url=BASE, word_count=words, anchor="Link to “%(heading)s”", table="Table").html


def test_formulas_become_mathml_and_federate_as_their_source() -> None:
    html = rendered("So $x^2<3$ it is.\n\n$$\n\\frac{a}{b}\n$$\n")
    assert "<math><semantics><mrow><mrow><msup><mi>x</mi><mn>2</mn></msup><mo>&lt;</mo><mn>3</mn>" in html
    assert '<p><math display="block">' in html
    assert '<annotation encoding="application/x-tex">\\frac{a}{b}</annotation>' in html
    assert federated_html(html) == "<p>So x^2&lt;3 it is.</p>\n<p>\\frac{a}{b}</p>"
    assert plain_text(html) == "So x^2<3 it is.\n\\frac{a}{b}"


@pytest.mark.parametrize("text", ["It costs $5 or $10.", "From $5-$10 a head", "US$ and A$", "a $ b $ c", "\\$x\\$"])
def test_prices_are_no_formulas(text: str) -> None:
    assert "<math" not in rendered(text)


@pytest.mark.parametrize(
    "tex",
    [
        "\\text{<img src=x onerror=alert(1)>}",
        "\\text{</mtext></math><script>alert(1)</script>}",
        "\\href{javascript:alert(1)}{x}",
        "\\text{<style>}<!--",
        "\\left(",
        "{" * 1500,
        "x" * 5000,
        "\\begin{matrix}",
    ],
)
def test_hostile_formulas_hold_nothing_but_mathml(tex: str) -> None:
    html = rendered(f"a ${tex}$ b")
    tree = html5lib.parse(html, namespaceHTMLElements=False)
    found = {element.tag for element in tree.iter() if isinstance(element.tag, str)}
    assert not found & {"img", "script", "style", "a"}
    assert not any(name in ("href", "onerror") for element in tree.iter() for name in element.attrib)


def test_a_stand_in_that_somebody_typed_is_nothing() -> None:
    assert rendered("a &#xf5e24;7&#xf5e25; b") == "<p>a  b</p>"
    made = render_html("<p>a &#xf5e24;0&#xf5e25; b</p>", base_url=f"{BASE}/", tag_url=str)
    assert made.html == "<p>a  b</p>"


@given(st.text(alphabet="\\{}^_&<>ab1$ frac", max_size=60))
def test_any_formula_gives_well_formed_html_or_none(tex: str) -> None:
    html = to_mathml(tex, block=False)
    if html:
        parser = html5lib.HTMLParser(namespaceHTMLElements=False)
        parser.parseFragment(html)
        assert parser.errors == []


def test_footnotes_lead_to_their_place_on_the_page_and_from_elsewhere() -> None:
    html = rendered("A note[^1].\n\n[^1]: Below.\n")
    assert '<a href="#post-fn1" id="post-fnref1">' in shown(html)
    assert f'<a href="{BASE}/@ana/x#post-fn1">' in federated_html(link_within(html, BASE, f"{BASE}/@ana/x"))


def test_contents_of_a_long_text() -> None:
    html = rendered("# One & two\n\n## Half\n\n# Three\n\n> # Quoted\n\n# *Four*\n")
    prose = set_prose(html, base_url=BASE, word_count=500, anchor="Link to “%(heading)s”", table="Table")
    below = (Heading("post-half", "Half"),)
    assert prose.contents == (
        Heading("post-one-two", "One & two", below),
        Heading("post-three", "Three"),
        Heading("post-four", "Four"),
    )
    assert (
        '<h2 id="post-one-two">One &amp; two <a class="anchor" href="#post-one-two"'
        ' aria-label="Link to “One &amp; two”">#</a></h2>' in prose.html
    )
    assert set_prose(html, base_url=BASE, word_count=50, anchor="%(heading)s", table="").contents == ()
    flat = rendered("### a\n\n### b\n\n## c\n\n### d\n")
    nested = set_prose(flat, base_url=BASE, word_count=500, anchor="%(heading)s", table="").contents
    assert [heading.text for heading in nested] == ["a", "b", "c", "d"]


def test_tables_and_code_scroll_and_can_be_reached() -> None:
    html = shown(rendered("| a |\n|---|\n| 1 |\n\n```python\nx = 1\n```\n"))
    assert '<div class="scrolls" role="region" tabindex="0" aria-label="Table"><table>' in html
    assert "</table></div>" in html
    assert '<pre class="highlight" tabindex="0"><code class="language-python">' in html
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    parser.parseFragment(html)
    assert parser.errors == []


def test_a_text_without_any_of_it_stays_letter_by_letter() -> None:
    html = "<p>a &amp; <em>b</em> &nbsp;<img src='x'></p>"
    assert shown(html) == html
