"""The source code of an operation in each application, read from the running code."""

import ast
import difflib
import inspect
import os
import sys
import sysconfig
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tokenize import TokenError
from types import ModuleType
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import DiffLexer, PythonLexer

from framework_gateway.observability.endpoints import Endpoint

LIGHT, DARK = "vs", "github-dark"
# Where installed packages and Python's own modules are.
INSTALLED = tuple(str(Path(sysconfig.get_path(name))) for name in ("purelib", "platlib", "stdlib"))


@dataclass(frozen=True)
class Operation:
    """An operation that several applications serve: the same method and path."""

    method: str
    path: str
    endpoints: Sequence[Endpoint]

    @property
    def name(self) -> str:
        """The name in pages and URLs."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Source:
    """The source code of a function.

    Attributes:
        location: the file and its first line, such as ``flask_app/users.py:18``.
        code: the text, without the indentation of its class.
    """

    location: str
    code: str

    @property
    def lines(self) -> int:
        """The number of lines, without blank lines and comments."""
        return count_lines(self.code)


def operations_of(endpoints: Iterable[Endpoint]) -> list[Operation]:
    """Return the operations that at least two applications share."""
    found: dict[tuple[str, str], list[Endpoint]] = {}
    for endpoint in endpoints:
        for method in endpoint.methods:
            found.setdefault((method, endpoint.path), []).append(endpoint)
    return [
        Operation(method, path, shared)
        for (method, path), shared in found.items()
        if len({endpoint.mount for endpoint in shared}) > 1
    ]


def source_of(function: Callable[..., Any]) -> Source | None:
    """Return the source of a function; None if Python cannot find it."""
    try:
        function = inspect.unwrap(function)
        lines, first = inspect.getsourcelines(function)
    # The file may have changed since it was imported, and its line may now be another one's.
    except (OSError, TypeError, ValueError, SyntaxError, TokenError):
        return None
    location = f"{function.__module__.replace('.', '/')}.py:{first}"
    return Source(location, textwrap.dedent("".join(lines)))


def calls_of(function: Callable[..., Any], code: str) -> list[Source]:
    """Return the sources of the project's functions that a function calls, from other modules.

    Args:
        code: the source of the function.
    """
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    found: dict[str, Source] = {}
    for called in called_objects(code, scope):
        if not inspect.isfunction(called) or called.__module__ == function.__module__:
            continue
        if is_of_project(sys.modules.get(called.__module__)) and (source := source_of(called)):
            found[source.location] = source
    return [*found.values()]


def called_objects(code: str, scope: dict[str, Any]) -> Iterator[Any]:
    """Yield what a piece of code calls, by its names."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return  # the lines of a lambda may begin or end in the middle of a statement
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name):
                    yield scope.get(name)
                case ast.Attribute(value=ast.Name(id=owner), attr=name):
                    if isinstance(module := scope.get(owner), ModuleType):
                        yield getattr(module, name, None)


def is_of_project(module: ModuleType | None) -> bool:
    """Return whether a module belongs to neither Python nor an installed package."""
    file = getattr(module, "__file__", None)
    return file is not None and not file.startswith(INSTALLED)


def count_package(function: Callable[..., Any]) -> int | None:
    """Return the lines of the package that defines a function; None if it is a single module."""
    return count_modules(inspect.unwrap(function).__module__.partition(".")[0])


@cache
def count_modules(package: str) -> int | None:
    """Return the lines of a package; None if it is a single module.

    They are counted once, because reading a large package takes seconds.
    """
    paths = getattr(sys.modules.get(package), "__path__", None)
    if paths is None:
        return None
    files = (file for path in paths for file in Path(path).rglob("*.py"))
    readable = (file for file in files if file.is_file() and os.access(file, os.R_OK))
    return sum(count_lines(file.read_text(errors="replace")) for file in readable)


def difference_of(one: Source, other: Source) -> str:
    """Return what differs between two sources, as a unified diff."""
    texts = one.code.splitlines(), other.code.splitlines()
    lines = difflib.unified_diff(*texts, one.location, other.location, lineterm="", n=100)
    return "\n".join(lines)


def count_lines(code: str) -> int:
    """Count the lines that are neither blank nor a comment."""
    lines = (line.strip() for line in code.splitlines())
    return sum(1 for line in lines if line and not line.startswith("#"))


def highlighted(code: str, language: str = "python") -> str:
    """Return code as HTML, escaped; ``language`` is ``python`` or ``diff``."""
    lexer = DiffLexer() if language == "diff" else PythonLexer()
    return highlight(code, lexer, HtmlFormatter[str](cssclass="highlight", wrapcode=True))


@cache
def highlight_styles() -> str:
    """Return the style sheet for the light and the dark colour scheme."""
    light, dark = map(styles, (LIGHT, DARK))
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def styles(name: str) -> str:
    """Return the CSS of a Pygments style."""
    formatter = HtmlFormatter[str](style=name)
    return str(formatter.get_style_defs(".highlight"))  # type: ignore[no-untyped-call]
