"""One form for every log record of the process: the frameworks', the server's and our own."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quote

from contract.request_id import request_id

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

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get() or "-"
        return True


class TextFormatter(logging.Formatter):
    """Write a record as lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(shorten(line, MAX_TEXT) for line in super().format(record).split("\n"))


class JSONFormatter(logging.Formatter):
    """Write a record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        traceback = self.formatException(record.exc_info) if record.exc_info else ""
        traceback = shorten(traceback, MAX_TRACEBACK, json_size)
        room = MAX_MESSAGE - json_size(traceback)
        document = {
            "ts": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": shorten(record.getMessage(), room, json_size),
            "request_id": request_id.get() or None,
        }
        if traceback:
            document["exc"] = traceback
        return json.dumps(document)


def configure(env: str) -> None:
    """Send all records to stderr, JSON in production and readable lines in development.

    Does nothing where the process has a configuration of its own already.
    """
    handler = logging.StreamHandler()
    handler.addFilter(AddRequestID())
    handler.setFormatter(JSONFormatter() if env == "production" else TextFormatter(READABLE))
    logging.basicConfig(handlers=[handler])
