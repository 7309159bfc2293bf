"""What happens to a whole post: taking it back, deleting it, and how far it has got."""

from __future__ import annotations

import secrets

from aiohttp import web

from fedblog.blog.model import Post, PostStatus
from fedblog.errors import Conflict
from fedblog.storage import deliveries, planning
from fedblog.web.i18n import gettext
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, requested_post, show
from fedblog.web.studio.delivery import progress_words, server_words
from fedblog.web.studio.forms import Form

# A publication is expanded to its receivers a moment after it is stored; until then nothing is counted.
_SETTLES_AFTER = 60
_MOST_SERVERS = 50


async def ask_unpublish(request: web.Request, who: Who) -> web.StreamResponse:
    """The question before unpublishing."""
    post = await requested_post(request, who)
    return await show(
        request,
        who,
        "confirm.html",
        question=gettext("Unpublish “%(title)s”?") % {"title": post.title or gettext("this post")},
        lines=[
            gettext("It leaves this site. The text stays with you, and you can publish it again later.")
            if not post.uri
            else gettext(
                "It leaves this site, and every server that has it is asked to delete its copy. The text stays"
                " with you."
            ),
            *(
                [
                    gettext(
                        "The same post can never come back in the fediverse: servers remember that its id was deleted."
                        " You can publish the text as a new post, without the old replies, likes and boosts."
                    )
                ]
                if post.uri
                else []
            ),
        ],
        target=f"/studio/posts/{post.id}/unpublish",
        button=gettext("Unpublish"),
        fields={},
        back=f"/studio/posts/{post.id}",
    )


async def unpublish(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Take it back from the site and the fediverse."""
    post = await requested_post(request, who)
    if post.status is PostStatus.PUBLISHED:
        await request.app[SERVICES].publisher.unpublish(post.id)
    return done(f"/studio/posts/{post.id}", "unpublished")


async def ask_boost(request: web.Request, who: Who) -> web.StreamResponse:
    """The question before a post goes around once more."""
    post = await requested_post(request, who)
    return await show(
        request,
        who,
        "confirm.html",
        question=gettext("Boost “%(title)s” again?") % {"title": post.title or gettext("this post")},
        lines=[
            gettext("You and the blog boost it: it comes to the timelines of your followers, the newer ones included."),
            gettext("It stays the same post, with its address, replies and likes."),
        ],
        target=f"/studio/posts/{post.id}/boost",
        button=gettext("Boost"),
        harmless=True,
        fields={},
        back=f"/studio/posts/{post.id}",
    )


async def boost(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Let it go around once more."""
    post = await requested_post(request, who)
    try:
        await request.app[SERVICES].publisher.announce_again(post.id)
    except Conflict as error:
        if error.reason != "boosted_lately":
            raise
        return done(f"/studio/posts/{post.id}", "boosted_lately")
    return done(f"/studio/posts/{post.id}", "boosted")


async def ask_delete(request: web.Request, who: Who) -> web.StreamResponse:
    """The question before deleting."""
    post = await requested_post(request, who)
    if post.status is not PostStatus.PUBLISHED and post.trashed_at is None:
        return await _ask_trash(request, who, post)
    gone_elsewhere = gettext("Every server that has it is asked to delete its copy.") if post.uri else ""
    return await show(
        request,
        who,
        "confirm.html",
        question=gettext("Delete “%(title)s”?") % {"title": post.title or gettext("this post")},
        lines=[line for line in (gettext("Text and earlier versions are gone for good."), gone_elsewhere) if line],
        target=f"/studio/posts/{post.id}/delete",
        button=gettext("Delete for good"),
        fields={},
        back=f"/studio/posts/{post.id}",
    )


async def _ask_trash(request: web.Request, who: Who, post: Post) -> web.StreamResponse:
    return await show(
        request,
        who,
        "confirm.html",
        question=gettext("Move “%(title)s” to the trash?") % {"title": post.title or gettext("this draft")},
        lines=[gettext("You can take it out again for 30 days; then it is deleted for good.")],
        target=f"/studio/posts/{post.id}/trash",
        button=gettext("Move to the trash"),
        fields={},
        back=f"/studio/posts/{post.id}",
    )


async def trash(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Put a draft into the trash."""
    post = await requested_post(request, who)
    await request.app[SERVICES].publisher.trash(post.id)
    return done("/studio/posts", "trashed")


async def untrash(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Take a draft out of the trash."""
    post = await requested_post(request, who)
    await request.app[SERVICES].publisher.untrash(post.id)
    return done(f"/studio/posts/{post.id}", "untrashed")


async def share(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Make a link that shows the draft to whoever has it, or take it back; a new link closes the old one."""
    post = await requested_post(request, who)
    is_open = form.choice("do", ("open", "close")) == "open"
    key = secrets.token_urlsafe(18) if is_open else ""
    await request.app[SERVICES].db.write(planning.set_preview_key, post.id, key)
    return done(f"/studio/posts/{post.id}", "share_open" if is_open else "share_closed")


async def delete(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Delete it for good."""
    post = await requested_post(request, who)
    await request.app[SERVICES].publisher.delete(post.id)
    return done("/studio/posts", "deleted")


async def pin(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Put it on its author's profile, or take it off; profiles elsewhere show it on top. The text is left alone."""
    post = await requested_post(request, who)
    pinned = form.choice("do", ("pin", "unpin")) == "pin"
    await request.app[SERVICES].publisher.pin(post.id, pinned)
    return done(f"/studio/posts/{post.id}", "pinned" if pinned else "unpinned")


async def retry(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Send again what servers could not be given."""
    post = await requested_post(request, who)
    if post.uri:
        await request.app[SERVICES].db.write(deliveries.retry_failed, object_uri=post.uri)
    return done(f"/studio/posts/{post.id}", "retried")


async def delivery(request: web.Request, who: Who) -> web.StreamResponse:
    """How far a post has got, as JSON for the editor: `{delivered, waiting, failed, words, servers,
    settled}`."""
    services = request.app[SERVICES]
    post = await requested_post(request, who)
    counts = await services.db.read(deliveries.counts_of_object, post.uri)
    troubled = await services.db.read(deliveries.troubled, post.uri, _MOST_SERVERS)
    changed = max(post.published_at or 0, post.edited_at or 0)
    return web.json_response(
        {
            "delivered": counts.delivered,
            "waiting": counts.waiting,
            "failed": counts.failed,
            "words": progress_words(counts),
            "servers": [{"host": one.host, "words": server_words(one)} for one in troubled],
            "settled": not counts.waiting and (counts.total > 0 or services.clock() - changed > _SETTLES_AFTER),
        }
    )
