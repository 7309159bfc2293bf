"""/studio/posts/new and /studio/posts/{id}: writing, saving, previewing and publishing a post."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from aiohttp import web

from fedblog.blog.ledger import DeliveryCounts, ServerDelivery
from fedblog.blog.model import Post, PostStatus, PostText, Writing
from fedblog.errors import Conflict, InvalidInput, NotFound
from fedblog.media.figures import foreign_pictures
from fedblog.storage import actors, deliveries, desk, media, posts
from fedblog.storage.database import Tx
from fedblog.web.i18n import gettext, ngettext
from fedblog.web.keys import RENDERER, SERVICES
from fedblog.web.studio.access import Who, done, post_for, requested_post, show, wants_json
from fedblog.web.studio.checks import PLACES, checks_of, place_name
from fedblog.web.studio.composing import compose
from fedblog.web.studio.conflicts import Conflicting, conflicting
from fedblog.web.studio.delivery import progress_words, server_words
from fedblog.web.studio.describing import undescribed, with_descriptions
from fedblog.web.studio.elsewhere import see_elsewhere
from fedblog.web.studio.forms import Form
from fedblog.web.studio.preview import draw_preview, render_preview
from fedblog.web.studio.timing import COOKIE, field_value, find_zone, read_time, time_words, zone_of
from fedblog.web.studio.uploads import bring_here, with_uploads
from fedblog.web.studio.writing import check, of_form, of_post, with_revision

_ACTIONS = (
    "preview", "save", "publish", "autosave", "upload", "bring", "schedule", "unschedule", "keep", "merge",
)  # fmt: skip
_GOES_OUT = ("publish", "schedule")
MAX_BEGUN_TITLE, MAX_BEGUN_TEXT, MAX_NOTE = 300, 5_000, 300
MOST_SERVERS = 50
_NOTHING = DeliveryCounts(delivered=0, waiting=0, failed=0)
_YEAR = 366 * 86_400


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
    writing = with_descriptions(of_form(form, post), form)
    version = form.number("version") or 0
    todo = form.choice("action", _ACTIONS)
    try:
        check(writing, form)
        if todo not in ("autosave", "merge"):
            before, writing = writing, await with_uploads(request, who, form, writing)
            if todo == "upload":
                return await _uploaded(request, who, post, before, writing, version)
        if todo == "bring":
            return await _bring(request, who, post, writing, version)
        if todo == "merge" and post is not None:
            return await _merge(request, who, form, post, writing)
        if todo == "preview":
            html = await draw_preview(request, who, form, writing, post)
            return await editor_page(request, who, post, writing, version=version, preview=html, form=form)
        # Somebody who has seen the stored text keeps their own: it is based on what they saw.
        expected = form.number("seen") if todo == "keep" else form.number("version")
        text = await compose(request, writing, is_draft=todo not in _GOES_OUT and not _is_out(post))
        return await _save(request, who, form, post, text, todo, expected)
    except Conflict as error:
        if post is not None and error.reason in ("version_conflict", "not_a_draft"):
            return await _conflict(request, who, post, writing, version)
        return await _problem(request, who, post, writing, version, error.reason, str(error), HTTPStatus.CONFLICT)
    except InvalidInput as error:
        return await _problem(request, who, post, writing, version, error.reason, str(error), HTTPStatus.BAD_REQUEST)


async def _problem(
    request: web.Request,
    who: Who,
    post: Post | None,
    writing: Writing,
    version: int,
    reason: str,
    words: str,
    status: HTTPStatus,
) -> web.StreamResponse:
    if wants_json(request):
        return web.json_response({"error": reason, "words": words}, status=status)
    return await editor_page(request, who, post, writing, version=version, problem=words, status=status)


async def _uploaded(
    request: web.Request, who: Who, post: Post | None, before: Writing, writing: Writing, version: int
) -> web.StreamResponse:
    if writing == before:
        raise InvalidInput(gettext("Choose a picture first."), reason="form_no_file")
    told = gettext("The picture is in the text. Nothing else is saved yet.")
    return await editor_page(request, who, post, writing, version=version, told=told)


async def _bring(
    request: web.Request, who: Who, post: Post | None, writing: Writing, version: int
) -> web.StreamResponse:
    """Pictures on other servers become ours, in the editor; saving keeps that."""
    base_url = request.app[SERVICES].settings.base_url
    html = await render_preview(request, writing, as_it_is=True)
    cover = [writing.image_url] if writing.image_url and not writing.image_url.startswith(f"{base_url}/") else []
    changed, came, failed = await bring_here(request, who, writing, [*cover, *foreign_pictures(html, base_url)])
    words = ngettext(
        "%(num)s picture brought here. Save to keep that.",
        "%(num)s pictures brought here. Save to keep that.",
        len(came),
    )
    told = words % {"num": len(came)} if came else ""
    hosts = ", ".join(dict.fromkeys(failed))
    problem = gettext("No picture could be had from %(hosts)s.") % {"hosts": hosts} if failed else ""
    return await editor_page(request, who, post, changed, version=version, told=told, problem=problem)


async def _merge(request: web.Request, who: Who, form: Form, post: Post, writing: Writing) -> web.StreamResponse:
    """Both texts in the editor, to be looked at; nothing is saved yet."""
    base = form.number("base") or 0
    found = await conflicting(request, post, writing, base)
    if found.merged is None:
        return await _conflict(request, who, post, writing, base)
    told = gettext("Both texts are put together below. Nothing is saved yet.")
    if found.merged.conflicts:
        told += " " + ngettext(
            "In %(num)s place both had changed the same lines: both versions stand there, one after the other.",
            "In %(num)s places both had changed the same lines: both versions stand there, one after the other.",
            found.merged.conflicts,
        ) % {"num": found.merged.conflicts}
    merged = replace(writing, source=found.merged.text)
    return await editor_page(request, who, post, merged, version=post.version, told=told)


async def _save(
    request: web.Request,
    who: Who,
    form: Form,
    post: Post | None,
    text: PostText,
    todo: str,
    expected: int | None,
) -> web.StreamResponse:
    services = request.app[SERVICES]
    if todo == "autosave" and post is not None and post.status is PostStatus.PUBLISHED:
        raise Conflict("this post is published meanwhile", reason="not_a_draft")
    if todo == "schedule" and _is_out(post):
        raise Conflict(gettext("This post is published already."), reason="already_published")
    if todo in _GOES_OUT and not text.source.strip():
        raise InvalidInput(gettext("There is no text to publish yet."), reason="post_empty")
    zone, at = form.line("zone") or zone_of(request), None
    if todo == "schedule":
        at = read_time(form.line("publish_at"), zone, now=int(services.clock()))
    if todo in _GOES_OUT and not wants_json(request):
        found = checks_of(text, (await see_elsewhere(request, who, text, post)).looks, services.settings.base_url)
        if not found or form.flag("sure"):
            return await _send_out(request, who, form, post, text, expected, at, zone)
        saved = await _store(request, who, form, post, text, expected)
        return await editor_page(
            request, who, saved, of_post(saved), checks=found, going=todo, when=form.line("publish_at"), zone=zone
        )
    saved = await _store(request, who, form, post, text, expected)
    if todo == "autosave":
        await services.db.write(desk.thin_revisions, saved.id, saved.version)
    if wants_json(request):
        return web.json_response({"id": str(saved.id), "version": saved.version, "saved_at": int(services.clock())})
    if todo == "unschedule":
        await services.publisher.schedule(saved.id, None)
    return done(f"/studio/posts/{saved.id}", _saved_code(saved, todo, silent=_is_silent(form)))


async def _store(
    request: web.Request, who: Who, form: Form, post: Post | None, text: PostText, expected: int | None
) -> Post:
    publisher = request.app[SERVICES].publisher
    if post is None:
        return await publisher.save_draft(text, author_id=who.actor.id, editor_id=who.actor.id)
    return await publisher.edit(
        post.id,
        text,
        editor_id=who.actor.id,
        expected_version=expected,
        note=_note(form),
        silent=_is_silent(form),
    )


async def _send_out(
    request: web.Request,
    who: Who,
    form: Form,
    post: Post | None,
    text: PostText,
    expected: int | None,
    at: int | None,
    zone: str,
) -> web.StreamResponse:
    """Save it and publish it, now or at a time: both or nothing, so that the same form can be sent again."""
    saved = await request.app[SERVICES].publisher.send_out(
        post.id if post is not None else None,
        text,
        editor_id=who.actor.id,
        expected_version=expected,
        note=_note(form),
        at=at,
    )
    where = f"/studio/posts/{saved.id}"
    if at is not None:
        answer = done(where, "scheduled")
        if find_zone(zone) is not None:
            answer.set_cookie(COOKIE, zone, max_age=_YEAR, path="/studio", samesite="Lax", httponly=True)
        return answer
    if not saved.federated:
        return done(where, "published_here")
    was_withdrawn = post is not None and post.status is PostStatus.UNPUBLISHED
    return done(where, "republished" if was_withdrawn else "published")


def _note(form: Form) -> str:
    return form.line("note", limit=10_000)[:MAX_NOTE]


def _is_silent(form: Form) -> bool:
    return form.line("tell") == "silent"


def _saved_code(saved: Post, todo: str, *, silent: bool) -> str:
    if todo == "unschedule":
        return "unscheduled"
    if saved.status is not PostStatus.PUBLISHED:
        return "saved"
    return "updated_here" if silent or not saved.federated else "updated"


def _is_out(post: Post | None) -> bool:
    return post is not None and post.status is PostStatus.PUBLISHED


async def _conflict(request: web.Request, who: Who, post: Post, writing: Writing, version: int) -> web.StreamResponse:
    """Both texts on one page, so that what happens next is a decision; for scripts, only the part that says so."""
    stored = await request.app[SERVICES].db.read(post_for, post.id, who.scope)
    found = await conflicting(request, stored, writing, version)
    if wants_json(request):
        html = request.app[RENDERER].html("studio/_conflict.html", conflict=found)
        return web.json_response({"error": "conflict", "html": html}, status=HTTPStatus.CONFLICT)
    return await editor_page(
        request, who, stored, writing, version=stored.version, conflict=found, status=HTTPStatus.CONFLICT
    )


async def editor_page(
    request: web.Request,
    who: Who,
    post: Post | None,
    writing: Writing,
    *,
    version: int | None = None,
    preview: str | None = None,
    conflict: Conflicting | None = None,
    restored: str = "",
    zone: str = "",
    when: str = "",
    form: Form | None = None,
    **more: Any,
) -> web.Response:
    """The editor around a text; `version` is what the next save is based on."""
    services = request.app[SERVICES]
    zone = zone if find_zone(zone) is not None else zone_of(request)
    counts, servers, post_url = await services.db.read(_progress, services.ids, post)
    at = post.scheduled_at if post is not None else None
    return await show(
        request,
        who,
        "editor.html",
        post=post,
        text=writing,
        word_count=post.word_count if post is not None else 0,
        version=version if version is not None else (post.version if post else 0),
        answered=request.method == "POST",
        preview=preview,
        places=[(place, place_name(place)) for place in (PLACES if writing.federated else PLACES[5:])],
        shown=form.line("look") if form is not None else "",
        conflict=conflict,
        restored=restored,
        progress=progress_words(counts),
        failed=counts.failed,
        servers=[(one, server_words(one)) for one in servers],
        post_url=post_url,
        checks=(checks := more.pop("checks", [])),
        undescribed=undescribed(writing) if checks else [],
        going=more.pop("going", ""),
        told=more.pop("told", ""),
        zone=zone,
        scheduled=time_words(at, zone) if at is not None else "",
        publish_at=when or (field_value(at, zone) if at is not None else ""),
        elsewhere=_lie_elsewhere(post, writing, services.settings.base_url),
        cover_pictures=await services.db.read(media.by_names, media.names_in(writing.image_url)),
        panel_open=bool(more.get("problem")),
        hold_by_blog=services.settings.comments.hold_for_moderation,
        **more,
    )


def _progress(tx: Tx, ids: Any, post: Post | None) -> tuple[DeliveryCounts, Sequence[ServerDelivery], str]:
    """How far a post has got, with which servers there is trouble, and its page."""
    if post is None or post.status is not PostStatus.PUBLISHED:
        return _NOTHING, [], ""
    page = ids.post_page(actors.by_id(tx, post.author_id).username, post.slug)
    if not post.uri:
        return _NOTHING, [], page
    return deliveries.counts_of_object(tx, post.uri), deliveries.troubled(tx, post.uri, MOST_SERVERS), page


def _lie_elsewhere(post: Post | None, writing: Writing, base_url: str) -> bool:
    """Whether the text as it was last saved, or the cover, shows pictures of other servers."""
    covered = bool(writing.image_url) and not writing.image_url.startswith(f"{base_url}/")
    return covered or (post is not None and bool(foreign_pictures(post.content_html, base_url)))
