"""An application that configures logging as if it were alone, and fails."""

import logging
import logging.config
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import uvicorn.config
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

GATEWAYS = ("framework_gateway", "uvicorn", "uvicorn.error", "companion", "companion.clock")

CONSOLE = {
    "version": 1,
    "formatters": {"own": {"format": "own %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "own"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
CONSOLE_INI = """
[loggers]
keys=root
[handlers]
keys=console
[formatters]
keys=own
[logger_root]
level=INFO
handlers=console
[handler_console]
class=StreamHandler
args=(sys.stderr,)
formatter=own
[formatter_own]
format=own %(name)s %(message)s
"""


def file_config() -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
        file.write(CONSOLE_INI)
        file.flush()
        logging.config.fileConfig(file.name)


def replace_root_handler() -> None:
    root = logging.getLogger()
    root.handlers.clear()
    root.addHandler(logging.StreamHandler())


def configure_gateways_loggers() -> None:
    """Name the gateway's loggers: the only way to a level, a handler and an end of their own."""
    silent = {"level": "CRITICAL", "handlers": [], "propagate": False}
    logging.config.dictConfig({"version": 1, "loggers": dict.fromkeys(GATEWAYS, silent)})


def silence_each_logger() -> None:
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = False
        logger.disabled = True
        logger.setLevel(logging.CRITICAL)


def make_records_only_in_requests() -> None:
    def make(*_args: Any, **_options: Any) -> logging.LogRecord:
        raise LookupError("outside a request")

    logging.setLogRecordFactory(make)


class Broken(logging.Handler):
    """A handler that fails."""

    def emit(self, record: logging.LogRecord) -> None:
        raise LookupError("outside a request")


def add_a_broken_handler() -> None:
    for name in GATEWAYS:
        logging.getLogger(name).addHandler(Broken())


STEPS: dict[str, Callable[[], object]] = {
    "dictConfig": lambda: logging.config.dictConfig(CONSOLE),
    "fileConfig": file_config,
    "disable": lambda: logging.disable(logging.CRITICAL),
    "root-level": lambda: logging.getLogger().setLevel(logging.CRITICAL + 1),
    "root-handlers": replace_root_handler,
    "basicConfig": lambda: logging.basicConfig(force=True, level=logging.INFO, stream=sys.stderr),
    "shutdown": logging.shutdown,
    "named": configure_gateways_loggers,
    "each": silence_each_logger,
    "uvicorn": lambda: logging.config.dictConfig(uvicorn.config.LOGGING_CONFIG),
    "last-resort": lambda: setattr(logging, "lastResort", None),
    "handler": add_a_broken_handler,
    "factory": make_records_only_in_requests,
}

logging.config.dictConfig(CONSOLE)  # disables all loggers that exist


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Take a step, or fail before, within or after the response."""
    if scope["type"] != "http":
        return
    request = Request(scope)
    *_, action = request.url.path.split("/")
    if action == "fail":
        raise RuntimeError(f"boom {request.headers['X-Request-ID']}")
    if action not in ("half", "after"):
        STEPS[action]()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if action == "half":
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError(f"boom {request.headers['X-Request-ID']}")
    await send({"type": "http.response.body"})
    if action == "after":
        raise RuntimeError(f"boom {request.headers['X-Request-ID']}")


def wsgi(environ: dict[str, Any], _start_response: object) -> Any:
    raise RuntimeError(f"boom {environ['HTTP_X_REQUEST_ID']}")
