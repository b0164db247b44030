"""Send one request to several targets, and show where their answers differ.

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
    """A request, the answer of each target, and their differences."""

    request: Request
    answers: Sequence[Answer]
    differences: Sequence[Difference]

    @property
    def identical(self) -> bool:
        """Whether all targets answered, and all answers are equal."""
        return not self.differences and not self.failed

    @property
    def failed(self) -> bool:
        """Whether at least one target did not answer."""
        return any(answer.error is not None for answer in self.answers)

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON data, as ``gateway compare --json`` prints it."""
        return {
            "identical": self.identical,
            "request": self.request.as_dict(),
            "differences": [difference.as_dict() for difference in self.differences],
            "answers": [answer.as_dict() for answer in self.answers],
        }

    def __str__(self) -> str:
        found = [str(difference) for difference in self.differences]
        found += [f"{answer.target}: {answer.error}" for answer in self.answers if answer.error]
        verdict = "differs" if found else "is identical"
        return "\n  ".join([f"{self.request.method} {self.request.path} {verdict}", *found])


class Comparer:
    """Sends the same request to several targets.

    Args:
        targets: at least two targets with different names.
        headers: names of the response headers that must be equal; others may differ.
        timeout: seconds until a target counts as not answering.
        max_size: the largest body in bytes; a longer one counts as no answer.
        limiter: limits the threads that compare answers; anyio's default limiter if None.
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
            request: the request; ``{framework}`` in its path and body becomes each target's name.
            ignore: parts that may differ: ``status``, the name of a header, ``spelling`` (the same
                JSON in other bytes), or a JSON Pointer into the body, where ``*`` matches any one
                member.
            in_turn: send to one target after the other instead of all at once.
            before_each: called in a thread before each target, for example to reset a database;
                implies ``in_turn``.
        """
        request = request.with_request_id()
        if in_turn or before_each is not None:
            answers = []
            for target in self.targets:
                if before_each is not None:
                    # In a thread: it may wait for the targets, which run on this event loop.
                    await asyncio.to_thread(before_each)
                answers.append(await self._send_to(target, request))
        else:
            pending = (self._send_to(target, request) for target in self.targets)
            answers = await asyncio.gather(*pending)
        # In a thread, because comparing megabytes would block the event loop.
        differences = await to_thread.run_sync(
            find_differences, request, answers, self.headers, ignore, limiter=self.limiter
        )
        return Comparison(request, answers, differences)

    async def _send_to(self, target: Target, request: Request) -> Answer:
        request = request.for_target(target.name)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout):
                return await target.answer(request, self.max_size)
        except TimeoutError:
            reason = f"no answer within {self.timeout:g} s"
        except NoAnswer as error:
            reason = str(error)
        # An application may raise anything; the comparison shows it.
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
    """Start the targets, and yield a function that compares them; for synchronous code.

    Args:
        targets: maps names to targets; each is a WSGI or ASGI application, an import string of
            one, or the URL of a running server, such as ``http://127.0.0.1:8001``.
        options: arguments of Comparer.

    Yields:
        ``compare(method, path, *, json=None, body=b"", headers=None, **options)``; the options
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
            **compare_options: Any,
        ) -> Comparison:
            request = Request.build(method, path, json=json, body=body, headers=headers)
            return portal.call(partial(comparer.compare, request, **compare_options))

        yield compare
