"""`fedblog post`: write, change and delete posts from files. What is published goes out as from the studio."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from fedblog.archive.front_matter import read_moment
from fedblog.blog.ledger import Account
from fedblog.blog.model import Actor, Post, PostId, PostKind, PostStatus, Writing
from fedblog.cli.program import Program, json_option, pass_program, print_json, print_table, when
from fedblog.errors import InvalidInput, NotFound
from fedblog.federation.compose import HTML, MARKDOWN
from fedblog.federation.services import Services
from fedblog.storage import accounts, actors, desk, posts
from fedblog.storage.database import Tx

FILE = click.Path(path_type=Path, allow_dash=True)
MOST_LISTED = 500


@click.group()
def post() -> None:
    """Write, change, delete and list posts."""


@post.command()
@click.option("--author", required=True, metavar="NAME", help="Who writes it.")
@click.option("--title", required=True, help="The title.")
@click.option("--file", "file", required=True, type=FILE, help="Markdown, or HTML if it ends in .html; - is stdin.")
@click.option("--slug", default="", help="Last part of its address. Default: made of the title.")
@click.option("--summary", default="", help="A lede for lists and link cards.")
@click.option("--language", default="", help="Language of the text, e.g. en or de-AT.")
@click.option("--page", is_flag=True, help="A page such as About: in no list and no feed, and not sent out.")
@click.option("--series", default="", help="The series that it is a part of.")
@click.option("--canonical-url", default="", metavar="URL", help="Where it was published first.")
@click.option("--draft", is_flag=True, help="Keep it as a draft; nothing goes out.")
@click.option(
    "--at", "at", default="", metavar="TIME", help="Publish it then: 2026-12-24T08:00+01:00; UTC without a zone."
)
@json_option
@pass_program
def create(
    program: Program,
    author: str,
    title: str,
    file: Path,
    slug: str,
    summary: str,
    language: str,
    page: bool,
    series: str,
    canonical_url: str,
    draft: bool,
    at: str,
    as_json: bool,
) -> None:
    """Make a post from a file, and publish it."""
    source, source_type = _read(file)
    moment = _moment(at) if at else None

    async def work(services: Services) -> dict[str, Any]:
        account = await services.db.read(_writer, author)
        writing = Writing(
            title=title,
            source=source,
            source_type=source_type,
            slug=slug,
            summary=summary,
            language=language,
            kind=PostKind.PAGE if page else PostKind.POST,
            federated=not page,
            series=series,
            canonical_url=canonical_url,
        )
        text = await services.publisher.compose(writing)
        made = await services.publisher.save_draft(text, author_id=account.actor_id)
        if moment is not None:
            made = await services.publisher.schedule(made.id, moment)
        elif not draft:
            made = await services.publisher.publish(made.id)
        return await services.db.read(_describe, services, made)

    _show(program.run(work), as_json)


@post.command()
@click.argument("post_id", metavar="ID", type=int)
@click.option("--file", "file", type=FILE, help="The new text; - is standard input.")
@click.option("--title", default="", help="A new title.")
@click.option("--note", default="", help="Why it is changed; kept with the earlier versions.")
@click.option("--silent", is_flag=True, help="Tell no server of the change, and don't mark the post as edited.")
@click.option("--publish", is_flag=True, help="Publish it, if it is a draft.")
@json_option
@pass_program
def edit(
    program: Program,
    post_id: int,
    file: Path | None,
    title: str,
    note: str,
    silent: bool,
    publish: bool,
    as_json: bool,
) -> None:
    """Change the text or the title of a post; what is published goes out as an edit."""
    if file is None and not title and not publish:
        raise InvalidInput("nothing to change: give --file, --title or --publish")
    given = _read(file) if file is not None else None

    async def work(services: Services) -> dict[str, Any]:
        stored = await services.db.read(_find, post_id)
        source, source_type = given or (stored.source, stored.source_type)
        if given is not None or title:
            writing = replace(
                Writing.of(stored),
                title=title or stored.title,
                source=source,
                source_type=source_type,
                tags=() if given is not None else stored.tags,
            )
            text = await services.publisher.compose(writing)
            stored = await services.publisher.edit(
                stored.id,
                text,
                editor_id=stored.author_id,
                expected_version=stored.version,
                note=note,
                silent=silent,
            )
        if publish and stored.status is not PostStatus.PUBLISHED:
            stored = await services.publisher.publish(stored.id)
        return await services.db.read(_describe, services, stored)

    _show(program.run(work), as_json)


@post.command()
@click.argument("post_id", metavar="ID", type=int)
@pass_program
def delete(program: Program, post_id: int) -> None:
    """Delete a post for good, here and on other servers."""

    async def work(services: Services) -> Post:
        stored = await services.db.read(_find, post_id)
        await services.publisher.delete(stored.id)
        return stored

    click.echo(f"“{program.run(work).title}” is deleted; servers that have it are told")


@post.command("list")
@click.option("--author", default="", metavar="NAME", help="Only posts of this author.")
@json_option
@pass_program
def list_posts(program: Program, author: str, as_json: bool) -> None:
    """List posts, drafts included, the last touched first."""

    async def work(services: Services) -> list[dict[str, Any]]:
        return await services.db.read(_list, services, author)

    found = program.run(work)
    if as_json:
        print_json(found)
        return
    rows = [(one["id"], one["status"], when(one["published_at"]), one["author"], one["title"]) for one in found]
    print_table(("id", "status", "published", "author", "title"), rows, "No posts yet.")


def _moment(text: str) -> int:
    """A time to come as Unix seconds; one that is over already means at once."""
    moment = read_moment(text)
    if moment is None:
        raise InvalidInput(f"{text} is no time; write it as 2026-12-24T08:00+01:00")
    return moment


def _read(file: Path) -> tuple[str, str]:
    """The text and its type."""
    source_type = HTML if file.suffix.lower() in (".html", ".htm") else MARKDOWN
    try:
        with click.open_file(str(file), encoding="utf-8") as opened:
            return opened.read(), source_type
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} is not UTF-8 text") from None


def _writer(tx: Tx, name: str) -> Account:
    account = accounts.by_username(tx, name.lower().removeprefix("@"))
    if account is None:
        raise NotFound(f"there is no author {name}; `fedblog user list` shows who there is")
    return account


def _find(tx: Tx, post_id: int) -> Post:
    found = posts.by_id(tx, PostId(post_id))
    if found is None or found.status is PostStatus.DELETED:
        raise NotFound(f"there is no post {post_id}; `fedblog post list` shows what there is")
    return found


def _list(tx: Tx, services: Services, author: str) -> list[dict[str, Any]]:
    author_id = _writer(tx, author).actor_id if author else None
    found = desk.posts(tx, author_id=author_id, status=None, title="", skip=0, limit=MOST_LISTED)
    return [_describe(tx, services, one) for one in found]


def _describe(tx: Tx, services: Services, made: Post) -> dict[str, Any]:
    """What scripts get. The id is text: it is longer than the numbers that JSON readers keep exactly."""
    author: Actor | None = actors.by_id(tx, made.author_id)
    name = author.username if author is not None else ""
    return {
        "id": str(made.id),
        "url": services.ids.post_page(name, made.slug),
        "uri": made.uri,
        "title": made.title,
        "author": name,
        "status": made.status.value,
        "published_at": made.published_at,
        "scheduled_at": made.scheduled_at,
        "replies": made.reply_count,
        "likes": made.like_count,
        "boosts": made.announce_count,
    }


def _show(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({key: made[key] for key in ("id", "url", "uri", "status")})
        return
    for key in ("id", "url", "uri", "status"):
        click.echo(f"{key:<8}{made[key]}")
