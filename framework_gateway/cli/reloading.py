"""The implementation of ``gateway serve --reload``."""

import asyncio
import logging
import socket
import sys
from functools import partial
from multiprocessing.sharedctypes import RawValue
from pathlib import Path

from framework_gateway.cli.imports import SourceError
from framework_gateway.cli.serving import run_server
from framework_gateway.cli.sources import Source
from framework_gateway.config import get_config
from framework_gateway.observability import logs
from framework_gateway.server.changes import module_directories
from framework_gateway.server.companions import CompanionStates
from framework_gateway.server.generations import Ask
from framework_gateway.server.reloader import Reloader, ReloadState
from framework_gateway.server.server import Callback
from framework_gateway.server.workers import EXIT_NOT_STARTED

logger = logging.getLogger("framework_gateway")


def run_reloader(
    source: Source, listener: socket.socket, grace: float, companions: CompanionStates
) -> int:
    """Serve the Gateway of a source, and each change of its code; return the exit status."""
    state = RawValue(ReloadState)
    return Reloader(
        partial(load_and_run, source, state, companions),
        source.read,
        listener,
        directories=[Path(source.find_directory(source.read()))],
        file=source.file,
        grace=grace,
        state=state,
    ).run()


def load_and_run(
    source: Source,
    state: ReloadState,
    companions: CompanionStates,
    listener: socket.socket,
    on_start: Callback,
    ask: Ask,
) -> None:
    """Load the Gateway in this process, and serve it if the parent agrees."""
    logs.configure(get_config().env)
    try:
        app = source.load()
    except SourceError as error:
        logger.error("%s", error)
        sys.exit(EXIT_NOT_STARTED)
    app.watch_companions(companions)
    tasks = app.tasks
    app.tasks = lambda: {**tasks(), "reload": state}

    async def on_ready() -> bool:
        await app.wait_until_started()
        return await asyncio.to_thread(ask, app.failures, module_directories())

    run_server(app, listener, on_start, on_ready)
