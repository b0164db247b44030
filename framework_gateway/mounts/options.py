"""The options of a mount."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, NonNegativeFloat, NonNegativeInt
from pydantic import PositiveInt as Positive

from framework_gateway.processes.options import Process
from framework_gateway.proxy.options import UpstreamOptions


class OptionsOfAll(BaseModel):
    """The options of a mount, wherever its application is."""

    kind: Annotated[
        Literal["asgi", "wsgi", "factory"] | None,
        Field(description="What the object is, if the gateway does not recognise it."),
    ] = None
    process: Annotated[
        Process | None,
        Field(description="Run the application in a process of its own, with these options."),
    ] = None
    login: Annotated[
        bool,
        Field(description="Check sessions and tokens with the gateway's login."),
    ] = False
    redirect: Annotated[
        bool,
        Field(description="Redirect GET and HEAD of `/prefix` to `/prefix/`."),
    ] = True
    page_headers: Annotated[
        bool,
        Field(
            description="Add X-Frame-Options and Cross-Origin-Opener-Policy to HTML, which forbid"
            " other sites to embed it or to share its window."
        ),
    ] = False
    lifespan: Annotated[bool, Field(description="Run the ASGI lifespan.")] = True
    start_timeout: Annotated[
        float,
        Field(gt=0, le=86400, description="Seconds to load and to start; then it has failed."),
    ] = 60.0
    grace: Annotated[
        NonNegativeFloat, Field(description="Seconds to finish when the gateway stops.")
    ] = 10.0
    max_requests: Annotated[Positive, Field(description="Open requests; further ones get 503.")] = (
        1000
    )
    max_body_size: Annotated[
        NonNegativeInt, Field(description="Largest request body, in bytes; then 413.")
    ] = 10 * 1024 * 1024
    max_streams: Annotated[
        Positive, Field(description="Open WebSockets and event streams; then 503.")
    ] = 500
    max_streams_of_client: Annotated[
        Positive, Field(description="Open WebSockets and event streams of one client; then 503.")
    ] = 50
    threads: Annotated[
        int, Field(ge=1, le=1024, description="WSGI: requests that run at once.")
    ] = 64


class MountOptions(UpstreamOptions, OptionsOfAll):
    """The options of a mount; ``gateway serve --mount-option`` takes them by these names."""
