"""How far a post has got, in words."""

from __future__ import annotations

from fedblog.blog.ledger import DeliveryCounts, ServerDelivery
from fedblog.web.i18n import gettext, ngettext


def progress_words(counts: DeliveryCounts) -> str:
    """`Delivered to 214 of 220 servers`."""
    if counts.total == 0:
        return gettext("No other server to tell yet")
    numbers = {"num": f"{counts.total:,}", "done": f"{counts.delivered:,}", "failed": f"{counts.failed:,}"}
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
    why = _why(found.last_status, found.last_error)
    if found.state == "failed":
        return gettext("%(why)s We have given up.") % {"why": why}
    return gettext("%(why)s We try again.") % {"why": why}


_BY_ERROR = (
    (("certificate", "ssl", "tls"), "certificate"),
    (("timed out", "timeout", "time-out", "too slow"), "slow"),
    (("resolve", "no address", "dns", "getaddrinfo"), "name"),
    (("refused", "connect", "reset", "closed"), "down"),
    (("host_dead",), "dead"),
)


def _why(status: int | None, error: str) -> str:
    if status is not None:
        return _why_status(status)
    folded = error.casefold()
    kind = next((kind for words, kind in _BY_ERROR if any(word in folded for word in words)), "")
    return {
        "certificate": gettext("Its certificate can't be trusted."),
        "slow": gettext("It did not answer in time."),
        "name": gettext("There is no server of that name."),
        "down": gettext("It can't be reached."),
        "dead": gettext("It has not answered for a week."),
    }.get(kind) or gettext("It could not be reached.")


def _why_status(status: int) -> str:
    if status in (401, 403):
        return gettext("It refuses us: it blocks this blog, or could not check our signature.")
    if status in (404, 410):
        return gettext("The account is not there any more.")
    if status == 413:
        return gettext("The post is too large for it.")
    if status == 429:
        return gettext("It asks us to wait.")
    if status >= 500:
        return gettext("It has trouble of its own (%(status)s).") % {"status": status}
    return gettext("It does not take the post (%(status)s).") % {"status": status}
