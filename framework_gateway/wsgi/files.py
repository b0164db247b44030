"""Answers that are files: the event loop sends them, and a thread closes them."""

import os
import stat
from typing import TYPE_CHECKING, Any
from wsgiref.util import FileWrapper as StandardFileWrapper

if TYPE_CHECKING:
    from framework_gateway.wsgi.exchange import Exchange


class FileWrapper(StandardFileWrapper):
    """``wsgi.file_wrapper``: a file that the event loop may send without a thread."""

    filelike: Any

    @property
    def is_regular(self) -> bool:
        """Whether reading cannot wait for anybody: a file on disk, no pipe and no socket."""
        try:
            return stat.S_ISREG(os.fstat(self.filelike.fileno()).st_mode)
        except (AttributeError, OSError, ValueError):
            return False


class Closing:
    """The ``close()`` of an answer that the event loop has sent, done in a thread."""

    returned = False
    settled = False

    def __init__(self, exchange: "Exchange") -> None:
        self.exchange = exchange

    def claim(self) -> bool:
        """Nobody else would take it."""
        return True

    def run(self) -> None:
        """Close."""
        exchange = self.exchange
        exchange.context.run(exchange.close, exchange.file)
        self.returned = True

    def notice(self) -> None:
        """Nobody waits for it."""
