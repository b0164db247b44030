"""SIGHUP: use the rules of moves in an edited file, without a restart."""

import logging
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

from framework_gateway.cli.file.reading import FileError, read_file
from framework_gateway.config import Config
from framework_gateway.migrate.sharing import SharedState
from framework_gateway.migrate.state import MoveState
from framework_gateway.migrate.stores import StoreError, open_store

logger = logging.getLogger("framework_gateway")


def reread_at_sighup(file: Path | None, config: Config) -> None:
    """Handle SIGHUP from now on. Without a file, the signal does nothing.

    Args:
        file: describes the gateway.
        config: names the store.
    """

    def handle(*_: Any) -> None:
        # In a thread, because reading may block, and a handler interrupts the event loop.
        threading.Thread(target=reread, args=(file, config), daemon=True).start()

    signal.signal(signal.SIGHUP, signal.SIG_IGN if file is None else handle)


def reread(file: Path, config: Config) -> None:
    """Write the rules of a file to the store, from which all workers take them."""
    try:
        content = read_file(file).content
    except FileError as error:
        logger.error("%s is not used: %s", file, error)
        return
    assert content is not None  # read_file raises FileError otherwise
    store = open_store(config.moves_store)
    try:
        for move in content.moves:
            path = "" if move.prefix == "/" else move.prefix
            change = partial(MoveState.with_file, rules=move.rules)
            _, has_changed = SharedState(store, path).change(change)
            logger.warning("%s: %s", move.prefix, "new rules" if has_changed else "the same rules")
    except StoreError as error:
        logger.error("The rules of %s are not used: %s", file, error)
    finally:
        store.close()
