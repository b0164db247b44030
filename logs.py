"""One form for every log record of the process: the frameworks', the server's and our own."""

import json
import logging
from datetime import UTC, datetime

from users.request_id import request_id

READABLE = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"


class AddRequestID(logging.Filter):
    """Give each record the id of the request during which it was made; ``-`` outside of any."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get() or "-"
        return True


class JSONFormatter(logging.Formatter):
    """Write a record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        document = {
            "ts": at.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get() or None,
        }
        if record.exc_info:
            document["exc"] = self.formatException(record.exc_info)
        return json.dumps(document)


def configure(env: str) -> None:
    """Send all records to stderr, JSON in production and readable lines in development.

    Does nothing where the process has a configuration of its own already.
    """
    handler = logging.StreamHandler()
    handler.addFilter(AddRequestID())
    handler.setFormatter(JSONFormatter() if env == "production" else logging.Formatter(READABLE))
    logging.basicConfig(handlers=[handler])
