"""Every setting of the library: read once, from the environment, and typed.

Nothing else in the library reads ``os.environ``. A value that does not fit ends the start-up with
one line that names the variable.
"""

from functools import cache
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def check_network(network: str) -> str:
    """Refuse what is neither an address nor a network."""
    ip_network(network)
    return network


def split_commas(value: Any) -> Any:
    """Read a list as people write it in a variable: separated by commas."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


class Config(BaseSettings):
    """The settings; each is the environment variable of its name with ``GATEWAY_`` before it."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True)

    env: Annotated[
        Literal["development", "production"],
        Field(description="What is served: your own machine, or real traffic."),
    ] = "development"
    host: Annotated[str, Field(description="Address that `gateway` listens on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port; 0 takes a free one.")] = 8000
    threads: Annotated[
        int,
        Field(ge=1, le=1024, description="Threads of each WSGI mount, and size of each pool."),
    ] = 28
    max_requests: Annotated[
        int,
        Field(ge=1, description="Requests open at once in each mount; beyond them, 503."),
    ] = 1000
    max_streams: Annotated[
        int,
        Field(ge=1, description="WebSockets and event streams at once in each mount; then 503."),
    ] = 500
    max_streams_of_client: Annotated[
        int,
        Field(ge=1, description="The same for each client address."),
    ] = 50
    websocket_max_size: Annotated[
        int,
        Field(ge=1, description="Largest WebSocket message from a client in bytes; then 1009."),
    ] = 64 * 1024
    websocket_rate: Annotated[
        float,
        Field(gt=0, description="WebSocket frames a second from a client; beyond them, 1008."),
    ] = 100.0
    websocket_compression: Annotated[
        bool,
        Field(description="Offer compression to the clients of WebSockets."),
    ] = False
    max_connections: Annotated[
        int,
        Field(ge=1, description="Connections open at once in each process; beyond them, 503."),
    ] = 4000
    max_body_size: Annotated[
        int, Field(ge=0, description="Largest request body in bytes; beyond it, 413.")
    ] = 10 * 1024 * 1024
    max_compare_size: Annotated[
        int, Field(ge=0, description="Largest body of a comparison in bytes; beyond it, 413.")
    ] = 64 * 1024
    max_head_size: Annotated[
        int, Field(ge=1024, description="Largest request head in bytes; beyond it, 431.")
    ] = 64 * 1024
    max_headers: Annotated[
        int, Field(ge=10, description="Most headers of a request; beyond them, 431.")
    ] = 100
    head_timeout: Annotated[
        float, Field(gt=0, description="Seconds for the head of a request; beyond them, 408.")
    ] = 10.0
    body_timeout: Annotated[
        float,
        Field(
            gt=0,
            description="Seconds for a request body, and one more for each 500 bytes; then 408.",
        ),
    ] = 20.0
    request_timeout: Annotated[
        float,
        Field(gt=0, description="Seconds until an answer must have begun; beyond them, 504."),
    ] = 60.0
    send_timeout: Annotated[
        float,
        Field(gt=0, description="Seconds until a client that reads nothing is cut off."),
    ] = 90.0
    graceful_timeout: Annotated[
        int, Field(ge=0, description="Seconds that running requests get when the server stops.")
    ] = 10
    allowed_hosts: Annotated[
        list[str],
        NoDecode,
        BeforeValidator(split_commas),
        Field(description="Host names that are answered to, separated by commas."),
    ] = ["localhost", "127.0.0.1", "[::1]"]
    trusted_proxies: Annotated[
        list[Annotated[str, AfterValidator(check_network)]],
        NoDecode,
        BeforeValidator(split_commas),
        Field(description="Addresses and networks whose X-Forwarded-For and -Proto are believed."),
    ] = []
    traces: Annotated[
        bool, Field(description="Send OpenTelemetry spans, as the variables `OTEL_*` say.")
    ] = False

    @property
    def fault(self) -> str | None:
        """What is missing for real traffic; None when nothing is."""
        if self.env != "production":
            return None
        if "allowed_hosts" not in self.model_fields_set or "*" in self.allowed_hosts:
            return "GATEWAY_ALLOWED_HOSTS: production needs the names that it is reached by"
        return None


@cache
def get_config() -> Config:
    """Read the environment, once.

    Raises:
        SystemExit: a value does not fit; the message names each variable on a line of its own.
    """
    try:
        return Config()
    except ValidationError as error:
        problems = [
            f"GATEWAY_{str(item['loc'][0]).upper()}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise SystemExit("\n".join(problems)) from None
