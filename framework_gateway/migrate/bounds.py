"""What a move may use and keep, and when a route goes back or is ready."""

from typing import Annotated

from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    HttpUrl,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)

Share = Annotated[float, Field(ge=0, le=1)]
STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Limits(BaseModel):
    """What shadows may use; beyond it, a request has no shadow and is counted."""

    model_config = STRICT

    queue: Annotated[NonNegativeInt, Field(description="Shadows that wait.")] = 100
    concurrency: Annotated[PositiveInt, Field(description="Shadows that run at once.")] = 8
    body: Annotated[
        ByteSize, Field(ge=0, description="Largest body of a request or an answer.")
    ] = ByteSize(256 * 1024)
    memory: Annotated[
        ByteSize, Field(ge=0, description="Bytes of all bodies that are kept for shadows.")
    ] = ByteSize(64 * 1024 * 1024)
    timeout: Annotated[
        PositiveFloat, Field(le=86400, description="Seconds for the answer to a shadow.")
    ] = 10.0
    noise: Annotated[
        Share,
        Field(
            description="Share of the compared reads for which the old application is asked"
            " twice, to see how often it differs from itself."
        ),
    ] = 0.1


class EvidenceOptions(BaseModel):
    """What is kept of what was seen."""

    model_config = STRICT

    routes: Annotated[
        PositiveInt,
        Field(description="Routes with evidence of their own; further ones are counted together."),
    ] = 300
    differences: Annotated[
        PositiveInt,
        Field(
            description="Differences of a route that are told apart; further ones are counted"
            " together."
        ),
    ] = 50
    example: Annotated[
        ByteSize, Field(ge=0, description="Largest example that is kept, as JSON.")
    ] = ByteSize(32 * 1024)


class BreakerOptions(BaseModel):
    """When a route goes back to the old application, until a person releases it."""

    model_config = STRICT

    window: Annotated[
        PositiveFloat, Field(le=86400, description="Seconds that are judged together.")
    ] = 60.0
    volume: Annotated[
        PositiveInt, Field(description="Answers of the new application below which no rate counts.")
    ] = 20
    success: Annotated[
        Share, Field(description="Smallest share of its answers that may succeed.")
    ] = 0.99
    in_a_row: Annotated[
        PositiveInt, Field(description="Failures in a row that open the breaker at any volume.")
    ] = 5
    differing: Annotated[
        Share, Field(description="Largest share of the compared answers that may differ.")
    ] = 0.05
    step: Annotated[
        PositiveFloat,
        Field(le=86400, description="Seconds between two of a rule's `steps`, at least."),
    ] = 300.0
    webhook: Annotated[
        HttpUrl | None,
        Field(description="Address that receives a JSON message when a breaker opens."),
    ] = None


class Ready(BaseModel):
    """When the evidence says that a route is ready for the next stage."""

    model_config = STRICT

    compared: Annotated[PositiveInt, Field(description="Smallest number of compared requests.")] = (
        1000
    )
    differing: Annotated[
        Share, Field(description="Largest share of them that may differ, beyond noise.")
    ] = 0.0
    failing: Annotated[
        Share, Field(description="Largest share that the new application may fail.")
    ] = 0.0
    slower: Annotated[
        PositiveFloat,
        Field(description="Largest p95 of the new application, as a multiple of the old one's."),
    ] = 1.2
