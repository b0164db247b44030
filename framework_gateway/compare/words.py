"""Say in words what a comparison has found."""

import re
from collections.abc import Sequence

ERROR_NUMBER = re.compile(r"\[Errno -?\d+\] ")
SHOWN = 60  # characters of a value in one line
BODIES = {
    "every byte": "every byte of the body",
    "JSON values": "the values of the JSON body",
    "text": "the text of the body",
    "bytes": "the bytes of the body",
    "no body": "no answer has a body",
}


def summarise(
    verdict: str,
    headers: Sequence[str],
    body: str,
    *,
    counting: int,
    notes: int,
    rules: int,
    failed: Sequence[str],
) -> str:
    """Say what was compared and found; never more than was looked at.

    Args:
        verdict: the verdict.
        headers, body: what was compared; see ``Scope``.
        counting, notes: the numbers of differences that count, and that do not.
        rules: the number of rules that made a difference not count.
        failed: the targets that did not answer.
    """
    # The values of cookies are secrets, and no two are the same.
    names = [f"{name} without values" if name == "Set-Cookie" else name for name in headers]
    compared = f"status; {', '.join(names) or 'no header'}; {BODIES.get(body, body)}"
    if rules:
        verb = "ignores" if rules == 1 else "ignore"
        compared += f"; except what {plural(rules, 'rule')} {verb}"
    match verdict:
        case "equal":
            is_same = body in ("every byte", "no body")
            text = f"{'Identical' if is_same else 'Equal'}: {compared}."
        case "differs":
            text = f"{plural(counting, 'difference')} in: {compared}."
        case "insufficient":
            text = f"Too few answers to tell differences from noise, in: {compared}."
        case _:
            text = f"No result, because of {', '.join(failed) or 'the comparing itself'}."
    return f"{text} {plural(notes, 'note')} on what does not count." if notes else text


def plural(number: int, noun: str) -> str:
    """Return a number and a noun."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def describe(error: BaseException) -> str:
    """Return an error as the last line of a traceback has it, without an error number."""
    text = ERROR_NUMBER.sub("", str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def in_one_line(text: str) -> str:
    """Return a text with escapes for line ends and other control characters."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def shorten(text: str) -> str:
    """Cut a long value, for one line."""
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
