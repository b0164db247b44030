"""Parts of long lists of cases: ``make test`` runs a sample, ``make test-thorough`` the rest."""

from collections.abc import Sequence
from typing import Any

import pytest

REST = (pytest.mark.slow, pytest.mark.thorough)


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
