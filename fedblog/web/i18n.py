"""Words for people, in their language: every text that a page shows goes through `gettext` or `ngettext`.

In templates: `{{ _("Reply to %(name)s", name=actor.name) }}` and
`{{ ngettext("%(num)s like", "%(num)s likes", count) }}`; values are escaped there. In Python:
`gettext("Saved %(time)s") % {"time": …}`. Messages are English sentences, whole.
"""

from __future__ import annotations


def gettext(message: str) -> str:
    """The message in the reader's language."""
    return message


def ngettext(singular: str, plural: str, number: int) -> str:
    """The form of the message that fits the number."""
    return singular if number == 1 else plural
