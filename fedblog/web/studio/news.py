"""How many notifications an author has not read: for the bell on every studio page."""

from __future__ import annotations

from fedblog.blog.ledger import Account, AccountId
from fedblog.storage import accounts, notice_settings, notices
from fedblog.storage.database import Tx
from fedblog.storage.notices import Kind, Notice
from fedblog.web.notices.words import groups

COUNTED = 200
# These also show in the conversations: who read them there has read them.
_IN_TALK = frozenset({Kind.REPLY, Kind.PRIVATE, Kind.LIKE, Kind.BOOST})


def read_marks(tx: Tx, account_id: AccountId) -> tuple[int, int]:
    """(when the notifications were marked as read, when the conversations were looked at)."""
    return notice_settings.of(tx, account_id).seen_at, accounts.seen_at(tx, account_id)


def is_unread(notice: Notice, seen: int, talk_seen: int) -> bool:
    """Whether it came since they looked."""
    return notice.at > (max(seen, talk_seen) if notice.kind in _IN_TALK else seen)


def count_unread(tx: Tx, account: Account) -> int:
    """How many lines of the list are unread."""
    seen, talk_seen = read_marks(tx, account.id)
    found = notices.recent(tx, account, since=seen, until=tx.now, limit=COUNTED)
    fresh = [one for one in found if is_unread(one, seen, talk_seen)]
    return len(groups(fresh, lambda _one: True))
