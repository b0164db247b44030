"""The source code of an operation in each application, read from the running code."""

import inspect
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from framework_gateway.observability.endpoints import Endpoint

LIGHT, DARK = "vs", "github-dark"


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
    """The source code of an endpoint.

    Attributes:
        mount: the prefix of its application.
        location: the file and its first line, such as ``flask_app/users.py:18``.
        lines: the number of lines, without blank lines and comments.
        html: the code, highlighted and escaped.
    """

    mount: str
    location: str
    lines: int
    html: str


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


def source_of(endpoint: Endpoint) -> Source | None:
    """Return the source of an endpoint; None if Python cannot find it."""
    if endpoint.view is None:
        return None
    view = inspect.unwrap(endpoint.view)
    try:
        lines, first = inspect.getsourcelines(view)
    except (OSError, TypeError):
        return None
    code = textwrap.dedent("".join(lines))
    location = f"{view.__module__.replace('.', '/')}.py:{first}"
    formatter = HtmlFormatter[str](cssclass="highlight", wrapcode=True)
    return Source(
        endpoint.mount, location, count_lines(code), highlight(code, PythonLexer(), formatter)
    )


def count_lines(code: str) -> int:
    """Count the lines that are neither blank nor a comment."""
    lines = (line.strip() for line in code.splitlines())
    return sum(1 for line in lines if line and not line.startswith("#"))


@cache
def highlight_styles() -> str:
    """Return the style sheet for the light and the dark colour scheme."""
    light, dark = map(styles, (LIGHT, DARK))
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def styles(name: str) -> str:
    """Return the CSS of a Pygments style."""
    formatter = HtmlFormatter[str](style=name)
    return str(formatter.get_style_defs(".highlight"))  # type: ignore[no-untyped-call]
