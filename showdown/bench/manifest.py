"""The manifest of a result: how it was measured."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from contract.settings import BASE_DIR
from showdown.bench.databases import Databases
from showdown.bench.measure import MANY, MANY_TIMES, Plan
from showdown.bench.targets import Server

PACKAGES = [
    *("a2wsgi", "aiosqlite", "asgiref", "django", "fastapi", "flask", "framework-gateway"),
    *("granian", "gunicorn", "httptools", "psycopg", "pydantic", "quart", "sqlalchemy"),
    *("starlette", "uvicorn", "uvloop", "waitress"),
    *("aiohttp", "apig-wsgi", "httpx2", "mangum", "numpy", "psycopg-pool"),
]
PROGRAMS = {"wrk": ["wrk", "-v"], "node": ["node", "--version"], "go": ["go", "version"]}


def describe_run(plan: Plan, found: Databases, left_out: Mapping[str, str]) -> dict[str, Any]:
    """Return everything that the figures depend on.

    Args:
        left_out: by server, why it was not measured.
    """
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": describe_commit(),
        "machine": describe_machine(),
        "versions": describe_versions(),
        "database": found.version,
        "servers": {name: describe_server(server) for name, server in plan.used.items()},
        "left_out": dict(left_out),
        "load": {
            "program": "wrk, one thread, on the same machine",
            "keep_alive": True,
            "rounds": plan.rounds,
            "starts": plan.starts,
            "seconds": plan.seconds,
            "seconds_of_many_connections": {f"from {MANY} on": plan.seconds * MANY_TIMES},
            "warm_up_seconds": plan.warm_up,
            "order": "every case once in each round",
        },
    }


def describe_server(server: Server) -> dict[str, Any]:
    """Return the configuration of a server."""
    return {
        "command": server.command.format(port="PORT", threads=server.threads, directory="BUILD"),
        "workers": server.workers,
        "threads": server.threads,
        "variables": server.variables,
    }


def describe_versions() -> dict[str, str]:
    """Return the versions of what is installed, by name."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # left_out names the targets that need it
    for name, command in PROGRAMS.items():
        if shutil.which(name):
            # `wrk --version` exits with 1.
            run = subprocess.run(command, capture_output=True, text=True, timeout=30)
            versions[name] = (run.stdout or run.stderr).splitlines()[0].strip()
    return versions


def describe_machine() -> dict[str, Any]:
    """Return the machine's hardware and its load before the run."""
    cpu = _find(r"model name\s*:\s*(.+)", "/proc/cpuinfo")
    memory = _find(r"MemTotal:\s*(\d+)", "/proc/meminfo")
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "processor": cpu or "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": int(memory or 0) // 1024,
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def describe_commit() -> str:
    """Return the commit, with ``-dirty`` if files differ from it, or why it is unknown."""
    if not shutil.which("git"):
        return "unknown: git is not installed"
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    run = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, timeout=30)
    return run.stdout.strip() or "unknown: not a git checkout"


def _find(pattern: str, file: str) -> str | None:
    found = re.search(pattern, Path(file).read_text())
    return found[1].strip() if found else None
