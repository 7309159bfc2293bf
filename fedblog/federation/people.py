"""Who is heard and who is answered: followers, moderation, and what our own profiles say."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from fedblog.activitypub import serialise
from fedblog.activitypub.ids import LocalIds
from fedblog.blog.ledger import AccountId, Decision
from fedblog.blog.model import Actor, ActorId, Follower, Quote, QuoteState, Reply, ReplyId, ReplyState
from fedblog.config import Settings
from fedblog.errors import InvalidInput, NotFound
from fedblog.federation.handlers.follow import answer_follow
from fedblog.federation.outbox import Outbox
from fedblog.federation.quotes import say_accepted, say_rejected, say_revoked
from fedblog.storage import actors, decisions, followers, hiding, keys, listing, moderation, posts, quotes, replies
from fedblog.storage.database import Tx
from fedblog.storage.outgoing import Audience

MAX_REACHED = 10_000
HIDDEN_BY_AUTHOR = "hidden_by_author"
SPAM = "spam"


@dataclass(frozen=True, slots=True)
class ProfileText:
    """What an actor says about itself; `summary_html` is rendered from `summary_source`."""

    name: str
    summary_source: str
    summary_html: str
    icon_url: str
    image_url: str
    fields: tuple[tuple[str, str], ...]
    manually_approves: bool


@dataclass(frozen=True, slots=True)
class People:
    """The acts on people, inside a transaction."""

    ids: LocalIds
    settings: Settings
    outbox: Outbox

    def update_profile(self, tx: Tx, actor_id: ActorId, text: ProfileText) -> Actor:
        """Keep a changed profile and tell followers and everybody who ever took part (ACT-11)."""
        actors.update_local_profile(
            tx,
            actor_id,
            name=text.name,
            summary_source=text.summary_source,
            summary_html=text.summary_html,
            icon_url=text.icon_url,
            image_url=text.image_url,
            fields=text.fields,
            manually_approves=text.manually_approves,
        )
        return self.send_profile(tx, actor_id)

    def send_profile(self, tx: Tx, actor_id: ActorId) -> Actor:
        """Update with the whole actor to its followers and to everybody who ever took part (ACT-11)."""
        actor = actors.by_id(tx, actor_id)
        document = serialise.actor_document(
            actor, ids=self.ids, settings=self.settings, keys=keys.public_keys(tx, actor_id)
        )
        when = tx.now
        self.outbox.add(
            tx,
            lambda uri: serialise.update(document, activity_id=uri, published=when),
            actor=actor,
            object_uri=actor.uri,
            audience=Audience(followers_of=(actor.id,), actors=reached(tx, actor)),
            public=True,
        )
        return actor

    def set_aliases(self, tx: Tx, actor_id: ActorId, uris: tuple[str, ...]) -> Actor:
        """Keep which accounts an author also is, and tell everybody (ACT-12)."""
        before = actors.by_id(tx, actor_id)
        if before.also_known_as == uris:
            return before
        actors.set_aliases(tx, actor_id, uris)
        return self.send_profile(tx, actor_id)

    def move_to(self, tx: Tx, actor_id: ActorId, target: Actor | None) -> Actor:
        """Move to followers, who follow the new account from now on; the old one stays and says where it went. None
        takes `movedTo` back: who has left already stays away."""
        author = actors.by_id(tx, actor_id)
        target_uri = target.uri if target is not None else ""
        if author.moved_to == target_uri:
            return author
        actors.set_moved(tx, actor_id, target_uri)
        if target_uri:
            when = tx.now
            self.outbox.add(
                tx,
                lambda uri: serialise.move(author, target_uri, activity_id=uri, published=when),
                actor=author,
                object_uri=author.uri,
                audience=Audience(followers_of=(author.id,)),
                public=False,
            )
        return self.send_profile(tx, actor_id)

    def report_reply(self, tx: Tx, reply_id: ReplyId, words: str) -> None:
        """Flag for the server that a reply came from: its author and the reply, with our words, by the instance."""
        reply = replies.by_id(tx, reply_id)
        if reply is None or reply.local or reply.state is ReplyState.REMOVED:
            raise NotFound("there is no such reply")
        author, instance = actors.by_id(tx, reply.actor_id), actors.instance(tx)
        self.outbox.add(
            tx,
            lambda uri: serialise.flag(
                [author.uri, reply.uri], actor=instance, activity_id=uri, content=words, to=[author.uri]
            ),
            actor=instance,
            object_uri=reply.uri,
            audience=Audience(personal=(author.id,)),
            public=False,
        )

    def decide_quote(self, tx: Tx, quote_id: int, state: QuoteState) -> Quote:
        """The author's word on a quote; who asked is told, and an authorization that was given is taken back."""
        quote = quotes.by_id(tx, quote_id)
        if quote is None:
            raise NotFound("there is no such quote")
        decided = quotes.set_state(tx, quote_id, state, listed=state is QuoteState.ACCEPTED)
        if quote.state is QuoteState.ACCEPTED and state is not QuoteState.ACCEPTED and quote.request:
            say_revoked(tx, self.ids, decided)
        elif quote.request and quote.state is not state:
            (say_accepted if state is QuoteState.ACCEPTED else say_rejected)(tx, self.ids, decided)
        return decided

    def accept_follower(self, tx: Tx, follower_id: ActorId, target_id: ActorId) -> Follower:
        """Let somebody follow who asked to; the Accept goes out with the Follow inside."""
        follower = _get_follower(tx, follower_id, target_id)
        if follower.state != "accepted":
            followers.accept(tx, follower_id, target_id)
            self._answer(tx, follower, "Accept")
        return _get_follower(tx, follower_id, target_id)

    def reject_follower(self, tx: Tx, follower_id: ActorId, target_id: ActorId) -> None:
        """Refuse somebody who asked, or take a follower off the list; their server is told."""
        follower = _get_follower(tx, follower_id, target_id)
        self._answer(tx, follower, "Reject")
        followers.remove(tx, follower_id, target_id)

    def hide_reply(self, tx: Tx, reply_id: ReplyId, reason: str, *, by: AccountId | None) -> Decision:
        """Take a reply off all public pages; it stays for its author's own server."""
        return decisions.decide(tx, reply_id, "hide", ReplyState.HIDDEN, reason, by=by)

    def approve_reply(self, tx: Tx, reply_id: ReplyId, *, trust_author: bool, by: AccountId | None) -> Decision:
        """Show a held or hidden reply; with `trust_author` what they write next is not held as their first."""
        decision = decisions.decide(tx, reply_id, "approve", ReplyState.PUBLISHED, "", by=by)
        if trust_author:
            self._set_standing(tx, reply_id, 1)
        return decision

    def mark_spam(self, tx: Tx, reply_id: ReplyId, *, by: AccountId | None) -> Decision:
        """Take a reply off the page as spam; whatever its author writes from now on waits for a decision."""
        decision = decisions.decide(tx, reply_id, "spam", ReplyState.HIDDEN, SPAM, by=by)
        self._set_standing(tx, reply_id, -1)
        return decision

    def _set_standing(self, tx: Tx, reply_id: ReplyId, standing: int) -> None:
        reply = replies.by_id(tx, reply_id)
        if reply is not None:
            actors.set_standing(tx, reply.actor_id, standing)

    def decide_all(self, tx: Tx, ids: Collection[ReplyId], kind: str, *, by: AccountId | None) -> list[Decision]:
        """The same about several replies: approve, hide or spam. Raises `NotFound`, `Conflict` where one can't be."""
        made = []
        for reply_id in ids:
            if kind == "approve":
                made.append(self.approve_reply(tx, reply_id, trust_author=True, by=by))
            elif kind == "spam":
                made.append(self.mark_spam(tx, reply_id, by=by))
            else:
                made.append(self.hide_reply(tx, reply_id, HIDDEN_BY_AUTHOR, by=by))
        return made

    def undo_decision(self, tx: Tx, decision_id: int) -> Reply | None:
        """Take a decision back: reply and author stand as they did. None where it no longer stands by itself."""
        decision = decisions.by_id(tx, decision_id)
        return decisions.undo(tx, decision) if decision is not None else None

    def block_actor(self, tx: Tx, uri: str, reason: str) -> None:
        """Hear nothing more from somebody: what they left is hidden, their follows end."""
        actor = actors.by_uri(tx, uri)
        if actor is not None and actor.local:
            raise InvalidInput("this is one of our own actors", reason="actor_is_local")
        moderation.block(tx, "actor", uri, reason)
        if actor is not None:
            hiding.hide_all_of(tx, actor.id)

    def unblock_actor(self, tx: Tx, uri: str) -> None:
        """Hear them again; what was hidden shows again, follows don't come back by themselves."""
        moderation.unblock(tx, "actor", uri)
        actor = actors.by_uri(tx, uri)
        if actor is not None:
            hiding.show_unless_away(tx, actor.id)

    def block_domain(self, tx: Tx, host: str, reason: str) -> None:
        """Hear nothing more from a server and those below its name."""
        moderation.block(tx, "domain", host, reason)
        for actor_id in hiding.actors_of_domain(tx, host):
            hiding.hide_all_of(tx, actor_id)

    def unblock_domain(self, tx: Tx, host: str) -> None:
        """Hear a server again; what was hidden shows again."""
        moderation.unblock(tx, "domain", host)
        for actor_id in hiding.actors_of_domain(tx, host):
            hiding.show_unless_away(tx, actor_id)

    def _answer(self, tx: Tx, follower: Follower, kind: str) -> None:
        target = actors.by_id(tx, follower.target_id)
        received = json.loads(follower.follow_json)
        answer_follow(tx, self.ids, target, follower.actor, received, kind=kind)


def reached(tx: Tx, actor: Actor) -> tuple[ActorId, ...]:
    """Everybody who took part under an author's posts; for the blog, its followers are enough."""
    found: dict[ActorId, None] = {}
    if actor.local == "author":
        for post in listing.list_of_author(tx, actor.id, None):
            found.update(dict.fromkeys(posts.participants(tx, post.id)))
            if len(found) >= MAX_REACHED:
                break
    return tuple(found)[:MAX_REACHED]


def _get_follower(tx: Tx, follower_id: ActorId, target_id: ActorId) -> Follower:
    follower = followers.get(tx, follower_id, target_id)
    if follower is None:
        raise NotFound("there is no such follower")
    return follower
