"""How far a post has got, in words."""

from __future__ import annotations

from fedblog.blog.ledger import DeliveryCounts, ServerDelivery
from fedblog.web.i18n import gettext, grouped, ngettext
from fedblog.web.studio.reach import cause


def progress_words(counts: DeliveryCounts) -> str:
    """`Delivered to 214 of 220 servers`."""
    if counts.total == 0:
        return gettext("No other server to tell yet")
    numbers = {"num": grouped(counts.total), "done": grouped(counts.delivered), "failed": grouped(counts.failed)}
    if not counts.waiting and not counts.failed:
        return ngettext("Delivered to %(num)s server", "Delivered to %(num)s servers", counts.total) % numbers
    if counts.waiting:
        words = ngettext(
            "Delivered to %(done)s of %(num)s server", "Delivered to %(done)s of %(num)s servers", counts.total
        )
    else:
        words = ngettext(
            "Delivered to %(done)s of %(num)s server; %(failed)s could not be reached",
            "Delivered to %(done)s of %(num)s servers; %(failed)s could not be reached",
            counts.total,
        )
    return words % numbers


def server_words(found: ServerDelivery) -> str:
    """Why a server hasn't taken a post, and what happens next."""
    words = {"why": cause(found.last_status, found.last_error)}
    if found.state == "failed":
        return gettext("%(why)s We have given up.") % words
    return gettext("%(why)s We try again.") % words
