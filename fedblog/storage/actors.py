"""Actors: ours (authors, the blog, the instance) and everybody else's as last seen."""

from __future__ import annotations

from collections.abc import Iterable

from fedblog.activitypub.urls import host_of, maybe_uri, origin_of
from fedblog.blog.ledger import Profile, RemoteKey
from fedblog.blog.model import Actor, ActorId, PostId
from fedblog.errors import Conflict, NotFound
from fedblog.storage import emoji, hiding, moderation, posts, quotes, reactions, replies
from fedblog.storage.rows import ACTOR, read_actor, write_json
from fedblog.storage.tx import Tx, chunks, marks

_OURS = "a.local <> ''"  # as their index says it: without, all who ever wrote here are looked through


def by_id(tx: Tx, actor_id: ActorId) -> Actor:
    """An actor that is known to exist. Raises `NotFound`."""
    row = tx.one(f"SELECT {ACTOR} FROM actors a WHERE a.id = $1", actor_id)
    if row is None:
        raise NotFound("there is no such actor")
    return read_actor(row)


def by_uri(tx: Tx, uri: str) -> Actor | None:
    """An actor by its ActivityPub id."""
    row = tx.one(f"SELECT {ACTOR} FROM actors a WHERE a.uri = $1", uri)
    return None if row is None else read_actor(row)


def by_local_name(tx: Tx, name: str) -> Actor | None:
    """An author or the blog by name, in any case."""
    row = tx.one(
        f"SELECT {ACTOR} FROM actors a WHERE {_OURS} AND a.local IN ('author', 'blog') AND lower(a.username) = $1",
        name.lower(),
    )
    return None if row is None else read_actor(row)


def local_actors(tx: Tx) -> list[Actor]:
    """All of ours, oldest first."""
    # By `id` alone, SQLite would rather walk through everybody else in the order of the table.
    return [read_actor(row) for row in tx.all(f"SELECT {ACTOR} FROM actors a WHERE {_OURS} ORDER BY +a.id")]


def blog(tx: Tx) -> Actor:
    """The actor that announces every post. Raises `NotFound` before the set-up."""
    return _only(tx, "blog")


def instance(tx: Tx) -> Actor:
    """The actor that signs fetches. Raises `NotFound` before the set-up."""
    return _only(tx, "instance")


def _only(tx: Tx, local: str) -> Actor:
    row = tx.one(f"SELECT {ACTOR} FROM actors a WHERE {_OURS} AND a.local = $1 ORDER BY a.id", local)
    if row is None:
        raise NotFound(f"there is no {local} actor yet; run `fedblog init`")
    return read_actor(row)


def by_ids(tx: Tx, ids: Iterable[ActorId]) -> dict[ActorId, Actor]:
    """Actors by id; unknown ids are left out."""
    found = {}
    for some in chunks(dict.fromkeys(ids)):
        for row in tx.all(f"SELECT {ACTOR} FROM actors a WHERE a.id IN ({marks(len(some))})", *some):
            actor = read_actor(row)
            found[actor.id] = actor
    return found


def add_local(
    tx: Tx,
    *,
    uri: str,
    local: str,
    type: str,  # noqa: A002 - the protocol's word
    username: str,
    domain: str,
    name: str,
    url: str,
    inbox: str,
    shared_inbox: str,
    followers_uri: str,
) -> Actor:
    """A new actor of ours (`local`: author, blog or instance). Raises `Conflict` where the name or id is taken."""
    taken = tx.one(
        "SELECT 1 FROM actors WHERE (local <> '' AND lower(username) = $1) OR uri = $2", username.lower(), uri
    )
    if taken:
        raise Conflict(f"the name {username} is taken", reason="name_taken")
    actor_id = ActorId(tx.new_id())
    tx.run(
        "INSERT INTO actors (id, uri, local, type, username, domain, name, summary_html, url, icon_url, image_url,"
        " inbox, shared_inbox, followers_uri, manually_approves, fields, created_at, fetched_at, indexable)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, '', $8, '', '', $9, $10, $11, 0, '[]', $12, $12, 1)",
        actor_id,
        uri,
        local,
        type,
        username,
        domain,
        name,
        url,
        inbox,
        shared_inbox,
        followers_uri,
        tx.now,
    )
    return by_id(tx, actor_id)


def update_local_profile(
    tx: Tx,
    actor_id: ActorId,
    *,
    name: str,
    summary_source: str,
    summary_html: str,
    icon_url: str,
    image_url: str,
    fields: tuple[tuple[str, str], ...],
    manually_approves: bool,
) -> Actor:
    """Replace what an actor of ours says about itself; pages with its posts and answers are made anew."""
    changed = tx.run(
        "UPDATE actors SET name = $1, summary_source = $2, summary_html = $3, icon_url = $4, image_url = $5,"
        " fields = $6, manually_approves = $7 WHERE id = $8 AND local <> ''",
        name,
        summary_source,
        summary_html,
        icon_url,
        image_url,
        write_json(fields),
        int(manually_approves),
        actor_id,
    )
    if not changed:
        raise NotFound("there is no such actor of ours")
    for (post_id,) in tx.all("SELECT id FROM posts WHERE author_id = $1 AND status <> 'deleted'", actor_id):
        posts.bump(tx, PostId(post_id))
    _bump_pages(tx, actor_id)
    return by_id(tx, actor_id)


def summary_source(tx: Tx, actor_id: ActorId) -> str:
    """The Markdown of an actor's own summary."""
    return str(tx.value("SELECT summary_source FROM actors WHERE id = $1", actor_id) or "")


def upsert_remote(tx: Tx, profile: Profile) -> Actor:
    """Keep what a remote actor's document says, keys included; the actor as stored.

    Ours are never touched. A document without an inbox renews the keys only (ACT-15). Keys with ids of another origin
    are left out: a key belongs to the actor that lists it.
    """
    stored = by_uri(tx, profile.uri)
    if stored is not None and stored.local:
        return stored
    if stored is not None and not profile.inbox:
        _replace_keys(tx, stored.id, profile)
        return stored
    actor_id = stored.id if stored is not None else ActorId(tx.new_id())
    tx.run(
        "INSERT INTO actors (id, uri, local, type, username, domain, name, summary_html, url, icon_url, image_url,"
        " inbox, shared_inbox, followers_uri, manually_approves, fields, created_at, fetched_at, suspended_at,"
        " indexable, emoji)"
        " VALUES ($1, $2, '', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18, $19)"
        " ON CONFLICT (uri) DO UPDATE SET type = excluded.type, username = excluded.username,"
        " domain = excluded.domain, name = excluded.name, summary_html = excluded.summary_html, url = excluded.url,"
        " icon_url = excluded.icon_url, image_url = excluded.image_url, inbox = excluded.inbox,"
        " shared_inbox = excluded.shared_inbox, followers_uri = excluded.followers_uri,"
        " manually_approves = excluded.manually_approves, fields = excluded.fields, fetched_at = excluded.fetched_at,"
        " suspended_at = CASE WHEN excluded.suspended_at IS NULL THEN NULL"
        " ELSE coalesce(actors.suspended_at, excluded.suspended_at) END, deleted_at = NULL,"
        " indexable = excluded.indexable, missing_since = NULL, emoji = excluded.emoji",
        actor_id,
        profile.uri,
        profile.type,
        profile.username,
        profile.domain,
        profile.name,
        profile.summary_html,
        profile.url,
        profile.icon_url,
        profile.image_url,
        profile.inbox,
        profile.shared_inbox,
        profile.followers_uri,
        int(profile.manually_approves),
        write_json(profile.fields),
        tx.now,
        tx.now if profile.suspended else None,
        int(profile.indexable),
        write_json(profile.emoji),
    )
    emoji.keep(tx, profile.pictures, public=True)
    row = tx.all(f"SELECT {ACTOR} FROM actors a WHERE a.uri = $1", profile.uri)[0]
    actor = read_actor(row)
    _replace_keys(tx, actor.id, profile)
    if moderation.met(tx, actor.uri, actor.handle[1:]):
        hiding.hide_all_of(tx, actor.id)
        tx.run("DELETE FROM followers WHERE actor_id = $1", actor.id)
    if stored is not None and (stored.suspended_at is None) != (actor.suspended_at is None):
        _turn_pages(tx, actor)
    if stored is not None and _face(stored) != _face(actor):
        _bump_pages(tx, actor.id)
    return actor


def _face(actor: Actor) -> tuple[object, ...]:
    seen = (actor.name, actor.username, actor.domain, actor.url, actor.icon_url)
    return (*seen, actor.suspended_at, actor.deleted_at, actor.indexable, actor.emoji)


def _bump_pages(tx: Tx, actor_id: ActorId) -> None:
    pages = tx.all(
        "SELECT r.post_id FROM replies r WHERE r.actor_id = $1 AND r.shown = 1"
        " UNION SELECT x.post_id FROM reactions x WHERE x.actor_id = $1 AND x.post_id IS NOT NULL"
        " UNION SELECT r.post_id FROM reactions x JOIN replies r ON r.id = x.reply_id"
        " WHERE x.actor_id = $1 AND r.local = 1 AND r.shown = 1",
        actor_id,
    )
    for (post_id,) in sorted(pages):
        posts.bump(tx, PostId(post_id))


def _replace_keys(tx: Tx, actor_id: ActorId, profile: Profile) -> None:
    tx.run("DELETE FROM keys WHERE actor_id = $1 AND private_sealed IS NULL", actor_id)
    tx.many(
        "INSERT INTO keys (key_id, actor_id, algorithm, public_pem, fetched_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (key_id, actor_id) DO NOTHING",
        [
            (key.key_id, actor_id, key.algorithm, key.public_pem, key.fetched_at)
            for key in profile.keys
            if _is_own(key, profile)
        ],
    )


def _is_own(key: RemoteKey, profile: Profile) -> bool:
    key_uri, actor_uri = maybe_uri(key.key_id), maybe_uri(profile.uri)
    return key_uri is not None and actor_uri is not None and origin_of(key_uri) == origin_of(actor_uri)


def mark_deleted(tx: Tx, actor_id: ActorId) -> None:
    """A remote actor is gone for good: its replies (a placeholder where answered), reactions, follows and keys go."""
    actor = by_id(tx, actor_id)
    if actor.local:
        raise Conflict("an actor of ours is not deleted from outside", reason="local_actor")
    replies.remove_all_of(tx, actor_id)
    quotes.remove_all_of(tx, actor_id)
    reactions.remove_all_of(tx, actor_id)
    tx.run("DELETE FROM followers WHERE actor_id = $1", actor_id)
    tx.run("DELETE FROM keys WHERE actor_id = $1", actor_id)
    tx.run(
        "UPDATE actors SET deleted_at = coalesce(deleted_at, $1), approved = 0, name = '', summary_html = '',"
        " icon_url = '', image_url = '', fields = '[]', emoji = '[]' WHERE id = $2",
        tx.now,
        actor_id,
    )


def delete_local(tx: Tx, actor_id: ActorId) -> None:
    """An actor of ours is gone for good: its id answers 410 and its name stays taken (LIFE-03)."""
    tx.run("DELETE FROM followers WHERE target_id = $1", actor_id)
    tx.run(
        "UPDATE actors SET deleted_at = coalesce(deleted_at, $1), name = '', summary_html = '', summary_source = '',"
        " icon_url = '', image_url = '', fields = '[]', also_known_as = '[]' WHERE id = $2 AND local <> ''",
        tx.now,
        actor_id,
    )


def set_aliases(tx: Tx, actor_id: ActorId, uris: tuple[str, ...]) -> None:
    """Ids that an actor of ours is also known as (ACT-12)."""
    tx.run("UPDATE actors SET also_known_as = $1 WHERE id = $2 AND local <> ''", write_json(uris), actor_id)


def set_moved(tx: Tx, actor_id: ActorId, target_uri: str) -> None:
    """An actor became another account; "" takes that back. Its pages show the new address."""
    moved_at = tx.now if target_uri else None
    tx.run("UPDATE actors SET moved_to = $1, moved_at = $2 WHERE id = $3", target_uri, moved_at, actor_id)
    _bump_pages(tx, actor_id)


def moved_at(tx: Tx, actor_id: ActorId) -> int | None:
    """When an actor moved last, None for never."""
    at: int | None = tx.value("SELECT moved_at FROM actors WHERE id = $1", actor_id)
    return at


def by_uris(tx: Tx, uris: Iterable[str]) -> dict[str, Actor]:
    """Actors by their ids; unknown ones are left out."""
    found = {}
    for some in chunks(dict.fromkeys(uris)):
        for row in tx.all(f"SELECT {ACTOR} FROM actors a WHERE a.uri IN ({marks(len(some))})", *some):
            actor = read_actor(row)
            found[actor.uri] = actor
    return found


def set_standing(tx: Tx, actor_id: ActorId, standing: int) -> None:
    """What is thought of somebody here: 1 their replies show without asking (setting "first"), -1 they are known for
    spam and wait in any case, 0 nothing was said yet."""
    tx.run("UPDATE actors SET approved = $1 WHERE id = $2", standing, actor_id)


def standing(tx: Tx, actor_id: ActorId) -> int:
    """What `set_standing` said last."""
    return int(tx.value("SELECT approved FROM actors WHERE id = $1", actor_id) or 0)


def set_suspended(tx: Tx, actor_id: ActorId, at: int | None) -> None:
    """Suspended by its server since `at`, or not any more (None): what it wrote goes off the pages and comes back."""
    tx.run("UPDATE actors SET suspended_at = $1 WHERE id = $2", at, actor_id)
    _turn_pages(tx, by_id(tx, actor_id))
    _bump_pages(tx, actor_id)


def not_found(tx: Tx, actor_id: ActorId, *, patience: int) -> bool:
    """Its own server knows nobody by that id. The second time, `patience` seconds after the first, it counts as
    suspended until it is found again (ACT-16); whether it does now."""
    since = tx.value(
        "UPDATE actors SET missing_since = coalesce(missing_since, $1) WHERE id = $2 AND local = ''"
        " RETURNING missing_since",
        tx.now,
        actor_id,
    )
    if since is None or tx.now - since < patience:
        return False
    set_suspended(tx, actor_id, tx.now)
    return True


def _turn_pages(tx: Tx, actor: Actor) -> None:
    """Hide what a suspended actor wrote, or show it again; a block by us holds on."""
    if actor.suspended_at is not None:
        hiding.hide_all_of(tx, actor.id, hiding.GONE)
        return
    hiding.show_all_of(tx, actor.id, hiding.GONE)
    uri = maybe_uri(actor.uri)
    if uri is not None and moderation.is_blocked(tx, actor_uri=uri, host=host_of(uri)):
        hiding.hide_all_of(tx, actor.id)


def has_published_reply(tx: Tx, actor_id: ActorId) -> bool:
    """Whether a public reply of this actor is published."""
    found = tx.one(
        "SELECT 1 FROM replies WHERE actor_id = $1 AND state = 'published'"
        " AND visibility IN ('public', 'unlisted') LIMIT 1",
        actor_id,
    )
    return found is not None
