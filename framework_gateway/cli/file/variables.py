"""Environment variables in ``gateway.toml``, and its settings as environment variables."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from framework_gateway.cli.file.document import Place

# $${ is a literal ${; otherwise ${NAME} or ${NAME:-default}, as in a shell. The last alternative
# matches what is neither.
VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{")

exported: dict[str, str | None] = {}  # variables that this process has set, and their old values


class Missing(Exception):
    """A variable of a string is not set, or the string has another form."""


def substitute(data: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Replace the variables in all strings of a parsed document, in place.

    Yields:
        The place and the message of each string whose variables cannot be replaced.
    """
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        if isinstance(value, dict | list):
            yield from substitute(value, [*place, key])
        elif isinstance(value, str):
            try:
                data[key] = VARIABLE.sub(value_of, value)
            except Missing as error:
                yield [*place, key], str(error)


def value_of(found: re.Match[str]) -> str:
    """Return what replaces a variable; a default also replaces an empty one, as in a shell.

    Raises:
        Missing: there is no value.
    """
    if found[0] == "$${":
        return "${"
    name, default = found[1], found[2]
    if name is None:
        raise Missing("write ${NAME} or ${NAME:-default}; $${ is a literal ${")
    value = os.environ.get(name)
    if value is None and default is None:
        raise Missing(f"the environment variable {name} is not set")
    return value or default or ""


def export(settings: Mapping[str, Any]) -> None:
    """Set the variable ``GATEWAY_…`` of each setting, in place of those of the last call.

    So the applications, a Gateway in Python and the companions read what the file says.
    """
    for name, old in exported.items():
        if old is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = old
    exported.clear()
    for setting, value in settings.items():
        name = f"GATEWAY_{setting.upper()}"
        exported[name] = os.environ.get(name)
        os.environ[name] = as_text(value)


def write_no_bytecode() -> None:
    """Let this process, and those that it starts, compile each module anew.

    Python tells two versions of a file apart by its size and by the second of its change.
    """
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def as_text(value: Any) -> str:
    """Return a setting as the environment has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(value) if isinstance(value, list) else str(value)
