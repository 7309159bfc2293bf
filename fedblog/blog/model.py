"""The records of the domain: what is stored and sanitised, as frozen values.

`vocab.Note` is foreign and not trusted; `Reply` is ours: it was verified, cleaned and kept. Times are Unix seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import NewType, Self

from fedblog.blog.emoji import Emoji, Named
from fedblog.records import record

PostId = NewType("PostId", int)
ReplyId = NewType("ReplyId", int)
ActorId = NewType("ActorId", int)


class Visibility(StrEnum):
    """Who an object is addressed to (VIS-02)."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    FOLLOWERS = "followers"
    DIRECT = "direct"

    @property
    def is_public(self) -> bool:
        """Whether everybody may read it: public or unlisted."""
        return self in (Visibility.PUBLIC, Visibility.UNLISTED)


class Role(StrEnum):
    """What an account may do; the owner may do everything."""

    OWNER = "owner"
    EDITOR = "editor"
    AUTHOR = "author"


class PostStatus(StrEnum):
    """Where a post is in its life."""

    DRAFT = "draft"
    PUBLISHED = "published"
    UNPUBLISHED = "unpublished"
    DELETED = "deleted"


class PostKind(StrEnum):
    """What a post is. A page (About, Imprint) stands for itself: not on the home page, in no list and in no feed."""

    POST = "post"
    PAGE = "page"


class HoldPolicy(StrEnum):
    """Which replies to a post wait for the author; BLOG: as `comments.hold_for_moderation` says."""

    BLOG = ""
    NONE = "none"
    FIRST = "first"
    ALL = "all"


class ReplyPolicy(StrEnum):
    """Who may reply to a post while its comments are open (ART-17); the author always may."""

    EVERYONE = "everyone"
    FOLLOWERS = "followers"  # the author's
    MENTIONED = "mentioned"  # whom the post names


class QuotePolicy(StrEnum):
    """Who may quote a post (FEP-044f)."""

    EVERYONE = "everyone"
    FOLLOWERS = "followers"  # the author's
    APPROVE = "approve"  # the author is asked each time
    NOBODY = "nobody"


class QuoteState(StrEnum):
    """What became of a quote of something of ours."""

    PENDING = "pending"  # nobody asked yet, or the author did not decide yet
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REVOKED = "revoked"  # accepted once, taken back


class ReplyState(StrEnum):
    """Where a reply stands. Only PUBLISHED ones (and REMOVED ones with children, as a placeholder) show in public."""

    PUBLISHED = "published"
    HELD = "held"  # waits for the author's decision
    HIDDEN = "hidden"  # the author took it off the page
    ORPHAN = "orphan"  # its parent is not here yet (INB-15)
    REMOVED = "removed"  # deleted by its author; the branch below it stays (INB-19)


class ThreadOrder(StrEnum):
    """Which direct answers a conversation shows first."""

    OLDEST = "oldest"
    NEWEST = "newest"
    LIKED = "liked"


class ReactionKind(StrEnum):
    """What somebody did with a post or a reply."""

    LIKE = "like"
    ANNOUNCE = "announce"
    DISLIKE = "dislike"  # kept, not shown


@dataclass(frozen=True, slots=True)
class Actor:
    """An actor, ours (`local` is author, blog or instance) or remote (`local` is empty), as last seen and cleaned."""

    id: ActorId
    uri: str
    local: str
    type: str
    username: str
    domain: str
    name: str
    summary_html: str
    url: str
    icon_url: str
    image_url: str
    inbox: str
    shared_inbox: str
    followers_uri: str
    manually_approves: bool
    fields: tuple[tuple[str, str], ...]
    created_at: int
    fetched_at: int
    suspended_at: int | None
    deleted_at: int | None
    moved_to: str = ""  # id of the account that it became (INB-31, ACT-12)
    also_known_as: tuple[str, ...] = ()  # ids; ours only
    indexable: bool = False  # FEP-5feb: search engines may show what it wrote
    emoji: Named = ()  # custom emoji that its name calls

    @property
    def handle(self) -> str:
        """`@name@domain`."""
        return f"@{self.username}@{self.domain}"

    @property
    def display_name(self) -> str:
        """The name people see; the user name where none is set."""
        return self.name or self.username


@dataclass(frozen=True, slots=True)
class Post:
    """A post with the counts its page shows. `uri` is its ActivityPub id, "" before it was first published."""

    id: PostId
    uri: str
    author_id: ActorId
    slug: str
    title: str
    source: str
    source_type: str  # text/markdown | text/html
    content_html: str
    summary: str  # excerpt the author wrote; "" for none
    content_warning: str
    language: str
    image_url: str
    image_alt: str
    pictures: bool  # send pictures as attachments instead of relying on the link card (ART-06)
    tags: tuple[str, ...]
    mentions: tuple[str, ...]  # actor URIs
    word_count: int
    status: PostStatus
    visibility: Visibility
    comments_open: bool
    created_at: int
    published_at: int | None
    edited_at: int | None  # after publication only
    deleted_at: int | None
    version: int  # of the text, for compare-and-set
    thread_version: int  # rises with everything that changes the page
    reply_count: int
    like_count: int
    announce_count: int
    reply_policy: ReplyPolicy = ReplyPolicy.EVERYONE
    quote_policy: QuotePolicy = QuotePolicy.EVERYONE
    pinned_at: int | None = None  # on the author's profile since
    kind: PostKind = PostKind.POST
    federated: bool = True  # False: a page of the site only; it has no `uri` and no server is told
    series: str = ""  # the name of the series that it is a part of, "" for none
    series_slug: str = ""
    series_position: int = 0  # 0: by date
    canonical_url: str = ""  # where it was published first, "" for here
    show_history: bool = False  # readers may see its earlier versions
    hold_policy: HoldPolicy = HoldPolicy.BLOG
    close_after_days: int = 0  # comments close by themselves so long after publication; 0: never
    scheduled_at: int | None = None  # a draft that is published then
    trashed_at: int | None = None  # never of a published post
    preview_key: str = ""  # opens the draft to whoever has the link; "" for nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What an author gives for a post, as typed: the part of it that one save replaces, before it is rendered.

    `slug` "" is made of the title, `language` "" is the blog's; `tags` are names as written, beyond those in the text.
    """

    title: str = ""
    source: str = ""
    source_type: str = "text/markdown"
    slug: str = ""
    summary: str = ""
    content_warning: str = ""
    language: str = ""
    image_url: str = ""
    image_alt: str = ""
    pictures: bool = False
    tags: tuple[str, ...] = ()
    visibility: Visibility = Visibility.PUBLIC
    comments_open: bool = True
    reply_policy: ReplyPolicy = ReplyPolicy.EVERYONE
    quote_policy: QuotePolicy = QuotePolicy.EVERYONE
    kind: PostKind = PostKind.POST
    federated: bool = True
    series: str = ""
    series_position: int = 0
    canonical_url: str = ""
    show_history: bool = False
    hold_policy: HoldPolicy = HoldPolicy.BLOG
    close_after_days: int = 0

    @classmethod
    def of(cls, post: Post | Writing) -> Self:
        """What is stored; as `PostText` with what was made of it."""
        return cls(**{field.name: getattr(post, field.name) for field in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class PostText(Writing):
    """The same rendered, ready to be saved. Its slug and its language are there, its tags are all tags."""

    content_html: str
    mentions: tuple[str, ...]  # actor URIs
    word_count: int


@dataclass(frozen=True, slots=True)
class Revision:
    """One saved state of a post's text. `note`: why it was changed, in the editor's words."""

    post_id: PostId
    number: int
    title: str
    source: str
    source_type: str
    summary: str
    created_at: int
    editor_id: ActorId
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A stored Note (or whatever else somebody answered with) in the tree under a post.

    `post_id` is None for an orphan; `parent_id` None for an answer to the post itself. `path` orders the thread and
    `depth` is 1 for a direct answer. `remote_likes`/`remote_announces` are counts as told by the origin (COL-08b).
    `shown`: everybody may see it (storage keeps it true to the whole chain above). `seen`: the author looked at it.
    """

    id: ReplyId
    uri: str
    url: str
    actor_id: ActorId
    post_id: PostId | None
    parent_id: ReplyId | None
    in_reply_to: str  # "" where it is what the tree says: the id of the reply above, or of the post
    path: str
    depth: int
    state: ReplyState
    visibility: Visibility
    local: bool
    type: str
    name: str
    content_html: str
    source: str  # Markdown of our own answers, "" for remote ones
    content_warning: str
    language: str
    published_at: int
    edited_at: int | None
    received_at: int
    like_count: int
    announce_count: int
    remote_likes: int
    remote_announces: int
    context: str
    attachments: tuple[Attachment, ...]
    reason: str  # why it is held or hidden, "" otherwise
    shown: bool = False
    seen: bool = False
    options: tuple[tuple[str, int], ...] = ()  # choices of a poll and how many took each
    approval: str = ""  # of our own answer by the author of its parent: "", approved or rejected (INB-32)
    approved_by: str = ""  # URL of that approval
    imported: bool = False  # a comment out of another system's file: it exists here only
    emoji: Named = ()  # custom emoji that its text calls


@record(frozen=True, slots=True)
class NewReply:
    """A reply on its way into storage: verified, cleaned and judged, without its place in the tree."""

    uri: str
    url: str
    actor_id: ActorId
    in_reply_to: str
    state: ReplyState  # PUBLISHED or HELD; storage turns it into ORPHAN where the parent is missing
    visibility: Visibility
    local: bool
    type: str
    name: str
    content_html: str
    source: str
    content_warning: str
    language: str
    published_at: int
    edited_at: int | None
    context: str
    attachments: tuple[Attachment, ...]
    remote_likes: int
    remote_announces: int
    reason: str
    original: bytes  # the object's JSON as received, b"" for our own
    options: tuple[tuple[str, int], ...] = ()
    emoji: tuple[Emoji, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody's object that quotes a post or an answer of ours. `listed`: the page may name it."""

    id: int
    uri: str
    url: str
    actor: Actor
    post_id: PostId
    target_uri: str
    state: QuoteState
    public: bool
    listed: bool
    request: str  # the QuoteRequest's JSON, "" where none came
    published_at: int
    created_at: int


_PICTURES = frozenset(f"image/{kind}" for kind in ("jpeg", "jpg", "pjpeg", "png", "apng", "gif", "webp"))


@dataclass(frozen=True, slots=True)
class Attachment:
    """Media or a link that came with a reply; never decoded here, and fetched only when a reader asks for a picture."""

    url: str
    media_type: str
    name: str  # alt text
    sensitive: bool = False

    @property
    def is_picture(self) -> bool:
        """Whether it says that it is a picture of a kind that can be shown: its size is told by its header."""
        return self.media_type in _PICTURES


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """One reply with its actor, in tree order: what the page, feeds and collections are made of."""

    reply: Reply
    actor: Actor


@dataclass(frozen=True, slots=True)
class Reaction:
    """A like, boost or emoji reaction on a post or on a reply (one of `post_id`, `reply_id` is set)."""

    id: int
    kind: ReactionKind
    actor: Actor
    post_id: PostId | None
    reply_id: ReplyId | None
    emoji: str
    activity_uri: str
    public: bool
    created_at: int
    emoji_key: str = ""  # the picture of a custom one


@dataclass(frozen=True, slots=True)
class Follower:
    """A remote actor that follows one of ours; `state` is pending or accepted."""

    actor: Actor
    target_id: ActorId
    state: str
    follow_uri: str
    follow_json: str
    created_at: int
