"""What a page says after a step that worked. Only a code is in the address: nobody can put words in our mouth."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from fedblog.web.i18n import gettext, later

_MESSAGES: Final = MappingProxyType(
    {
        "saved": later("Draft saved."),
        "published": later("Published. It is on its way to your followers."),
        "published_here": later("Published. It shows on this site, and no other server is told."),
        "scheduled": later("Planned. It goes out by itself at that time."),
        "unscheduled": later("It is a draft again and does not go out by itself."),
        "updated_here": later("Updated. No other server is told."),
        "trashed": later("In the trash. It stays there for 30 days."),
        "untrashed": later("Back among your drafts."),
        "share_open": later("Whoever has the link can read this draft now."),
        "share_closed": later("The link no longer opens the draft."),
        "updated": later("Updated. Servers that have the post get the new text."),
        "republished": later("Published again, as a new post in the fediverse."),
        "unpublished": later("Taken back. Other servers are asked to delete their copies."),
        "boosted": later("Boosted. It is on its way to your followers once more."),
        "boosted_lately": later("It went around less than a day ago: nothing was sent."),
        "deleted": later("Deleted. Other servers are asked to delete their copies."),
        "answered": later("Your answer is out."),
        "answer_edited": later("Your answer was changed, and everybody who has it gets the new text."),
        "answer_deleted": later("Your answer was deleted."),
        "hidden": later("The reply no longer shows on your page."),
        "approved": later("The reply shows on your page."),
        "spam": later("Off the page as spam. What they write from now on waits for you."),
        "undone": later("Taken back."),
        "too_late": later("That can't be taken back any more: something else was decided since."),
        "several_decided": later("Done with all that were ticked."),
        "several_nothing": later("Tick the replies first."),
        "report_resolved": later("Done with that report."),
        "blocked": later("Blocked. Nothing from there is taken any more."),
        "unblocked": later("No longer blocked."),
        "list_subscribed": later("The list is read now. What is new in it waits here for you."),
        "list_read_soon": later("The list is read again now."),
        "list_unsubscribed": later("The list is not read any more. What it brought stays blocked."),
        "list_applied": later("Done. You can take all of it back at once."),
        "list_undone": later("Taken back: what the list hid shows again."),
        "list_dropped": later("Nothing of that list was blocked."),
        "word_added": later("From now on, replies with these words wait for you."),
        "word_removed": later("Removed. What waited for nothing else shows."),
        "filter_forgot": later("Forgotten. The filter learns anew from what you decide."),
        "follower_accepted": later("Follower approved."),
        "follower_rejected": later("Follow request turned down."),
        "follower_removed": later("Follower removed."),
        "profile": later("Profile saved. Servers that know you get the new one."),
        "looks": later("Saved. Your blog has its new look."),
        "password": later("Password changed. Other devices were logged out."),
        "codes_off": later("Off. Your password is enough again."),
        "passkey_added": later("Passkey added. You can log in with it from now on."),
        "passkey_removed": later("Passkey removed. It opens nothing here any more."),
        "session_ended": later("That device was logged out."),
        "sessions_ended": later("All other devices were logged out."),
        "person_added": later("The author can log in now."),
        "person_disabled": later("The account can't log in any more."),
        "person_enabled": later("The account can log in again."),
        "factors_reset": later("Codes and passkeys forgotten: the password is enough to log in."),
        "role": later("Role changed."),
        "media_added": later("Picture added."),
        "media_described": later("Description saved. Texts that show the picture keep the one they have."),
        "media_deleted": later("Picture deleted."),
        "pinned": later("On your profile now. Servers that know you show it on top."),
        "unpinned": later("No longer on your profile."),
        "reported": later("Reported to the people who look after that server."),
        "quote_accepted": later("Allowed. Their server is told."),
        "quote_rejected": later("Not allowed. Their server is told."),
        "aliases": later("Saved. Servers that know you are told."),
        "moved": later("Moved. Your followers' servers are told to follow the new account."),
        "unmoved": later("Your profile no longer says that you moved."),
        "bulk_nothing": later("Nothing was done: tick posts and choose what to do with them, for a tag with its name."),
        "restored": later("Put back, as a new version."),
        "media_none": later("Tick the pictures first."),
        "media_all_deleted": later("Deleted."),
        "media_some_deleted": later("Deleted, but for those that something shows."),
        "notices_read": later("All marked as read."),
        "notices_saved": later("Saved."),
        "notices_tested": later("Saved, and a test is on its way to you."),
        "browser_added": later("This browser shows your notifications now."),
        "browser_removed": later("That browser shows nothing more."),
        "retried": later("Another try is on its way."),
    }
)


def message(code: str) -> str:
    """The sentence for a code, "" for an unknown one."""
    return gettext(_MESSAGES[code]) if code in _MESSAGES else ""
