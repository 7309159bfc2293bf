"""Who lives in the simulated fediverse: two authors here, a dozen people on six servers there, and you."""

from __future__ import annotations

from dataclasses import dataclass

from fedblog.demo.peer_actor import KeyType, Style
from fedblog.signatures.model import Scheme


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody who writes on the demo blog."""

    username: str
    name: str
    bio: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A simulated server: its host name (without the port) and the software whose habits it has."""

    host: str
    style: Style
    title: str
    schemes: tuple[Scheme, ...] = ("cavage", "rfc9421")


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody on a simulated server, and how their server signs."""

    username: str
    name: str
    host: str
    bio: str
    scheme: Scheme = "cavage"
    key_type: KeyType = "rsa"


BLOG_TITLE = "The Slow Workshop"
BLOG_TAGLINE = "Things mended, things grown, and what people say about them"

AUTHORS = (
    Author(
        "mara",
        "Mara Lindqvist",
        "Typesetter by day, tinkerer by dusk. I write about things that can be repaired, conversations included.",
        (("Town", "Tartu"), ("Pronouns", "she/her"), ("Currently on the bench", "a hub with three gears")),
    ),
    Author(
        "theo",
        "Theo Okafor",
        "Gardener, former physics teacher. Mostly standing around outdoors, in all weathers, with a pencil.",
        (("Garden", "480 m², north-facing, loved"), ("Pronouns", "he/him")),
    ),
)

PLACES = (
    Place("mastodon.localhost", "mastodon", "Harbour Social"),
    Place("gotosocial.localhost", "gotosocial", "Two Kettles", ("cavage",)),
    Place("pleroma.localhost", "pleroma", "Birch & Bell", ("cavage",)),
    Place("misskey.localhost", "misskey", "Paper Lantern"),
    Place("lemmy.localhost", "lemmy", "The Commons", ("cavage",)),
    Place("wordpress.localhost", "wordpress", "Odile writes letters"),
)

VISITOR = "visitor"
RESIDENTS = (
    Resident("ines", "Inês Duarte", "mastodon.localhost", "Librarian in Lisbon. Umbrellas, maps, marginalia."),
    Resident("tom", "Tom Whitlock", "mastodon.localhost", "Taught physics for thirty years. Still asks why."),
    Resident(VISITOR, "A curious visitor", "mastodon.localhost", "This could be you: reply with this account."),
    Resident("bram", "Bram de Wit", "gotosocial.localhost", "Runs the Thursday repair café. Bring the lid, too."),
    Resident("noor", "Noor Haddad", "gotosocial.localhost", "Cartographer. Walks first, draws later."),
    Resident("jonas", "Jonas Pihl", "pleroma.localhost", "Bicycle mechanic; hubs are my love language."),
    Resident("sigrid", "Sigrid Aas", "pleroma.localhost", "Beekeeper on a very small island."),
    Resident("hana", "Mori Hana", "misskey.localhost", "Paper, ink, cats. Kyoto.", "rfc9421", "ed25519"),
    Resident("ren", "Ren", "misskey.localhost", "Opinions before coffee."),
    Resident("priya", "Priya Raman", "lemmy.localhost", "Moderates c/gardening. Compost is a process."),
    Resident("emeka", "Emeka Obi", "lemmy.localhost", "Balcony farmer, ninth floor."),
    Resident("odile", "Odile Marchand", "wordpress.localhost", "I keep a blog of my own and write letters.", "rfc9421"),
    Resident("kaito", "Kaito Brandt", "wordpress.localhost", "Guest author. Hinges, mostly.", "rfc9421"),
)
