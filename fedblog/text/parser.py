"""The Markdown dialect: CommonMark with tables, strikethrough, footnotes, formulas, anchors, links, coloured code."""

from __future__ import annotations

import re
from collections.abc import Sequence

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

from fedblog.text.author import ESCAPED_SIGNS
from fedblog.text.formulas import FORMULA_END, FORMULA_START, to_mathml
from fedblog.text.markup import escape_text
from fedblog.text.slug import slugify_heading

MAX_HIGHLIGHT_BYTES = 50_000
MAX_FORMULAS = 500
_LANGUAGE = re.compile(r"^[A-Za-z0-9_+#.-]{1,30}$")


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
    stand_in = f"{FORMULA_START}{len(made) - 1}{FORMULA_END}"
    return f"<p>{stand_in}</p>\n" if block else stand_in


def _as_code(text: str) -> str:
    return f"<code>{escape_text(text)}</code>"


def make_markdown() -> MarkdownIt:
    """A parser of the dialect; making it takes milliseconds, so keep it. Its environment has `formulas`, a list."""
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
