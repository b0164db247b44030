"""Load the Gateway for a command."""

import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from framework_gateway.app import Gateway
from framework_gateway.mounts.loading import ApplicationError, import_application

DEFAULT = "gateway:app"


class SourceError(Exception):
    """No Gateway can be loaded; the message says what to do."""


@dataclass(frozen=True)
class Source:
    """The options that select the Gateway; they are pickled for worker processes.

    Attributes:
        name: ``module:attribute`` of a Gateway or its factory; None for ``gateway:app``.
        mounts: prefixes and import strings of additional applications.
        only_mounts: serve only the additional applications.
        directory: the directory to import modules from.
    """

    name: str | None = None
    mounts: tuple[tuple[str, str], ...] = ()
    only_mounts: bool = False
    directory: str = ""

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
        for prefix, application in self.mounts:
            try:
                gateway.mount_application(prefix, application)
            except ValueError as error:
                raise SourceError(f"--mount: {error}") from error
        return gateway

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
