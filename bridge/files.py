"""Answers that are files: the event loop sends them, and a thread closes them."""

import logging
import os
import stat
from typing import TYPE_CHECKING, Any
from wsgiref.util import FileWrapper as StandardFileWrapper

if TYPE_CHECKING:
    from bridge.exchange import Exchange

logger = logging.getLogger("bridge")


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
        """Close; the answer is complete, so an error can only be logged."""
        assert self.exchange.file is not None
        if hasattr(self.exchange.file, "close"):
            try:
                self.exchange.context.run(self.exchange.file.close)
            except BaseException:  # SystemExit, too, would end the thread
                logger.exception("close() failed after a file was sent")
        self.returned = True

    def notice(self) -> None:
        """Nobody waits for it."""
