"""What somebody may want to know before a post goes out, each with the place to change it. None of it forbids that."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from fedblog.activitypub.looks import Found, Look, Remark
from fedblog.blog.model import PostText
from fedblog.media.figures import foreign_pictures
from fedblog.text.markup import Kind, tokenise
from fedblog.web.i18n import gettext, ngettext

PLACES = ("mastodon", "gotosocial", "pleroma", "misskey", "lemmy", "feed", "card")


class Check(NamedTuple):
    """A sentence, and the id of the field that it is about."""

    words: str
    field: str


def place_name(place: str) -> str:
    """What a place is called."""
    return {
        "mastodon": "Mastodon",
        "gotosocial": "GoToSocial",
        "pleroma": "Pleroma",
        "misskey": "Misskey",
        "lemmy": "Lemmy",
        "feed": gettext("Feed reader"),
        "card": gettext("Search and link card"),
    }[place]


def place_words(place: str) -> str:
    """How that place reads a post, in a sentence."""
    return {
        "mastodon": gettext("Mastodon shows the title, your summary and the link. People read the text on your page."),
        "gotosocial": gettext("GoToSocial shows the whole text, folded behind the title or your summary."),
        "pleroma": gettext("Pleroma and Akkoma show the whole text under a linked title."),
        "misskey": gettext("Misskey, Sharkey and others show the text between the title and the link."),
        "lemmy": gettext("On Lemmy the post appears in your blog's community, with the whole text."),
        "feed": gettext("Feed readers show the whole text."),
        "card": gettext("What a search engine lists, and what chats draw when somebody sends your link."),
    }[place]


def remark_words(found: Found) -> str:
    """A remark of a simulator as a sentence."""
    number = found.number
    match found.remark:
        case Remark.NO_ALT:
            words = ngettext(
                "A picture has no description: people who don't see it learn nothing of it.",
                "%(num)s pictures have no description: people who don't see them learn nothing of them.",
                number,
            )
        case Remark.LEFT_OUT:
            words = ngettext(
                "A picture of the text is not shown there.", "%(num)s pictures of the text are not shown there.", number
            )
        case Remark.TOO_LARGE:
            size = f"{number / 1_000_000:.1f}"
            return gettext("The post is %(size)s MB: Mastodon drops what is larger than 1 MB.") % {"size": size}
        case Remark.TITLE_CUT:
            words = gettext("The title is cut after %(num)s characters.")
        case Remark.TEXT_CUT:
            words = gettext("The text is cut after %(num)s characters.")
        case _:
            return _plain_words(found.remark)
    return words % {"num": number}


def _plain_words(remark: Remark) -> str:
    return {
        Remark.NO_CARD: gettext("Pictures take the place of the link card."),
        Remark.IN_CLEAR: gettext("The content warning is shown, but it hides nothing here: mind the first words."),
        Remark.FOLDED: gettext("Your summary becomes a content warning: the text is folded behind it."),
        Remark.TITLE_FOLDS: gettext("The text is folded behind the title."),
        Remark.NO_HEADINGS: gettext("Headings become plain paragraphs on most of these servers."),
        Remark.NOT_ANNOUNCED: gettext("It does not arrive: only public posts are passed on by your blog."),
        Remark.CARD_WITHOUT_PICTURE: gettext(
            "The card’s picture is the title in your blog’s colours: a cover takes its place."
        ),
        Remark.CARD_WITHOUT_WORDS: gettext("The card has no words: a summary would give it some."),
    }[remark]


def checks_of(text: PostText, looks: list[Look], base_url: str) -> list[Check]:
    """Everything to look at before the post goes out, the gravest first."""
    return [*_of_looks(looks), *_of_pictures(text, base_url), *_of_text(text)]


def _of_looks(looks: list[Look]) -> Iterator[Check]:
    """What the simulators found and an author may not expect; what always is so there is no warning."""
    for look in looks:
        for found in look.found:
            if found.remark is Remark.TOO_LARGE:
                yield Check(remark_words(found), "source")
            elif found.remark is Remark.FOLDED and look.place == "gotosocial":
                yield Check(gettext("This summary would fold the post on GoToSocial, Pleroma and Misskey."), "summary")
            elif found.remark is Remark.IN_CLEAR and look.place == "mastodon":
                yield Check(
                    gettext("Mastodon shows the content warning as plain text above the link, and folds nothing."),
                    "content_warning",
                )
            elif found.remark is Remark.LEFT_OUT and look.place == "mastodon":
                yield Check(
                    ngettext(
                        "Only four pictures go along: %(num)s is seen on your page only.",
                        "Only four pictures go along: %(num)s are seen on your page only.",
                        found.number,
                    )
                    % {"num": found.number},
                    "pictures",
                )
            elif found.remark is Remark.TITLE_CUT and look.place == "lemmy":
                yield Check(gettext("Lemmy cuts the title after 200 characters."), "title")


def _of_pictures(text: PostText, base_url: str) -> Iterator[Check]:
    missing = sum(
        token.kind is Kind.START and token.name == "img" and not token.attributes.get("alt", "").strip()
        for token in tokenise(text.content_html)
    )
    if missing:
        words = ngettext("A picture has no description.", "%(num)s pictures have no description.", missing)
        yield Check(words % {"num": missing}, "source")
    if text.image_url and not text.image_alt:
        yield Check(gettext("The cover has no description."), "image_alt")
    if text.pictures and not text.image_url and "<img" not in text.content_html:
        yield Check(gettext("You chose to show pictures in timelines, and there is none."), "pictures")
    elsewhere = len(foreign_pictures(text.content_html, base_url))
    if elsewhere:
        words = ngettext(
            "A picture lies on another server. Here readers get a link instead: their browsers load nothing from"
            " elsewhere.",
            "%(num)s pictures lie on other servers. Here readers get links instead: their browsers load nothing from"
            " elsewhere.",
            elsewhere,
        )
        yield Check(words % {"num": elsewhere}, "source")
    if text.image_url and not text.image_url.startswith(f"{base_url}/"):
        yield Check(gettext("The cover lies on another server and shows in link cards only."), "image_url")


def _of_text(text: PostText) -> Iterator[Check]:
    levels = [
        int(token.name[1])
        for token in tokenise(text.content_html)
        if token.kind is Kind.START and len(token.name) == 2 and token.name[0] == "h" and token.name[1] in "123456"
    ]
    if any(after > before + 1 for before, after in pairwise(levels)):
        yield Check(gettext("The headings leave out a level, which confuses people who listen to the page."), "source")
    if text.federated and "<table" in text.content_html:
        yield Check(gettext("Tables become lines of text on other servers, which show none."), "source")
    if text.series and not text.series_position:
        yield Check(gettext("The post has no number in its series: it stands there by its date."), "series_position")
