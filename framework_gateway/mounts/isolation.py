"""Describe how the application of a mount runs in a process of its own."""

from collections.abc import Mapping
from typing import Any

from framework_gateway.mounts.loading import ApplicationError
from framework_gateway.mounts.options import MountOptions
from framework_gateway.processes.options import Process
from framework_gateway.processes.plan import Plan

# The options that the gateway applies itself to a mount in a process of its own.
NOT_IN_CHILD = {"process", "login", "page_headers", "redirect", "request_timeout"}


def plan_for(
    label: str,
    prefix: str,
    source: Any,
    options: MountOptions,
    environment: Mapping[str, str],
    process: Process,
) -> Plan:
    """Return how to run an application in a process of its own.

    Args:
        label: the prefix of its mount, or the name of a target.
        prefix: the path in front of the application's own.
        source: its import string; anything, if the process has a command.
        options: those of the mount.
        environment: the variables of the gateway.
        process: those of the process.

    Raises:
        ApplicationError: the process can neither import the application nor has a command.
    """
    if not isinstance(source, str) and process.command is None:
        raise ApplicationError(
            f"{source!r} cannot run in a process of its own: give its import string"
        )
    known = options.model_dump(mode="json", exclude=NOT_IN_CHILD)
    return Plan(label, prefix, str(source), process, known, environment)
