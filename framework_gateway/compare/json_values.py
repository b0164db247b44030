"""Parse JSON without losing how it was spelled: the text of numbers, and repeated names."""

import json
import re
from decimal import Context, Decimal
from typing import Any

MAX_DEPTH = 200  # nested levels
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)  # an unterminated string ends with the text
SQUARE = bytes.maketrans(b"{}", b"[]")
NO_BRACKETS = bytes({*range(256)} - {*b"[]{}"})
# No trap, so that 1e9999999999999999999 becomes infinite or NaN, and raises nothing.
EXACT = Context(prec=50, traps=[])


class Number:
    """A number as it was spelled: ``1.0``, ``1e400``, ``-0``; also ``NaN`` and ``Infinity``.

    Numbers are equal if they are spelled equally. ``value`` compares what they mean.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Number({self.text!r})"

    @property
    def value(self) -> Decimal:
        """The number; NaN if it is none or beyond what Decimal holds."""
        value = EXACT.create_decimal(self.text)
        # Rounded to the precision, two long ids could become equal.
        exact = Decimal(self.text) if value.is_finite() else value
        return exact if exact.is_finite() else Decimal("NaN")


class Repeated:
    """The values of a name that an object has more than once, in order."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Repeated) and self.values == other.values

    __hash__ = None  # type: ignore[assignment]  # it holds dictionaries and lists


def parse_json(text: bytes | str) -> Any:
    """Parse JSON: objects become ``dict``, numbers ``Number``, names that occur twice ``Repeated``.

    ``NaN`` and ``Infinity`` are accepted, because Python's own encoder writes them.

    Raises:
        ValueError: the text is not JSON in UTF-8 (RFC 8259), or nested deeper than MAX_DEPTH. Below
            that depth, the parser could raise RecursionError, and so could a finaliser that the
            garbage collector runs at that moment.
    """
    if isinstance(text, bytes):
        text = text.decode()
    if not is_shallow(text):
        raise ValueError(f"not JSON, or nested deeper than {MAX_DEPTH} levels")
    return DECODER.decode(text)


def is_shallow(text: str) -> bool:
    """Return whether the brackets outside strings are balanced and at most MAX_DEPTH deep."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return True
    raw = text.encode(errors="surrogatepass")
    brackets = STRING.sub(b"", raw).translate(SQUARE, NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            break
        brackets = brackets.replace(b"[]", b"")
    return not brackets


def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members; the values of a repeated name are kept together."""
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    every: dict[str, list[Any]] = {}
    for name, value in pairs:
        every.setdefault(name, []).append(value)
    return {name: Repeated(all_) if len(all_) > 1 else all_[0] for name, all_ in every.items()}


DECODER = json.JSONDecoder(
    object_pairs_hook=make_object, parse_float=Number, parse_int=Number, parse_constant=Number
)


def spell(value: Any) -> str:
    """Return a parsed value as compact JSON, with its numbers as they were spelled."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        members = (
            f"{dump(name)}:{spell(one)}"
            for name, every in value.items()
            for one in (every.values if isinstance(every, Repeated) else [every])
        )
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(spell, value)) + "]"
    if isinstance(value, Repeated):
        return ", ".join(map(spell, value.values))
    return dump(value)


def indent(value: Any, margin: str = "") -> str:
    """Return a parsed value as JSON with one member in each line, as ``spell`` does in one."""
    inner = f"{margin}  "
    if isinstance(value, dict) and value:
        members = (
            f"{inner}{dump(name)}: {indent(one, inner)}"
            for name, every in value.items()
            for one in (every.values if isinstance(every, Repeated) else [every])
        )
        return "{\n" + ",\n".join(members) + f"\n{margin}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(inner + indent(one, inner) for one in value) + f"\n{margin}]"
    return spell(value)


def dump(value: Any) -> str:
    """Return compact JSON without escapes for non-ASCII letters."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
