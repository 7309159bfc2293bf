"""Links in what a server says about itself: the `Link` header, `<link>` in HTML, `<Link>` in host-meta.

Linear scanners over capped input: a document of a stranger must not buy CPU time (SECURITY 73).
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from urllib.parse import urljoin

from fedblog.activitypub.urls import Uri, maybe_uri
from fedblog.activitypub.wire import is_activity_type

MAX_SCANNED = 256 * 1024
MAX_LINKS = 50
MAX_TAG = 2 * 1024
_ATTRIBUTE = re.compile(
    r"""([A-Za-z][A-Za-z0-9:-]{0,40}+)[ \t\r\n]{0,8}+=[ \t\r\n]{0,8}+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))"""
)
_HEADER_LINK = re.compile(r"<([^<>]{1,2048}+)>((?:[ \t]*+;[ \t]*+[^;,\"]{1,200}+(?:\"[^\"]{0,500}+\")?)*+)")
_PARAMETER = re.compile(r";[ \t]*+([A-Za-z]{1,20}+)[ \t]*+=[ \t]*+(?:\"([^\"]*+)\"|([^\s\";,]++))")


def alternate_in_header(values: list[str], base: Uri) -> Uri | None:
    """The activity+json alternate that `Link` headers name (RFC 8288), resolved against `base`."""
    for value in values:
        for target, parameters in _HEADER_LINK.findall(value[:MAX_TAG]):
            found = {match[1].lower(): match[2] or match[3] or "" for match in _PARAMETER.finditer(parameters)}
            if _is_alternate(found):
                return maybe_uri(urljoin(base, target.strip()))
    return None


def alternate_in_html(body: bytes, base: Uri) -> Uri | None:
    """The activity+json alternate of an HTML page (DISC-12), resolved against `base`."""
    text = body[:MAX_SCANNED].decode("utf-8", "replace")
    for found in _tags(text, "link"):
        if _is_alternate(found):
            return maybe_uri(urljoin(base, found.get("href", "").strip()))
    return None


def lrdd_template(body: bytes, content_type: str) -> str | None:
    """The WebFinger template of a host-meta document, XRD or JSON (RFC 6415); None where there is none."""
    text = body[:MAX_SCANNED].decode("utf-8", "replace")
    if "json" in content_type.lower():
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return None
        links = document.get("links") if isinstance(document, dict) else None
        entries = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    else:
        entries = list(_tags(text, "link"))
    for link in entries[:MAX_LINKS]:
        template = link.get("template")
        if link.get("rel") == "lrdd" and isinstance(template, str) and "{uri}" in template:
            return template
    return None


def _is_alternate(found: dict[str, str]) -> bool:
    return "alternate" in found.get("rel", "").lower().split() and is_activity_type(found.get("type", ""))


def _tags(text: str, name: str) -> Iterator[dict[str, str]]:
    """Attributes of each element of that name, entities decoded; comments hide nothing, which does no harm here."""
    for count, start in enumerate(re.finditer(rf"<{name}(?=[\s/])", text, re.IGNORECASE | re.ASCII)):
        if count >= MAX_LINKS:
            return
        matches = _attributes(_until_end(text[start.end() : start.end() + MAX_TAG]))
        yield {match[1].lower(): html.unescape(match[2] or match[3] or match[4] or "") for match in matches}


def _until_end(inside: str) -> str:
    """Up to the `>` that is outside of quotes."""
    quote = ""
    for position, character in enumerate(inside):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == ">":
            return inside[:position]
    return inside


def _attributes(text: str) -> list[re.Match[str]]:
    return list(_ATTRIBUTE.finditer(text))
