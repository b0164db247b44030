"""Format log records alike: of the gateway, the server, and applications without a handler."""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from framework_gateway import loggers
from framework_gateway.observability.request_id import request_id

OF_CHILD = "%(levelname)s %(name)s [%(request_id)s] %(message)s"  # the gateway adds the time
READABLE = f"%(asctime)s {OF_CHILD}"

# A line has at most 8 KiB, because log collectors split longer ones.
MAX_TEXT = 2000  # characters of a line, each of at most four bytes
MAX_MESSAGE = 7500  # bytes in JSON, including the traceback
MAX_TRACEBACK = 5000  # bytes in JSON


def shorten(text: str, max_size: int, size: Callable[[str], int] = len) -> str:
    """Remove the middle of a long text; the start and end of a traceback matter most.

    Args:
        text: the text.
        max_size: the largest size.
        size: returns the size of a text.
    """
    shown, half = text, min(len(text) // 2, max_size)
    while size(shown) > max_size:
        half = half * 3 // 4
        shown = f"{text[:half]} [...] {text[-half:]}"
    return shown


def json_size(text: str) -> int:
    """Return the size of a text in JSON, in bytes."""
    return len(quote(text))


class AddRequestID(logging.Filter):
    """Add the id of the current request to each record, as ``request_id``; ``-`` outside a request.

    A record that has a ``request_id`` keeps it: a queue may have brought it to another thread.
    """

    source: ContextVar[str] = request_id

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            record.request_id = self.source.get() or "-"
        return True


class TextFormatter(logging.Formatter):
    """Format a record as readable lines; times are in UTC, as in access lines.

    An application may move the time zone of the process.
    """

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(shorten(line, MAX_TEXT) for line in super().format(record).split("\n"))


class JSONFormatter(JsonFormatter):
    """Format a record as one line of JSON: ts, level, logger, message, request_id, exc."""

    def __init__(self) -> None:
        names = {"levelname": "level", "name": "logger", "exc_info": "exc"}
        super().__init__("{levelname}{name}{message}", style="{", rename_fields=names)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        log_data["ts"] = at.replace("+00:00", "Z")
        super().add_fields(log_data, record, message_dict)
        known = getattr(record, "request_id", None) or AddRequestID.source.get()
        log_data["request_id"] = None if known in ("", "-") else known
        traceback = shorten(log_data.get("exc") or "", MAX_TRACEBACK, json_size)
        if traceback:
            log_data["exc"] = traceback
        room = MAX_MESSAGE - json_size(traceback)
        log_data["message"] = shorten(record.getMessage(), room, json_size)


def configure(env: str) -> None:
    """Log to stderr: JSON in production, readable lines in development.

    Call it in a process of the gateway, not in a library; see ``framework_gateway.loggers``.
    """
    install(JSONFormatter() if env == "production" else TextFormatter(READABLE))


def configure_child() -> None:
    """Log to stderr in a process whose output becomes records of a gateway."""
    install(TextFormatter(OF_CHILD))


def install(formatter: logging.Formatter) -> None:
    """Log to stderr, with request ids."""
    handler = logging.StreamHandler()
    handler.addFilter(AddRequestID())
    handler.setFormatter(formatter)
    loggers.install(handler)


def read_request_id_from(source: ContextVar[str]) -> None:
    """Use another ContextVar for the request ids in log records."""
    AddRequestID.source = source
