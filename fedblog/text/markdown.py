"""What an author wrote (Markdown, or HTML from a file) to the finished article HTML, with all that is found in it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.footnote import footnote_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from fedblog.errors import InvalidInput
from fedblog.text.author import ESCAPED_SIGNS, Image, Linker, MentionLink, rewrite
from fedblog.text.formulas import to_mathml
from fedblog.text.markup import escape_text, strip_bad_characters
from fedblog.text.plain import plain_text
from fedblog.text.sanitise import author_wash
from fedblog.text.slug import slugify_heading

__all__ = ["Image", "MentionLink", "Rendered", "render_html", "render_markdown"]

MAX_SOURCE_BYTES = 1_000_000
MAX_HIGHLIGHT_BYTES = 50_000
_NOBODY: Mapping[str, MentionLink] = MappingProxyType({})
_LANGUAGE = re.compile(r"^[A-Za-z0-9_+#.-]{1,30}$")
# Scripts written without blanks: two characters are taken as one word.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[\U00020000-\U0003ffff]"
)
# A formula travels as its number between these, past what cleans the text: only we make MathML.
_FORMULA_START, _FORMULA_END = "\U000f5e24", "\U000f5e25"
_FORMULA = re.compile(f"{_FORMULA_START}(\\d{{1,3}}){_FORMULA_END}")
MAX_FORMULAS = 500
_STAND_INS = re.compile("[" + "".join(ESCAPED_SIGNS.values()) + _FORMULA_START + _FORMULA_END + "]")
_WORD = re.compile(r"\w+(?:['’.-]\w+)*")


@dataclass(frozen=True, slots=True)
class Rendered:
    """`html` is the whole clean article, all URLs absolute. `tags` are the hashtags as written, without "#", in the
    order of the text, doubles (by case) left out; `mentions` the handles "name@host.example", known or not."""

    html: str
    tags: tuple[str, ...]
    mentions: tuple[str, ...]
    images: tuple[Image, ...]
    word_count: int


def render_markdown(
    source: str, *, base_url: str, tag_url: Callable[[str], str], mention_urls: Mapping[str, MentionLink] = _NOBODY
) -> Rendered:
    """CommonMark with tables, strikethrough, footnotes, $formulas$ and bare http(s) links; raw HTML shows as text.

    `base_url` is the page's own URL, `tag_url(tag)` the page of a hashtag, `mention_urls` the actors known by
    "name@host". Raises `InvalidInput` (reason `source_too_long`) over 1 MB.
    """
    _check_size(source)
    formulas: list[str] = []
    html = _MARKDOWN.render(_STAND_INS.sub("", strip_bad_characters(source)), {"formulas": formulas})
    return _finish(html, base_url, Linker(tag_url, mention_urls), formulas)


def render_html(
    source: str, *, base_url: str, tag_url: Callable[[str], str], mention_urls: Mapping[str, MentionLink] = _NOBODY
) -> Rendered:
    """HTML that an author wrote: cleaned by the authors' allow-list, otherwise as `render_markdown`."""
    _check_size(source)
    return _finish(_STAND_INS.sub("", strip_bad_characters(source)), base_url, Linker(tag_url, mention_urls), ())


def _check_size(source: str) -> None:
    if len(source.encode(errors="surrogatepass")) > MAX_SOURCE_BYTES:
        raise InvalidInput("the text is longer than 1 MB", reason="source_too_long")


def _finish(html: str, base_url: str, linker: Linker, formulas: Sequence[str]) -> Rendered:
    linked, found = rewrite(author_wash(html), base_url=base_url, linker=linker)
    # A stand-in without a formula was typed as a character reference.
    known = dict(enumerate(formulas))
    clean = _FORMULA.sub(lambda found: known.get(int(found[1]), ""), author_wash(linked).strip())
    return Rendered(
        html=clean,
        tags=tuple(found.tags.values()),
        mentions=tuple(found.mentions.values()),
        images=tuple(found.images),
        word_count=count_words(plain_text(clean)),
    )


def count_words(text: str) -> int:
    """Words in plain text; of scripts without blanks (Chinese, Japanese, Thai …) two characters count as one."""
    unspaced = len(_UNSPACED.findall(text))
    return len(_WORD.findall(_UNSPACED.sub(" ", text))) + math.ceil(unspaced / 2)


# -- markdown-it ----------------------------------------------------------------------------------------------------


def _highlight(code: str, language: str, _attributes: str) -> str:
    """A code block with Pygments' classes; plain where the language is unknown or the block over 50 kB."""
    known = _LANGUAGE.match(language)
    label = f' class="language-{language}"' if known else ""
    inner = escape_text(code)
    if known and len(code.encode()) <= MAX_HIGHLIGHT_BYTES:
        try:
            lexer = get_lexer_by_name(language, stripnl=False)
        except ClassNotFound:
            pass
        else:
            inner = highlight(code, lexer, HtmlFormatter(nowrap=True))
    # the parser drops one line feed behind <pre>; <code> stands between, so none is lost
    return f'<pre class="highlight"><code{label}>{inner}</code></pre>\n'


def _keep_escapes(state: StateCore) -> None:
    r"""`\#` and `\@` must not become a hashtag or a mention; they travel as stand-ins until tags are linked."""
    for token in state.tokens:
        for child in token.children or ():
            if child.type == "text_special" and child.content in ESCAPED_SIGNS:
                child.content = ESCAPED_SIGNS[child.content]


def _formula(
    _renderer: RendererProtocol, tokens: Sequence[Token], index: int, _options: OptionsDict, env: EnvType
) -> str:
    """A stand-in for the MathML, or the source as code where it can't be read."""
    token = tokens[index]
    block = token.type.startswith("math_block")
    made: list[str] = env["formulas"]
    mathml = to_mathml(token.content.strip(), block=block) if len(made) < MAX_FORMULAS else ""
    if not mathml:
        return f"<pre><code>{escape_text(token.content)}</code></pre>\n" if block else _as_code(token.content)
    made.append(mathml)
    stand_in = f"{_FORMULA_START}{len(made) - 1}{_FORMULA_END}"
    return f"<p>{stand_in}</p>\n" if block else stand_in


def _as_code(text: str) -> str:
    return f"<code>{escape_text(text)}</code>"


def _make_markdown() -> MarkdownIt:
    options = {"html": False, "linkify": True, "typographer": False, "maxNesting": 100, "highlight": _highlight}
    markdown = MarkdownIt("commonmark", options)
    markdown.enable(["table", "strikethrough", "linkify"])
    markdown.use(footnote_plugin)
    # As Pandoc reads dollars: no blank inside, no digit behind, so that prices stay prices.
    markdown.use(dollarmath_plugin, allow_labels=False, allow_space=False, allow_digits=False, double_inline=True)
    for kind in ("math_inline", "math_inline_double", "math_block"):
        markdown.add_render_rule(kind, _formula)
    markdown.use(anchors_plugin, min_level=1, max_level=6, slug_func=slugify_heading)
    markdown.core.ruler.before("text_join", "keep_escapes", _keep_escapes)
    if markdown.linkify is not None:
        # only what is written as a URL becomes a link: no e-mail addresses, no bare domains, no "//host"
        markdown.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
        for schema in ("//", "ftp:", "mailto:"):
            markdown.linkify.add(schema, None)
    return markdown


_MARKDOWN = _make_markdown()
