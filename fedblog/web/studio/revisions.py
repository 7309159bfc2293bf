"""/studio/posts/{id}/revisions: earlier versions, how two of them differ, and putting one back after a look at it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import web

from fedblog.blog.model import Post, PostStatus, PostText, Revision, Writing
from fedblog.errors import Conflict, InvalidInput, NotFound
from fedblog.storage import actors, posts
from fedblog.text.diff import word_diff
from fedblog.text.side_by_side import side_by_side
from fedblog.web.i18n import gettext as _
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, number_in_path, number_in_query, requested_post, show
from fedblog.web.studio.forms import Form
from fedblog.web.studio.preview import render_preview


async def list_revisions(request: web.Request, who: Who) -> web.StreamResponse:
    """All saved versions, newest first."""
    post = await requested_post(request, who)
    db = request.app[SERVICES].db
    revisions = await db.read(posts.revisions, post.id)
    editors = await db.read(actors.by_ids, {revision.editor_id for revision in revisions})
    rows = [(revision, editors.get(revision.editor_id)) for revision in revisions]
    return await show(request, who, "revisions.html", post=post, revisions=rows)


async def show_revision(request: web.Request, who: Who) -> web.StreamResponse:
    """One version beside the present text, or (`?with=N`) beside another one."""
    post, revisions, revision = await _requested(request, who)
    beside = number_in_query(request, "with")
    other = _numbered(revisions, beside) if beside is not None else None
    title, source = (other.title, other.source) if other is not None else (post.title, post.source)
    pairs = await asyncio.to_thread(side_by_side, revision.source, source)
    return await show(
        request,
        who,
        "revision.html",
        post=post,
        revision=revision,
        revisions=revisions,
        other=other,
        title=word_diff(revision.title, title),
        pairs=pairs,
        differs=any(not pair.same for pair in pairs) or revision.title != title,
    )


async def ask_restore(request: web.Request, who: Who) -> web.StreamResponse:
    """The version as readers will see it, and the question."""
    post, _revisions, revision = await _requested(request, who)
    return await _ask(request, who, post, revision)


async def _ask(
    request: web.Request, who: Who, post: Post, revision: Revision, *, problem: str = "", status: int = 200
) -> web.Response:
    writing = Writing(title=revision.title, source=revision.source, source_type=revision.source_type)
    return await show(
        request,
        who,
        "restore.html",
        status=status,
        problem=problem,
        post=post,
        revision=revision,
        preview=await render_preview(request, writing),
        is_out=post.status is PostStatus.PUBLISHED,
    )


async def restore(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Make a new version of an old one: title, text and summary. The present one stays among the versions."""
    post, _revisions, revision = await _requested(request, who)
    publisher = request.app[SERVICES].publisher
    try:
        text = await _restored(request, post, revision)
        await publisher.edit(
            post.id,
            text,
            editor_id=who.actor.id,
            expected_version=form.number("version"),
            note=_("Version %(num)s put back") % {"num": revision.number},
            silent=form.flag("silent"),
        )
    except Conflict:
        words = _("Somebody saved this post meanwhile. Look at both again, then decide.")
        fresh = await requested_post(request, who)
        return await _ask(request, who, fresh, revision, problem=words, status=409)
    except InvalidInput as error:
        return await _ask(request, who, post, revision, problem=str(error), status=400)
    return done(f"/studio/posts/{post.id}/revisions", "restored")


async def _restored(request: web.Request, post: Post, revision: Revision) -> PostText:
    """The present post with the words of a version. Raises `InvalidInput`."""
    writing = Writing(
        title=revision.title,
        source=revision.source,
        source_type=revision.source_type,
        summary=revision.summary,
        tags=post.tags,
    )
    written = await request.app[SERVICES].publisher.compose(writing)
    return replace(
        PostText.of(post),
        title=written.title,
        source=written.source,
        source_type=written.source_type,
        content_html=written.content_html,
        summary=written.summary,
        tags=written.tags,
        mentions=written.mentions,
        word_count=written.word_count,
    )


async def _requested(request: web.Request, who: Who) -> tuple[Post, list[Revision], Revision]:
    """The post that the URL names, its versions, and the one that is asked for. Raises `NotFound`."""
    post = await requested_post(request, who)
    revisions = await request.app[SERVICES].db.read(posts.revisions, post.id)
    return post, revisions, _numbered(revisions, number_in_path(request, "number"))


def _numbered(revisions: list[Revision], number: int) -> Revision:
    found = next((one for one in revisions if one.number == number), None)
    if found is None:
        raise NotFound("no such version")
    return found
