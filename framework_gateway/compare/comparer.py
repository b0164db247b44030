"""Send one request to several applications, and say where their answers differ.

In a test suite::

    with comparing({"old": "legacy.wsgi:application", "new": "shop.main:app"}) as compare:
        comparison = compare("GET", "/api/users")
        assert comparison.identical, str(comparison)
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from anyio.from_thread import start_blocking_portal

from framework_gateway.compare import MAX_SIZE, TIMEOUT
from framework_gateway.compare.differences import HEADERS, Difference, find_differences
from framework_gateway.compare.messages import Answer, NoAnswer, Request
from framework_gateway.compare.targets import Target, open_targets


@dataclass(frozen=True)
class Comparison:
    """A request, one answer for each target, and where these differ."""

    request: Request
    answers: Sequence[Answer]
    differences: Sequence[Difference]

    @property
    def identical(self) -> bool:
        """Whether every target has answered, and all of them the same."""
        return not self.differences and not self.failed

    @property
    def failed(self) -> bool:
        """Whether a target has not answered."""
        return any(answer.error is not None for answer in self.answers)

    def as_dict(self) -> dict[str, Any]:
        """Return what programs read: ``/compare`` and ``gateway compare --json`` answer it."""
        return {
            "identical": self.identical,
            "request": self.request.as_dict(),
            "differences": [difference.as_dict() for difference in self.differences],
            "answers": [answer.as_dict() for answer in self.answers],
        }

    def __str__(self) -> str:
        found = [str(difference) for difference in self.differences]
        found += [f"{answer.target}: {answer.error}" for answer in self.answers if answer.error]
        verdict = "differs" if found else "is answered alike"
        return "\n  ".join([f"{self.request.method} {self.request.path} {verdict}", *found])


class Comparer:
    """Asks its targets the same.

    Args:
        targets: at least two, of different names.
        headers: names of the answer's headers that must be equal; others may differ.
        timeout: seconds until a target counts as not answering.
        max_size: bytes of the longest body; a longer one counts as no answer.
        limiter: of the threads that compare; anyio's own when none is given.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        headers: Sequence[str] = HEADERS,
        timeout: float = TIMEOUT,
        max_size: int = MAX_SIZE,
        limiter: CapacityLimiter | None = None,
    ) -> None:
        self.targets = targets
        self.headers = headers
        self.timeout = timeout
        self.max_size = max_size
        self.limiter = limiter

    async def compare(
        self,
        request: Request,
        *,
        ignore: Sequence[str] = (),
        in_turn: bool = False,
        before_each: Callable[[], object] | None = None,
    ) -> Comparison:
        """Send the request to every target.

        Args:
            request: ``{framework}`` in its path and body becomes each target's name.
            ignore: what may differ: ``status``, a header's name, ``spelling`` (other bytes of the
                same JSON), or a JSON Pointer into the body, where ``*`` is any one member.
            in_turn: ask one target after the other instead of all at the same time.
            before_each: called in a thread before each target is asked, in turn: resets a
                database, say.
        """
        request = request.identified()
        if in_turn or before_each is not None:
            answers = []
            for target in self.targets:
                if before_each is not None:
                    # In a thread: the targets live on this loop, and may hold what it waits for.
                    await asyncio.to_thread(before_each)
                answers.append(await self._ask(target, request))
        else:
            asked = (self._ask(target, request) for target in self.targets)
            answers = await asyncio.gather(*asked)
        # In a thread: documents of a megabyte would hold up whatever else the loop serves.
        differences = await to_thread.run_sync(
            find_differences, request, answers, self.headers, ignore, limiter=self.limiter
        )
        return Comparison(request, answers, differences)

    async def _ask(self, target: Target, request: Request) -> Answer:
        request = request.addressed_to(target.name)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout):
                return await target.answer(request, self.max_size)
        except TimeoutError:
            reason = f"no answer within {self.timeout:g} s"
        except NoAnswer as error:
            reason = str(error)
        # Whatever an application raises is what the comparison is there to show.
        except Exception as error:
            reason = repr(error)
        return Answer(
            target=target.name,
            prefix=target.prefix,
            curl=target.curl(request),
            seconds=time.perf_counter() - started,
            error=reason,
        )


@contextmanager
def comparing(targets: Mapping[str, Any], **options: Any) -> Iterator[Callable[..., Comparison]]:
    """Start the targets and yield a function that compares them, for code that is not async.

    Args:
        targets: by name, each a WSGI or ASGI application, an import string of one, or the
            address of a running server, as in ``http://127.0.0.1:8001``.
        options: what Comparer takes.

    Yields:
        ``compare(method, path, *, json=None, body=b"", headers=None, **options)``, whose options
        are those of Comparer.compare.

    Raises:
        TargetError: an application could not be loaded or started.
    """
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_targets(targets)) as opened,
    ):
        comparer = Comparer(opened, **options)

        def compare(
            method: str,
            path: str,
            *,
            json: Any = None,
            body: bytes | str = b"",
            headers: Mapping[str, str] | None = None,
            **how: Any,
        ) -> Comparison:
            request = Request.build(method, path, json=json, body=body, headers=headers)
            return portal.call(partial(comparer.compare, request, **how))

        yield compare
