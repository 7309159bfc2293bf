"""Pictures of a post: which ones its HTML shows, and what kind a URL holds by its name."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from fedblog.text.markup import Kind, tokenise

_MEDIA_TYPES = {
    "avif": "image/avif",
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webp": "image/webp",
}


class Picture(NamedTuple):
    """An image by URL, with its alternative text."""

    url: str
    alt: str


def media_type_of_url(url: str) -> str:
    """The image type that the URL's ending says; JPEG where it says nothing."""
    return _MEDIA_TYPES.get(urlsplit(url).path.rpartition(".")[2].lower(), "image/jpeg")


def pictures_in(html: str) -> list[Picture]:
    """The images of cleaned HTML in order, each URL once."""
    found: dict[str, Picture] = {}
    for token in tokenise(html):
        if token.kind is Kind.START and token.name == "img":
            url = token.attributes.get("src", "")
            if url.startswith(("https://", "http://")):
                found.setdefault(url, Picture(url, token.attributes.get("alt", "")))
    return list(found.values())
