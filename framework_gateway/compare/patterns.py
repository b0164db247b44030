"""Values that differ by nature: times, UUIDs, tokens, and patterns of your own."""

import re

DATE = r"\d{4}-\d\d-\d\d"
CLOCK = r"\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?"
HTTP_DATE = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d[ -]\w{3}[ -]\d{4} \d\d:\d\d:\d\d GMT"
# Seconds or milliseconds since 1970, between 2001 and 2286.
EPOCH = r"(?<![\d.])[1-9]\d{9}(?:\d{3})?(?:\.\d{1,9})?(?![\d.])"

# At least 16 characters with a letter and a digit: session keys, CSRF tokens, JWTs, digests.
LONG_WORD = r"(?<![\w+/=.-])(?=[\w+/=.-]*[0-9])(?=[\w+/=.-]*[A-Za-z])[\w+/=.-]{16,}+"

BUILT_IN = {
    "time": (
        rf"(?<!\d){DATE}(?:[T ]{CLOCK} ?(?:Z|UTC|[+-]\d\d:?\d\d)?)?(?!\d)|{HTTP_DATE}|{EPOCH}"
    ),
    "uuid": r"(?i)(?<![0-9a-z])(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})"
    r"(?![0-9a-z])",
    "token": LONG_WORD,
}


class Pattern:
    """A named pattern; what matches it becomes its name in braces.

    Args:
        text: ``{time}``, ``{uuid}``, ``{token}``, or ``{/regular expression/}``.

    Raises:
        ValueError: there is no such pattern, or the expression is invalid.
    """

    def __init__(self, text: str) -> None:
        inner = text[1:-1]
        if len(inner) > 2 and inner[0] == inner[-1] == "/":
            expression = inner[1:-1]
        elif inner in BUILT_IN:
            expression = BUILT_IN[inner]
        else:
            raise ValueError(f"{text} is not {{time}}, {{uuid}}, {{token}} or {{/expression/}}")
        try:
            self.expression = re.compile(expression)
        except re.error as error:
            raise ValueError(f"{text} is no regular expression: {error}") from error
        self.text = text

    @property
    def is_own(self) -> bool:
        """Whether it is not one of the built-in patterns."""
        return self.text[1:-1] not in BUILT_IN

    def replace(self, text: str) -> str:
        """Replace what matches by the name of the pattern."""
        return self.expression.sub(lambda _match: self.text, text)
