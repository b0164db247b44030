"""The page about moves: how far each route is, what has been seen of it, and what people decide."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from framework_gateway.compare.guard import Guard
from framework_gateway.config import reason_of
from framework_gateway.migrate.control import Control
from framework_gateway.migrate.reports import as_markdown, milliseconds, rate, stage_words
from framework_gateway.migrate.state import MoveState
from framework_gateway.migrate.status import status
from framework_gateway.migrate.stores import StoreError
from framework_gateway.pages.bodies import read_body
from framework_gateway.pages.page import Page

MAX_SIZE = 64 * 1024  # bytes of a change
RETRY = {"Retry-After": "1"}


class Change(BaseModel):
    """What a person has decided.

    Attributes:
        move: the prefix.
        action: what happens.
        name: the route or the rule that it happens to; not for ``set``.
        rule: members of the rule that ``set`` changes; ``route`` and ``methods`` say which.
    """

    model_config = ConfigDict(extra="forbid")

    move: str
    action: Literal["set", "remove", "hold", "release", "forget"]
    name: Annotated[str, Field(max_length=300)] = ""
    rule: dict[str, Any] = {}

    def apply(self, state: MoveState, who: str) -> MoveState:
        """Return the changed state.

        Raises:
            ValidationError: the rule is not valid.
        """
        match self.action:
            case "set":
                return state.with_changes(self.rule, who)
            case "remove":
                return state.without_rule(self.name, who) if self.name in state.rules else state
            case "hold":
                return state.with_hold(self.name, who) if self.name in state.rules else state
            case _:
                held = self.name in state.trips or self.name in state.held
                return state.released(self.name, who) if held else state


class Moves:
    """Shows and changes the moves of a gateway.

    Args:
        controls: what serves the moves.
        guard: checks who may see and change them.
    """

    def __init__(self, controls: Sequence[Control], guard: Guard) -> None:
        self.controls = controls
        self.guard = guard

    @property
    def pages(self) -> list[Page]:
        """The page, for staff."""
        what = "How far each route has moved, and what has been seen of it."
        return [
            Page("moves", "Moves", "moves.html", what, self.collect, sends_requests=True),
        ]

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes other than that of the page."""
        return [
            Route("/moves", self.change, methods=["POST"]),
            Route("/moves/report", self.report),
        ]

    async def collect(self, _request: Request) -> dict[str, Any]:
        """Return the state and the evidence of every move.

        Returns:
            ``{"moves": [the document of status.status, with "shadows" and "fault"]}``
        """
        return {"moves": [await self._document(control) for control in self.controls]}

    async def _document(self, control: Control) -> dict[str, Any]:
        try:
            evidence, fault = await control.everything(), control.fault
        except StoreError as error:
            evidence, fault = {}, f"the store of the move is away: {error}"
        state, ready = control.rollout.state, control.options.ready
        return {
            **status(control.path, state, evidence, ready),
            "fault": fault,
            "shadows": {
                "waiting": control.waiting,
                "running": control.running_shadows,
                "bytes": control.memory,
            },
        }

    async def change(self, request: Request) -> Response:
        """Answer ``POST /moves``: a change as JSON."""
        await self.guard.check(request)
        self.guard.check_unsafe(request, request.method)
        try:
            change = Change.model_validate_json(await read_body(request, MAX_SIZE))
            control = self._find(change.move)
            who = who_of(request)
            if change.action == "forget":
                await control.forget(change.name, who)
            else:
                await control.change(lambda state: change.apply(state, who))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"])) or "the change"
            raise HTTPException(400, f"{place}: {reason_of(first)}.") from error
        except StoreError as error:
            raise HTTPException(503, headers=RETRY) from error
        return JSONResponse(await self._document(control))

    async def report(self, request: Request) -> Response:
        """Answer ``GET /moves/report``: all moves as Markdown, for a pull request."""
        await self.guard.check(request)
        texts = [as_markdown(await self._document(control)) for control in self.controls]
        return Response("\n".join(texts), media_type="text/markdown")

    def _find(self, path: str) -> Control:
        for control in self.controls:
            if (control.path or "/") == path:
                return control
        raise HTTPException(400, "There is no such move.")


def who_of(request: Request) -> str:
    """Return who sends a request, for the history."""
    user = request.scope.get("user")
    if user is not None:
        return str(user.identity)
    return f"page, from {request.client.host}" if request.client else "page"


def moment(seconds: float) -> str:
    """Return a time of the history."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def as_json(value: Any) -> str:
    """Return an example as text."""
    return json.dumps(value, indent=2, ensure_ascii=False)


FILTERS: dict[str, Callable[..., Any]] = {
    "milliseconds": milliseconds,
    "rate": rate,
    "stage_words": stage_words,
    "moment": moment,
    "as_json": as_json,
}
