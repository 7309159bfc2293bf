"""What went wrong, as an answer: a page for people, RFC 9457 problem details for machines (FEP-c180)."""

from __future__ import annotations

import json
from http import HTTPStatus

from aiohttp import web

from fedblog.activitypub.wire import wants_activity
from fedblog.errors import FedblogError, StorageUnavailable
from fedblog.observe import request_id
from fedblog.signatures.rfc9421 import ACCEPT_SIGNATURE, ACCEPT_SIGNATURE_GET
from fedblog.web.i18n import gettext, later
from fedblog.web.render import render

MACHINE_PATHS = ("/ap/", "/inbox", "/.well-known/", "/nodeinfo")
STORAGE_RETRY_SECONDS = 5

# What a page says; machines get the error's own words. A 404 says the same to everybody (SECURITY 85).
_PAGES = {
    400: (later("That didn't work"), later("Something in the request can't be used.")),
    401: (later("Please log in"), later("This page is for people who write here.")),
    403: (later("Not allowed"), later("You can't do that here.")),
    404: (
        later("Nothing here"),
        later("There is no page at this address. It may have moved, or the link has a mistake in it."),
    ),
    405: (later("That didn't work"), later("This address can't be asked that way.")),
    409: (later("Somebody was faster"), later("This was changed elsewhere since you opened it.")),
    410: (later("Gone"), later("This was here once. Its author has deleted it.")),
    413: (later("Too large"), later("That is more than can be taken at once.")),
    421: (later("Wrong address"), later("This server doesn't answer for that host name.")),
    429: (
        later("One moment, please"),
        later("Too many requests came from your network. Please try again in a minute."),
    ),
    500: (later("Something broke"), later("The mistake is on our side and has been noted down.")),
    502: (later("The other server didn't answer"), later("We asked another server and got nothing usable back.")),
    503: (later("Back in a moment"), later("The blog can't take this right now. Please try again shortly.")),
}


def is_for_machines(request: web.BaseRequest) -> bool:
    """Whether the asker reads JSON rather than pages: by the path, else by `Accept` (NEG-01)."""
    return request.path.startswith(MACHINE_PATHS) or wants_activity(request.headers.get("Accept"), False)


def error_response(request: web.Request, error: FedblogError) -> web.Response:
    """The answer to an error raised on purpose."""
    headers = retry_headers(error)
    if error.status < 400:
        return web.Response(status=error.status, headers=headers)
    return problem(request, error.status, str(error), error.reason, headers)


def retry_headers(error: FedblogError) -> dict[str, str]:
    """`Retry-After`, where waiting helps."""
    retry_after = getattr(error, "retry_after", None)
    if retry_after is None and isinstance(error, StorageUnavailable):
        retry_after = STORAGE_RETRY_SECONDS
    return {} if retry_after is None else {"Retry-After": str(int(retry_after))}


def problem(
    request: web.Request, status: int, detail: str, reason: str, headers: dict[str, str] | None = None
) -> web.Response:
    """An error as JSON or as a page; 401 to a machine tells which signature would do (SIG-18)."""
    headers = dict(headers or {})
    headers["Cache-Control"] = "no-store"
    if is_for_machines(request):
        if status == HTTPStatus.UNAUTHORIZED:
            asks = request.method in ("GET", "HEAD")
            headers["Accept-Signature"] = ACCEPT_SIGNATURE_GET if asks else ACCEPT_SIGNATURE
            headers["Vary"] = "Accept, Signature"
        body = {
            "type": "about:blank",
            "title": _phrase(status),
            "status": status,
            "detail": "Not found" if status == HTTPStatus.NOT_FOUND else detail,
            "reason": "not_found" if status == HTTPStatus.NOT_FOUND else reason,
        }
        return web.Response(
            body=json.dumps(body).encode(), status=status, headers=headers, content_type="application/problem+json"
        )
    title, words = _PAGES.get(status, (_phrase(status), "The request could not be answered."))
    says_more = status in (400, 403, 409, 413, 422)
    response = render(
        request,
        "public/error.html",
        status=status,
        heading=gettext(title),
        words=gettext(words),
        detail=detail if says_more else "",
        code=status,
        reference=request_id.get() if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "",
    )
    response.headers.update(headers)
    return response


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
