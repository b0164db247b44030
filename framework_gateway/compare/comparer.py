"""Send one request to several targets, and show where their answers differ.

In a test suite::

    with comparing({"old": "legacy.wsgi:application", "new": "shop.main:app"}) as compare:
        comparison = compare("GET", "/api/users")
        assert comparison.identical, str(comparison)
"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import httpx2 as httpx
from anyio import CapacityLimiter, to_thread
from anyio.from_thread import start_blocking_portal

from framework_gateway.compare import MAX_SIZE, TIMEOUT
from framework_gateway.compare.differences import Findings, find_differences
from framework_gateway.compare.findings import Comparison, Scope
from framework_gateway.compare.messages import Answer, Failure, NoAnswer, Request
from framework_gateway.compare.noise import judge_noise
from framework_gateway.compare.rules import Ignore, Rules
from framework_gateway.compare.sessions import Session, saved_values
from framework_gateway.compare.targets import Target, open_targets
from framework_gateway.compare.words import describe

SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS", "TRACE"])
SMALL = 64 * 1024  # bytes of all bodies; a thread compares larger ones

AGAIN = " again"  # names the next answer of the same target; no target has this name

Answers = Sequence[Answer]


class Comparer:
    """Sends the same request to several targets.

    Args:
        targets: at least two targets with different names.
        rules: what counts; the default rules if None.
        timeout: seconds until a target counts as not answering.
        max_size: the largest body in bytes; a longer one counts as no answer.
        limiter: limits the threads that compare answers; anyio's default limiter if None.
        session: keep cookies, for each target its own; otherwise none are kept.
        noise: how many times more each target gets a safe request, to measure noise.
        seed: of the random order in which targets get safe requests.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        rules: Rules | None = None,
        *,
        timeout: float = TIMEOUT,
        max_size: int = MAX_SIZE,
        limiter: CapacityLimiter | None = None,
        session: bool = False,
        noise: int = 0,
        seed: int | None = None,
    ) -> None:
        self.targets = targets
        self.rules = rules or Rules()
        self.timeout = timeout
        self.max_size = max_size
        self.limiter = limiter
        self.noise = noise
        # It chooses an order, no secret.
        self.random = random.Random(seed)  # nosec B311
        self.sessions = {
            target.name: Session(httpx.Cookies() if session else None) for target in targets
        }

    async def compare(
        self,
        request: Request,
        *,
        ignore: Iterable[str] = (),
        in_turn: bool = False,
        before_each: Callable[[], object] | None = None,
        on_answer: Callable[[Answer], object] = lambda _answer: None,
    ) -> Comparison:
        """Send the request to every target.

        Args:
            request: the request; ``{framework}`` in its path and body becomes each target's name.
            ignore: further rules for what may differ; see ``Ignore.parse``.
            in_turn: send to one target after the other instead of all at once.
            before_each: called in a thread before each target, for example to reset a database;
                implies ``in_turn``.
            on_answer: called with each answer when it has arrived.
        """
        rules = self.rules
        if more := [Ignore.parse(text) for text in ignore]:
            rules = replace(rules, ignore=[*rules.ignore, *more])
        request = request.with_defaults()
        saved = saved_values(self.sessions)
        repeats = self.noise if request.method in SAFE_METHODS and before_each is None else 0
        rounds = [
            await self._ask_all(request, in_turn, before_each, on_answer)
            for _ in range(1 + repeats)
        ]
        for answer in rounds[0]:
            self.sessions[answer.target].learn(request, answer)
        # What this answer saves is each target's own, too.
        saved = {name: saved[name] | values for name, values in saved_values(self.sessions).items()}
        work = partial(compare_rounds, request, rounds, rules, saved)
        if sum(len(answer.body) for answers in rounds for answer in answers) <= SMALL:
            return work()
        # In a thread, because comparing megabytes would block the event loop.
        return await to_thread.run_sync(work, limiter=self.limiter)

    async def _ask_all(
        self,
        request: Request,
        in_turn: bool,
        before_each: Callable[[], object] | None,
        on_answer: Callable[[Answer], object],
    ) -> Answers:
        """Ask every target once; return the answers in the order of the targets."""

        async def ask(target: Target) -> Answer:
            answer = await self._ask(target, request)
            on_answer(answer)
            return answer

        order = [*self.targets]
        if request.method in SAFE_METHODS and before_each is None:
            # The first target finds cold caches; an unsafe request may depend on the order.
            self.random.shuffle(order)
        if in_turn or before_each is not None:
            answers = []
            for target in order:
                if before_each is not None:
                    # In a thread: it may wait for the targets, which run on this event loop.
                    await asyncio.to_thread(before_each)
                answers.append(await ask(target))
        else:
            answers = await asyncio.gather(*map(ask, order))
        by_name = {answer.target: answer for answer in answers}
        return [by_name[target.name] for target in self.targets]

    async def _ask(self, target: Target, request: Request) -> Answer:
        started = time.perf_counter()
        sent = request
        try:
            sent = self.sessions[target.name].prepare(request, target.url)
            sent = sent.for_target(target.name)
            async with asyncio.timeout(self.timeout):
                return await target.answer(sent, self.max_size)
        except TimeoutError:
            reason, failure = f"no answer within {self.timeout:g} s", Failure.TIMEOUT
        except NoAnswer as error:
            reason, failure = str(error), error.failure
        # An application may raise anything; the comparison shows it.
        except Exception as error:
            reason, failure = describe(error), Failure.EXCEPTION
        seconds = time.perf_counter() - started
        return Answer(target.name, target.url, sent, seconds, error=reason, failure=failure)


def compare_rounds(
    request: Request,
    rounds: Sequence[Answers],
    rules: Rules,
    saved: Mapping[str, Mapping[str, str]],
) -> Comparison:
    """Compare the answers of one or more rounds; a failure of the comparing is a result, too."""
    failing = [each for each in rounds if any(one.error for one in each)]
    answers = failing[0] if failing else rounds[0]
    try:
        found = find_differences(request, answers, rules, saved)
        if len(rounds) > 1 and not any(answer.error for answer in answers):
            found = with_noise(request, rounds, rules, saved, found)
    # The comparing is a step that can fail like the others; the comparison says so.
    except Exception as error:
        return Comparison(request, answers, scope=Scope(rules.headers.words), error=describe(error))
    return Comparison(
        request, answers, found.differences, found.scope, found.uses, rounds=len(rounds)
    )


def with_noise(
    request: Request,
    rounds: Sequence[Answers],
    rules: Rules,
    saved: Mapping[str, Mapping[str, str]],
    first: Findings,
) -> Findings:
    """Return the findings of all rounds; differences within the noise of a target do not count."""
    between = [find_differences(request, answers, rules, saved).differences for answers in rounds]
    within = {
        answers[0].target: [
            find_differences(request, [one, replace(other, target=AGAIN)], rules).differences
            for one, other in itertools.pairwise(answers)
        ]
        for answers in zip(*rounds, strict=True)
    }
    judged = sorted(judge_noise(between, within), key=lambda one: not one.counts)
    return replace(first, differences=judged)


@contextmanager
def comparing(
    targets: Mapping[str, Any],
    *,
    timeout: float = TIMEOUT,
    max_size: int = MAX_SIZE,
    session: bool = False,
    noise: int = 0,
    seed: int | None = None,
    **rules: Any,
) -> Iterator[Callable[..., Comparison]]:
    """Start the targets, and yield a function that compares them; for synchronous code.

    Args:
        targets: maps names to targets; each is a WSGI or ASGI application, an import string of
            one, or the URL of a running server, such as ``http://127.0.0.1:8001``.
        timeout, max_size, session, noise, seed: arguments of ``Comparer``.
        rules: arguments of ``Rules.build``, such as ``headers`` and ``ignore``.

    Yields:
        ``compare(method, path, *, json=None, body=b"", headers=None, save=None, **options)``; the
        options are those of Comparer.compare.

    Raises:
        TargetError: an application could not be loaded or started.
        ValueError: a rule is invalid.
    """
    built = Rules.build(**rules)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_targets(targets)) as opened,
    ):
        comparer = Comparer(
            opened,
            built,
            timeout=timeout,
            max_size=max_size,
            session=session,
            noise=noise,
            seed=seed,
        )

        def compare(method: str, path: str, **options: Any) -> Comparison:
            fields = ("json", "body", "headers", "save")
            given = {name: options.pop(name) for name in fields if name in options}
            request = Request.build(method, path, **given)
            return portal.call(partial(comparer.compare, request, **options))

        yield compare
