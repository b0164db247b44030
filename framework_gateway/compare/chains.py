"""Which earlier requests have saved the values that a request needs."""

from collections.abc import Iterator

from framework_gateway.compare.examples import without_defaults
from framework_gateway.compare.messages import Request
from framework_gateway.compare.sessions import NAME

MAX_NAMES = 1000


class Chains:
    """The last request that has saved each name."""

    def __init__(self) -> None:
        self.savers: dict[str, Request] = {}

    def add(self, request: Request) -> None:
        """Keep a request that saves values of its answer."""
        if request.save:
            kept = without_defaults(request)
            for name in request.save:
                if name in self.savers or len(self.savers) < MAX_NAMES:
                    self.savers[name] = kept

    def before(self, request: Request) -> list[Request]:
        """Return the requests that must be sent before a request, in order."""
        found: dict[int, Request] = {}
        self._collect(request, found, [])
        return [*found.values()]

    def _collect(self, request: Request, found: dict[int, Request], open_: list[Request]) -> None:
        for name in names_in(request):
            saver = self.savers.get(name)
            # A request that needs what it saves itself has no beginning.
            if saver is not None and id(saver) not in found and saver not in open_:
                self._collect(saver, found, [*open_, saver])
                found[id(saver)] = saver


def names_in(request: Request) -> Iterator[str]:
    """Yield the names in braces of a request, in the order in which they are needed."""
    texts = [request.path, *(value for _, value in request.headers)]
    for text in (*texts, request.body.decode(errors="replace")):
        yield from NAME.findall(text)
