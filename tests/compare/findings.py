"""Summaries of real comparisons, for the tests of reports and exports."""

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio

from framework_gateway.compare.comparer import Comparer
from framework_gateway.compare.inputs import Input
from framework_gateway.compare.messages import Request
from framework_gateway.compare.rules import Rules
from framework_gateway.compare.runs import run
from framework_gateway.compare.shrinking import Effort
from framework_gateway.compare.summary import Summary
from framework_gateway.compare.targets import Application

ASK = Request("GET", "/items/7?token=abc", (("Cookie", "sid=secret"), ("X-A", "1")))


def summarise(
    old: Callable[..., Any], new: Callable[..., Any], *requests: Request, **rules: Any
) -> Summary:
    """Compare two ASGI applications by some requests."""
    comparer = Comparer([Application("old", old), Application("new", new)], Rules.build(**rules))
    summary = Summary(["old", "new"])
    source = Input("test", requests or [ASK], max(1, len(requests)))
    anyio.run(partial(run, comparer.compare, source, summary, Effort()))
    return summary
