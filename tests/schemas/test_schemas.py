"""Values are checked exactly as the OpenAPI document describes them."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contract.schemas import ID_PATTERN, MAX_ID, NAME_PATTERN, Name, decimals_up_to

NAME = TypeAdapter(Name)


def accepts(name: str) -> bool:
    try:
        NAME.validate_python(name)
    except ValidationError:
        return False
    return True


@given(st.text(max_size=110) | st.text(" \t\n\x1c\x85\u3000ab", max_size=110))
@example("a" * 100)
@example("a" * 101)
@example(" " * 50 + "a" * 100 + "\n")
@example("a\x1c")
@example("\ufeff")
def test_the_pattern_of_a_name_matches_what_is_accepted(name: str) -> None:
    assert bool(re.search(NAME_PATTERN, name)) == accepts(name)


@given(st.integers(min_value=10, max_value=10**20), st.integers(min_value=0, max_value=10**21))
@example(MAX_ID, MAX_ID)
@example(MAX_ID, MAX_ID + 1)
def test_the_pattern_of_an_id_ends_at_the_largest_id(limit: int, number: int) -> None:
    matches = re.fullmatch(decimals_up_to(limit), str(number)) is not None
    assert matches == (1 <= number <= limit)


@pytest.mark.parametrize("text", ["", "0", "01", "+1", "-1", "1.0", "1_0", "٣", " 1", "1\n"])
def test_an_id_has_one_spelling(text: str) -> None:
    assert re.fullmatch(ID_PATTERN, text) is None


def test_property_tests_have_no_deadline() -> None:
    assert settings().deadline is None
