"""Requests of a file with one JSON object per line, read again and again without being kept."""

from collections.abc import Iterable, Iterator
from typing import IO

from framework_gateway.compare.inputs import NOT_UTF_8, Input, InputError
from framework_gateway.compare.messages import Request
from framework_gateway.compare.replay import ReplayError, parse_line


def read_lines(file: IO[str]) -> Input:
    """Check every line, then return the requests; the file is read twice.

    Args:
        file: one that can be read from its beginning again, such as a temporary copy.

    Raises:
        InputError: a line is not a valid request.
    """
    try:
        total = sum(1 for _ in parsed(file))
    except ReplayError as error:
        raise InputError(str(error)) from error
    except UnicodeDecodeError as error:
        raise InputError(NOT_UTF_8) from error
    file.seek(0)
    return Input("lines", parsed(file), total)


def parsed(lines: Iterable[str]) -> Iterator[Request]:
    """Yield the request of each line; skip empty lines."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield parse_line(number, line)
