"""The pytest plugin: the fixture ``compare`` asks several targets, and shows what differs.

pytest imports this module in every run, so what it needs is imported on first use.
"""

import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from framework_gateway.compare.findings import Comparison

Function = Callable[..., "Comparison"]

FROM_COMMAND_LINE = pytest.StashKey[Mapping[str, str]]()
FROM_SETTINGS = pytest.StashKey[Mapping[str, str]]()
NO_TARGETS = (
    "compare needs at least two targets: give --compare-target NAME=package.module:application,"
    " or [tool.framework_gateway.compare.targets] in pyproject.toml"
)


class Compare:
    """Compares the targets of a test; the fixture ``compare`` is an instance.

    Args:
        function: called with the same arguments as an instance.
    """

    def __init__(self, function: Function) -> None:
        self._function = function

    def __call__(self, method: str, path: str, **options: Any) -> "Comparison":
        """Send a request to each target, and return the comparison.

        Args:
            method: the HTTP method.
            path: the path below each target's prefix, with the query.
            options: ``json``, ``body``, ``headers``, and the options of ``Comparer.compare``.
        """
        return self._function(method, path, **options)

    def assert_equal(self, method: str, path: str, **options: Any) -> "Comparison":
        """Send a request to each target, and fail unless all answers are equal.

        Raises:
            AssertionError: with each difference, and the whole value of each target.
        """
        __tracebackhide__ = True
        from framework_gateway.compare.reports.shown import explain

        comparison = self(method, path, **options)
        if not comparison.identical:
            raise AssertionError(explain(comparison))
        return comparison


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--compare-target``, and the same as an ini option."""
    group = parser.getgroup("compare", "comparing applications (framework-gateway)")
    group.addoption(
        "--compare-target",
        action="append",
        default=[],
        metavar="NAME=APP|URL",
        help="compare this application or running server; give two or more",
    )
    parser.addini("compare_targets", "targets of compare, as NAME=APP|URL", "linelist", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of modules that name their targets, and read the settings."""
    config.addinivalue_line(
        "markers", "compare(targets, **options): the targets and options of the fixture compare"
    )
    config.stash[FROM_COMMAND_LINE] = parse(config.getoption("compare_target"))
    config.stash[FROM_SETTINGS] = (
        parse(config.getini("compare_targets")) or settings(config).get("targets") or {}
    )


@pytest.fixture(scope="session")
def compare_targets(pytestconfig: pytest.Config) -> Mapping[str, Any]:
    """Maps names to targets, from the settings; override it to build applications in Python."""
    return pytestconfig.stash[FROM_SETTINGS]


@pytest.fixture(scope="session")
def compare_sessions(pytestconfig: pytest.Config) -> Iterator[Callable[..., Function]]:
    """Start targets on their first use, and stop all of them at the end of the session.

    Import strings are looked up in pytest's root directory, too, as by ``gateway compare``.
    """
    from framework_gateway.compare.comparer import comparing

    if (root := str(pytestconfig.rootpath)) not in sys.path:
        sys.path.insert(0, root)
    found: dict[str, Function] = {}
    with ExitStack() as stack:

        def open_once(targets: Mapping[str, Any], options: Mapping[str, Any]) -> Function:
            key = repr([*targets.items(), *sorted(options.items())])
            if key not in found:
                found[key] = stack.enter_context(comparing(targets, **options))
            return found[key]

        yield open_once


@pytest.fixture
def compare_function(
    request: pytest.FixtureRequest, compare_sessions: Callable[..., Function]
) -> Function:
    """The function that compares: of the command line's targets, the marker's, the settings'."""
    marker = request.node.get_closest_marker("compare")
    options = {name: v for name, v in settings(request.config).items() if name != "targets"}
    targets: Mapping[str, Any] = request.config.stash[FROM_COMMAND_LINE]
    if marker is not None:
        targets = targets or dict(marker.args[0] or {})
        options |= marker.kwargs
    targets = targets or request.getfixturevalue("compare_targets")
    if len(targets) < 2:
        pytest.fail(NO_TARGETS, pytrace=False)
    return compare_sessions(targets, options)


@pytest.fixture
def compare(compare_function: Function) -> Compare:
    """Compare the targets: ``compare.assert_equal("GET", "/api/orders")``."""
    return Compare(compare_function)


def settings(config: pytest.Config) -> dict[str, Any]:
    """Return ``[tool.framework_gateway.compare]`` of the root's pyproject.toml."""
    file = config.rootpath / "pyproject.toml"
    if not file.is_file():
        return {}
    document = tomllib.loads(file.read_text())
    found: dict[str, Any] = document.get("tool", {}).get("framework_gateway", {}).get("compare", {})
    return found


def parse(values: list[str]) -> dict[str, str]:
    """Return the targets of ``NAME=APP|URL``.

    Raises:
        UsageError: a value has another form.
    """
    found = {}
    for value in values:
        name, _, target = value.partition("=")
        if not name.strip() or not target.strip():
            raise pytest.UsageError(f"{value!r} is not of the form NAME=APP or NAME=URL")
        found[name.strip()] = target.strip()
    return found
