"""Our own pictures in a text: with their sizes, so that nothing jumps, and with smaller files for smaller screens."""

from __future__ import annotations

from collections.abc import Mapping

from fedblog.blog.ledger import Media
from fedblog.media.names import name_of_url, picture_url
from fedblog.text.markup import Kind, Token, escape_text, start_tag, tokenise

SIZES = "(max-width: 42.5rem) calc(100vw - 2.5rem), 40rem"


def picture_attributes(base_url: str, picture: Media, *, sizes: str = SIZES) -> dict[str, str]:
    """Attributes of an `<img>` that shows a picture of ours; its `alt` is the caller's."""
    variants = (f"{picture_url(base_url, picture.name, width)} {width}w" for width in picture.widths)
    return {
        "src": picture_url(base_url, picture.name),
        "srcset": ", ".join(variants),
        "sizes": sizes,
        "width": str(picture.width),
        "height": str(picture.height),
    }


def frame(html: str, pictures: Mapping[str, Media], base_url: str) -> str:
    """Clean article HTML (`Rendered.html`) with our pictures completed; one that stands alone becomes a `<figure>`,
    with its title as the caption. `pictures` is by name. Everything else stays as it is, letter by letter."""
    tokens = list(tokenise(html))
    out: list[str] = []
    copied = 0
    for index, token in enumerate(tokens):
        picture = pictures.get(name_of_url(base_url, token.attributes.get("src", ""))) if _is_image(token) else None
        if picture is None:
            continue
        image = _image(token, picture, base_url)
        start, end = token.start, token.end
        if _stands_alone(tokens, index):
            start, end = tokens[index - 1].start, tokens[index + 1].end
            title = token.attributes.get("title", "")
            caption = f"<figcaption>{escape_text(title)}</figcaption>" if title else ""
            image = f"<figure>{image}{caption}</figure>"
        out += [html[copied:start], image]
        copied = end
    return "".join(out) + html[copied:]


def only_ours(html: str, base_url: str) -> str:
    """Article HTML for our own pages: a picture that lies elsewhere becomes a link, since visitors' browsers are told
    to load nothing from other servers."""
    if "<img" not in html:
        return html
    out: list[str] = []
    copied = links = 0
    for token in tokenise(html):
        if token.name == "a":
            links += 1 if token.kind is Kind.START else -1
        url = token.attributes.get("src", "") if _is_image(token) else ""
        if not url or url.startswith((f"{base_url}/", "/")):
            continue
        words = escape_text(token.attributes.get("alt", "") or "Picture")
        link = start_tag("a", {"class": "picture-elsewhere", "href": url, "rel": "noopener"})
        out += [html[copied : token.start], words if links > 0 else f"{link}{words}</a>"]
        copied = token.end
    return "".join(out) + html[copied:]


def foreign_pictures(html: str, base_url: str) -> list[str]:
    """URLs of the pictures in a text that lie on other servers, each once."""
    urls = [token.attributes.get("src", "") for token in tokenise(html) if _is_image(token)]
    return [url for url in dict.fromkeys(urls) if url and not url.startswith((f"{base_url}/", "/"))]


def _is_image(token: Token) -> bool:
    return token.kind is Kind.START and token.name == "img"


def _image(token: Token, picture: Media, base_url: str) -> str:
    alt = token.attributes.get("alt", "")
    more = {"alt": alt, "loading": "lazy", "decoding": "async"}
    return start_tag("img", {**picture_attributes(base_url, picture), **more})


def _stands_alone(tokens: list[Token], index: int) -> bool:
    """The only thing in a paragraph that says nothing of its own."""
    if index == 0 or index + 1 >= len(tokens):
        return False
    before, after = tokens[index - 1], tokens[index + 1]
    opens = before.kind is Kind.START and before.name == "p" and not before.attributes
    return opens and after.kind is Kind.END and after.name == "p"
