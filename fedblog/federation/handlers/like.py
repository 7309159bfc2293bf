"""Like, EmojiReact and Dislike of a post or of an answer of ours: one of each kind per actor and object (INB-23)."""

from __future__ import annotations

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
    emoji, picture = _emoji_of(activity, host_of(sender.uri))
    if activity.type == "EmojiReact" and not emoji:
        return ignored(Outcome.REACTION_UNREADABLE)
    kind = ReactionKind.DISLIKE if activity.type == "Dislike" else ReactionKind.LIKE

    def count(tx: Tx) -> Outcome:
        place = our_spot(tx, ctx.ids, object_uri)
        if place is None:
            return Outcome.NOT_OURS
        if inbox_store.was_undone(tx, sender.uri, activity.type, place.uri, activity.id or ""):
            return Outcome.UNDONE_BEFORE
        reactions.add(
            tx,
            kind=kind,
            actor_id=sender.id,
            post_id=place.post_id,
            reply_id=place.reply_id,
            emoji=emoji if kind is ReactionKind.LIKE else "",
            picture=picture if kind is ReactionKind.LIKE else None,
            activity_uri=activity.id or "",
        )
        return Outcome.REACTION_KEPT

    return count


def _emoji_of(activity: Activity, host: str) -> tuple[str, Emoji | None]:
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
