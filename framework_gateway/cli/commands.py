"""Commands whose errors are one line, and whose help has sections and examples."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from click_default_group import DefaultGroup

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
OTHER = "Other options"

Sections = Mapping[str, Sequence[str]]  # the names of parameters by the title of their section


class UsageFault(click.ClickException):
    """The command line is wrong; the message is one line and says where to find help."""

    exit_code = 2


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn a usage error of Click in the block, which has four lines, into one of a single line.

    Raises:
        UsageFault: the command line is wrong.
    """
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise  # prints the help, which has many lines
    except click.UsageError as error:
        text = one_line(error.format_message()).replace("?.", "?")
        end = "" if text.endswith((".", "?")) else "."
        hint = f"{end} Try '{error.ctx.command_path} --help'." if error.ctx else ""
        raise UsageFault(text + hint) from error


def one_line(text: str) -> str:
    """Return a text without line breaks."""
    return " ".join(text.split())


class Command(click.Command):
    """A command with examples, and with options in sections.

    Args:
        examples: command lines, shown as they are.
        sections: the options of each section; the others come last.
    """

    def __init__(
        self, *args: Any, examples: str = "", sections: Sections | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **with_help_options(kwargs))
        self.examples = examples
        self.sections = sections or {}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then each section."""
        write_examples(self.examples, formatter)
        titles = {name: title for title, names in self.sections.items() for name in names}
        rest = OTHER if titles else "Options"
        found: dict[str, list[tuple[str, str]]] = {title: [] for title in (*self.sections, rest)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record and isinstance(parameter, click.Option):
                found[titles.get(parameter.name or "", rest)].append(record)
        for title, records in found.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def with_help_options(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments of a command that has -h also without its group.

    Click remembers the option of the first call, which may be one without the group.
    """
    settings = {**HELP_OPTIONS, **(arguments.get("context_settings") or {})}
    return {**arguments, "context_settings": settings}


def write_examples(examples: str, formatter: click.HelpFormatter) -> None:
    """Write command lines without wrapping them."""
    if examples:
        with formatter.section("Examples"):
            indent = " " * formatter.current_indent
            for line in examples.strip().splitlines():
                formatter.write(f"{indent}{line}\n")


class Commands(click.Group):
    """A group of commands with examples, and with errors of one line.

    Args:
        examples: command lines, shown as they are.
    """

    command_class = Command

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **with_help_options(kwargs))
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, the options and the commands."""
        write_examples(self.examples, formatter)
        super().format_options(ctx, formatter)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse the options of the group."""
        with one_line_errors():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Parse the arguments of the command, and run it."""
        with one_line_errors():
            return super().invoke(ctx)


class DefaultCommands(DefaultGroup, Commands):  # type: ignore[misc]  # the package has no types
    """Commands of which one runs if none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; a shell that completes the first word gets the commands."""
        if ctx.resilient_parsing:
            return Commands.parse_args(self, ctx, args)
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed
