"""Take identifiers from answers, to ask for things that exist.

A generated ``GET /items/{item_id}`` mostly asks for items that do not exist. The answers of
``GET /items`` have the identifiers of those that do.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any
from urllib.parse import quote

from framework_gateway.compare.examples import without_defaults
from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.json_values import Number, parse_json
from framework_gateway.compare.messages import Request
from framework_gateway.compare.simpler import key_of

PARAMETER = re.compile(r"\{([^{}]+)\}")
ROUNDS = 3  # /shops, then /shops/{shop_id}/items, then /shops/{shop_id}/items/{item_id}
VALUES = 3  # identifiers for each parameter
SAMPLES = 5  # generated requests for each route
MEMBERS = 10_000  # members read of one answer


class Learner:
    """Collects identifiers by the path of the collection that listed them.

    Args:
        templates: methods and path templates of the operations.
    """

    def __init__(self, templates: Iterable[tuple[str, str]]) -> None:
        self.templates = {f"{method} {path}": path for method, path in templates}
        self.values: dict[str, list[str]] = defaultdict(list)
        self.samples: dict[str, list[Request]] = defaultdict(list)
        self.made: set[object] = set()

    def learn(self, route: str, comparison: Comparison) -> None:
        """Read the first answer, if the request was a successful GET."""
        request, answer = without_defaults(comparison.request), comparison.answers[0]
        if route in self.templates and len(self.samples[route]) < SAMPLES:
            self.samples[route].append(request)
        if request.method != "GET" or answer.status != 200:
            return
        try:
            document = parse_json(answer.body)
        except ValueError:
            return
        collection = request.path.partition("?")[0].rstrip("/")
        for name, value in scalars(document):
            known = self.values[f"{collection} {name}"]
            if value not in known and len(known) < VALUES:
                known.append(value)

    def requests(self) -> Iterator[Request]:
        """Yield requests for what the answers so far have named."""
        for _ in range(ROUNDS):
            for route, samples in [*self.samples.items()]:
                for path, sample in product([*self._paths(self.templates[route])], [*samples]):
                    query = sample.path.partition("?")[2]
                    request = replace(sample, path=f"{path}?{query}" if query else path)
                    if (key := key_of(request)) not in self.made:
                        self.made.add(key)
                        yield request

    def _paths(self, template: str) -> list[str]:
        """Return the template's paths with known identifiers; none without parameters."""
        start, *rest = PARAMETER.split(template)
        paths = [start] if rest else []
        for name, literal in zip(rest[::2], rest[1::2], strict=True):
            paths = [
                path + quote(value, safe="") + literal
                for path in paths
                for member in members_for(name)
                for value in self.values.get(f"{path.rstrip('/')} {member}", ())
            ]
        return paths


def members_for(parameter: str) -> list[str]:
    """Return the names of a parameter in answers: its own, and ``id`` for ``item_id``."""
    words = re.split(r"[_-]|(?<=[a-z])(?=[A-Z])", parameter)
    return [*dict.fromkeys([parameter, words[-1].lower()])]


def scalars(document: Any) -> Iterator[tuple[str, str]]:
    """Yield the names and values of members that may be identifiers, level by level."""
    level = [document]
    for _ in range(MEMBERS):
        if not level:
            return
        value = level.pop(0)
        if isinstance(value, dict):
            for name, member in value.items():
                if isinstance(member, str | Number):
                    yield name, member if isinstance(member, str) else member.text
            level += value.values()
        elif isinstance(value, list):
            level += value[:VALUES]
