"""The exception tree. Everything that fedblog raises on purpose is here.

    FedblogError                 safe message for a person + stable reason code
    ├── ConfigError              a key, its value and the fix            (exit code 2)
    ├── NotFound                 no such thing, or not for this asker    404
    ├── Gone                     it was here and was deleted             410
    ├── Conflict                 somebody else changed it first          409
    ├── InvalidInput             what was sent can't be used             400
    ├── Forbidden                known, but not allowed                  403
    ├── StorageUnavailable       the database is busy or full            503
    └── FederationError          something between us and another server
        ├── Refused              an activity or document we won't take   4xx, or 202 without effect
        ├── FetchFailed          a document couldn't be had
        │   ├── FetchGone        404 or 410 at its origin
        │   └── FetchTemporary   time-out, DNS, TLS, 5xx, 429: try again later
        └── DialRefused          the guard says no to an address or URL

`reason` is a stable snake_case code (documented in docs/reasons.md); `str(error)` is one line for people and
holds no secret. A status is made of them in one place (`web/middleware.py`), an exit code in `cli/`.
"""

from __future__ import annotations


class FedblogError(Exception):
    """Base of all: `reason` is the stable code, `status` the HTTP status it becomes."""

    status = 500
    reason = "internal"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class ConfigError(FedblogError):
    """A configuration mistake; the message names the key, the value and the fix."""

    reason = "config"


class NotFound(FedblogError):
    """No such thing, or not for this asker: both look the same from outside."""

    status = 404
    reason = "not_found"


class Gone(FedblogError):
    """It was public here and was deleted."""

    status = 410
    reason = "gone"


class Conflict(FedblogError):
    """The thing changed since the caller read it, or its name is taken."""

    status = 409
    reason = "conflict"


class InvalidInput(FedblogError):
    """What was sent can't be used; nothing was changed."""

    status = 400
    reason = "invalid"


class Forbidden(FedblogError):
    """The asker is known and may not do this."""

    status = 403
    reason = "forbidden"


class StorageUnavailable(FedblogError):
    """The database can't take this now; nothing was stored, trying again is right."""

    status = 503
    reason = "storage_unavailable"


class FederationError(FedblogError):
    """Something between us and another server."""

    reason = "federation"


class Refused(FederationError):
    """An activity or document that is not taken.

    `status` is the HTTP answer; 202 means: acknowledged, without effect. `retry_after` (seconds) goes with 429/503.
    """

    status = 400
    reason = "refused"

    def __init__(self, message: str, *, reason: str, status: int = 400, retry_after: int | None = None) -> None:
        super().__init__(message, reason=reason)
        self.status = status
        self.retry_after = retry_after


class FetchFailed(FederationError):
    """A remote document couldn't be had, and asking again at once would not help."""

    status = 502
    reason = "fetch_failed"


class FetchGone(FetchFailed):
    """Its origin says 404 or 410; `http_status` says which."""

    reason = "fetch_gone"

    def __init__(self, message: str, *, http_status: int) -> None:
        super().__init__(message)
        self.http_status = http_status


class FetchTemporary(FetchFailed):
    """Time-out, DNS, TLS, 5xx or 429: later it may work. `retry_after` in seconds, if the peer said so."""

    reason = "fetch_temporary"

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DialRefused(FetchFailed):
    """The guard refuses this URL or address; nothing was dialled."""

    reason = "dial_refused"
