"""All settings of the library, read once from the environment and validated.

No other module reads settings from ``os.environ``. An invalid value stops the start-up with one
line that names the variable.
"""

from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from framework_gateway.security.proxies import PREFIX

REASONS = {  # in place of those that speak of Python's types
    "dict_type": "it is a table; set one of its members",
    "model_type": "it is a table; set one of its members",
}


def check_network(network: str) -> str:
    """Raise ValueError unless the text is an IP address or network."""
    ip_network(network)
    return network


def check_root_path(path: str) -> str:
    """Return a root path without a slash at its end.

    Raises:
        ValueError: it does not begin with a slash, or is no plain path.
    """
    path = path.rstrip("/")
    if path and not PREFIX.fullmatch(path):
        raise ValueError("must be a path such as /outer, of letters, digits and . _ ~ -")
    return path


def split_commas(value: Any) -> Any:
    """Split a comma-separated list; return other values unchanged."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value


def reason_of(error: ErrorDetails) -> str:
    """Return why a value is wrong, without words for Python's types."""
    return REASONS.get(error["type"], error["msg"]).removeprefix("Value error, ")


class Config(BaseSettings):
    """The settings; each is read from the environment variable ``GATEWAY_`` plus its name."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True, allow_inf_nan=False)

    env: Annotated[
        Literal["development", "production"],
        Field(description="`development` on your own machine, `production` for real traffic."),
    ] = "development"
    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65535, description="Port to listen on; 0 picks a free port.")
    ] = 8000
    workers: Annotated[
        int,
        Field(ge=1, le=1024, description="Worker processes, each with all in-process mounts."),
    ] = 1
    threads: Annotated[
        int,
        Field(
            ge=1,
            le=1024,
            description="Threads of each WSGI mount, and size of each database connection pool.",
        ),
    ] = 28
    max_requests: Annotated[
        int,
        Field(ge=1, description="Open requests in each mount; further ones get 503."),
    ] = 1000
    max_streams: Annotated[
        int,
        Field(ge=1, description="Open WebSockets and event streams in each mount; then 503."),
    ] = 500
    max_streams_of_client: Annotated[
        int,
        Field(
            ge=1, description="WebSockets and event streams of one client in each mount; then 503."
        ),
    ] = 50
    websocket_max_size: Annotated[
        int,
        Field(
            ge=1, description="Largest WebSocket message from a client, in bytes; then code 1009."
        ),
    ] = 64 * 1024
    websocket_rate: Annotated[
        float,
        Field(gt=0, description="WebSocket frames per second from a client; then code 1008."),
    ] = 100.0
    websocket_compression: Annotated[
        bool,
        Field(description="Offer compression to WebSocket clients."),
    ] = False
    max_connections: Annotated[
        int,
        Field(ge=1, description="Open connections in each process; further ones get 503."),
    ] = 4000
    max_body_size: Annotated[
        int, Field(ge=0, description="Largest request body, in bytes; then 413.")
    ] = 10 * 1024 * 1024
    max_compare_size: Annotated[
        int, Field(ge=0, description="Largest request body for `/compare`, in bytes; then 413.")
    ] = 64 * 1024
    max_head_size: Annotated[
        int, Field(ge=1024, description="Largest request head, in bytes; then 431.")
    ] = 64 * 1024
    max_headers: Annotated[
        int, Field(ge=10, description="Most headers in a request; then 431.")
    ] = 100
    head_timeout: Annotated[
        float,
        Field(gt=0, le=86400, description="Seconds to receive the head of a request; then 408."),
    ] = 10.0
    body_timeout: Annotated[
        float,
        Field(
            gt=0,
            le=86400,
            description="Seconds to receive a request body, plus one for each 500 bytes; then 408.",
        ),
    ] = 20.0
    request_timeout: Annotated[
        float,
        Field(gt=0, le=86400, description="Seconds until a response must start; then 504."),
    ] = 60.0
    send_timeout: Annotated[
        float,
        Field(
            gt=0, le=86400, description="Seconds until a client that reads nothing is disconnected."
        ),
    ] = 90.0
    graceful_timeout: Annotated[
        int,
        Field(
            ge=0,
            le=86400,
            description="Seconds for running requests to finish when the server stops.",
        ),
    ] = 10
    start_timeout: Annotated[
        float,
        Field(
            gt=0, le=86400, description="Seconds for an application to load and to start; then 503."
        ),
    ] = 60.0
    fail_fast: Annotated[
        bool,
        Field(
            description="End with status 3 if an application fails to load or to start, instead of"
            " serving the others."
        ),
    ] = False
    root_path: Annotated[
        str,
        AfterValidator(check_root_path),
        Field(description="Prefix that a proxy in front of the gateway removes from each path."),
    ] = ""
    allowed_hosts: Annotated[
        list[str],
        NoDecode,
        BeforeValidator(split_commas, json_schema_input_type=str | list[str]),
        Field(description="Allowed values of the Host header, separated by commas."),
    ] = ["localhost", "127.0.0.1", "[::1]"]
    trusted_proxies: Annotated[
        list[Annotated[str, AfterValidator(check_network)]],
        NoDecode,
        BeforeValidator(split_commas, json_schema_input_type=str | list[str]),
        Field(
            description="Addresses and networks of proxies whose X-Forwarded headers are trusted."
        ),
    ] = []
    pages: Annotated[
        Literal["open", "staff"],
        Field(
            description="Who may use Compare, Race, Moves and `/compare`: everybody, or only staff"
            " (the default in production)."
        ),
    ] = "open"
    traces: Annotated[
        bool, Field(description="Send OpenTelemetry spans, configured by the variables `OTEL_*`.")
    ] = False

    moves_store: Annotated[
        str,
        Field(
            min_length=1,
            description="Where the state of `[[moves]]` is: an SQLite file, or the URL of Redis or"
            " PostgreSQL for several machines.",
        ),
    ] = "gateway-moves.sqlite3"
    move_secret: Annotated[
        SecretStr | None,
        Field(
            min_length=16,
            description="Signs the header and the cookie by which testers choose a side of a move.",
        ),
    ] = None

    metrics_dir: Annotated[
        Path | None,
        Field(
            description="Directory, empty at the start, in which several processes share the"
            " gateway's metrics; `--workers` makes one."
        ),
    ] = None

    @property
    def pages_are_open(self) -> bool:
        """Whether everybody may use the pages that send requests."""
        is_set = "pages" in self.model_fields_set
        return self.pages == "open" and (is_set or self.env != "production")

    @property
    def fault(self) -> str | None:
        """What production requires and is not set; None if nothing is missing."""
        if self.env != "production":
            return None
        if "allowed_hosts" not in self.model_fields_set or "*" in self.allowed_hosts:
            return "GATEWAY_ALLOWED_HOSTS: production needs the host names of the site"
        return None


@cache
def get_config() -> Config:
    """Return the settings; the environment is read once.

    Raises:
        SystemExit: a value is invalid; the message has one line for each such variable.
    """
    try:
        return Config()
    except ValidationError as error:
        problems = [
            f"GATEWAY_{str(item['loc'][0]).upper()}: {reason_of(item)}"
            for item in error.errors(include_url=False, include_input=False)
        ]
        raise SystemExit("\n".join(problems)) from None
