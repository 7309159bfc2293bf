"""What a page says after a step that worked. Only a code is in the address: nobody can put words in our mouth."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_MESSAGES: Final = MappingProxyType(
    {
        "saved": "Draft saved.",
        "published": "Published. It is on its way to your followers.",
        "updated": "Updated. Servers that have the post get the new text.",
        "republished": "Published again, as a new post in the fediverse.",
        "unpublished": "Taken back. Other servers are asked to delete their copies.",
        "deleted": "Deleted. Other servers are asked to delete their copies.",
        "answered": "Your answer is out.",
        "answer_edited": "Your answer was changed, and everybody who has it gets the new text.",
        "answer_deleted": "Your answer was deleted.",
        "hidden": "The reply no longer shows on your page.",
        "approved": "The reply shows on your page.",
        "spam": "Off the page as spam. What they write from now on waits for you.",
        "undone": "Taken back.",
        "too_late": "That can't be taken back any more: something else was decided since.",
        "report_resolved": "Done with that report.",
        "blocked": "Blocked. Nothing from there is taken any more.",
        "unblocked": "No longer blocked.",
        "follower_accepted": "Follower approved.",
        "follower_rejected": "Follow request turned down.",
        "follower_removed": "Follower removed.",
        "profile": "Profile saved. Servers that know you get the new one.",
        "looks": "Saved. Your blog has its new look.",
        "password": "Password changed. Other devices were logged out.",
        "session_ended": "That device was logged out.",
        "sessions_ended": "All other devices were logged out.",
        "person_added": "The author can log in now.",
        "person_disabled": "The account can't log in any more.",
        "role": "Role changed.",
        "media_added": "Picture added.",
        "media_described": "Description saved. Texts that show the picture keep the one they have.",
        "media_deleted": "Picture deleted.",
        "pinned": "On your profile now. Servers that know you show it on top.",
        "unpinned": "No longer on your profile.",
        "reported": "Reported to the people who look after that server.",
        "quote_accepted": "Allowed. Their server is told.",
        "quote_rejected": "Not allowed. Their server is told.",
        "aliases": "Saved. Servers that know you are told.",
        "moved": "Moved. Your followers' servers are told to follow the new account.",
        "unmoved": "Your profile no longer says that you moved.",
        "retried": "Another try is on its way.",
    }
)


def message(code: str) -> str:
    """The sentence for a code, "" for an unknown one."""
    return _MESSAGES.get(code, "")
