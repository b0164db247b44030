"""Compare the requests of an input one after the other, and summarise what differs."""

from collections.abc import Callable

from framework_gateway.compare.findings import Comparison
from framework_gateway.compare.inputs import Input
from framework_gateway.compare.shrinking import Ask, Effort, Shrinker
from framework_gateway.compare.summary import Summary


async def run(
    ask: Ask,
    source: Input,
    summary: Summary,
    effort: Effort,
    *,
    shrink: bool = False,
    seen: Callable[[Comparison], object] = lambda comparison: None,
) -> None:
    """Compare all requests, until the time limit; no comparison is kept but examples.

    Args:
        ask: compares one request.
        summary: counts what is found.
        effort: the time limit, and the limits of shrinking.
        shrink: ask again for each finding, and look for its smallest request.
        seen: called with each comparison.
    """
    summary.skipped = source.skipped
    for request in source.requests:
        if effort.is_over:
            summary.is_late = True
            break
        comparison = await ask(request)
        summary.add(comparison)
        if source.learn is not None:
            source.learn(summary.route_of(comparison.request), comparison)
        seen(comparison)
    if shrink:
        await Shrinker(ask, summary, effort).run()
