"""Our collections, all in pages with opaque cursors (COL-01..05, COL-07).

The first page is `?page=1`; the cursors of the others are made here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from fedblog.activitypub import serialise
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import host_of
from fedblog.activitypub.vocab import Json
from fedblog.blog.ledger import OutgoingActivity
from fedblog.blog.model import Actor, ActorId, Post, PostId, Reply, ReplyId
from fedblog.config import Settings
from fedblog.errors import Gone, NotFound
from fedblog.storage import actors, followers, listing, outgoing, posts, synchronisation, threads
from fedblog.storage.database import Tx
from fedblog.web import cursors
from fedblog.web.activitypub import answer, note_at
from fedblog.web.askers import for_askers, identify, make_private
from fedblog.web.documents import article_of, is_public, note_of
from fedblog.web.keys import SERVICES, SETTINGS

OBJECTS_PER_PAGE = 20
IDS_PER_PAGE = 60
FEATURED = 5
FIRST = "1"
OWN_ANSWERS = 50


def add_routes(router: web.UrlDispatcher) -> None:
    """The collections of actors, posts and notes."""
    for base in ("/ap/actors/{name}", "/ap/instance"):
        router.add_get(f"{base}/outbox", for_askers(outbox))
        router.add_get(f"{base}/followers", for_askers(followers_of))
        router.add_get(f"{base}{synchronisation.PATH}", followers_synchronization)
        router.add_get(f"{base}/following", for_askers(following))
        router.add_get(f"{base}/featured", for_askers(featured))
    router.add_get("/ap/posts/{post}/context", for_askers(context))
    for base in ("/ap/posts/{post}", "/ap/notes/{note}"):
        router.add_get(f"{base}/replies", for_askers(replies))
        router.add_get(f"{base}/likes", for_askers(likes))
        router.add_get(f"{base}/shares", for_askers(shares))


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a collection the asker is: `page` as asked for, None for the collection itself."""

    uri: str
    page: str | None
    ids: LocalIds
    settings: Settings

    @property
    def first(self) -> str:
        """URL of the first page."""
        return f"{self.uri}?page={FIRST}"

    @property
    def own_url(self) -> str:
        """URL of the page asked for."""
        return f"{self.uri}?page={self.page}"

    def after(self) -> int:
        """The id that the page asked for begins after; 0 for the first page. Raises `NotFound`."""
        return 0 if self.page == FIRST else cursors.decode(self.page or "", 1)[0]

    def own_after(self) -> int | None:
        """The id that a page of our own answers begins after; None for the pages of others' answers."""
        if self.page == FIRST:
            return 0
        try:
            mark, last_id = cursors.decode(self.page or "", 2)
        except NotFound:
            return None
        return last_id if mark == 0 else None

    def at(self, *last_ids: int) -> str:
        """URL of the page that begins after an id; (0, id): a page of our own answers."""
        return f"{self.uri}?page={cursors.encode(*last_ids)}"


async def _serve(request: web.Request, read: Callable[[Tx, Place], Json]) -> web.Response:
    services = request.app[SERVICES]
    place = Place(
        f"{services.ids.base_url}{request.path}", request.query.get("page"), services.ids, request.app[SETTINGS]
    )
    return answer(request, await services.db.read(read, place))


def _paged(place: Place, ids_after: list[tuple[int, str]], limit: int, *, ordered: bool = True) -> Json:
    """A page of ids; `ids_after` holds one more than fits where there is a next page."""
    shown = ids_after[:limit]
    more = len(ids_after) > limit
    return serialise.collection_page(
        place.own_url,
        part_of=place.uri,
        items=[uri for _, uri in shown],
        next_uri=place.at(shown[-1][0]) if more else None,
        ordered=ordered,
    )


def _owner(request: web.Request) -> Callable[[Tx], Actor]:
    name = request.match_info.get("name")

    def find(tx: Tx) -> Actor:
        actor = actors.by_local_name(tx, name) if name is not None else actors.instance(tx)
        if actor is None:
            raise NotFound("no such actor")
        if actor.deleted_at is not None:
            raise Gone("this account was deleted")
        return actor

    return find


async def outbox(request: web.Request) -> web.Response:
    """Creates with their objects as they are now, and Announces, newest first; public ones only (COL-01)."""
    find = _owner(request)

    def read(tx: Tx, place: Place) -> Json:
        actor = find(tx)
        if place.page is None:
            total = outgoing.outbox_count(tx, actor.id)
            return serialise.collection(place.uri, total=total, first=place.first, attributed_to=actor.uri)
        before = None if place.page == FIRST else place.after()
        found = outgoing.outbox_page(tx, actor.id, before, OBJECTS_PER_PAGE + 1)
        shown = found[:OBJECTS_PER_PAGE]
        items = [item for activity in shown if (item := _outbox_item(tx, place, actor, activity)) is not None]
        more = len(found) > OBJECTS_PER_PAGE
        next_uri = place.at(shown[-1].id) if more else None
        return serialise.collection_page(place.own_url, part_of=place.uri, items=items, next_uri=next_uri)

    return await _serve(request, read)


def _outbox_item(tx: Tx, place: Place, actor: Actor, activity: OutgoingActivity) -> Json | None:
    """The activity with its object read anew: what was sent is a snapshot, and may have been withdrawn since."""
    post = posts.by_uri(tx, activity.object_uri)
    if post is not None and not is_public(post):
        return None
    if activity.type == "Announce":
        if post is None:
            return None
        return serialise.announce(
            activity.object_uri, actor=actor, activity_id=activity.uri, published=activity.created_at
        )
    if post is not None:
        document = article_of(tx, post, ids=place.ids, settings=place.settings)()
    else:
        reply = note_at(tx, place.ids, activity.object_uri)
        if reply is None:
            return None
        document = note_of(tx, reply, ids=place.ids)
    return serialise.create(document, activity_id=activity.uri, published=activity.created_at)


async def followers_of(request: web.Request) -> web.Response:
    """How many; who, only where the blog shows it (COL-02)."""
    find = _owner(request)

    def read(tx: Tx, place: Place) -> Json:
        actor = find(tx)
        shown = place.settings.blog.show_followers
        if place.page is None:
            total = followers.count(tx, actor.id)
            return serialise.collection(place.uri, total=total, first=place.first if shown else None)
        if not shown:
            raise NotFound("not shown")
        found = followers.uris_page(tx, actor.id, place.after(), IDS_PER_PAGE + 1)
        return _paged(place, [(int(key), uri) for key, uri in found], IDS_PER_PAGE)

    return await _serve(request, read)


async def followers_synchronization(request: web.Request) -> web.Response:
    """The followers that live on the asker's own server, told to a signature of that server alone (FEP-8fcf)."""
    asker = await identify(request)
    find = _owner(request)

    def read(tx: Tx, place: Place) -> Json:
        items = synchronisation.followers_on(tx, find(tx).id, host_of(asker))
        return serialise.collection(place.uri, total=len(items), items=items)

    response = await _serve(request, read)
    make_private(response)
    return response


async def following(request: web.Request) -> web.Response:
    """Our actors follow nobody."""
    find = _owner(request)

    def read(tx: Tx, place: Place) -> Json:
        find(tx)
        return serialise.collection(place.uri, total=0, items=[])

    return await _serve(request, read)


async def featured(request: web.Request) -> web.Response:
    """Ids of the newest posts, so that a new follower's server does not show an empty profile (COL-07)."""
    find = _owner(request)

    def read(tx: Tx, place: Place) -> Json:
        actor = find(tx)
        items = _featured(tx, actor)
        return serialise.collection(place.uri, total=len(items), items=items)

    return await _serve(request, read)


def _featured(tx: Tx, actor: Actor) -> Sequence[str]:
    if actor.local == "author":
        return listing.featured(tx, ActorId(actor.id), FEATURED)
    if actor.local == "blog":
        return [post.uri for post in listing.list_public(tx, limit=FEATURED, federated=True)]
    return []


def _post_of(tx: Tx, place: Place, name: str) -> Post:
    """The public post that the collection `name` belongs to."""
    uri = place.uri.removesuffix(f"/{name}")
    post = posts.by_uri(tx, uri)
    if post is None or not is_public(post):
        raise NotFound("no such object")
    return post


def _object_of(tx: Tx, place: Place, name: str) -> Post | Reply:
    """The public post or answer that the collection `name` belongs to."""
    uri = place.uri.removesuffix(f"/{name}")
    reply = note_at(tx, place.ids, uri)
    return reply if reply is not None else _post_of(tx, place, name)


async def replies(request: web.Request) -> web.Response:
    """Direct answers: our own on the first pages, then everybody else's, public ones only (COL-03)."""

    def read(tx: Tx, place: Place) -> Json:
        thing = _object_of(tx, place, "replies")
        post_id, parent_id = _keys(thing)
        if place.page is None:
            total = threads.count_children(tx, post_id=post_id, parent_id=parent_id)
            return serialise.collection(place.uri, total=total, first=place.first, ordered=False)
        after = place.own_after()
        if after is not None:
            own = threads.children_uris(
                tx, post_id=post_id, parent_id=parent_id, local=True, after=after, limit=OWN_ANSWERS + 1
            )
            shown = own[:OWN_ANSWERS]
            next_uri = place.at(0) if len(own) <= OWN_ANSWERS else place.at(0, shown[-1][0])
            return serialise.collection_page(
                place.own_url, part_of=place.uri, items=[uri for _, uri in shown], next_uri=next_uri, ordered=False
            )
        others = threads.children_uris(
            tx, post_id=post_id, parent_id=parent_id, local=False, after=place.after(), limit=OBJECTS_PER_PAGE + 1
        )
        return _paged(place, [(int(key), uri) for key, uri in others], OBJECTS_PER_PAGE, ordered=False)

    return await _serve(request, read)


def _keys(thing: Post | Reply) -> tuple[PostId | None, ReplyId | None]:
    return (thing.id, None) if isinstance(thing, Post) else (None, thing.id)


async def context(request: web.Request) -> web.Response:
    """The whole conversation as ids: the post, then every public reply in order of arrival (ART-15, FEP-f228)."""

    def read(tx: Tx, place: Place) -> Json:
        post = _post_of(tx, place, "context")
        author = actors.by_id(tx, post.author_id)
        if place.page is None:
            total = post.reply_count - threads.count_imported(tx, post.id) + 1
            return serialise.collection(place.uri, total=total, first=place.first, attributed_to=author.uri)
        found = threads.public_uris(tx, post.id, after=place.after(), limit=IDS_PER_PAGE + 1)
        ids = [(int(key), uri) for key, uri in found]
        if place.page != FIRST:
            return _paged(place, ids, IDS_PER_PAGE)
        # The post comes first; it shares the first page with one reply less.
        return _paged(place, [(0, post.uri), *ids], IDS_PER_PAGE)

    return await _serve(request, read)


async def likes(request: web.Request) -> web.Response:
    """How many; not who (COL-04)."""

    def read(tx: Tx, place: Place) -> Json:
        return serialise.collection(place.uri, total=_object_of(tx, place, "likes").like_count, ordered=False)

    return await _serve(request, read)


async def shares(request: web.Request) -> web.Response:
    """How many boosts; not by whom."""

    def read(tx: Tx, place: Place) -> Json:
        return serialise.collection(place.uri, total=_object_of(tx, place, "shares").announce_count, ordered=False)

    return await _serve(request, read)
