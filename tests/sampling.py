"""Parts of long lists of cases: ``make test`` runs a sample, and ``make test-slow`` the rest."""

from collections.abc import Sequence
from typing import Any

import pytest


def pairs(kinds: Sequence[Any], places: Sequence[Any]) -> list[Any]:
    """Return each kind at each place, as parameters; all but one of each kind are slow.

    The places take turns, so the sample has every kind and every place.
    """
    return [
        pytest.param(kind, place, marks=() if turn == number % len(places) else pytest.mark.slow)
        for number, kind in enumerate(kinds)
        for turn, place in enumerate(places)
    ]


def every(step: int, cases: Sequence[Any]) -> list[Any]:
    """Return the cases as parameters; all but the first of each ``step`` are slow.

    Args:
        cases: a tuple each where a test has several parameters.
    """
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=pytest.mark.slow if number % step else (),
        )
        for number, case in enumerate(cases)
    ]
