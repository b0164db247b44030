"""Responses that are files: the event loop sends them, and a thread closes them."""

import os
import stat
from typing import TYPE_CHECKING, Any
from wsgiref.util import FileWrapper as StandardFileWrapper

if TYPE_CHECKING:
    from framework_gateway.wsgi.exchange import Exchange


class FileWrapper(StandardFileWrapper):
    """``wsgi.file_wrapper``: a file that the event loop can send without a thread."""

    filelike: Any

    @property
    def is_regular(self) -> bool:
        """Whether it is a file on disk; reading a pipe or a socket could block."""
        try:
            return stat.S_ISREG(os.fstat(self.filelike.fileno()).st_mode)
        except (AttributeError, OSError, ValueError):
            return False


class CloseJob:
    """A job that calls the ``close()`` of a file after the event loop has sent it."""

    returned = False
    counted = False

    def __init__(self, exchange: "Exchange") -> None:
        self.exchange = exchange

    def claim(self) -> bool:
        """Return True; only one thread receives this job."""
        return True

    def run(self) -> None:
        """Close the file."""
        exchange = self.exchange
        exchange.context.run(exchange.close, exchange.file)
        self.returned = True

    def notify(self) -> None:
        """Do nothing; no coroutine waits for this job."""
