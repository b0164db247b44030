"""Bodies for the terminal: one JSON member per line, in colour, with equal lines folded."""

from collections.abc import Iterator, Sequence

from rich.highlighter import JSONHighlighter, NullHighlighter
from rich.text import Text

from framework_gateway.compare.contents import Form, describe
from framework_gateway.compare.json_values import indent
from framework_gateway.compare.messages import Answer

CONTEXT = 2  # equal lines shown around a differing one
DIFFERS = "bold red"


def lines_of(answer: Answer) -> list[str]:
    """Return the lines of a body; JSON is indented, with every value as it was sent."""
    content = answer.content
    if content.form is Form.EMPTY:
        return []
    if content.text is None:
        return [describe(answer.body, 0)]
    text = indent(content.value) if content.form is Form.JSON else content.text
    return [printable(line) for line in text.split("\n")]


def folded(answer: Answer, common: frozenset[str], limit: int) -> Iterator[Text]:
    """Yield the lines of a body; lines that not all bodies have are highlighted.

    Args:
        common: the lines that all bodies have. Of more than ``limit`` lines, equal ones that are
            not near a differing one are folded.
        limit: the number of lines that is shown in any case.
    """
    lines = lines_of(answer)
    colour = JSONHighlighter() if answer.content.form is Form.JSON else NullHighlighter()
    texts = [colour(line) if line in common else Text(line, DIFFERS) for line in lines]
    differing = [position for position, line in enumerate(lines) if line not in common]
    shown = shown_lines(len(lines), differing, limit)
    hidden = 0
    for position, text in enumerate(texts):
        if position in shown:
            if hidden:
                yield Text(f"… {hidden} lines", "dim")
            hidden = 0
            yield text
        else:
            hidden += 1
    if hidden:
        yield Text(f"… {hidden} lines", "dim")


def shown_lines(count: int, differing: Sequence[int], limit: int) -> set[int]:
    """Return the positions of the lines that are shown."""
    if count <= limit:
        return {*range(count)}
    near = (range(at - CONTEXT, at + CONTEXT + 1) for at in differing)
    return {one for some in near for one in some} or {*range(limit)}


def printable(text: str) -> str:
    """Replace control characters, which could control the terminal."""
    return "".join(
        char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )
