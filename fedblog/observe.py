"""What an operator sees: structured log lines on standard error, the id of the request at hand, plain counters.

No line holds a cookie, a key, a password, a query string or the text of anybody's reply.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter
from contextvars import ContextVar
from typing import TextIO

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Id of the request being answered, "" outside of one."""

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class Counters:
    """Named counts since the start of this process; labels are few and never chosen by strangers."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()

    def add(self, name: str, amount: int = 1, **labels: str) -> None:
        """Adds to one count."""
        self._counts[(name, tuple(sorted(labels.items())))] += amount

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


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request id, and what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        entry: dict[str, object] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
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


class TextFormatter(logging.Formatter):
    """One line for people: time, level, message and `key=value` of what was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a readable line; line breaks in values are shown as escapes, so that one stays one."""
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        parts = [f"{clock} {record.levelname.lower():<7} {_one_line(record.getMessage())}"]
        parts += [f"{key}={_one_line(str(value))}" for key, value in _extras(record).items()]
        if current := request_id.get():
            parts.append(f"request_id={current}")
        line = " ".join(parts)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD}


def set_up_logging(level: str = "info", style: str = "auto", stream: TextIO | None = None) -> None:
    """Sends all log lines to `stream` (standard error); `style` is text, json or auto (text on a terminal)."""
    out = stream if stream is not None else sys.stderr
    as_text = style == "text" or (style == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    # aiohttp reports each broken connection at debug and malformed requests as errors: not news to an operator.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    logging.getLogger("aiohttp.access").setLevel(logging.CRITICAL)
