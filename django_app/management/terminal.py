"""What the commands say to the person who types them."""

import math
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser


class TerminalCommand(BaseCommand):
    """A command whose usage errors are one line, and whose help ends with an example.

    Attributes:
        example: a command line.
    """

    example = ""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser; argparse would write its whole usage before an error."""
        kwargs["epilog"] = f"Example: {self.example}"
        parser = super().create_parser(prog_name, subcommand, **kwargs)

        def end(message: str) -> NoReturn:
            parser.exit(2, f"Error: {message}. Try '{parser.prog} --help'.\n")

        # Called by a program, as by call_command, it raises CommandError.
        if parser.called_from_command_line:
            parser.error = end  # type: ignore[method-assign]
        return parser


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
