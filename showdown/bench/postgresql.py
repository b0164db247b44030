"""A PostgreSQL server of its own, from the programs that are installed on this machine."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

# Debian does not put the server's programs on the PATH.
DIRECTORIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
MAX_CONNECTIONS = 200


class Missing(Exception):
    """PostgreSQL cannot run here; the text says what to install."""


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Cluster:
    """A server on a free loopback port, with all of its files in one new directory.

    Attributes:
        url: the database ``postgres``, as its user ``gateway``, without a password.
        options: more arguments of the server, such as ``-c fsync=off``.
    """

    sockets = ""  # directory of Unix sockets; none
    addresses = "127.0.0.1"
    encoding: tuple[str, ...] = ("--encoding=UTF8", "--locale=C.UTF-8")

    def __init__(self, directory: Path, options: str = "") -> None:
        self.directory = directory
        self.options = options
        self.port = free_port()
        self.url = f"postgresql://gateway@127.0.0.1:{self.port}/postgres"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Create the server and run it until the block ends; the block may restart it."""
        self.create()
        self.start()
        try:
            yield
        finally:
            self.stop()

    def create(self) -> None:
        """Write the files of an empty database.

        Raises:
            Missing: a program or the user that runs it is not there; nothing was written.
        """
        find_program("initdb")
        user = find_user()
        self.directory.mkdir()
        if user is not None:
            self.directory.parent.chmod(0o755)
            shutil.chown(self.directory, user)
        self.call(
            "initdb",
            "--auth=trust",
            "--username=gateway",
            *self.encoding,
            "--no-sync",
            f"--pgdata={self.directory}",
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = (
            f"-p {self.port} -c listen_addresses={self.addresses}"
            f" -c unix_socket_directories={self.sockets}"
            f" -c max_connections={MAX_CONNECTIONS} {self.options}"
        )
        log = self.directory / "log"
        self.call("pg_ctl", "start", "-w", "-D", self.directory, "-l", log, "-o", options)

    def stop(self) -> None:
        """End the server at once; its connections break."""
        self.call("pg_ctl", "stop", "-w", "-D", self.directory, "-m", "immediate")

    def call(self, program: str, *arguments: object) -> None:
        """Run one of PostgreSQL's programs.

        Raises:
            ClickException: it failed; includes the end of the server's log.
        """
        result = subprocess.run(
            [find_program(program), *map(str, arguments)],
            user=find_user(),
            stdin=subprocess.DEVNULL,
            # The server inherits these; a pipe would never reach its end.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        if result.returncode:
            log = self.directory / "log"
            text = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise click.ClickException(f"{program} failed\n{text}")


def find_program(name: str) -> Path:
    """Find a program of the PostgreSQL server.

    Raises:
        Missing: it is not installed.
    """
    for directory in DIRECTORIES:
        if (directory / name).exists():
            return directory / name
    if found := shutil.which(name):
        return Path(found)
    raise Missing(f"PostgreSQL's {name} is not installed (Debian: apt-get install postgresql)")


def find_user() -> str | None:
    """Return the user that must run PostgreSQL; None for the current user.

    PostgreSQL refuses to run as root; Debian's package creates a user for it.

    Raises:
        Missing: this is root, and there is no such user.
    """
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise Missing(
            "PostgreSQL does not run as root, and there is no user named postgres"
        ) from None


def why_missing(program: str = "initdb") -> str | None:
    """Return why PostgreSQL, or another of its programs, cannot run here; None if it can."""
    try:
        find_program(program)
        find_user()
    except Missing as error:
        return str(error)
    return None
