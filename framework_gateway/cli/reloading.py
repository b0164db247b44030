"""The implementation of ``gateway serve --reload``."""

import asyncio
import logging
import socket
import sys
from functools import partial
from multiprocessing.sharedctypes import RawValue
from pathlib import Path

from framework_gateway.app import Gateway
from framework_gateway.cli.file.variables import write_no_bytecode
from framework_gateway.cli.imports import SourceError
from framework_gateway.cli.serving import run_server
from framework_gateway.cli.sources import Source
from framework_gateway.config import get_config
from framework_gateway.observability import logs
from framework_gateway.processes.isolated import Isolated
from framework_gateway.processes.plan import Plan
from framework_gateway.processes.supervisor import longest_stop, supervisors
from framework_gateway.server.changes import is_own, module_files
from framework_gateway.server.companions import CompanionStates
from framework_gateway.server.generations import Parent, Report
from framework_gateway.server.reloader import Reloader, ReloadState
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
        restart=restart_processes,
    ).run()


def load_and_run(
    source: Source,
    state: ReloadState,
    companions: CompanionStates,
    listener: socket.socket,
    parent: Parent,
) -> None:
    """Load the Gateway in this process, and serve it if the parent agrees."""
    write_no_bytecode()
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
        return await asyncio.to_thread(parent.ask, report_of(app))

    run_server(
        app,
        listener,
        parent.note_listening,
        on_ready=on_ready,
        on_close=parent.note_closed,
        extra_time=longest_stop(app.plans),
    )


def report_of(app: Gateway) -> Report:
    """Return what is wrong, and which files are whose."""
    modules = module_files()
    isolated = {
        mount.label: source
        for mount in app.mounts
        if isinstance(mount.application, Isolated)
        if (source := source_of(mount.application.plan)) is not None
    }
    directories = {file.parent for file in modules}
    directories |= {path if path.is_dir() else path.parent for path in isolated.values()}
    return Report(app.failures, directories, modules, isolated)


def source_of(plan: Plan) -> Path | None:
    """Return the directory, or the only file, of an application in processes of its own.

    None if it cannot be told from the files of the other applications.
    """
    paths = [Path(path).resolve() for path in sys.path]
    if plan.process.working_directory is not None:
        directory = Path(plan.directory).resolve()
        return None if any(path.is_relative_to(directory) for path in paths) else directory
    name = plan.application.partition(":")[0].partition(".")[0]
    found = (Path(path, name + end) for path in paths for end in ("", ".py") if name)
    source = next((path for path in found if path.exists()), None)
    return source if source is not None and is_own(source.parent) else None


def restart_processes(label: str) -> None:
    """Replace the processes of a mount, one by one."""
    for supervisor in [*supervisors]:
        if supervisor.plan.label == label:
            supervisor.replace()
