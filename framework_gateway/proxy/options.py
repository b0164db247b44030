"""The options of an upstream."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat
from pydantic import PositiveInt as Positive

Seconds = Annotated[float, Field(gt=0, le=86400)]


class UpstreamOptions(BaseModel):
    """The options of an upstream; a mount at another address takes them by these names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    strip_prefix: Annotated[
        bool | None,
        Field(
            description="Pass the path without the prefix: to an application that ignores"
            " `root_path` (off by default), or to another address (on by default)."
        ),
    ] = None
    host: Annotated[
        str | None,
        Field(
            pattern=r"^[0-9A-Za-z._~%!$&'()*+,;=:\[\]-]{1,261}$",
            description="Upstream: the `Host` header; the client's by default, `upstream` for the"
            " address, or a name.",
        ),
    ] = None
    rewrite: Annotated[
        bool | None,
        Field(
            description="Upstream: add the prefix to the paths in Location, Content-Location,"
            " Refresh and cookies; on by default if the prefix is stripped."
        ),
    ] = None
    connect_timeout: Annotated[
        Seconds, Field(description="Upstream: seconds to connect; then 504.")
    ] = 5.0
    response_timeout: Annotated[
        Seconds | None,
        Field(
            description="Upstream: seconds from the end of the request to the head of the response;"
            " then 504. At most `request_timeout`, which is also the default."
        ),
    ] = None
    read_timeout: Annotated[
        Seconds,
        Field(
            description="Upstream: seconds between two pieces of a body; then it is cut off."
            " Event streams and WebSockets have no such limit."
        ),
    ] = 60.0
    keepalive_timeout: Annotated[
        Seconds, Field(description="Upstream: seconds that a connection is kept idle.")
    ] = 4.0
    max_connections: Annotated[
        Positive,
        Field(
            description="Upstream: requests at once to each address; further ones wait in a queue."
        ),
    ] = 1000
    max_message_size: Annotated[
        Positive,
        Field(
            description="Upstream: largest WebSocket message from it, in bytes; then close code"
            " 1009."
        ),
    ] = 1024 * 1024
    verify: Annotated[
        bool, Field(description="Upstream: check the certificate of an `https` address.")
    ] = True
    ca: Annotated[
        Path | None,
        Field(description="Upstream: file of the certificates to trust; the system's by default."),
    ] = None
    queue_size: Annotated[
        NonNegativeInt,
        Field(description="WSGI, upstream: requests that wait for a thread or a connection."),
    ] = 1000
    queue_timeout: Annotated[
        PositiveFloat,
        Field(description="WSGI, upstream: seconds to wait in the queue; then 503."),
    ] = 10.0
    request_timeout: Annotated[
        float | None,
        Field(
            gt=0,
            le=86400,
            description="Seconds until a response must start; the gateway's own by default.",
        ),
    ] = None
