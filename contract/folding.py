"""Case folding of searches: one table for the needle, here, and for the column, in the databases.

Each database folds in its own way, and Python's ``casefold`` depends on the version of Python, so
none of them is used. The databases fold a user in triggers, with a copy of this table, and keep the
result in the column ``folded``. Folding treats each letter by itself: it ignores case, not accents.
"""

from pathlib import Path

TABLE = Path(__file__).with_name("case_folding.txt")


def read_table() -> dict[str, str]:
    """Return what each letter folds to: usually one letter, sometimes two or three."""
    rows = [line.split() for line in TABLE.read_text("ascii").splitlines() if line[0] != "#"]
    return {_text(letter): _text(*folded) for letter, *folded in rows}


def _text(*code_points: str) -> str:
    return "".join(chr(int(code_point, 16)) for code_point in code_points)


FOLDED = read_table()
_TRANSLATION = str.maketrans(FOLDED)


def fold(text: str) -> str:
    """Return the text without the differences of case."""
    return text.translate(_TRANSLATION)
