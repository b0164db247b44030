"""One form for every log record of the process: the frameworks', the server's and our own."""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from framework_gateway.observability.request_id import request_id

READABLE = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"

# No line is longer than 8 KiB, whatever a client has sent: collectors of logs cut longer ones.
MAX_TEXT = 2000  # characters of a line, each of at most four bytes
MAX_MESSAGE = 7500  # bytes in JSON, with the traceback,
MAX_TRACEBACK = 5000  # which takes at most so many of them


def shorten(text: str, most: int, size: Callable[[str], int] = len) -> str:
    """Return a text without its middle where it is too long; a traceback's ends say most.

    Args:
        most: the largest size.
        size: measures a text.
    """
    shown, half = text, min(len(text) // 2, most)
    while size(shown) > most:
        half = half * 3 // 4
        shown = f"{text[:half]} [...] {text[-half:]}"
    return shown


def json_size(text: str) -> int:
    """Return how many bytes JSON writes a text in."""
    return len(quote(text))


class AddRequestID(logging.Filter):
    """Give each record the id of the request during which it was made; ``-`` outside of any."""

    source: ContextVar[str] = request_id

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = self.source.get() or "-"
        return True


class TextFormatter(logging.Formatter):
    """Write a record as lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(shorten(line, MAX_TEXT) for line in super().format(record).split("\n"))


class JSONFormatter(JsonFormatter):
    """Write a record as one line of JSON: ts, level, logger, message, request_id, exc."""

    def __init__(self) -> None:
        names = {"levelname": "level", "name": "logger", "exc_info": "exc"}
        super().__init__("{levelname}{name}{message}", style="{", rename_fields=names)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        log_data["ts"] = at.replace("+00:00", "Z")
        super().add_fields(log_data, record, message_dict)
        log_data["request_id"] = AddRequestID.source.get() or None
        traceback = shorten(log_data.get("exc") or "", MAX_TRACEBACK, json_size)
        if traceback:
            log_data["exc"] = traceback
        room = MAX_MESSAGE - json_size(traceback)
        log_data["message"] = shorten(record.getMessage(), room, json_size)


def configure(env: str) -> None:
    """Send all records to stderr, JSON in production and readable lines in development.

    Does nothing where the process has a configuration of its own already.
    """
    handler = logging.StreamHandler()
    handler.addFilter(AddRequestID())
    handler.setFormatter(JSONFormatter() if env == "production" else TextFormatter(READABLE))
    logging.basicConfig(handlers=[handler])


def read_request_id_from(source: ContextVar[str]) -> None:
    """Take the ids in log records from a variable other than the library's own."""
    AddRequestID.source = source
