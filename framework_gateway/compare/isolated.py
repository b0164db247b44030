"""Targets in processes of their own: another checkout, another environment, another Python."""

from pathlib import Path
from typing import Any

from framework_gateway.mounts.mount import Mount
from framework_gateway.processes.options import Process

PATHS = ("/", "./", "../")  # how a path begins, and no import string does


def mount_of(name: str, target: Any) -> Mount:
    """Return the mount of a target.

    Args:
        name: of the target.
        target: an application, an import string of one, a text as for ``parse``, or a pair of an
            import string and the ``Process`` that runs it.
    """
    process = None
    if isinstance(target, tuple):
        target, process = target
    elif isinstance(target, str):
        target, process = parse(target)
    return Mount("", target, target=name, redirect=False, process=process)


def parse(text: str) -> tuple[str, Process | None]:
    """Split paths in front of an import string from it.

    ``/srv/old /srv/old/.venv shop.wsgi:application`` is the application in the directory
    ``/srv/old``, run by the Python of the environment ``/srv/old/.venv``. Either may be missing. An
    interpreter can take the place of its environment. A path begins with ``/``, ``./`` or ``../``.

    Returns:
        The import string, and how to run it; None for the process of the comparison.
    """
    options: dict[str, str] = {}
    rest = text
    while rest.startswith(PATHS) and " " in rest:
        word, _, rest = rest.partition(" ")
        path = Path(word).absolute()
        is_python = path.is_file() or (path / "bin" / "python").exists()
        options["python" if is_python else "working_directory"] = str(path)
        rest = rest.lstrip()
    return rest, Process(**options) if options else None
