"""Requests of curl commands, as browsers and API documents offer them to copy."""

import getopt
import re
import shlex
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import quote_plus, urlsplit

import httpx2 as httpx

from framework_gateway.compare.inputs import InputError
from framework_gateway.compare.messages import Request

# ``$'...'`` of Bash, which browsers write for newlines and quotes; shlex does not know it.
QUOTED = re.compile(r"""\$'((?:[^'\\]|\\.)*)'|'[^']*'|"(?:[^"\\]|\\.)*"|\\\r?\n|\\.""", re.DOTALL)
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|.)", re.S)
LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}

# The options that decide what is sent; "=" marks those with a value.
LONG = {
    "request=": "-X",
    "header=": "-H",
    "data=": "-d",
    "data-ascii=": "-d",
    "data-binary=": "--data-binary",
    "data-raw=": "--data-raw",
    "data-urlencode=": "--data-urlencode",
    "json=": "--json",
    "form=": "-F",
    "get": "-G",
    "head": "-I",
    "user=": "-u",
    "cookie=": "-b",
    "user-agent=": "-A",
    "referer=": "-e",
    "url=": "--url",
}
# These change how curl connects and what it prints, not what it sends.
WITHOUT_EFFECT = [
    *("output=", "max-time=", "connect-timeout=", "write-out=", "cookie-jar=", "retry=", "key="),
    *("resolve=", "proxy=", "cacert=", "cert=", "limit-rate=", "silent", "show-error", "location"),
    *("insecure", "include", "verbose", "fail", "compressed", "progress-bar", "no-buffer"),
    *("globoff", "http1.1", "http2", "ipv4", "ipv6", "path-as-is"),
]
SHORT = "X:H:d:F:GIu:b:A:e:o:m:w:c:x:E:sSLkivfN#g46j"
SHORT_OF = {"--" + name.rstrip("="): short for name, short in LONG.items()}
DATA = frozenset(["-d", "--data-raw", "--data-binary", "--data-urlencode", "--json"])
FORM = "application/x-www-form-urlencoded"

Options = Sequence[tuple[str, str]]
Reader = Callable[[str], bytes]


def read_file(path: str) -> bytes:
    """Return the content of a file that a command names."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error


def refuse_file(path: str) -> bytes:
    """Refuse to read a file: the command may come from another machine."""
    raise InputError(f"curl: this command sends the file {path}; paste its content instead")


def read_curl(command: str, read: Reader = read_file) -> Request:
    """Return the request of one curl command.

    The origin of its URL is dropped.

    Args:
        command: the command, on one or several lines.
        read: returns the content of a file: curl sends that for ``--data @FILE``.

    Raises:
        InputError: it is not a curl command, or it has an option that is not supported.
    """
    try:
        words = shlex.split(QUOTED.sub(plain_quotes, command))
    except ValueError as error:
        raise InputError(f"the quotes of the curl command do not match: {error}") from error
    if not words or words[0] not in ("curl", "curl.exe"):
        raise InputError("a curl command begins with curl")
    try:
        found, urls = getopt.gnu_getopt(words[1:], SHORT, [*LONG, *WITHOUT_EFFECT])
    except getopt.GetoptError as error:
        raise InputError(f"curl: {error}") from error
    options = [(SHORT_OF.get(name, name), value) for name, value in found]
    urls += [value for name, value in options if name == "--url"]
    if len(urls) != 1:
        raise InputError(f"the curl command has {len(urls)} URLs; one is needed")
    return build(options, urls[0], read)


def build(options: Options, url: str, read: Reader) -> Request:
    """Return the request of parsed options, named by their short form where there is one."""
    names = {name for name, _ in options}
    body, content_type = body_of(options, read)
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
    except ValueError as error:
        raise InputError(f"{url}: {error}") from error
    query = parts.query
    if "-G" in names:
        query, body, content_type = "&".join(filter(None, [query, body.decode()])), b"", ""
    method = "HEAD" if "-I" in names else "POST" if content_type else "GET"
    method = next((value for name, value in reversed(options) if name == "-X"), method)
    headers = headers_of(options)
    if "--json" in names:
        add_default(headers, "Accept", "application/json")
    if content_type:
        add_default(headers, "Content-Type", content_type)
    path = f"{parts.path or '/'}?{query}" if query else parts.path or "/"
    return Request(method.upper(), path, tuple(headers), body)


def headers_of(options: Options) -> list[tuple[str, str]]:
    """Return the headers; ``Name:`` removes one, and ``Name;`` sends one without a value."""
    found = []
    for name, value in options:
        if name in ("-H", "-b") and (value.startswith("@") or (name == "-b" and "=" not in value)):
            raise InputError(f"curl: headers and cookies of a file are not supported: {value}")
        if name == "-H":
            field, colon, content = value.partition(":")
            if colon and content.strip():
                found.append((field.strip(), content.strip()))
            elif value.endswith(";"):
                found.append((value[:-1].strip(), ""))
        elif name == "-u":
            found.append(("Authorization", "Basic " + b64encode(value.encode()).decode()))
        elif name in ("-b", "-A", "-e"):
            found.append(({"-b": "Cookie", "-A": "User-Agent", "-e": "Referer"}[name], value))
    # The target's own host and the length of the body belong to the connection.
    return [pair for pair in found if pair[0].lower() not in ("host", "content-length")]


def add_default(headers: list[tuple[str, str]], name: str, value: str) -> None:
    """Add a header unless there is one of this name."""
    if name.lower() not in {field.lower() for field, _ in headers}:
        headers.append((name, value))


def body_of(options: Options, read: Reader) -> tuple[bytes, str]:
    """Return the body and its default Content-Type; both empty without data."""
    fields = [value for name, value in options if name == "-F"]
    if fields:
        return multipart(fields, read)
    data = [piece_of(name, value, read) for name, value in options if name in DATA]
    if not data:
        return b"", ""
    is_json = any(name == "--json" for name, _ in options)
    return (b"" if is_json else b"&").join(data), "application/json" if is_json else FORM


def piece_of(name: str, value: str, read: Reader) -> bytes:
    """Return what one data option adds to the body."""
    if name == "--data-urlencode":
        # CONTENT, =CONTENT, NAME=CONTENT, @FILE or NAME@FILE
        key, *rest = re.split("([=@])", value, maxsplit=1)
        if not rest:
            key, rest = "", ["=", key]
        mark, content = rest
        data = read(content) if mark == "@" else content.encode()
        return (f"{key}=" if key else "").encode() + quote_plus(data).encode()
    if name == "--data-raw" or not value.startswith("@"):
        return value.encode()
    content_of_file = read(value[1:])
    return content_of_file.translate(None, b"\r\n") if name == "-d" else content_of_file


def multipart(fields: Iterable[str], read: Reader) -> tuple[bytes, str]:
    """Return a form with files, as ``--form`` sends it."""
    parts: list[tuple[str, tuple[str | None, bytes, str | None]]] = []
    for field in fields:
        name, _, text = field.partition("=")
        value, *options = text.split(";")
        given = {key.strip(): rest for key, _, rest in (one.partition("=") for one in options)}
        if {*given} - {"type", "filename"}:
            value, given = text, {}  # semicolons of the value
        is_file = value.startswith("@")
        content = read(value[1:]) if value[:1] in ("@", "<") else value.encode()
        filename = given.get("filename", Path(value[1:]).name if is_file else None)
        parts.append((name, (filename, content, given.get("type"))))
    request = httpx.Request("POST", "http://localhost/", files=parts)
    return request.read(), request.headers["Content-Type"]


def plain_quotes(found: re.Match[str]) -> str:
    """Return ``$'...'`` as an ordinary shell word, and a space for a continued line."""
    if found[0] in ("\\\n", "\\\r\n"):
        return " "
    return found[0] if found[1] is None else shlex.quote(ESCAPE.sub(decoded, found[1]))


def decoded(found: re.Match[str]) -> str:
    """Decode one escape of ``$'...'``."""
    text = found[1]
    if text[0] in "xuU" and len(text) > 1:
        return chr(int(text[1:], 16))
    if text[0] in "01234567":
        return chr(int(text, 8))
    return LETTERS.get(text, text)
