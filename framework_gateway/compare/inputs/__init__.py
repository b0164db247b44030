"""Requests from where people have them: files of JSON lines, HAR, curl, access logs, OpenAPI."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from framework_gateway.compare.comparer import SAFE_METHODS
from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.messages import Request

NOT_UTF_8 = "it is not in UTF-8; save it as UTF-8"
UNSAFE = "unsafe methods; --unsafe sends them"


class InputError(Exception):
    """Requests cannot be read; the message says where and why."""


@dataclass
class Input:
    """Requests, and the reasons why others of the same source are left out.

    Attributes:
        name: where the requests come from.
        requests: the requests; they can be iterated once.
        total: how many there are at most; None if that is not known.
        skipped: maps reasons to counts; complete after the iteration.
        templates: methods and path templates that name the routes.
        learn: called with the route of each comparison, to make further requests from answers.
    """

    name: str
    requests: Iterable[Request]
    total: int | None = None
    skipped: Counter[str] = field(default_factory=Counter)
    templates: Sequence[tuple[str, str]] = ()
    learn: Callable[[str, Comparison], None] | None = None

    def only_safe(self) -> None:
        """Leave out requests that could change something."""
        self.requests = self._safe_ones(self.requests)

    def _safe_ones(self, requests: Iterable[Request]) -> Iterator[Request]:
        for request in requests:
            if request.method in SAFE_METHODS:
                yield request
            else:
                self.skipped[UNSAFE] += 1
