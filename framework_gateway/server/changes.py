"""Which files are watched for changes."""

import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from watchfiles import Change, DefaultFilter

PACKAGE = Path(__file__).resolve().parent.parent
# Python's own modules and installed packages.
INSTALLED = [Path(path).resolve() for path in {*sysconfig.get_paths().values(), sys.prefix}]


class SourceFilter(DefaultFilter):
    """Lets code and templates pass; applications write other files while they run."""

    suffixes = (".py", ".html", ".jinja", ".jinja2", ".j2")

    def __call__(self, change: Change, path: str) -> bool:
        return path.endswith(self.suffixes) and super().__call__(change, path)


def module_files() -> set[Path]:
    """Return the files of the imported modules, without installed ones."""
    files = (getattr(module, "__file__", None) for module in [*sys.modules.values()])
    found = {Path(file).resolve() for file in files if isinstance(file, str)}
    return {file for file in found if is_own(file.parent)}


def is_own(directory: Path) -> bool:
    """Return whether a directory has code of the user."""
    installed = any(directory.is_relative_to(path) for path in [*INSTALLED, PACKAGE])
    return directory.is_dir() and not installed


def outermost(directories: Iterable[Path]) -> frozenset[Path]:
    """Return the directories that are in no other one of them."""
    found = {directory.resolve() for directory in directories}
    return frozenset(one for one in found if not found & {*one.parents})


def modified_since(files: Iterable[Path], moment: float) -> set[Path]:
    """Return the files that were changed after a moment (``time.time()``)."""
    found = set()
    for file in files:
        with suppress(FileNotFoundError):
            if file.stat().st_mtime > moment:
                found.add(file)
    return found


def signature(file: Path | None) -> tuple[int, ...] | None:
    """Return what differs when a file has changed; None if it does not exist.

    Not by watching its directory, which may be ``/etc``; and a watch of the file itself would end
    when an editor replaces it.
    """
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return found and (found.st_mtime_ns, found.st_size, found.st_ino)
