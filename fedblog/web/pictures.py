"""What templates write about pictures: addresses of avatars, and our own pictures with all their sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from markupsafe import Markup, escape

from fedblog.blog.emoji import Named
from fedblog.blog.ledger import Media
from fedblog.blog.model import Actor, Attachment, Reply
from fedblog.config import Settings
from fedblog.media.figures import only_ours, picture_attributes
from fedblog.media.kept import url_version
from fedblog.media.names import AVATAR_SMALL, file_name, name_of_url
from fedblog.text.emoji import in_html, in_text
from fedblog.text.markup import start_tag


def avatar_source(settings: Settings) -> Callable[[Actor], str]:
    """A function that gives the path of an actor's avatar, "" where only the initials are to be shown."""

    def source(actor: Actor) -> str:
        name = name_of_url(settings.base_url, actor.icon_url)
        if actor.local and name:
            return f"/media/{file_name(name, AVATAR_SMALL)}" if name[0] == "a" else f"/media/{file_name(name)}"
        if actor.local and actor.icon_url.startswith(f"{settings.base_url}/"):
            return actor.icon_url
        if not settings.media.remote_avatars or not actor.icon_url.startswith(("https://", "http://")):
            return ""
        return f"/avatar/{actor.id}/{url_version(actor.icon_url)}"

    return source


def picture_tag(base_url: str) -> Callable[..., Markup]:
    """A function that writes an `<img>` of ours: `picture(url, alt, pictures, class_, sizes)`; without `alt`, an
    ornament, it may come late."""

    def tag(url: str, alt: str, pictures: Mapping[str, Media], css_class: str = "", sizes: str = "") -> Markup:
        known = pictures.get(name_of_url(base_url, url))
        attributes = {"class": css_class} if css_class else {}
        if known is None:
            attributes |= {"src": url}
        else:
            attributes |= picture_attributes(base_url, known, **({"sizes": sizes} if sizes else {}))
        if not alt:
            attributes |= {"loading": "lazy", "decoding": "async"}
        return Markup(start_tag("img", {**attributes, "alt": alt}))  # noqa: S704 - start_tag escapes every value

    return tag


def emoji_picture(name: str, key: str) -> str:
    """The `<img>` of a custom emoji; where it can't be had, its alternative text is what stands there."""
    called = f":{name}:"
    return start_tag(
        "img",
        {"class": "emoji", "src": f"/emoji/{key}", "alt": called, "title": called, "width": "20", "height": "20",
         "loading": "lazy"},
    )  # fmt: skip


class EmojiPictures:
    """What templates write where custom emoji may stand; with `remote_emoji` off, names stay as they were written."""

    def __init__(self, settings: Settings) -> None:
        self._shown = settings.media.remote_emoji

    def text(self, text: str, emoji: Named) -> Markup:
        """A filter: plain text, escaped, with the pictures of the emoji that it calls."""
        return Markup(in_text(text, dict(emoji), emoji_picture)) if emoji and self._shown else escape(text)  # noqa: S704

    def html(self, html: str, emoji: Named) -> str:
        """A filter: the same of HTML that was sanitised."""
        return in_html(html, dict(emoji), emoji_picture) if emoji and self._shown else html

    def name_of(self, actor: Actor) -> Markup:
        """The name that people see; one deeper, so that no emoji passes for a portrait (mf2, implied photo)."""
        name = self.text(actor.display_name, actor.emoji)
        return Markup("<span>{}</span>").format(name) if actor.emoji and self._shown else name

    def signs(self, told: Iterable[tuple[str, int, str]]) -> list[tuple[Markup, int]]:
        """A filter: reactions (emoji, how many, key of its picture) with the sign that is shown."""
        return [(self.text(sign, ((sign.strip(":"), key),) if key else ()), count) for sign, count, key in told]


def attached_to(settings: Settings) -> Callable[[Reply], list[tuple[Attachment, str]]]:
    """A function that gives what is listed below a reply, each with the path of its picture here, "" for a link."""
    shows = settings.media.remote_media

    def found(reply: Reply) -> list[tuple[Attachment, str]]:
        if shows == "off" or not reply.attachments:
            return []
        items = [item for item in reply.attachments if item.url.startswith(("https://", "http://"))]
        by_click = shows == "click" and not reply.local
        return [
            (item, f"/attached/{reply.id}/{url_version(item.url)}" if by_click and item.is_picture else "")
            for item in items
        ]

    return found


def own_pictures(base_url: str) -> Callable[[str], str]:
    """A filter for article HTML: pictures that lie elsewhere become links."""
    return lambda html: only_ours(html, base_url)
