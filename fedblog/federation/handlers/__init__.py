"""What each type of activity does here: one act a file, and this table.

A type that is not listed is acknowledged and has no effect (INB-09).
"""

from __future__ import annotations

from fedblog.federation.context import Handler
from fedblog.federation.handlers.accept_reject import answered
from fedblog.federation.handlers.add import add
from fedblog.federation.handlers.announce import announce
from fedblog.federation.handlers.block import block
from fedblog.federation.handlers.create import create
from fedblog.federation.handlers.delete import delete
from fedblog.federation.handlers.flag import flag
from fedblog.federation.handlers.follow import follow
from fedblog.federation.handlers.like import react
from fedblog.federation.handlers.move import move
from fedblog.federation.handlers.quote_request import quote_request
from fedblog.federation.handlers.undo import undo
from fedblog.federation.handlers.update import update

HANDLERS: dict[str, Handler] = {
    "Accept": answered,
    "Add": add,
    "Announce": announce,
    "Block": block,
    "Create": create,
    "Delete": delete,
    "Dislike": react,
    "EmojiReact": react,
    "Flag": flag,
    "Follow": follow,
    "Like": react,
    "Move": move,
    "QuoteRequest": quote_request,
    "Reject": answered,
    "Undo": undo,
    "Update": update,
}
