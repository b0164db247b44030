"""Serve a Gateway in this process, in worker processes, or in one that is replaced at changes."""

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from framework_gateway.app import Gateway
from framework_gateway.cli.reloading import run_reloader
from framework_gateway.cli.rereading import reread_at_sighup
from framework_gateway.cli.serving import listen, run_server, run_workers
from framework_gateway.cli.sources import Source
from framework_gateway.config import get_config
from framework_gateway.observability import logs
from framework_gateway.processes.supervisor import longest_stop, replace_processes, run_processes
from framework_gateway.server.companions import GRACE, run_companions


def serve_source(
    source: Source, companions: Mapping[str, Sequence[str]], *, reload: bool = False
) -> None:
    """Serve the Gateway of a source until the process is stopped.

    Args:
        source: selects the Gateway.
        companions: commands in addition to those of the Gateway, by name.
        reload: serve each change of the code.

    Raises:
        SourceError: there is no Gateway.
        ClickException: it cannot be served.
        SystemExit: it has stopped with another status than 0.
    """
    source.read()  # first, because it changes the settings
    logs.configure(get_config().env)
    gateway = source.load()
    settings = gateway.config
    if fault := find_fault(gateway, reload):
        raise click.ClickException(fault)
    listener = listen(settings.host, settings.port)
    announce(settings.host, listener.getsockname()[1], gateway.links, source.file)
    commands = {**gateway.companions, **companions}
    grace, plans = settings.graceful_timeout, gateway.plans
    if reload:
        # Isolated processes belong to a version of the code, so each new process has its own.
        with run_companions(commands) as states:
            sys.exit(run_reloader(source, listener, grace + longest_stop(plans), states))
    with run_companions(commands) as states, run_processes(plans) as processes:
        signal.signal(signal.SIGUSR1, replace_processes)
        reread_at_sighup(source.file, settings)
        if settings.workers > 1:
            # Each worker process loads the gateway itself.
            number = settings.workers
            sys.exit(run_workers(source.load, number, listener, grace, states, processes))
        gateway.watch_companions(states)
        gateway.watch_processes(processes)
        extra_time = (GRACE if commands else 0.0) + longest_stop(plans)
        run_server(gateway, listener, extra_time=extra_time)


def find_fault(gateway: Gateway, reload: bool) -> str | None:
    """Return why the gateway cannot be served as it is asked for; None if it can."""
    settings = gateway.config
    several = settings.workers > 1
    if fault := settings.fault or (gateway.find_workers_fault() if several else None):
        return fault
    if reload and settings.env == "production":
        return "--reload is for development; leave it out, because GATEWAY_ENV is production"
    if reload and several:
        return "--reload serves in one process; leave it out, or use --workers 1"
    return None


def announce(host: str, port: int, links: Mapping[str, str], file: Path | None) -> None:
    """Print the file that describes the gateway, and the links."""
    origin = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if file is not None:
        click.echo(f"{'Settings':<11}{file}")
    for name, path in links.items():
        click.echo(f"{name:<11}{origin}{path}" if len(name) < 11 else f"{name} {origin}{path}")
