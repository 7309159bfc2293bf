"""Like, EmojiReact and Dislike of a post or of an answer of ours: one of each kind per actor and object (INB-23)."""

from __future__ import annotations

from dataclasses import dataclass

from fedblog.activitypub.normalise import id_of
from fedblog.activitypub.urls import host_of
from fedblog.activitypub.vocab import Activity
from fedblog.blog.emoji import Emoji, is_kept
from fedblog.blog.model import Actor, ReactionKind
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.handlers.emoji import one_emoji
from fedblog.federation.places import our_spot
from fedblog.federation.reasons import Outcome
from fedblog.storage import inbox as inbox_store
from fedblog.storage import reactions
from fedblog.storage.database import Tx


async def react(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """Count it. A Like may carry an emoji (Misskey and its kin); an EmojiReact without exactly one is nothing."""
    object_uri = next((found for item in activity.objects if (found := id_of(item)) and ctx.ids.is_local(found)), None)
    if ctx.trust is not Trust.SIGNED or object_uri is None:
        return ignored(Outcome.NOT_OURS)
    emoji, picture = emoji_of(activity, host_of(sender.uri))
    if activity.type == "EmojiReact" and not emoji:
        return ignored(Outcome.REACTION_UNREADABLE)
    kind = ReactionKind.DISLIKE if activity.type == "Dislike" else ReactionKind.LIKE

    return React(ctx, activity, sender, object_uri, kind, emoji, picture)


@dataclass(frozen=True, slots=True)
class React:
    """The effect that counts a reaction to what `object_uri` names."""

    ctx: Context
    activity: Activity
    sender: Actor
    object_uri: str
    kind: ReactionKind
    emoji: str
    picture: Emoji | None

    @property
    def kept_emoji(self) -> str:
        """What is shown of it."""
        return self.emoji if self.kind is ReactionKind.LIKE else ""

    @property
    def kept_picture(self) -> Emoji | None:
        """Its picture, where that is a custom one."""
        return self.picture if self.kind is ReactionKind.LIKE else None

    def __call__(self, tx: Tx) -> Outcome:
        """Do it."""
        activity, sender = self.activity, self.sender
        if reactions.is_kept_out(tx, sender):
            return Outcome.BLOCKED_HERE
        place = our_spot(tx, self.ctx.ids, self.object_uri)
        if place is None:
            return Outcome.NOT_OURS
        if inbox_store.was_undone(tx, sender.uri, activity.type, place.uri, activity.id or ""):
            return Outcome.UNDONE_BEFORE
        reactions.add(
            tx,
            kind=self.kind,
            actor_id=sender.id,
            post_id=place.post_id,
            reply_id=place.reply_id,
            emoji=self.kept_emoji,
            picture=self.kept_picture,
            activity_uri=activity.id or "",
        )
        return Outcome.REACTION_KEPT


def emoji_of(activity: Activity, host: str) -> tuple[str, Emoji | None]:
    """The one emoji that a reaction carries; a custom one needs its Emoji tag, by name, and has a picture there."""
    told = activity.raw.get("_misskey_reaction")
    emoji = one_emoji(activity.content) or (one_emoji(told) if isinstance(told, str) else "")
    if not emoji.startswith(":"):
        return emoji, None
    name = emoji.strip(":")
    tags = [tag for tag in activity.tags if tag.type == "Emoji" and tag.name.strip(":").partition("@")[0] == name]
    if not tags:
        return "", None
    url = next((tag.icon_url for tag in tags if is_kept(tag.icon_url)), "")
    return emoji, Emoji(name, url, host) if url else None
