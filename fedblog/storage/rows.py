"""Rows to records, by position: the column lists that queries select and the functions that read them."""

from __future__ import annotations

import json
from typing import Any

from fedblog.blog.model import (
    Actor,
    ActorId,
    Attachment,
    HoldPolicy,
    Post,
    PostId,
    PostKind,
    PostStatus,
    QuotePolicy,
    Reply,
    ReplyId,
    ReplyPolicy,
    ReplyState,
    ThreadRow,
    Visibility,
)
from fedblog.storage.tx import Row


def _columns(alias: str, names: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in names.split())


ACTOR_NAMES = (
    "id uri local type username domain name summary_html url icon_url image_url inbox shared_inbox followers_uri"
    " manually_approves fields created_at fetched_at suspended_at deleted_at moved_to also_known_as indexable emoji"
)
ACTOR = _columns("a", ACTOR_NAMES)
ACTOR_WIDTH = len(ACTOR_NAMES.split())


def read_actor(row: Row, at: int = 0) -> Actor:
    """An `Actor` out of `ACTOR` columns that begin at `at`."""
    return Actor(
        id=ActorId(row[at]),
        uri=row[at + 1],
        local=row[at + 2],
        type=row[at + 3],
        username=row[at + 4],
        domain=row[at + 5],
        name=row[at + 6],
        summary_html=row[at + 7],
        url=row[at + 8],
        icon_url=row[at + 9],
        image_url=row[at + 10],
        inbox=row[at + 11],
        shared_inbox=row[at + 12],
        followers_uri=row[at + 13],
        manually_approves=bool(row[at + 14]),
        fields=read_pairs(row[at + 15]),
        created_at=row[at + 16],
        fetched_at=row[at + 17],
        suspended_at=row[at + 18],
        deleted_at=row[at + 19],
        moved_to=row[at + 20],
        also_known_as=read_strings(row[at + 21]),
        indexable=bool(row[at + 22]),
        emoji=read_pairs(row[at + 23]),
    )


POST_NAMES = (
    "id uri author_id slug title source source_type content_html summary content_warning language image_url image_alt"
    " pictures tags mentions word_count status visibility comments_open created_at published_at edited_at deleted_at"
    " version thread_version reply_count like_count announce_count reply_policy quote_policy pinned_at"
    " kind federated series series_slug series_position canonical_url show_history hold_policy close_after_days"
    " scheduled_at trashed_at preview_key"
)
# What a conversation changes is in `threads`, not in the row that holds the text.
_OF_THREAD = frozenset({"thread_version", "reply_count", "like_count", "announce_count"})
POST = ", ".join(f"{'th' if name in _OF_THREAD else 'p'}.{name}" for name in POST_NAMES.split())
POST_FROM = "posts p JOIN threads th ON th.post_id = p.id"
POST_WIDTH = len(POST_NAMES.split())


def read_post(row: Row, at: int = 0) -> Post:
    """A `Post` out of `POST` columns (from `POST_FROM`) that begin at `at`."""
    values = row[at : at + POST_WIDTH]
    return Post(
        id=PostId(values[0]),
        uri=values[1] or "",
        author_id=ActorId(values[2]),
        slug=values[3],
        title=values[4],
        source=values[5],
        source_type=values[6],
        content_html=values[7],
        summary=values[8],
        content_warning=values[9],
        language=values[10],
        image_url=values[11],
        image_alt=values[12],
        pictures=bool(values[13]),
        tags=read_strings(values[14]),
        mentions=read_strings(values[15]),
        word_count=values[16],
        status=PostStatus(values[17]),
        visibility=Visibility(values[18]),
        comments_open=bool(values[19]),
        created_at=values[20],
        published_at=values[21],
        edited_at=values[22],
        deleted_at=values[23],
        version=values[24],
        thread_version=values[25],
        reply_count=values[26],
        like_count=values[27],
        announce_count=values[28],
        reply_policy=ReplyPolicy(values[29]),
        quote_policy=QuotePolicy(values[30]),
        pinned_at=values[31],
        kind=PostKind(values[32]),
        federated=bool(values[33]),
        series=values[34],
        series_slug=values[35],
        series_position=values[36],
        canonical_url=values[37],
        show_history=bool(values[38]),
        hold_policy=HoldPolicy(values[39]),
        close_after_days=values[40],
        scheduled_at=values[41],
        trashed_at=values[42],
        preview_key=values[43],
    )


REPLY_NAMES = (
    "id uri url actor_id post_id parent_id in_reply_to path depth state visibility local type name content_html source"
    " content_warning language published_at edited_at received_at like_count announce_count remote_likes"
    " remote_announces context attachments reason shown seen options approval approved_by imported emoji"
)
REPLY = _columns("r", REPLY_NAMES)
REPLY_WIDTH = len(REPLY_NAMES.split())
_STATES = {state.value: state for state in ReplyState}
_VISIBILITIES = {visibility.value: visibility for visibility in Visibility}


def read_reply(row: Row, at: int = 0) -> Reply:
    """A `Reply` out of `REPLY` columns that begin at `at`."""
    return Reply(
        id=ReplyId(row[at]),
        uri=row[at + 1],
        url=read_url(row[at + 1], row[at + 2]),
        actor_id=ActorId(row[at + 3]),
        post_id=row[at + 4],
        parent_id=row[at + 5],
        in_reply_to=row[at + 6],
        path=row[at + 7],
        depth=row[at + 8],
        state=_STATES[row[at + 9]],
        visibility=_VISIBILITIES[row[at + 10]],
        local=bool(row[at + 11]),
        type=row[at + 12],
        name=row[at + 13],
        content_html=row[at + 14],
        source=row[at + 15],
        content_warning=row[at + 16],
        language=row[at + 17],
        published_at=row[at + 18],
        edited_at=row[at + 19],
        received_at=row[at + 20],
        like_count=row[at + 21],
        announce_count=row[at + 22],
        remote_likes=row[at + 23],
        remote_announces=row[at + 24],
        context=row[at + 25],
        attachments=read_attachments(row[at + 26]),
        reason=row[at + 27],
        shown=bool(row[at + 28]),
        seen=bool(row[at + 29]),
        options=() if row[at + 30] == "[]" else tuple((name, count) for name, count in json.loads(row[at + 30])),
        approval=row[at + 31],
        approved_by=row[at + 32],
        imported=bool(row[at + 33]),
        emoji=read_pairs(row[at + 34]),
    )


def write_url(uri: str, url: str) -> str:
    """A reply's page as it is stored: only what its id doesn't say already. `=` is the id itself, `/…` a path on its
    server, `~/…/` such a path that ends as the id does."""
    origin = _origin(uri)
    path = url[len(origin) :]
    if url == uri and origin:
        return "="
    if not origin or not url.startswith(origin) or not path.startswith("/"):
        return url
    last = uri.rpartition("/")[2]
    return f"~{path[: -len(last)]}" if last and path.endswith(f"/{last}") else path


def read_url(uri: str, stored: str) -> str:
    """The page out of what `write_url` made."""
    if stored == "=":
        return uri
    if stored.startswith("~"):
        return f"{_origin(uri)}{stored[1:]}{uri.rpartition('/')[2]}"
    return _origin(uri) + stored if stored.startswith("/") else stored


def _origin(uri: str) -> str:
    end = uri.find("/", len("https://"))
    return uri[:end] if end > 0 and uri.startswith("http") else ""


THREAD_ROW = f"{REPLY}, {ACTOR}"
THREAD_ROW_FROM = "replies r JOIN actors a ON a.id = r.actor_id"


def read_thread_rows(rows: list[Row]) -> list[ThreadRow]:
    """As `read_thread_row`, with one `Actor` for all rows of an actor: people write more than once."""
    known: dict[int, Actor] = {}
    found = []
    for row in rows:
        actor = known.get(row[3])
        if actor is None:
            actor = known[row[3]] = read_actor(row, REPLY_WIDTH)
        found.append(ThreadRow(read_reply(row), actor))
    return found


def read_thread_row(row: Row) -> ThreadRow:
    """A `ThreadRow` out of `THREAD_ROW` columns."""
    return ThreadRow(read_reply(row), read_actor(row, REPLY_WIDTH))


def write_json(value: Any) -> str:
    """JSON text as it is stored."""
    if not value and isinstance(value, (list, tuple)):
        return "[]"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_strings(text: str) -> tuple[str, ...]:
    """A stored list of strings."""
    return () if text == "[]" else tuple(json.loads(text))


def read_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """A stored list of name and value."""
    return () if text == "[]" else tuple((name, value) for name, value in json.loads(text))


def write_attachments(attachments: tuple[Attachment, ...]) -> str:
    """Attachments as they are stored."""
    return write_json(
        [[item.url, item.media_type, item.name, *([1] if item.sensitive else [])] for item in attachments]
    )


def read_attachments(text: str) -> tuple[Attachment, ...]:
    """Stored attachments; of the sensitive ones the list has a fourth entry."""
    if text == "[]":
        return ()
    return tuple(Attachment(item[0], item[1], item[2], len(item) > 3) for item in json.loads(text))
