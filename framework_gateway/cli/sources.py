"""Load the Gateway for a command."""

import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from framework_gateway.app import Gateway
from framework_gateway.config import Config
from framework_gateway.mounts.loading import ApplicationError, import_application
from framework_gateway.mounts.options import MountOptions

DEFAULT = "gateway:app"


class SourceError(Exception):
    """No Gateway can be loaded; the message says what to do."""


@dataclass(frozen=True)
class Source:
    """The options that select the Gateway; they are pickled for worker processes.

    Attributes:
        name: ``module:attribute`` of a Gateway or its factory; None for ``gateway:app``.
        mounts: prefixes and import strings of additional applications.
        options: prefixes, names and values of options of mounts.
        only_mounts: serve only the additional applications.
        directory: the directory to import modules from.
        settings: settings of ``Config`` that differ from the environment.
    """

    name: str | None = None
    mounts: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str, str], ...] = ()
    only_mounts: bool = False
    directory: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Gateway:
        """Return the Gateway.

        Raises:
            SourceError: there is no Gateway.
        """
        if not Path(self.directory or ".").is_dir():
            raise SourceError(f"--app-dir: there is no directory {self.directory}")
        if self.directory not in sys.path:
            sys.path.insert(0, self.directory)
        if self.only_mounts:
            if self.name is not None:
                raise SourceError("--only-mounts cannot be combined with MODULE:APP")
            if not self.mounts:
                raise SourceError("--only-mounts requires --mount")
        gateway = Gateway() if self.only_mounts else self._import()
        prefixes = [prefix for prefix, _ in self.mounts]
        for prefix, application in self.mounts:
            if prefixes.count(prefix) > 1:
                raise SourceError(f"--mount: {prefix} was given twice")
            gateway.mount_application(prefix, application)
        for prefix, name, value in self.options:
            self._set_option(gateway, prefix, name, value)
        self._configure(gateway)
        return gateway

    def _set_option(self, gateway: Gateway, prefix: str, name: str, value: str) -> None:
        mount = gateway.planned.get(prefix.rstrip("/"))
        if mount is None:
            raise SourceError(f"--mount-option: there is no mount at {prefix}")
        try:
            mount.set_options(**{name: value})
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"]
            if name not in MountOptions.model_fields:
                reason = f"the options are {', '.join(MountOptions.model_fields)}"
            raise SourceError(f"--mount-option {prefix}:{name}: {reason}") from error

    def _configure(self, gateway: Gateway) -> None:
        try:
            given = gateway.config.model_dump(include=gateway.config.model_fields_set)
            gateway.config = Config(**{**given, **self.settings})
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            option = str(problem["loc"][0]).replace("_", "-")
            raise SourceError(f"--{option}: {problem['msg']}") from error

    def _import(self) -> Gateway:
        name = self.name or DEFAULT
        if self.name is None and not Path(self.directory, "gateway.py").is_file():
            raise SourceError(
                "There is no gateway.py here: give a Gateway as MODULE:APP, or serve your own"
                " applications with --only-mounts --mount /PREFIX=MODULE:APP"
            )
        try:
            found = import_application(name)
            gateway = found if isinstance(found, Gateway) or not callable(found) else found()
        except ApplicationError as error:
            raise SourceError(str(error)) from error
        # A user's module may raise anything while it is imported.
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            raise SourceError(
                f"{name} could not be imported: {error!r} ({place.filename}:{place.lineno})"
            ) from error
        if not isinstance(gateway, Gateway):
            raise SourceError(
                f"{name} is not a framework_gateway.Gateway; mount an application with"
                f" --only-mounts --mount /PREFIX={name}"
            )
        return gateway
