"""ntfy: a short message to a topic that the author chose, on ntfy.sh or a server of their own (https://docs.ntfy.sh)."""

from __future__ import annotations

import json
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from fedblog.activitypub.urls import Uri, maybe_uri, parse_uri
from fedblog.errors import FedblogError, FetchTemporary, InvalidInput
from fedblog.federation.client import Client
from fedblog.federation.outcome import retry_after_seconds
from fedblog.storage.notices import Kind
from fedblog.web.i18n import gettext as _
from fedblog.web.notices.words import Group, plain

_TAGS = {
    Kind.REPLY.value: "speech_balloon",
    Kind.HELD.value: "raised_hand",
    Kind.PRIVATE.value: "lock",
    Kind.LIKE.value: "star",
    Kind.BOOST.value: "repeat",
    Kind.FOLLOW.value: "wave",
    Kind.FOLLOW_REQUEST.value: "wave",
    Kind.TROUBLE.value: "warning",
    Kind.REPORT.value: "triangular_flag_on_post",
}
_TEXT = 300


class PushRefused(FedblogError):
    """The service doesn't take it, and won't."""

    reason = "push_refused"


def check_topic(url: str) -> str:
    """A topic's address, `https://ntfy.sh/TOPIC`. Raises `InvalidInput`."""
    parts = urlsplit(url) if maybe_uri(url) is not None else None
    if parts is None or len(parts.path.strip("/")) == 0 or parts.query or parts.fragment or "@" in parts.netloc:
        raise InvalidInput(
            _("Write the address of your topic, for example https://ntfy.sh/a-name-that-nobody-guesses."),
            reason="ntfy_url",
        )
    return url.rstrip("/")


def message(topic_url: str, group: Group, base_url: str) -> tuple[Uri, bytes]:
    """(address, JSON) that publishes a notice. Texts of private replies stay here: the service reads along."""
    root, _slash, topic = topic_url.rpartition("/")
    words = group.text[:_TEXT] if group.kind != Kind.PRIVATE.value else ""
    document: dict[str, object] = {
        "topic": unquote(topic),
        "message": words or plain(group.sentence),
        "click": f"{base_url}{group.href}",
        "tags": [_TAGS.get(group.kind, "bell")],
    }
    if words:
        document["title"] = plain(group.sentence)
    return parse_uri(f"{root}/"), json.dumps(document, ensure_ascii=False).encode()


async def publish(client: Client, uri: Uri, body: bytes, token: str) -> None:
    """Send it, through the guard. Raises `PushRefused`, or `FetchTemporary` and `DialRefused` as the client does."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    answer = await client.post(uri, body, headers)
    if 200 <= answer.status < 300:
        return
    words = f"{urlsplit(uri).netloc} answered {answer.status}"
    if answer.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or answer.status >= 500:
        wait = retry_after_seconds(answer.header("Retry-After"), now=0.0)
        raise FetchTemporary(words, retry_after=wait) if wait is not None else FetchTemporary(words)
    raise PushRefused(words)
