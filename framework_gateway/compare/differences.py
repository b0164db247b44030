"""Find where the answers of several targets differ: status, headers, each member of JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from framework_gateway.compare.contents import Form, describe, visible
from framework_gateway.compare.findings import Difference, Kind, Scope, Use
from framework_gateway.compare.headers import HeaderComparison
from framework_gateway.compare.json_differences import JSONComparison
from framework_gateway.compare.json_values import spell
from framework_gateway.compare.messages import Answer, Request
from framework_gateway.compare.neutral import Names
from framework_gateway.compare.rules import Rules, Tally
from framework_gateway.compare.words import SHOWN

SAME_VALUES = "the JSON values are equal"
SAME_TEXT = "the text is equal, in another charset"

Saved = Mapping[str, Mapping[str, str]]  # by target, then by name


@dataclass(frozen=True)
class Findings:
    """The differences of a comparison, what was looked at, and the uses of rules."""

    differences: Sequence[Difference]
    scope: Scope
    uses: Sequence[Use]


def find_differences(
    request: Request,
    answers: Sequence[Answer],
    rules: Rules | None = None,
    saved: Saved | None = None,
) -> Findings:
    """Compare the answers, except those of targets that did not answer.

    Args:
        request: the request for all targets.
        answers: one of each target.
        rules: what counts; the default rules if None.
        saved: the values that targets answered earlier.
    """
    rules = rules or Rules()
    tally = Tally(rules)
    answers = [answer for answer in answers if answer.error is None]
    names = {
        answer.target: Names(
            request,
            answer,
            (saved or {}).get(answer.target, {}),
            rules.neutral.get(answer.target, ()),
        )
        for answer in answers
    }
    bodies = BodyComparison(answers, names, rules, tally)
    headers = HeaderComparison(answers, names, rules, tally)
    found = [*find_status(answers, rules, tally), *headers.find(), *bodies.find()]
    scope = scope_of(headers.counting(rules), found, rules, bodies.compared)
    return Findings(sorted(found, key=lambda one: not one.counts), scope, tally.uses)


def scope_of(
    names: Mapping[bool, Sequence[str]], found: Sequence[Difference], rules: Rules, body: str
) -> Scope:
    """Return what was looked at.

    Args:
        names: the headers that count, and those that do not.
        found: the differences; a header that differs in a way that does not count is only noted.
        body: how the bodies were compared.
    """
    notes = {one.name for one in found if one.part == "header" and not one.counts}
    compared = [name for name in names[True] if name not in notes]
    noted = [*names[False], *(name for name in names[True] if name in notes)]
    return Scope(rules.headers.words, compared, noted, body)


def find_status(answers: Sequence[Answer], rules: Rules, tally: Tally) -> Iterator[Difference]:
    """Yield a difference if the statuses differ."""
    if len({answer.status for answer in answers}) <= 1:
        return
    values = {answer.target: str(answer.status) for answer in answers}
    rule = next((rule for rule in rules.ignore if rule.place == "status"), None)
    if rule is None:
        yield Difference("status", "", Kind.STATUS, values)
        return
    tally.use(f"ignore {rule.text}")
    reason = rule.reason or f"ignored by {rule.text}"
    yield Difference("status", "", Kind.STATUS, values, False, reason)


class BodyComparison:
    """Compares the bodies of the answers that there are.

    ``compared`` says how, after ``find``; see ``Scope.body``.
    """

    def __init__(
        self, answers: Sequence[Answer], names: Mapping[str, Names], rules: Rules, tally: Tally
    ) -> None:
        self.answers = answers
        self.names = names
        self.rules = rules
        self.tally = tally
        self.compared = "nothing"

    def find(self) -> Iterator[Difference]:
        """Yield the differences."""
        if len(self.answers) < 2:
            return
        first, *others = (answer.body for answer in self.answers)
        if all(body == first for body in others):
            self.compared = "every byte" if first else "no body"
            return
        forms = {answer.content.form for answer in self.answers}
        if forms <= {Form.JSON} or forms <= {Form.LINES}:
            self.compared = "JSON values"
            yield from self._find_in_json()
        elif forms == {Form.TEXT}:
            self.compared = "text"
            yield from self._find_in_text()
        else:
            self.compared = "bytes"
            yield self._found(self._kind_of(forms))

    def _kind_of(self, forms: set[Form]) -> Kind:
        if Form.EMPTY in forms:
            return Kind.MISSING
        return Kind.TYPE if len(forms) > 1 else Kind.VALUE

    def _find_in_json(self) -> Iterator[Difference]:
        documents = {answer.target: answer.content.value for answer in self.answers}
        found = JSONComparison(self.names, self.rules, self.tally).find(documents)
        for one in found:
            values = visible({target: spell(value) for target, value in one.values.items()})
            reason = one.rule and (one.reason or f"ignored by {one.rule}")
            if one.rule:
                self.tally.use(one.rule)
            elif one.kind is Kind.SPELLING:
                reason = self._spelling_rule()
            yield Difference("body", one.pointer, one.kind, values, not reason, reason)
        if not found and not self._is_neutral():
            reason = self._spelling_rule() or ("" if self.rules.exact else SAME_VALUES)
            values = self._excerpts()
            yield Difference("body", "", Kind.SPELLING, values, not reason, reason)

    def _spelling_rule(self) -> str:
        rule = next((rule for rule in self.rules.ignore if rule.place == "spelling"), None)
        if rule is None:
            return ""
        self.tally.use(f"ignore {rule.text}")
        return rule.reason or f"ignored by {rule.text}"

    def _is_neutral(self) -> bool:
        """Return whether the bodies are equal in bytes without the targets' names."""
        texts = {answer.target: answer.content.text or "" for answer in self.answers}
        return len({self.names[target].replace(text)[0] for target, text in texts.items()}) == 1

    def _find_in_text(self) -> Iterator[Difference]:
        texts = {answer.target: answer.content.text or "" for answer in self.answers}
        if len({*texts.values()}) == 1:
            values = {answer.target: answer.content.charset for answer in self.answers}
            yield Difference("body", "", Kind.SPELLING, values, False, SAME_TEXT)
            return
        neutral = {target: self.names[target].replace(text) for target, text in texts.items()}
        for rule in {rule for _, used in neutral.values() for rule in used}:
            self.tally.use(rule)
        if len({text for text, _ in neutral.values()}) == 1:
            return
        yield self._found(Kind.VALUE, {target: text for target, (text, _) in neutral.items()})

    def _found(self, kind: Kind, neutral: Mapping[str, str] | None = None) -> Difference:
        """Return the difference of bodies as a whole.

        Args:
            kind: its type.
            neutral: the texts without the targets' names, if all bodies are text.
        """
        reason = ""
        for rule in self.rules.in_bodies:
            texts = (neutral or {}).values()
            if rule.pattern is None and rule.place in ("body", "/**"):
                covers = True
            else:
                pattern = rule.pattern if rule.place in ("", "body") else None
                covers = bool(pattern and texts) and len({*map(pattern.replace, texts)}) == 1  # type: ignore[union-attr]
            if covers:
                self.tally.use(f"ignore {rule.text}")
                reason = rule.reason or f"ignored by {rule.text}"
                break
        return Difference("body", "", kind, self._excerpts(), not reason, reason)

    def _excerpts(self) -> dict[str, str]:
        """Return a part of each body around the first difference; empty bodies are left out."""
        found = {answer.target: answer for answer in self.answers if answer.body}
        if any(answer.content.text is None for answer in found.values()):
            start = first_difference([answer.body for answer in self.answers])
            return {target: describe(answer.body, start) for target, answer in found.items()}
        texts = {target: answer.content.text or "" for target, answer in found.items()}
        position = first_difference([*texts.values()]) if len(texts) > 1 else 0
        start = max(0, position - SHOWN // 3)
        cut = "…" if start else ""
        shown = visible({target: text[start : start + SHOWN] for target, text in texts.items()})
        return {target: cut + text for target, text in shown.items()}


def first_difference(bodies: Sequence[bytes] | Sequence[str]) -> int:
    """Return the index of the first byte or character that is not the same in all bodies."""
    first, *others = bodies
    low, high = 0, min(map(len, bodies))
    # Halving: comparing slices is much faster than a loop over characters.
    while low < high:
        middle = (low + high + 1) // 2
        if all(other[low:middle] == first[low:middle] for other in others):
            low = middle
        else:
            high = middle - 1
    return low
