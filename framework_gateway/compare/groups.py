"""Group differences by route, place and type, so that one mistake is reported once."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from framework_gateway.compare.findings import Comparison, Difference, Kind, Verdict

INDEX = re.compile(r"(?<=/)\d+(?=/|$)")
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Group:
    """What several differences have in common.

    Attributes:
        route: the method and the path's template.
        place: ``status``, ``header Location``, ``body /*/price``, or ``no answer``. An index of an
            array is ``*``.
        kind: the type of the difference.
        detail: what tells groups at one place apart: the statuses, the JSON types, or the targets
            without the part.
    """

    route: str
    place: str
    kind: str
    detail: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the group as JSON data."""
        return {**asdict(self), "what": self.what}

    def __str__(self) -> str:
        return f"{self.route}: {self.what}"

    @property
    def what(self) -> str:
        """The place, the type and the detail."""
        kind = "" if self.kind == self.place else f" ({self.kind})"
        return f"{self.place}{kind}" + (f": {self.detail}" if self.detail else "")


def groups_of(comparison: Comparison, route: str) -> list[Group]:
    """Return the groups of the differences that count, each once.

    Different statuses explain the other differences of the same answers, and a missing answer has
    no parts, so then there is only that group.
    """
    if comparison.verdict is Verdict.FAILED:
        reasons = comparison.failures or {"the comparing": comparison.error or ""}
        return [Group(route, NO_ANSWER, "not answered", ", ".join(reasons))]
    counting = comparison.counting
    statuses = [difference for difference in counting if difference.part == "status"]
    targets = [answer.target for answer in comparison.answers]
    return [*dict.fromkeys(group_of(one, route, targets) for one in statuses or counting)]


def group_of(difference: Difference, route: str, targets: list[str]) -> Group:
    """Return the group of one difference."""
    name = INDEX.sub("*", difference.name) if difference.part == "body" else difference.name
    place = f"{difference.part} {name}".rstrip()
    return Group(route, place, str(difference.kind), ", ".join(details(difference, targets)))


def details(difference: Difference, targets: list[str]) -> Iterator[str]:
    """Yield what each target has, as far as it tells groups apart."""
    if difference.kind is Kind.MISSING:
        absent = [target for target in targets if target not in difference.values]
        if absent:
            yield "not in " + ", ".join(absent)
        return
    for target, value in difference.values.items():
        if difference.kind is Kind.STATUS:
            yield f"{target} {value}"
        elif difference.kind in (Kind.TYPE, Kind.NULL) and difference.part == "body":
            yield f"{target} {json_type(value)}"


def json_type(text: str) -> str:
    """Return the type of a JSON value, by its first character."""
    types = {'"': "string", "{": "object", "[": "array", "t": "boolean", "f": "boolean"}
    if text == "null":
        return "null"
    return types.get(text[:1], "number" if re.match("-?[0-9]", text) else "other")
