"""Parse TOML, and find the line of each value."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

Place = Sequence[str | int]  # keys and indices from the root to a value, such as ("mounts", 0)

POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class DocumentError(Exception):
    """A file cannot be read, or is not TOML.

    Attributes:
        line: counted from 1; None if the whole file is meant.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Document:
    """A TOML document and its lines.

    Lines are found by parsing the beginning of the text with ``tomllib``, which tells no positions
    itself: a value is written where the text up to there has it for the first time.
    """

    lines: Sequence[str]
    data: dict[str, Any]

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a file in UTF-8, with or without a byte order mark.

        Raises:
            DocumentError: it cannot be read, or is not TOML.
        """
        try:
            text = file.read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise DocumentError(f"cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise DocumentError("is not in UTF-8; save it as UTF-8") from error
        return cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse TOML.

        Raises:
            DocumentError: it is not TOML.
        """
        lines = text.replace("\r\n", "\n").split("\n")
        try:
            return cls(lines, tomllib.loads("\n".join(lines)))
        except RecursionError as error:
            raise DocumentError("has too many nested arrays or tables") from error
        # A TOMLDecodeError, or that of a number with thousands of digits.
        except ValueError as error:
            message = str(error)
            found = POSITION.search(message)
            line = int(found[1]) if found and found[1] else begin_of_unfinished(lines)
            raise DocumentError(message[: found and found.start()], line) from error

    def line_of(self, place: Place) -> int:
        """Return the line where a value is written, from 1; of a table, that of its header.

        A place that does not exist has the line of what contains it, or 1 for the whole document.
        """
        while place and not contains(self.data, place):
            place = place[:-1]
        # A list of ends, and not all lines: within a string or an array, the text is not TOML.
        first, last = 0, len(self._ends) - 1
        while place and first < last:
            middle = (first + last) // 2
            if contains(self._parse_up_to(self._ends[middle]), place):
                last = middle
            else:
                first = middle + 1
        begin = self._ends[first - 1] if place and first else 0
        return self._skip_comments(begin) + 1 if place else 1

    @cached_property
    def _ends(self) -> Sequence[int]:
        """The numbers of lines after which a statement ends."""
        return [*ends_of_statements(self.lines)]

    def _parse_up_to(self, end: int) -> dict[str, Any]:
        return tomllib.loads("\n".join(self.lines[:end]))

    def _skip_comments(self, index: int) -> int:
        while not self.lines[index].strip() or self.lines[index].lstrip().startswith("#"):
            index += 1
        return index


def contains(data: Any, place: Place) -> bool:
    """Return whether there is a value at a place."""
    for key in place:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def ends_of_statements(lines: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of lines after which a statement ends, for each statement.

    A statement is a header of a table or a value with its key. It has several lines only if it has
    a string or an array of several lines, or an inline table; it is no TOML before its last line.
    """
    begin = 0
    for end in range(1, len(lines) + 1):
        if is_toml("\n".join(lines[begin:end])):
            yield end
            begin = end


def is_toml(text: str) -> bool:
    """Return whether a text is TOML by itself."""
    try:
        tomllib.loads(text)
    except ValueError:
        return False
    return True


def begin_of_unfinished(lines: Sequence[str]) -> int:
    """Return the line, from 1, where the statement begins that the text does not finish.

    If it finishes all of them, the last one is wrong.
    """
    return min(max(ends_of_statements(lines), default=0) + 1, len(lines))
