"""Keep the gateway's log records apart from the `logging` of the applications.

Applications in one process share Python's loggers. Any of them may replace the handlers of the root
logger, disable every logger that exists (`dictConfig` does so by default), or all records below a
level. So in a process of the gateway:

- The gateway's loggers have a root of their own, which `logging` does not list, and they ignore
  attempts to silence them.
- The root logger has no handler, so that an application's `basicConfig()` has its usual effect.
  Behind the root logger, one more handler writes the records that no other handler takes.

Until `install()` is called, all of them are usual loggers.
"""

import logging
import sys
from typing import Any

# The level from which the gateway always writes records, by the name of the logger.
LEVELS = {
    "companion": logging.WARNING,
    "framework_gateway": logging.WARNING,
    "uvicorn": logging.WARNING,
    "uvicorn.error": logging.WARNING,  # a name of uvicorn's: all its records but access lines
}

# The parent of the gateway's loggers, in place of the root logger.
ROOT = logging.Logger("gateway", logging.WARNING)

# Of Django's default configuration.
MAIL = "django.utils.log", "AdminEmailHandler"
ONLY_DEBUG = "django.utils.log", "RequireDebugTrue"


class GatewayLogger(logging.Logger):
    """A logger that the applications cannot silence; its handlers and level can only add records.

    A filter can drop some: nobody adds one to these loggers by accident. The class of an existing
    logger is set to this one, so it has no ``__init__``.
    """

    least = logging.WARNING  # records of this level and above are always written

    @property
    def disabled(self) -> bool:
        """False, whatever is assigned."""
        return False

    @disabled.setter
    def disabled(self, value: bool) -> None:
        pass  # assigned by dictConfig() and fileConfig() to each logger that they do not name

    @property
    def propagate(self) -> bool:
        """True, whatever is assigned: ROOT comes last."""
        return True

    @propagate.setter
    def propagate(self, value: bool) -> None:
        pass

    def addHandler(self, hdlr: logging.Handler) -> None:
        """Add a handler, unless it writes to stderr, where each record already is."""
        stderr = sys.stderr, sys.__stderr__
        if not (isinstance(hdlr, logging.StreamHandler) and hdlr.stream in stderr):
            super().addHandler(hdlr)

    def isEnabledFor(self, level: int) -> bool:
        """Return whether a record is written; this disregards ``logging.disable()``."""
        return level >= min(self.least, self.getEffectiveLevel())

    def makeRecord(self, *args: Any, **options: Any) -> logging.LogRecord:
        """Make a record, even if an application's record factory fails outside its requests."""
        try:
            return super().makeRecord(*args, **options)
        # The factory is the application's, and may raise anything.
        except Exception:
            # The same arguments, except the last but one: values for a handler's own format.
            return logging.LogRecord(*args[:8], *args[9:])

    def handle(self, record: logging.LogRecord) -> None:
        """Handle a record, even if a filter or handler of an application fails."""
        try:
            super().handle(record)
        # Filters and handlers may raise anything; the handler of ROOT does not.
        except Exception:
            ROOT.handle(record)


def get_logger(name: str, level: int = logging.NOTSET) -> logging.Logger:
    """Return a logger that belongs to the gateway, as ``logging.getLogger()`` returns others.

    Args:
        name: without dots, or below such a name that belongs to the gateway.
        level: the level of the logger; by default that of its parent.
    """
    logger = logging.getLogger(name)
    if level:
        logger.setLevel(level)
    LEVELS[name] = level or logging.WARNING
    if ROOT.handlers:
        protect(logger)
    return logger


def protect(logger: logging.Logger) -> None:
    """Make an existing logger one of the gateway's."""
    logger.__class__ = GatewayLogger
    logger.least = LEVELS[logger.name]  # type: ignore[attr-defined]
    if logger.parent is logging.root:
        logger.parent = ROOT


def install(handler: logging.Handler) -> None:
    """Write all records of the gateway to a handler, and those that no other handler takes."""
    ROOT.handlers = [handler]
    for name in sorted(LEVELS):  # parents first
        protect(logging.getLogger(name))
    ROOT.setLevel(logging.WARNING)  # forgets which levels the loggers below have found enabled
    logging.root.parent = last = logging.Logger("last")
    last.handlers = Unlisted([LastHandler(handler)])
    logging.lastResort = handler  # of loggers that do not propagate to the root logger


class Unlisted(list[logging.Handler]):
    """Handlers that get records, but do not count for ``hasHandlers()``.

    Many applications configure logging only if the root logger has no handlers.
    """

    def __bool__(self) -> bool:
        return False


class LastHandler(logging.Handler):
    """Passes on the records that no other handler takes.

    ``logging.lastResort`` is not enough: Flask gives its logger a handler if it finds none, and
    Django has handlers by default that write nothing unless DEBUG is set.
    """

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__()
        self.handler = handler

    def handle(self, record: logging.LogRecord) -> Any:
        """Pass a record on, or not."""
        if any(takes(handler, record) for handler in handlers_of(record.name)):
            return False
        return self.handler.handle(record)


def handlers_of(name: str) -> list[logging.Handler]:
    """Return the handlers that the records of a logger pass, up to the root logger."""
    found: list[logging.Handler] = []
    logger: logging.Logger | None = logging.getLogger(name)
    while logger is not None:
        found += logger.handlers
        logger = None if logger is logging.root or not logger.propagate else logger.parent
    return found


def takes(handler: logging.Handler, record: logging.LogRecord) -> bool:
    """Return whether an application has this handler for its records.

    A handler for higher levels does count, as for ``logging.lastResort``. A library's NullHandler
    does not. Of Django's defaults, the one that writes if DEBUG is set counts only then, and the
    one that sends mail to the admins does not count.
    """
    if isinstance(handler, logging.NullHandler) or name_of(handler) == MAIL:
        return False
    for found in handler.filters:
        # Not other filters, because they may count the records that they see.
        if isinstance(found, logging.Filter) and name_of(found) == ONLY_DEBUG:
            return bool(found.filter(record))
    return True


def name_of(thing: object) -> tuple[str, str]:
    """Return the module and name of an object's class, which need not be imported for it."""
    return type(thing).__module__, type(thing).__name__
