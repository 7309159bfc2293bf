"""What happens around every request: its id and log line, errors into answers, the Host check, security headers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from fedblog.config import Settings
from fedblog.errors import FedblogError, NotFound
from fedblog.observe import REQUEST_LOGGER, counters, new_request_id, request_id
from fedblog.web.counting import count
from fedblog.web.errors import error_response, problem
from fedblog.web.hot import POST
from fedblog.web.i18n import known, preferred, set_language
from fedblog.web.keys import ADDRESS, COUNTER, SESSION
from fedblog.web.old_paths import moved_from
from fedblog.web.proxies import client_address, parse_networks

log = logging.getLogger(REQUEST_LOGGER)

HEALTH_PATHS = ("/livez", "/readyz")
_OWN_LANGUAGE = ("/studio", "/login", "/logout", "/setup")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def asker(settings: Settings) -> Callable[[web.BaseRequest], str]:
    """The function that tells a request's address, seen through the proxies that are trusted."""
    trusted = parse_networks(settings.server.trusted_proxies)

    def address_of(request: web.BaseRequest) -> str:
        if hdrs.X_FORWARDED_FOR not in request.headers:
            return request.remote or ""
        # Some proxies add a line of their own below what the asker sent: the last entry of the last line is theirs.
        forwarded_for = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR))
        return client_address(request.remote, forwarded_for, trusted)

    return address_of


def observe_middleware(settings: Settings) -> Middleware:
    """Gives each request its id and address, and writes one line when it is answered."""
    address_of, language = asker(settings), known(settings.blog.language)

    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        token = request_id.set(new_request_id())
        request[ADDRESS] = address_of(request)
        set_language(_language_for(request, language))
        started = time.perf_counter()
        status = 0
        try:
            response = await handler(request)
            if SESSION not in request:
                count(request.app[COUNTER], request, response, request.get(POST, 0))
            status = response.status
            response.headers["X-Request-Id"] = request_id.get()
            return response
        finally:
            _log_request(request, status, time.perf_counter() - started)
            request_id.reset(token)

    return observe


def _language_for(request: web.Request, language: str) -> str:
    """The blog's for what everybody sees, since it is kept; the browser's for who works here."""
    if not request.path.startswith(_OWN_LANGUAGE):
        return language
    return preferred(request.headers.get("Accept-Language", ""), language)


def _log_request(request: web.Request, status: int, seconds: float) -> None:
    counters.add("fedblog_http_requests_total", method=_known_method(request.method), status=str(status or "aborted"))
    if not log.isEnabledFor(logging.INFO) or request.path in HEALTH_PATHS:
        return
    log.info(
        "request",
        extra={"method": request.method, "path": request.path, "status": status, "ms": round(seconds * 1000, 1)},
    )


def _known_method(method: str) -> str:
    return method if method in {"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"} else "other"


@web.middleware
async def errors_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The one place where an error becomes a status."""
    try:
        return await handler(request)
    except FedblogError as error:
        return _refused(request, error)
    except web.HTTPMethodNotAllowed as error:
        return _method_not_allowed(request, error)
    except web.HTTPRequestEntityTooLarge:
        return problem(request, 413, "the body is too large", "body_too_large")
    except web.HTTPNotFound:
        return await _not_here(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return problem(request, error.status, error.reason, "http")
    except (ConnectionError, TimeoutError):
        raise
    except Exception:
        log.exception("unexpected error", extra={"method": request.method, "path": request.path})
        return problem(request, 500, "an unexpected error; it was logged", "internal")


def _refused(request: web.Request, error: FedblogError) -> web.Response:
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("answered with an error", extra={"reason": error.reason, "detail": str(error)})
    return error_response(request, error)


async def _not_here(request: web.Request) -> web.Response:
    """404, or where it went. That the database can't be asked now doesn't mean that there is nothing."""
    try:
        return await moved_from(request) or problem(request, 404, "", "not_found")
    except FedblogError as error:
        return _refused(request, error)


def _method_not_allowed(request: web.Request, error: web.HTTPMethodNotAllowed) -> web.Response:
    """NEG-06: OPTIONS works everywhere; another method is told what is allowed."""
    allow = ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))
    if request.method == "OPTIONS":
        return web.Response(status=204, headers={"Allow": allow})
    return problem(request, 405, f"{request.method[:20]} is not allowed here", "method_not_allowed", {"Allow": allow})


def host_middleware(settings: Settings) -> Middleware:
    """Answers for the configured host only, whatever a forwarding header says (SECURITY 109, SIG-10)."""
    authority = settings.authority
    scheme = settings.base_url.partition(":")[0]
    allowed = {authority, authority + _DEFAULT_PORTS[scheme], authority.removesuffix(_DEFAULT_PORTS[scheme])}

    @web.middleware
    async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host")
        # Health checks ask by address; a request without Host comes from an HTTP/2 proxy that dropped it (SIG-10).
        if host is not None and host.lower() not in allowed and request.path not in HEALTH_PATHS:
            return problem(request, 421, "this server does not answer for that host name", "wrong_host")
        if "\0" in request.path:  # nothing has such a name, and PostgreSQL would refuse to look for it
            raise NotFound("no such address")
        return await handler(request)

    return check_host
