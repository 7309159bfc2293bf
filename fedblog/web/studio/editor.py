"""/studio/posts/new and /studio/posts/{id}: writing, saving, previewing and publishing a post."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aiohttp import web

from fedblog.blog.ledger import DeliveryCounts
from fedblog.blog.model import Post, PostStatus, PostText
from fedblog.errors import Conflict, InvalidInput, NotFound
from fedblog.media.figures import foreign_pictures
from fedblog.storage import actors, deliveries, desk, media, posts
from fedblog.web.filters import counted
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, post_for, requested_post, show, wants_json
from fedblog.web.studio.delivery import progress_words
from fedblog.web.studio.forms import Form
from fedblog.web.studio.preview import render_preview
from fedblog.web.studio.uploads import bring_here, with_uploads
from fedblog.web.studio.writing import Writing, check, hints, of_form, of_post, with_revision, working_title

_ACTIONS = ("preview", "save", "publish", "autosave", "upload", "bring")
_UPLOADED = "The picture is in the text. Nothing else is saved yet."
MAX_BEGUN_TITLE, MAX_BEGUN_TEXT = 300, 5_000
_NOTHING = DeliveryCounts(delivered=0, waiting=0, failed=0)


async def new_post(request: web.Request, who: Who) -> web.StreamResponse:
    """An empty editor, or one that another site's "post this" button began (FEP-3b86); nothing is kept by that."""
    title, source = request.query.get("title", ""), request.query.get("content", "")
    begun = Writing(title=title.strip()[:MAX_BEGUN_TITLE], source=source.strip()[:MAX_BEGUN_TEXT])
    return await editor_page(request, who, None, begun)


async def edit_post(request: web.Request, who: Who) -> web.StreamResponse:
    """The editor with a stored post; `?restore=N` lays an earlier version over it, and nothing is changed by that."""
    post = await requested_post(request, who)
    number = request.query.get("restore", "")
    if not number:
        return await editor_page(request, who, post, of_post(post))
    revisions = await request.app[SERVICES].db.read(posts.revisions, post.id)
    chosen = [revision for revision in revisions if str(revision.number) == number]
    if not chosen:
        raise NotFound("no such version")
    return await editor_page(request, who, post, with_revision(of_post(post), chosen[0]), restored=number)


async def create_post(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Save something new, as a draft or at once in public."""
    return await _take(request, who, form, None)


async def save_post(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Save a post that exists, if nobody else saved it meanwhile."""
    return await _take(request, who, form, await requested_post(request, who))


async def _take(request: web.Request, who: Who, form: Form, post: Post | None) -> web.StreamResponse:
    writing = of_form(form, post)
    version = form.number("version") or 0
    todo = form.choice("action", _ACTIONS)
    try:
        check(writing, form)
        if todo != "autosave":
            before, writing = writing, await with_uploads(request, who, form, writing)
            if todo == "upload":
                return await _uploaded(request, who, post, before, writing, version)
        if todo == "bring":
            return await _bring(request, who, post, writing, version)
        if todo == "preview":
            html = await render_preview(request, writing)
            return await editor_page(request, who, post, writing, version=version, preview=html)
        text = await _compose(request, writing, is_draft=todo != "publish" and not _is_out(post))
        return await _save(request, who, form, post, writing, text, todo)
    except Conflict:
        return await _conflict(request, who, post, writing)
    except InvalidInput as error:
        if wants_json(request):
            return web.json_response({"error": error.reason}, status=HTTPStatus.BAD_REQUEST)
        return await editor_page(
            request, who, post, writing, version=version, problem=str(error), status=HTTPStatus.BAD_REQUEST
        )


async def _uploaded(
    request: web.Request, who: Who, post: Post | None, before: Writing, writing: Writing, version: int
) -> web.StreamResponse:
    if writing == before:
        raise InvalidInput("Choose a picture first.", reason="form_no_file")
    return await editor_page(request, who, post, writing, version=version, told=_UPLOADED)


async def _bring(
    request: web.Request, who: Who, post: Post | None, writing: Writing, version: int
) -> web.StreamResponse:
    """Pictures on other servers become ours, in the editor; saving keeps that."""
    base_url = request.app[SERVICES].settings.base_url
    html = await render_preview(request, writing, as_it_is=True)
    cover = [writing.image_url] if writing.image_url and not writing.image_url.startswith(f"{base_url}/") else []
    changed, came, failed = await bring_here(request, who, writing, [*cover, *foreign_pictures(html, base_url)])
    told = f"{counted(len(came), 'picture')} brought here. Save to keep that." if came else ""
    problem = f"No picture could be had from {', '.join(dict.fromkeys(failed))}." if failed else ""
    return await editor_page(request, who, post, changed, version=version, told=told, problem=problem)


async def _save(
    request: web.Request, who: Who, form: Form, post: Post | None, writing: Writing, text: PostText, todo: str
) -> web.StreamResponse:
    publisher = request.app[SERVICES].publisher
    if todo == "autosave" and post is not None and post.status is not PostStatus.DRAFT:
        raise Conflict("this post is published meanwhile", reason="not_a_draft")
    if todo == "publish" and not text.source.strip():
        raise InvalidInput("There is no text to publish yet.", reason="post_empty")
    if post is None:
        saved = await publisher.save_draft(text, author_id=who.actor.id, editor_id=who.actor.id)
    else:
        saved = await publisher.edit(post.id, text, editor_id=who.actor.id, expected_version=form.number("version"))
    if todo == "autosave":
        await request.app[SERVICES].db.write(desk.thin_revisions, saved.id, saved.version)
    if wants_json(request):
        clock = request.app[SERVICES].clock
        return web.json_response({"id": str(saved.id), "version": saved.version, "saved_at": int(clock())})
    where = f"/studio/posts/{saved.id}"
    if todo != "publish":
        return done(where, "updated" if saved.status is PostStatus.PUBLISHED else "saved")
    warnings = hints(text, request.app[SERVICES].settings.base_url)
    if warnings and not form.flag("sure"):
        return await editor_page(request, who, saved, of_post(saved), hints=warnings)
    await publisher.publish(saved.id)
    return done(where, "republished" if saved.status is PostStatus.UNPUBLISHED else "published")


def _is_out(post: Post | None) -> bool:
    return post is not None and post.status is PostStatus.PUBLISHED


async def _compose(request: web.Request, writing: Writing, *, is_draft: bool) -> PostText:
    services = request.app[SERVICES]
    return await services.publisher.compose(
        title=writing.title or (working_title(writing) if is_draft else ""),
        source=writing.source,
        source_type=writing.source_type,
        slug=writing.slug,
        summary=writing.summary,
        content_warning=writing.content_warning,
        language=writing.language or services.settings.blog.language,
        image_url=writing.image_url,
        image_alt=writing.image_alt,
        pictures=writing.pictures,
        visibility=writing.visibility,
        comments_open=writing.comments_open,
        reply_policy=writing.reply_policy,
        quote_policy=writing.quote_policy,
        look_up=not is_draft,
    )


async def _conflict(request: web.Request, who: Who, post: Post | None, writing: Writing) -> web.StreamResponse:
    """Both texts on one page; saving again goes on from the stored version, so it is a decision and no accident."""
    if wants_json(request) or post is None:
        return web.json_response({"error": "conflict"}, status=HTTPStatus.CONFLICT)
    stored = await request.app[SERVICES].db.read(post_for, post.id, who.scope)
    return await editor_page(
        request, who, stored, writing, version=stored.version, stored=stored, status=HTTPStatus.CONFLICT
    )


async def editor_page(
    request: web.Request,
    who: Who,
    post: Post | None,
    writing: Writing,
    *,
    version: int | None = None,
    preview: str | None = None,
    stored: Post | None = None,
    restored: str = "",
    **more: Any,
) -> web.Response:
    """The editor around a text; `version` is what the next save is based on."""
    services = request.app[SERVICES]
    counts, post_url = _NOTHING, ""
    if post is not None and post.uri:
        counts = await services.db.read(deliveries.counts_of_object, post.uri)
        author = await services.db.read(actors.by_id, post.author_id)
        post_url = services.ids.post_page(author.username, post.slug)
    return await show(
        request,
        who,
        "editor.html",
        post=post,
        text=writing,
        version=version if version is not None else (post.version if post else 0),
        preview=preview,
        stored=stored,
        restored=restored,
        progress=progress_words(counts),
        failed=counts.failed,
        post_url=post_url,
        hints=more.pop("hints", []),
        told=more.pop("told", ""),
        elsewhere=_lie_elsewhere(post, writing, services.settings.base_url),
        cover_pictures=await services.db.read(media.by_names, media.names_in(writing.image_url)),
        panel_open=bool(more.get("problem")),
        **more,
    )


def _lie_elsewhere(post: Post | None, writing: Writing, base_url: str) -> bool:
    """Whether the text as it was last saved, or the cover, shows pictures of other servers."""
    covered = bool(writing.image_url) and not writing.image_url.startswith(f"{base_url}/")
    return covered or (post is not None and bool(foreign_pictures(post.content_html, base_url)))
