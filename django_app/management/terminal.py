"""What the commands say to the person who types them."""

import math
from argparse import ArgumentTypeError
from pathlib import Path


def seconds(text: str) -> float:
    """Read a number of seconds from 0.

    Raises:
        ArgumentTypeError: it is another text.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ArgumentTypeError(f"'{text}' is not a number of seconds from 0")
    return number


def file_name(text: str) -> Path:
    """Read the name of a file.

    Raises:
        ArgumentTypeError: it is empty, or that of a directory.
    """
    if not text or Path(text).is_dir():
        raise ArgumentTypeError(f"'{text}' is not the name of a file")
    return Path(text)


def reason_of(error: Exception) -> str:
    """Return why a command has failed, in one line without Python's error numbers."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return (str(error).strip() or type(error).__name__).splitlines()[0]
