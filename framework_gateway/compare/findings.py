"""What a comparison yields: the answers, their differences, a verdict, and what was looked at.

This module holds data only. ``differences`` finds it, and the reports show it.

- An ``Answer`` (``messages``) is what one target answered, or why it did not.
- A ``Difference`` is one place in which the answers are not equal, with each target's value as
  text. It counts, or it is a note; then ``reason`` says why.
- A ``Comparison`` is one request with its answers, its differences and its verdict. It says what
  was compared, and which rules were used how often.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from framework_gateway.compare.messages import Answer, Request
from framework_gateway.compare.rates import Rate
from framework_gateway.compare.words import in_one_line, shorten, summarise

Part = Literal["status", "header", "body"]


class Verdict(StrEnum):
    """The result of a comparison."""

    EQUAL = "equal"  # every target answered, and no difference counts
    DIFFERS = "differs"  # at least one difference counts
    INSUFFICIENT = "insufficient"  # a difference may be noise, and there are too few answers to say
    FAILED = "failed"  # a target did not answer, or the comparing itself failed


class Kind(StrEnum):
    """The type of a difference."""

    STATUS = "status"  # other statuses
    HEADER = "header"  # other values of a header
    MISSING = "missing"  # some answers lack the header, the member, the item or the whole body
    NULL = "null"  # null in some answers, another value in others
    TYPE = "type"  # other JSON types, or JSON against text against binary data
    VALUE = "value"  # other values of the same type
    ORDER = "order"  # the same items of an array in another order
    SPELLING = "spelling"  # the same value in other characters: 1 and 1.0, other spaces
    REPEATED = "repeated"  # an object has the same name more than once in some answers


@dataclass(frozen=True)
class Difference:
    """One place in which not all answers are equal.

    Attributes:
        part: where it is.
        name: the name of the header (``Set-Cookie NAME`` for a cookie), or the JSON Pointer
            (RFC 6901) of the member; in JSON lines, the first step is the index of the line. Empty
            for the status, and for a body as a whole.
        kind: its type.
        values: maps targets to values, as text: a JSON value as JSON, a number as it was spelled;
            of text and binary bodies, an excerpt around the first difference. Targets without the
            part are missing. Credentials are masked.
        counts: whether it decides the verdict; otherwise it is a note.
        reason: why it does not count: a rule, noise, or a header that is not asked for.
        undecided: whether there are too few answers to tell it from noise; it does not count then.
        between, within: how often the targets differ from each other and each from itself; None
            unless they were asked several times.
    """

    part: Part
    name: str
    kind: Kind
    values: Mapping[str, str]
    counts: bool = True
    reason: str = ""
    undecided: bool = False
    between: Rate | None = None
    within: Rate | None = None

    @property
    def place(self) -> str:
        """The part and the name: ``status``, ``header Location``, ``body /items/0/id``."""
        return f"{self.part} {self.name}".rstrip()

    def as_dict(self) -> dict[str, Any]:
        """Return the difference as JSON data."""
        document: dict[str, Any] = {
            "part": self.part,
            "name": self.name,
            "kind": str(self.kind),
            "values": dict(self.values),
            "counts": self.counts,
        }
        if self.reason:
            document["reason"] = self.reason
        if self.between is not None and self.within is not None:
            document["between"] = self.between.as_dict()
            document["within"] = self.within.as_dict()
        return document

    def __str__(self) -> str:
        values = ", ".join(
            f"{target} {shorten(in_one_line(value))}" for target, value in self.values.items()
        )
        return f"{self.place}: {values}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True)
class Use:
    """How often a rule made a difference not count.

    Attributes:
        rule: as it was written, or the name of a built-in rule.
        uses: differences that it covered.
        reason: the reason that was given for the rule; empty if none.
        is_given: whether it is no built-in rule.
    """

    rule: str
    uses: int
    reason: str = ""
    is_given: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return the use as JSON data."""
        return {"rule": self.rule, "uses": self.uses, "reason": self.reason}


@dataclass(frozen=True)
class Scope:
    """What was looked at.

    Attributes:
        headers: the headers that count, in words: ``all but the connection's, Date, ...``.
        compared: the names of the headers that at least one answer had and that count.
        noted: the names of the other headers, except those of the connection; also of those whose
            difference does not count, such as the length of a body.
        body: how the bodies were compared: ``every byte``, ``JSON values``, ``text``, ``bytes``,
            ``no body``, or ``nothing`` if fewer than two targets answered.
    """

    headers: str
    compared: Sequence[str] = ()
    noted: Sequence[str] = ()
    body: str = "nothing"

    def as_dict(self) -> dict[str, Any]:
        """Return the scope as JSON data."""
        return {
            "headers": self.headers,
            "compared": [*self.compared],
            "noted": [*self.noted],
            "body": self.body,
        }


@dataclass(frozen=True)
class Comparison:
    """A request, the answer of each target, and their differences.

    Attributes:
        request: the request, with placeholders such as ``{framework}``.
        answers: one for each target, in the order of the targets; of the first round, if the
            targets were asked several times.
        differences: all differences: those that count first.
        scope: what was looked at.
        uses: the rules that were given, each with its uses, and the built-in ones that were used.
        rounds: how often each target was asked.
        error: why the comparing itself failed; None if it did not.
    """

    request: Request
    answers: Sequence[Answer]
    differences: Sequence[Difference] = ()
    scope: Scope = field(default_factory=lambda: Scope("nothing"))
    uses: Sequence[Use] = ()
    rounds: int = 1
    error: str | None = None

    @property
    def verdict(self) -> Verdict:
        """The result."""
        if self.error is not None or any(answer.error is not None for answer in self.answers):
            return Verdict.FAILED
        if self.counting:
            return Verdict.DIFFERS
        undecided = any(difference.undecided for difference in self.differences)
        return Verdict.INSUFFICIENT if undecided else Verdict.EQUAL

    @property
    def identical(self) -> bool:
        """Whether the verdict is ``equal``."""
        return self.verdict is Verdict.EQUAL

    @property
    def failed(self) -> bool:
        """Whether a target did not answer, or the comparing failed."""
        return self.verdict is Verdict.FAILED

    @property
    def counting(self) -> Sequence[Difference]:
        """The differences that count."""
        return [difference for difference in self.differences if difference.counts]

    @property
    def notes(self) -> Sequence[Difference]:
        """The differences that do not count."""
        return [difference for difference in self.differences if not difference.counts]

    @property
    def failures(self) -> Mapping[str, str]:
        """Maps targets that did not answer to the reason."""
        return {answer.target: answer.error for answer in self.answers if answer.error is not None}

    @property
    def summary(self) -> str:
        """What was compared and found, in one or two sentences."""
        return summarise(
            str(self.verdict),
            self.scope.compared,
            self.scope.body,
            counting=len(self.counting),
            notes=len(self.notes),
            rules=len([use for use in self.uses if use.uses and use.is_given]),
            failed=[*self.failures],
        )

    def overview(self) -> dict[str, Any]:
        """Return the result and what was looked at as JSON data."""
        return {
            "identical": self.identical,
            "verdict": str(self.verdict),
            "summary": self.summary,
            "error": self.error,
            "scope": self.scope.as_dict(),
            "rules": [use.as_dict() for use in self.uses],
            "rounds": self.rounds,
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON data, as ``gateway compare --json`` prints it."""
        return {
            **self.overview(),
            "request": self.request.as_dict(),
            "differences": [difference.as_dict() for difference in self.differences],
            "answers": [answer.as_dict() for answer in self.answers],
        }

    def __str__(self) -> str:
        return "\n  ".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.request.method} {self.request.path}: {self.verdict}"
        if self.error is not None:
            yield f"the comparing failed: {self.error}"
        yield from (f"{target}: {reason}" for target, reason in self.failures.items())
        yield from map(str, [*self.counting, *self.notes])
