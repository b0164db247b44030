"""An application whose own log format has the request's id, as in docs/operations.md."""

import logging
import logging.config
from typing import Any

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "framework_gateway.AddRequestID"}},
    "formatters": {"line": {"format": "%(levelname)s [%(request_id)s] %(message)s"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["request_id"],
            "formatter": "line",
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
logging.config.dictConfig(LOGGING)


def app(_environ: object, start_response: Any) -> Any:
    logging.getLogger("configured").info("the shop is open")
    start_response("200 OK", [])
    return [b""]
