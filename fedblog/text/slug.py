"""Names for URLs: slugs of titles and headings, usernames."""

from __future__ import annotations

import re

from fedblog.text.markup import names

MAX_SLUG_LENGTH = 80
_USERNAME = re.compile(r"[a-z0-9_]{1,30}")

# Names that are paths of the site, roles in mail (RFC 2142), or would pass for the operator.
RESERVED = names("""
    about abuse account accounts actor actors admin administrator ap api app apps assets atom auth author authors blog
    comments contact demo draft drafts favicon feed feeds followers following help home hostmaster inbox info instance
    livez login logout mail mailer_daemon media metrics moderator nodeinfo noreply notifications null oauth outbox page
    pages post posts postmaster preview public readyz register robots root rss search security server settings share
    shared_inbox sign_in sign_out sign_up sitemap static studio support system tag tags undefined user users webfinger
    webmaster well_known www
""")


def slugify_title(title: str) -> str:
    """The slug of a title: `[a-z0-9-]`, other scripts transliterated, at most 80 characters cut at a word where that
    is possible; "post" where nothing is left."""
    return _slug(title) or "post"


def slugify_heading(title: str) -> str:
    """The anchor of a heading, by the same rules; "section" where nothing is left."""
    return _slug(title) or "section"


def _slug(text: str) -> str:
    from slugify import slugify  # its tables take long to load, and readers need none of them

    slug: str = slugify(text, max_length=MAX_SLUG_LENGTH, word_boundary=True, save_order=True)
    return slug


def valid_username(name: str) -> bool:
    """Whether an author may have this name: 1–30 of `a-z 0-9 _`, and no reserved word."""
    return bool(_USERNAME.fullmatch(name)) and name not in RESERVED
