"""Replace what names a target, so that answers that differ only in that count as equal.

A target's own names are its origin, its host, its prefix, the words that ``{framework}`` made in
the request, values that it answered earlier (``save``), and what ``--neutral`` adds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from urllib.parse import quote, urlsplit

from framework_gateway.compare.messages import PLACEHOLDER, Answer, Request

WORD = "_"  # what belongs to a word, except letters and digits
PATH = "_-.~%"  # and to a segment of a path
HOST = "_-"


@dataclass(frozen=True)
class Name:
    """A text that names a target.

    Attributes:
        text: the text.
        by: what replaces it; the same for all targets.
        rule: the name of the rule, for the report.
        inner: characters, besides letters and digits, that may not follow it.
        starts: whether it must also begin a word.
    """

    text: str
    by: str
    rule: str
    inner: str = WORD
    starts: bool = True

    def replace(self, text: str) -> str:
        """Replace each occurrence that is a whole word.

        No regular expressions: Python caches them, and a client chooses their length.
        """
        parts, position = [], 0
        found = text.find(self.text)
        while found >= 0:
            end = found + len(self.text)
            if self._is_whole(text, found, end):
                parts += [text[position:found], self.by]
                position = end
            found = text.find(self.text, end)
        return "".join([*parts, text[position:]]) if parts else text

    def _is_whole(self, text: str, start: int, end: int) -> bool:
        before, after = text[start - 1 : start], text[end : end + 1]
        if (before, after) == ("<", ">"):
            return False  # the end tag </a> is not the prefix /a
        if self.starts and (before.isalnum() or before == WORD):
            return False
        return not (after.isalnum() or (after != "" and after in self.inner))


@dataclass(eq=False)
class Names:
    """The names of the target that gave an answer; found when they are first needed.

    Attributes:
        request: the request for all targets.
        answer: the target's answer.
        saved: what the target answered earlier, by the name under which it was saved.
        own: further names of the target.
    """

    request: Request
    answer: Answer
    saved: Mapping[str, str] = field(default_factory=dict)
    own: Sequence[str] = ()

    def replace(self, text: str) -> tuple[str, list[str]]:
        """Return the text without names, and the rules that changed it."""
        used = []
        for name in self._names:
            changed = name.replace(text)
            if changed != text:
                used.append(name.rule)
                text = changed
        return text, used

    @cached_property
    def _names(self) -> Sequence[Name]:
        """The names; a longer name comes before one that it contains."""
        answer = self.answer
        names = [*names_of_origin(answer.origin, "own origin")]
        for text in self.own:
            names += names_given(text, f"--neutral {answer.target}={text}")
        if answer.prefix:
            names.append(Name(answer.prefix, "{prefix}", "own prefix", PATH, starts=False))
        for word in self.request.placeholders:
            own_word = word.replace(PLACEHOLDER, answer.target)
            names.append(Name(own_word, word, PLACEHOLDER))
        for name, value in sorted(self.saved.items(), key=lambda item: -len(item[1])):
            if value:
                names.append(Name(value, f"{{{name}}}", f"saved {name}"))
        return names


def names_given(text: str, rule: str) -> Sequence[Name]:
    """Return the names for a text of ``--neutral``: an origin, a prefix, a host or a word."""
    if "://" in text:
        return names_of_origin(text.rstrip("/"), rule)
    if text.startswith("/"):
        return [Name(text, "{prefix}", rule, PATH, starts=False)]
    return [Name(text, "{host}" if "." in text or ":" in text else "{own}", rule, HOST)]


@lru_cache(maxsize=64)
def names_of_origin(origin: str, rule: str) -> tuple[Name, ...]:
    """Return the spellings of an origin: as it is, percent-encoded, and its host alone."""
    host = urlsplit(origin).netloc
    return (
        Name(origin, "{origin}", rule, HOST),
        Name(quote(origin, safe=""), "{origin}", rule, HOST),
        Name(host, "{host}", rule, HOST),
    )
