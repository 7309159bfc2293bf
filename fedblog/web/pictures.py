"""What templates write about pictures: addresses of avatars, and our own pictures with all their sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from markupsafe import Markup

from fedblog.blog.ledger import Media
from fedblog.blog.model import Actor
from fedblog.config import Settings
from fedblog.media.avatars import avatar_version
from fedblog.media.figures import only_ours, picture_attributes
from fedblog.media.names import AVATAR_SMALL, file_name, name_of_url
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
        return f"/avatar/{actor.id}/{avatar_version(actor.icon_url)}"

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


def own_pictures(base_url: str) -> Callable[[str], str]:
    """A filter for article HTML: pictures that lie elsewhere become links."""
    return lambda html: only_ours(html, base_url)
