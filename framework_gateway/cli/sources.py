"""Load the Gateway for a command."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from framework_gateway.app import Gateway
from framework_gateway.cli.file.model import GatewayFile
from framework_gateway.cli.file.reading import Parsed, model_at, read_file, suggest
from framework_gateway.cli.file.variables import export
from framework_gateway.cli.imports import SourceError, import_gateway, import_login
from framework_gateway.config import Config, reason_of
from framework_gateway.migrate.move import Move
from framework_gateway.mounts.mount import Mount
from framework_gateway.processes.options import Process

DEFAULT = "gateway:app"
SERVE_OWN = (
    "give a Gateway as MODULE:APP, or serve your own applications with"
    " --only-mounts --mount /PREFIX=MODULE:APP"
)


@dataclass(frozen=True)
class Source:
    """The options that select the Gateway; they are pickled for worker processes.

    Attributes:
        name: ``module:attribute`` of a Gateway or its factory; None for that of the file, or else
            for ``gateway:app``.
        mounts: prefixes and import strings of additional applications.
        options: prefixes, names and values of options of mounts.
        isolated: prefixes of mounts that run in processes of their own.
        only_mounts: serve only the additional applications.
        directory: the directory to import modules from.
        settings: settings of ``Config`` that differ from the file and the environment.
        file: describes a gateway, to which the other options add.
        hint: what a person can do where there is no Gateway.
    """

    name: str | None = None
    mounts: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str, str], ...] = ()
    only_mounts: bool = False
    directory: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None
    isolated: tuple[str, ...] = ()
    hint: str = SERVE_OWN

    def read(self) -> Parsed | None:
        """Read the file, if there is one, and set the environment variables of its settings.

        Raises:
            FileError: the file cannot be used.
        """
        if self.file is None:
            return None
        parsed = read_file(self.file)
        export(parsed.settings)
        return parsed

    def load(self) -> Gateway:
        """Return the Gateway.

        Raises:
            FileError: the file cannot be used.
            SourceError: there is no Gateway.
        """
        parsed = self.read()
        content = None if parsed is None else parsed.content
        directory = self.find_directory(parsed)
        if directory not in sys.path:
            sys.path.insert(0, directory)
        gateway = self._make(content, directory)
        if content is not None and not self.only_mounts:
            add(content, gateway)
        self._mount(gateway)
        self._configure(gateway, {} if parsed is None else parsed.settings)
        if fault := find_login_fault(gateway):
            raise SourceError(fault)
        return gateway

    def find_directory(self, parsed: Parsed | None) -> str:
        """Return the directory to import modules from.

        Raises:
            SourceError: it does not exist.
        """
        directory, setting = self.directory, "--app-dir"
        if not directory and parsed is not None:
            directory, setting = str(parsed.app_dir), "app_dir"
        if not Path(directory or ".").is_dir():
            raise SourceError(f"{setting}: there is no directory {directory}")
        return directory

    def _make(self, content: GatewayFile | None, directory: str) -> Gateway:
        """Import the Gateway, or make an empty one for the mounts."""
        if self.only_mounts:
            if self.name is not None:
                raise SourceError("--only-mounts cannot be combined with MODULE:APP")
            if not self.mounts:
                raise SourceError("--only-mounts requires --mount")
            return Gateway()
        name = self.name or (content and content.base)
        if name is None and content is not None and (content.mounts or content.moves):
            return Gateway()
        if name is None and not Path(directory, "gateway.py").is_file():
            raise SourceError(f"There is no gateway.py here: {self.hint}")
        return import_gateway(name or DEFAULT)

    def _mount(self, gateway: Gateway) -> None:
        """Add what the command line names."""
        prefixes = [prefix for prefix, _ in self.mounts]
        for prefix, application in self.mounts:
            if prefixes.count(prefix) > 1:
                raise SourceError(f"--mount: {prefix} was given twice")
            try:
                gateway.mount_application(prefix, application)
            except ValueError as error:
                raise SourceError(f"--mount: {error}") from error
        for prefix in self.isolated:
            self._find(gateway, "--isolate", prefix).set_options(process=Process())
        for prefix, name, value in self.options:
            self._set_option(gateway, prefix, name, value)

    def _set_option(self, gateway: Gateway, prefix: str, name: str, value: str) -> None:
        mount = self._find(gateway, "--mount-option", prefix)
        try:
            mount.set_options(**nested(mount, name, value))
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            reason = reason_of(problem)
            if problem["type"] == "extra_forbidden":
                place = ("mounts", 0, *problem["loc"])
                options = ", ".join(model_at(place[:-1]).model_fields)
                reason = f"unknown{suggest(place) or f'; the options are {options}'}"
            raise SourceError(f"--mount-option {prefix}:{name}: {reason}") from error

    @staticmethod
    def _find(gateway: Gateway, option: str, prefix: str) -> Mount:
        """Return the mount at a prefix that an option of the command names."""
        mount = gateway.planned.get(prefix.rstrip("/"))
        if mount is None:
            raise SourceError(f"{option}: there is no mount at {prefix}")
        return mount

    def _configure(self, gateway: Gateway, settings: Mapping[str, Any]) -> None:
        """Apply the settings: the command line over the file over the gateway's own."""
        try:
            given = gateway.config.model_dump(include=gateway.config.model_fields_set)
            gateway.config = Config(**{**given, **settings, **self.settings})
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            option = str(problem["loc"][0]).replace("_", "-")
            raise SourceError(f"--{option}: {reason_of(problem)}") from error


def nested(mount: Mount, name: str, value: str) -> dict[str, Any]:
    """Return the option that ``name`` or ``process.name`` sets, with what was set before."""
    first, *rest = name.split(".", 2)
    if first != "process" or not rest:
        return {name: value}
    process = mount.options.process
    known = {} if process is None else process.model_dump(exclude_unset=True)
    if len(rest) == 2:  # process.environment.NAME
        known[rest[0]] = {**known.get(rest[0], {}), rest[1]: value}
    else:
        known[rest[0]] = value
    return {"process": known}


def add(content: GatewayFile, gateway: Gateway) -> None:
    """Add what a file names to a gateway.

    Raises:
        SourceError: the login cannot be imported.
    """
    for entry in content.mounts:
        gateway.mount_application(entry.prefix, entry.application, **entry.options)
    for move in content.moves:
        gateway.add_move(
            Move(move.prefix, old=move.old, new=move.new, **move.side_options, **move.options)
        )
    gateway.companions.update(content.companions)
    gateway.links.update(content.links)
    if content.login is not None:
        gateway.admit = import_login(content.login)


def find_login_fault(gateway: Gateway) -> str | None:
    """Return which mount requires a login that the gateway does not have."""
    for mount in gateway.planned.values():
        if mount.options.login and gateway.admit is None:
            return f"{mount.label}: login is on, but the gateway has no login (an Admission)"
    return None
