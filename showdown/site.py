"""The showdown's pages: the library's, and those about Flask, FastAPI and Django."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.requests import Request

from framework_gateway.compare.rules import Rules
from framework_gateway.pages.page import Page
from framework_gateway.pages.site import Site
from showdown.claims.plots import draw_claim
from showdown.claims.results import DATABASES, full_name, load_latest
from showdown.claims.wording import measured
from showdown.examples import EXAMPLES
from showdown.guide import advise

# The contract of the users API names these headers, and asks for the same bytes.
RULES = Rules.build(headers="contract", exact=True)
STATES = {"holds": "hold", "fails": "fail", "undecided": "undecided"}


def count_states(claim: Mapping[str, Any]) -> str:
    """Return how many conditions of a claim are in each state, such as ``1 hold, 2 fail``."""
    counts = Counter(one["state"] for one in claim["conditions"])
    return ", ".join(f"{counts[state]} {verb}" for state, verb in STATES.items() if counts[state])


class Showdown(Site):
    """The pages about Flask, FastAPI and Django.

    Args:
        args, options: those of ``Site``.
        needs_login: whether only people who are logged in may write.
    """

    title = "Flask, FastAPI and Django, side by side"
    examples = EXAMPLES
    benchmark = "/claims"
    filters: Mapping[str, Callable[..., Any]] = {
        "plot": draw_claim,
        "measured": measured,
        "full_name": full_name,
        "counted": count_states,
    }
    templates = (Path(__file__).parent / "templates", *Site.templates)
    static = (*Site.static, ("showdown", "static"))

    def __init__(self, *args: Any, needs_login: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.needs_login = needs_login

    @property
    def pages(self) -> Sequence[Page]:
        """The pages in the order of the navigation."""
        return [
            *super().pages,
            Page(
                "claims",
                "Claims",
                "claims.html",
                "What an article claims about the frameworks, put to the test.",
                collect_claims,
            ),
            Page("live", "Live", "live.html", "Changes of users, as they happen.", self.live),
            Page(
                "guide",
                "When to use",
                "guide.html",
                "Which framework fits which situation.",
                self.guide,
            ),
        ]

    def live(self, _request: Request) -> dict[str, Any]:
        """Return the content of the Live page."""
        return {"events": "/fastapi/api/users/events", "needs_login": self.needs_login}

    def guide(self, _request: Request) -> dict[str, Any]:
        """Return the advice with its verdicts, and whether the target of each link is mounted."""
        pages = {page.name for page in self.pages}
        here = pages | {mount.path.strip("/") for mount in self.mounts}
        return {
            "advice": [
                {
                    **asdict(row.advice),
                    "claims": [{k: claim[k] for k in ("name", "verdict")} for claim in row.claims],
                    "refuted": row.refuted,
                    "is_here": re.split("[/?]", row.advice.link)[0] in here,
                }
                for row in advise(load_latest())
            ]
        }


def collect_claims(_request: Request) -> dict[str, Any]:
    """Return the last run of the claims; read for each request, as a run may have ended since."""
    return {"run": load_latest(), "states": STATES, "databases": DATABASES}
