"""The types of the options: each says what a wrong value should be."""

import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

import click


class Number(click.ParamType[int]):
    """A whole number.

    Args:
        lowest, highest: the bounds, which are allowed; None for no bound.
    """

    name = "number"

    def __init__(self, lowest: int | None = None, highest: int | None = None) -> None:
        self.lowest = lowest
        self.highest = highest

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        try:
            number = int(value)
        except ValueError:
            self._fail(value, param, ctx)
        is_low = self.lowest is not None and number < self.lowest
        if is_low or (self.highest is not None and number > self.highest):
            self._fail(value, param, ctx)
        return number

    def _fail(self, value: Any, param: Any, ctx: Any) -> NoReturn:
        bounds = "" if self.lowest is None else f" from {self.lowest}"
        bounds += "" if self.highest is None else f" to {self.highest}"
        self.fail(f"'{value}' is not a whole number{bounds}", param, ctx)


class Amount(click.ParamType[float]):
    """A number, also with a fraction.

    Args:
        words: what it should be, such as ``a number from 0 to 100``.
        is_valid: whether a number is one of these; it is asked for no infinity.
    """

    name = "amount"

    def __init__(self, words: str, is_valid: Callable[[float], bool]) -> None:
        self.words = words
        self.is_valid = is_valid

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and self.is_valid(number)):
            self.fail(f"'{value}' is not {self.words}", param, ctx)
        return number


SECONDS = Amount("a number of seconds above 0", lambda number: number > 0)
PERCENT = Amount("a number from 0 to 100", lambda number: 0 <= number <= 100)


class Pair(click.ParamType[tuple[str, str]]):
    """A name and a value, with a separator between them."""

    def __init__(self, name: str, separator: str, form: str) -> None:
        self.name = name
        self.separator = separator
        self.form = form

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        name, separator, rest = value.partition(self.separator)
        if not name.strip() or not separator or not rest.strip():
            self.fail(f"'{value}' is not of the form {self.form}", param, ctx)
        return name.strip(), rest.strip()


class HeaderType(Pair):
    """A header of a request, as ``Name: value``."""

    def __init__(self) -> None:
        super().__init__("header", ":", "'Name: value'")

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        name, content = super().convert(value, param, ctx)
        if not is_token(name):
            self.fail(f"'{name}' is not the name of a header", param, ctx)
        if not content.isprintable():
            self.fail(f"the value of {name} has a control character", param, ctx)
        return name, content


class MountType(click.ParamType[tuple[str, str]]):
    """A value of the form ``/prefix=package.module:attribute``; ``/`` is a prefix, too."""

    name = "mount"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        prefix, equals, application = value.partition("=")
        if not is_prefix(prefix) or not equals or not application:
            self.fail(f"'{value}' is not of the form /prefix=package.module:attribute", param, ctx)
        return prefix, application


class MountOptionType(click.ParamType[tuple[str, str, str]]):
    """A value of the form ``/prefix:name=value``."""

    name = "mount-option"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str, str]:
        prefix, colon, option = value.partition(":")
        name, equals, setting = option.partition("=")
        if not is_prefix(prefix) or not colon or not name or not equals:
            self.fail(f"'{value}' is not of the form /prefix:option=value", param, ctx)
        return prefix, name.replace("-", "_"), setting


class PrefixType(click.ParamType[str]):
    """The prefix of a mount."""

    name = "prefix"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        if not is_prefix(value):
            self.fail(f"'{value}' is not a prefix such as /shop", param, ctx)
        return str(value)


def is_token(text: str) -> bool:
    """Return whether a text can be a method or the name of a header (RFC 9110, token)."""
    return re.fullmatch("[!#$%&'*+.^_`|~0-9A-Za-z-]+", text) is not None


def is_prefix(text: str) -> bool:
    """Return whether a text can be the prefix of a mount."""
    from framework_gateway.security.proxies import PREFIX

    return text == "/" or PREFIX.fullmatch(text) is not None
