"""Parts of long lists of cases: ``make test`` runs a sample, ``make test-thorough`` the rest."""

from collections.abc import Sequence
from typing import Any

import pytest

REST = (pytest.mark.slow, pytest.mark.thorough)
# Files whose tests start several programs each, and take seconds.
START_PROGRAMS = frozenset(
    [
        *("attack/test_kept.py", "bench/test_databases.py", "bench/test_proxies.py"),
        *("claims/test_catalogue.py", "claims/test_experiments.py", "claims/test_own.py"),
        *("cli/test_check.py", "cli/test_reload.py", "compare/test_command.py"),
        *("compare/test_plugin.py", "database/test_backup.py", "jobs/test_ends.py"),
        *("jobs/test_exports.py", "processes/test_ends.py", "processes/test_environments.py"),
        *("processes/test_replacing.py", "processes/test_supervision.py", "test_django_process.py"),
        *("test_examples.py", "test_links.py", "test_secrets.py", "test_startup.py"),
    ]
)


def pairs(kinds: Sequence[Any], places: Sequence[Any]) -> list[Any]:
    """Return each kind at each place, as parameters; all but one of each kind are left out.

    The places take turns, so the sample has every kind and every place.
    """
    return [
        pytest.param(kind, place, marks=() if turn == number % len(places) else REST)
        for number, kind in enumerate(kinds)
        for turn, place in enumerate(places)
    ]


def every(step: int, cases: Sequence[Any]) -> list[Any]:
    """Return the cases as parameters; all but the first of each ``step`` are left out.

    Args:
        cases: a tuple each where a test has several parameters.
    """
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=REST if number % step else (),
        )
        for number, case in enumerate(cases)
    ]


def uses(item: pytest.Item, fixtures: frozenset[str]) -> bool:
    """Return whether a test uses one of the fixtures."""
    return bool(fixtures & {*getattr(item, "fixturenames", ())})


def leave_out_rest(items: Sequence[pytest.Item], step: int) -> None:
    """Leave out all but each ``step``-th of the tests, apart from those that are slow already.

    Args:
        items: expensive tests.
        step: 3 to keep a third of them.
    """
    expensive = [item for item in items if not item.get_closest_marker("slow")]
    for number, item in enumerate(sorted(expensive, key=lambda item: item.nodeid)):
        if number % step:
            for mark in REST:
                item.add_marker(mark)
