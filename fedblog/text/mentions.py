"""Who a reply is addressed to, folded away from what it says (INB-35)."""

from __future__ import annotations

from collections.abc import Container

from fedblog.text.markup import Kind, Token, is_blank, start_tag, tokenise


def fold_leading_mentions(html: str, known: Container[str] = ()) -> tuple[str, str]:
    """Cleaned HTML of a reply -> (plain links of the people it starts with, the rest); both well formed.

    `known` are addresses of people whom it answers anyway: their links are left out.
    `("", html)` where it doesn't start with a mention, or is nothing but mentions.
    """
    if "mention" not in html:
        return "", html
    tokens = list(tokenise(html))
    position, opened = 0, ""  # opened: the paragraph that the rest goes on in
    links: list[str] = []
    while position < len(tokens):
        end = _mention_end(tokens, position)
        if end is not None:
            links.append(_plain_link(html, tokens[position:end], known))
            position = end
            continue
        token = tokens[position]
        if token.name == "p" and token.kind is Kind.START and not opened:
            opened = html[token.start : token.end]
        elif token.name == "p" and token.kind is Kind.END and opened:
            opened = ""
        elif not _is_gap(token, bool(links)):
            break
        position += 1
    if not links or position >= len(tokens):
        return "", html
    return " ".join(filter(None, links)), opened + html[tokens[position].start :].lstrip()


def _plain_link(html: str, tokens: list[Token], known: Container[str]) -> str:
    """The link and its text, without what only servers look for; "" for somebody who is known."""
    link = next(token for token in tokens if token.name == "a")
    href = link.attributes.get("href", "")
    if href in known:
        return ""
    attributes = {"href": href, "rel": "nofollow ugc"}
    text = "".join([html[token.start : token.end] for token in tokens if token.kind is Kind.TEXT])
    return f"{start_tag('a', attributes)}{text}</a>"


def _is_gap(token: Token, after_mention: bool) -> bool:
    if token.kind is Kind.TEXT:
        return is_blank(token.text.replace("\xa0", " ")) or (after_mention and token.text.strip() in {",", ":"})
    return token.name == "br"


def _mention_end(tokens: list[Token], position: int) -> int | None:
    """The index behind the mention that starts at `position`, its h-card included; None where none starts."""
    first = tokens[position]
    if first.kind is not Kind.START:
        return None
    if first.name == "span" and "h-card" in first.attributes.get("class", "").split():
        end = _link_end(tokens, position + 1)
        closed = end is not None and end < len(tokens) and tokens[end].kind is Kind.END and tokens[end].name == "span"
        return end + 1 if closed and end is not None else None
    return _link_end(tokens, position)


def _link_end(tokens: list[Token], position: int) -> int | None:
    if position >= len(tokens) or tokens[position].kind is not Kind.START or tokens[position].name != "a":
        return None
    classes = tokens[position].attributes.get("class", "").split()
    if "mention" not in classes or "hashtag" in classes:
        return None
    text = ""
    for index in range(position + 1, len(tokens)):
        token = tokens[index]
        if token.kind is Kind.END and token.name == "a":
            return index + 1 if text.lstrip().startswith("@") else None
        text += token.text
    return None
