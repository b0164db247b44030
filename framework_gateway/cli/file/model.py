"""What ``gateway.toml`` may contain.

The tables take their members from the models of the settings and of the options of a mount.
"""

import shlex
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from framework_gateway.config import Config
from framework_gateway.migrate.options import MoveOptions
from framework_gateway.mounts.options import MountOptions
from framework_gateway.prefixes import check_prefix as check_paths
from framework_gateway.security.proxies import PREFIX


def check_prefix(prefix: str) -> str:
    """Raise ValueError unless an application can be mounted there."""
    if prefix != "/" and not PREFIX.fullmatch(prefix):
        raise ValueError(
            "a prefix is / or a path such as /shop, of letters, digits and . _ ~ -,"
            " without a slash at its end"
        )
    check_paths(prefix.rstrip("/"))
    return prefix


def split_command(command: Any) -> Any:
    """Split a command like a shell; return a list as it is."""
    return shlex.split(command) if isinstance(command, str) else command


def join_addresses(addresses: Any) -> Any:
    """Join a list of addresses with commas; return another value as it is."""
    is_list = isinstance(addresses, list) and all(isinstance(one, str) for one in addresses)
    return ",".join(addresses) if is_list else addresses


Command = Annotated[
    list[str],
    BeforeValidator(split_command, json_schema_input_type=str | list[str]),
    Field(min_length=1),
]


class MountEntry(MountOptions):
    """An application and its options."""

    prefix: Annotated[
        str,
        AfterValidator(check_prefix),
        Field(description="Path below which the application is served, such as `/shop`, or `/`."),
    ]
    application: Annotated[
        str,
        BeforeValidator(join_addresses, json_schema_input_type=str | list[str]),
        Field(
            min_length=1,
            description="Import string, such as `shop.wsgi:application`, or the address of a"
            " server, or an array of addresses.",
        ),
    ]

    @property
    def options(self) -> dict[str, Any]:
        """The options that the file sets."""
        names = self.model_fields_set & MountOptions.model_fields.keys()
        return {name: getattr(self, name) for name in names}


Source = Annotated[
    str,
    BeforeValidator(join_addresses, json_schema_input_type=str | list[str]),
    Field(min_length=1),
]


class MoveEntry(MoveOptions):
    """An API that moves from one application to another."""

    prefix: Annotated[
        str,
        AfterValidator(check_prefix),
        Field(description="Path below which both applications are served, such as `/api`."),
    ]
    old: Annotated[
        Source,
        Field(description="The application that answers until a rule says otherwise."),
    ]
    new: Annotated[Source, Field(description="The application that the API moves to.")]
    old_options: Annotated[
        MountOptions, Field(description="Options of the mount of the old application.")
    ] = Field(default_factory=MountOptions)
    new_options: Annotated[
        MountOptions, Field(description="Options of the mount of the new application.")
    ] = Field(default_factory=MountOptions)

    @property
    def options(self) -> dict[str, Any]:
        """The options that the file sets."""
        names = self.model_fields_set & MoveOptions.model_fields.keys()
        return {name: getattr(self, name) for name in names}

    @property
    def side_options(self) -> dict[str, dict[str, Any]]:
        """The options of both mounts that the file sets."""
        return {
            f"{side}_options": {name: getattr(given, name) for name in given.model_fields_set}
            for side, given in (("old", self.old_options), ("new", self.new_options))
        }


class GatewayFile(BaseModel):
    """The content of ``gateway.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="gateway.toml")

    base: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Import string of a `Gateway` in Python, such as `gateway:app`, to which"
            " the file adds.",
        ),
    ] = None
    app_dir: Annotated[
        str,
        Field(description="Directory to import modules from, relative to the file."),
    ] = "."
    login: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Import string of a `framework_gateway.Admission`, for mounts with `login`."
            " By default that of `base`.",
        ),
    ] = None
    server: Annotated[Config, Field(description="Settings of the gateway.")] = Field(
        default_factory=Config
    )
    mounts: Annotated[list[MountEntry], Field(description="Applications under prefixes.")] = []
    moves: Annotated[
        list[MoveEntry], Field(description="APIs that move from one application to another.")
    ] = []
    companions: Annotated[
        dict[str, Command],
        Field(description="Commands that run as long as the gateway runs, by name."),
    ] = {}
    links: Annotated[
        dict[str, Annotated[str, Field(pattern="^/")]],
        Field(description="Paths that `gateway serve` prints and the pages show, by name."),
    ] = {}
