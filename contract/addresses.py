"""Database addresses: read once, by one parser, for every library that connects.

SQLAlchemy, Django and libpq read the same URL differently: percent-encoded file names, Unix sockets
in the host, parameters that only one of them knows. So none of them gets the URL, but its parts.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

import psycopg
from psycopg.conninfo import conninfo_to_dict

SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql://", "postgres://")  # the second is Heroku's old form
MAX_NAME = 63  # bytes of an identifier in PostgreSQL

FORMS = "use sqlite:///file.sqlite3 or postgresql://user:password@host/name"
ENCODE = "write special characters of the password as %XX (RFC 3986)"

# RFC 3986, with several hosts as libpq allows them. An @ in a password, unless it is encoded, would
# make a part of the password a host, and messages show hosts.
URL = re.compile(
    r"""
    postgresql://
    (?: (?: (?: [^\s%:/?\#@\[\]] | %[0-9a-f]{2} )+ )?           # user
        (?: : (?: [^\s%:/?\#@\[\]] | %[0-9a-f]{2} )* )? @ )?    # password
    [\w.~%:,\[\]-]*                                             # hosts and ports
    (?: / (?: [^\s%/?\#@] | %[0-9a-f]{2} )* )?                  # name
    (?: \? (?: [^\s%?\#@] | %[0-9a-f]{2} )* )?                  # parameters
    """,
    re.VERBOSE | re.IGNORECASE,
)

# Parameters that cannot be kept, and what to write instead.
REFUSED = {
    "application_name": "leave application_name out: each application sends its own",
    "client_encoding": "leave client_encoding out: it is always UTF8",
    "connect_timeout": "leave connect_timeout out and set GATEWAY_DATABASE_TIMEOUT",
    "currentSchema": "instead of currentSchema=NAME write options=-csearch_path%3DNAME",
    "fallback_application_name": "leave fallback_application_name out",
    "schema": "instead of schema=NAME write options=-csearch_path%3DNAME",
    "ssl": "instead of ssl write sslmode=require",
}


class File(NamedTuple):
    """An SQLite database.

    Attributes:
        path: absolute. A relative path of a URL begins in the working directory of the process.
    """

    path: Path


class Server(NamedTuple):
    """A PostgreSQL database.

    Attributes:
        parameters: the connection parameters by libpq's names, as for ``psycopg.connect``.
    """

    parameters: dict[str, str]

    @property
    def hosts(self) -> int:
        """How many hosts are tried, one after the other."""
        return 1 + self.parameters.get("host", self.parameters.get("hostaddr", "")).count(",")


# Cached: an application that changes the working directory must not move the database.
@cache
def parse_address(url: str) -> File | Server:
    """Return what a URL means.

    Raises:
        ValueError: a form that the applications cannot share; the message says what to write
            instead, and shows no part of the URL that may be secret.
    """
    if url.startswith(SQLITE):
        return File(Path(os.path.abspath(parse_file(url.removeprefix(SQLITE)))))
    if url.startswith(POSTGRESQL):
        return Server(parse_server("postgresql://" + url.partition("://")[2]))
    if re.match(r"postgres(ql)?\+\w+://", url):
        raise ValueError("write postgresql:// without a driver: all applications use psycopg")
    if re.match(r"sqlite\+\w+://", url):
        raise ValueError("write sqlite:/// without a driver: each application has its own")
    raise ValueError(FORMS)


def parse_file(path: str) -> str:
    """Return the file name of an SQLite URL, with its percent-encoding decoded."""
    if "?" in path or "#" in path:
        # Each library knows other parameters of SQLite, and some mean a database in memory.
        raise ValueError("parameters of SQLite are not supported; in a file name write %3F and %23")
    if re.search(r"%(?![0-9a-fA-F]{2})", path) or "%00" in path:
        raise ValueError("write a percent sign in a file name as %25")
    name = os.fsdecode(unquote_to_bytes(path))
    if name == ":memory:" or not name:
        raise ValueError(f"a database in memory cannot be shared; {FORMS}")
    if name.startswith("file:"):
        raise ValueError("write sqlite:/// and a path, without file:")
    if name.endswith("/"):
        raise ValueError(f"the URL names a directory; {FORMS}")
    return name


def parse_server(url: str) -> dict[str, str]:
    """Return the parameters of a PostgreSQL URL, as libpq itself reads them."""
    if not URL.fullmatch(url) or "%00" in url:
        raise ValueError(ENCODE)
    base, _, query = url.partition("?")
    # libpq refuses an equals sign in a value, as in options=-csearch_path=app.
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    for name, _, _ in pairs:
        if name in REFUSED:
            raise ValueError(REFUSED[name])
    query = "&".join(f"{name}={quote(value, safe='%-_.~/:,+')}" for name, _, value in pairs)
    try:
        found = conninfo_to_dict(f"{base}?{query}" if query else base)
    except psycopg.Error:
        # libpq's message would show the parameter's value.
        raise ValueError("after the ? only parameters of libpq can stand, as name=value") from None
    parameters = {name: str(value) for name, value in found.items()}
    if not all(port.isdecimal() for port in parameters.get("port", "0").split(",") if port):
        # A password with a slash looks like that.
        raise ValueError(ENCODE)
    name = parameters.get("dbname", "")
    if not name and "service" not in parameters:
        raise ValueError(
            "the name of the database is missing: postgresql://user:password@host/name"
        )
    if len(name.encode()) > MAX_NAME:
        raise ValueError(f"the name of a database has at most {MAX_NAME} bytes")
    return parameters
