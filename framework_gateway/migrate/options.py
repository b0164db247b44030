"""The options of a move: stages, rules, limits and thresholds."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, PositiveFloat, model_validator

from framework_gateway.migrate.bounds import (
    STRICT,
    BreakerOptions,
    EvidenceOptions,
    Limits,
    Ready,
)

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1
ANY = "*"
READS = "reads"  # the safe methods
WRITES = "writes"  # all others

Percent = Annotated[float, Field(ge=0, le=100)]


class Stage(StrEnum):
    """How far a route has moved."""

    OFF = "off"  # the old application answers; the new one sees nothing
    SHADOW = "shadow"  # the old one answers; the new one is asked after the answer, and compared
    LIVE = "live"  # the new one answers a percentage of the clients; the other one is compared
    RAMPDOWN = "rampdown"  # the new one answers all; the old one is compared, and is the fallback
    COMPLETE = "complete"  # the new one answers all; the old one sees nothing


class Credentials(StrEnum):
    """What happens to the shadow of a request that carries credentials."""

    SKIP = "skip"  # there is no shadow
    REMOVE = "remove"  # the shadow has none, so that answers may differ because of that
    FORWARD = "forward"  # the shadow carries the same credentials


class Rule(BaseModel):
    """Where some routes and methods are on their way from the old to the new application."""

    model_config = STRICT

    route: Annotated[
        str,
        Field(
            pattern=r"^(\*|/[^?#]*)$",
            max_length=200,
            description="Path below the prefix: a template such as `/users/{id}`, all below a path"
            " such as `/users/*`, or `*` for all routes.",
        ),
    ] = ANY
    methods: Annotated[
        str,
        Field(
            pattern=r"^(\*|reads|writes|[A-Z][A-Z-]{0,31})$",
            description="A method, `reads` (GET, HEAD, OPTIONS, TRACE), `writes` (all others), or"
            " `*`.",
        ),
    ] = ANY
    stage: Annotated[Stage, Field(description="How far the routes have moved.")] = Stage.OFF
    percent: Annotated[
        Percent, Field(description="Clients that the new application answers in stage `live`.")
    ] = 0.0
    share: Annotated[
        Percent, Field(description="Requests that are also sent to the other application.")
    ] = 100.0
    unsafe: Annotated[
        bool,
        Field(
            description="Also send requests with unsafe methods to the other application, which"
            " must have its own data."
        ),
    ] = False
    credentials: Annotated[
        Credentials,
        Field(
            description="Requests with cookies or credentials: `skip` their shadow, `remove` the"
            " credentials from it, or `forward` them."
        ),
    ] = Credentials.SKIP
    steps: Annotated[
        list[Percent],
        Field(description="Percentages that stage `live` goes through by itself, one by one."),
    ] = []

    @property
    def key(self) -> str:
        """Identifies the rule: two rules with one key replace each other."""
        return f"{self.methods} {self.route}"

    @property
    def is_mixed(self) -> bool:
        """Whether some clients get their answers from the one and some from the other."""
        return 0 < self.reached < 100

    @property
    def is_judged(self) -> bool:
        """Whether a breaker judges the routes: the new application answers, the old one could."""
        return self.stage in (Stage.LIVE, Stage.RAMPDOWN)

    @property
    def reached(self) -> float:
        """The percentage of the clients that the new application answers."""
        if self.stage is Stage.LIVE:
            return self.percent
        return 100.0 if self.stage in (Stage.RAMPDOWN, Stage.COMPLETE) else 0.0

    @property
    def words(self) -> str:
        """The stage in words, for the history and the log."""
        if self.stage is not Stage.LIVE:
            return str(self.stage)
        return f"{self.stage} {self.percent:g} %"


class MoveOptions(BaseModel):
    """The options of a move."""

    model_config = STRICT

    rules: Annotated[
        list[Rule],
        Field(description="Stages by route and method; the most specific rule holds."),
    ] = []
    sticky: Annotated[
        list[Annotated[str, Field(pattern=r"^(token|address|(cookie|header):[!-9;-~]{1,100})$")]],
        Field(
            description="What keeps a client on one side, the first that it has: `cookie:NAME`,"
            " `header:NAME`, `token` (the Bearer token), `address`."
        ),
    ] = ["cookie:session", "token", "address"]
    timeout: Annotated[
        PositiveFloat,
        Field(
            le=86400,
            description="Seconds until the new application must begin its answer to a read; then"
            " the old one answers. At most half of `request_timeout`.",
        ),
    ] = 10.0
    ignore: Annotated[
        list[str], Field(description="What may differ, as for `gateway compare --ignore`.")
    ] = []
    unordered: Annotated[
        list[str], Field(description="JSON Pointers of arrays whose order does not matter.")
    ] = []
    tolerance: Annotated[
        float | None, Field(ge=0, description="Numbers that differ by less are equal.")
    ] = None
    show: Annotated[
        list[str],
        Field(
            description="JSON Pointers of values that examples show, such as `/items/*/price`;"
            " all others are masked."
        ),
    ] = []
    limits: Annotated[Limits, Field(description="What shadows may use.")] = Limits()
    evidence: Annotated[
        EvidenceOptions, Field(description="How much is kept of what was seen.")
    ] = EvidenceOptions()
    breaker: Annotated[
        BreakerOptions, Field(description="When a route goes back to the old application.")
    ] = BreakerOptions()
    ready: Annotated[Ready, Field(description="When a route is ready.")] = Ready()

    @model_validator(mode="after")
    def _check_rules(self) -> "MoveOptions":
        keys = [rule.key for rule in self.rules]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise ValueError(f"there are two rules for {twice}")
        return self


def class_of(method: str) -> str:
    """Return whether a method reads or writes."""
    return READS if method in SAFE else WRITES
