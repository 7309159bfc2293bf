"""What an operator sees: structured log lines on standard error, the id of the request at hand, plain counters.

No line holds a cookie, a key, a password, a query string or the text of anybody's reply.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import NamedTuple, TextIO

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Id of the request being answered, "" outside of one."""

REQUEST_LOGGER = "fedblog.web"
LINES_AFTER = 0.2  # seconds
LINES_AT_ONCE = 1000
ID_BYTES = 6
_IDS_AT_ONCE = 256
_ids: list[str] = []


def new_request_id() -> str:
    """Twelve random hexadecimal digits; the chance behind them is asked for in bulk."""
    if not _ids:
        chance = os.urandom(ID_BYTES * _IDS_AT_ONCE).hex()
        _ids.extend(chance[at : at + 2 * ID_BYTES] for at in range(0, len(chance), 2 * ID_BYTES))
    return _ids.pop()


_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Counters:
    """Named counts since the start of this process; labels are few and never chosen by strangers."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()

    def add(self, name: str, amount: int = 1, **labels: str) -> None:
        """Adds to one count."""
        self._counts[(name, tuple(sorted(labels.items())))] += amount

    def bound(self, name: str, **labels: str) -> Callable[[], None]:
        """What adds one to one count, for where that happens thousands of times a second."""
        counts, key = self._counts, (name, tuple(sorted(labels.items())))

        def add() -> None:
            counts[key] += 1

        return add

    def value(self, name: str, **labels: str) -> int:
        """One count; 0 where nothing was counted."""
        return self._counts[(name, tuple(sorted(labels.items())))]

    def text(self) -> str:
        """All counts in the Prometheus text format."""
        lines = []
        for (name, labels), count in sorted(self._counts.items()):
            inner = ",".join(f'{key}="{_quoted(value)}"' for key, value in labels)
            lines.append(f"{name}{{{inner}}} {count}" if inner else f"{name} {count}")
        return "\n".join(lines) + "\n"


counters = Counters()
"""The counts of this process."""


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Served(NamedTuple):
    """A request that was answered out of memory, for its log line; `created` is Unix time."""

    created: float
    request_id: str
    path: str
    status: int
    seconds: float
    method: str = "GET"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request id, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        entry: dict[str, object] = {
            "time": f"{_utc(int(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            entry["request_id"] = current
        entry.update(_extras(record))
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)

    def line_of(self, one: Served) -> str:
        """What `format` would make of the record of this request."""
        second = int(one.created)
        return (
            f'{{"time": "{_utc(second)}.{int((one.created - second) * 1000):03d}Z", "level": "info",'
            f' "logger": "{REQUEST_LOGGER}", "message": "request", "request_id": "{one.request_id}",'
            f' "method": "{one.method}", "path": {_json_text(one.path)}, "status": {one.status},'
            f' "ms": {one.seconds * 1000:.1f}}}'
        )


class TextFormatter(logging.Formatter):
    """One line for people: time, level, message and `key=value` of what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a readable line; line breaks in values are shown as escapes, so that one stays one."""
        clock = _local(int(record.created))
        parts = [f"{clock} {record.levelname.lower():<7} {_one_line(record.getMessage())}"]
        parts += [f"{key}={_one_line(str(value))}" for key, value in _extras(record).items()]
        if current := request_id.get():
            parts.append(f"request_id={current}")
        line = " ".join(parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line

    def line_of(self, one: Served) -> str:
        """What `format` would make of the record of this request."""
        ms = round(one.seconds * 1000, 1)
        return (
            f"{_local(int(one.created))} info    request method={one.method} path={_one_line(one.path)}"
            f" status={one.status} ms={ms} request_id={one.request_id}"
        )


@lru_cache(maxsize=16)
def _utc(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


@lru_cache(maxsize=16)
def _local(second: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(second))


@lru_cache(maxsize=256)
def _json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class LineHandler(logging.StreamHandler[TextIO]):
    """A stream of log lines that takes many at once as well."""

    def __init__(self, stream: TextIO, formatter: JsonFormatter | TextFormatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)
        self._line_of = formatter.line_of

    def write_served(self, served: Sequence[Served]) -> None:
        """The lines of these requests, in one write."""
        with self.lock or contextlib.nullcontext():
            try:
                self.stream.write("".join(f"{self._line_of(one)}\n" for one in served))
                self.flush()
            except (OSError, ValueError):  # as for any line: a log that can't be written stops nobody
                pass


class RequestLines:
    """Log lines of what is answered out of memory: written together a moment later, since a line costs more than such
    an answer. `wall` gives Unix time."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._waiting: list[Served] = []
        self._log = logging.getLogger(REQUEST_LOGGER)

    def add(self, name: str, path: str, status: int, seconds: float, method: str = "GET") -> None:
        """Note one request; `name` is its id."""
        if not self._log.isEnabledFor(logging.INFO):
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(LINES_AFTER, self.flush)
        self._waiting.append(Served(self._wall(), name, path, status, seconds, method))
        if len(self._waiting) >= LINES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        served, self._waiting = self._waiting, []
        if not served:
            return
        for handler in logging.getLogger().handlers:
            if isinstance(handler, LineHandler):
                handler.write_served(served)
            else:
                for one in served:
                    handler.handle(self._record(one))

    def _record(self, one: Served) -> logging.LogRecord:
        extra = {"method": one.method, "path": one.path, "status": one.status, "ms": round(one.seconds * 1000, 1)}
        record = self._log.makeRecord(REQUEST_LOGGER, logging.INFO, "", 0, "request", (), None, extra=extra)
        record.created, record.request_id = one.created, one.request_id
        return record


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD}


def set_up_logging(level: str = "info", style: str = "auto", stream: TextIO | None = None) -> None:
    """Sends all log lines to `stream` (standard error); `style` is text, json or auto (text on a terminal)."""
    out = stream if stream is not None else sys.stderr
    as_text = style == "text" or (style == "auto" and out.isatty())
    handler = LineHandler(out, TextFormatter() if as_text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    # aiohttp reports each broken connection at debug and malformed requests as errors: not news to an operator.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    logging.getLogger("aiohttp.access").setLevel(logging.CRITICAL)
