"""The options of an application that runs in a process of its own."""

from typing import Annotated

from pydantic import BaseModel, ByteSize, ConfigDict, Field
from pydantic import PositiveFloat as Seconds
from pydantic import PositiveInt as Positive


class Process(BaseModel):
    """How an application runs in a process of its own; names follow NGINX Unit where they fit.

    How long it may take to start and to stop, its threads and its limits are options of the mount.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    python: Annotated[
        str | None,
        Field(
            description="Python that runs the application: the interpreter of an environment, or"
            " the directory of the environment; by default that of the gateway."
        ),
    ] = None
    command: Annotated[
        str | None,
        Field(
            pattern=r"\{socket\}",
            description="Command of a server that listens on the Unix socket `{socket}`, in place"
            " of the gateway's own choice; `{prefix}` is the prefix of the mount.",
        ),
    ] = None
    working_directory: Annotated[
        str | None,
        Field(
            description="Directory of the process, where modules are found, too; by default that"
            " of the gateway."
        ),
    ] = None
    environment: Annotated[
        dict[str, str],
        Field(description="Environment variables, in addition to those of the gateway."),
    ] = {}
    user: Annotated[
        str | None,
        Field(description="Name of the account that runs the process; the gateway must be root."),
    ] = None
    processes: Annotated[
        int, Field(ge=1, le=256, description="Number of processes that share the requests.")
    ] = 1
    max_memory: Annotated[
        ByteSize | None,
        Field(
            gt=0,
            description="Resident memory of a process and its children, such as `512MiB`: above"
            " it, the process is replaced; above 1.5 times as much, it is killed.",
        ),
    ] = None
    retire_after: Annotated[
        Positive | None,
        Field(description="Requests after which a process is replaced."),
    ] = None
    health: Annotated[
        str | None,
        Field(
            pattern="^/",
            description="Path below the prefix that answers 200 to 399 if the application is well;"
            " after three failures in a row, the process is killed and started again.",
        ),
    ] = None
    health_interval: Annotated[
        Seconds,
        Field(le=86400, description="Seconds between two checks of `health`, and for its answer."),
    ] = 10.0
