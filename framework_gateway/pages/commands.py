"""A request as other programs write it, and a request from a curl command: ``/request``."""

import json
import re
import shlex

from starlette.exceptions import HTTPException
from starlette.requests import Request as HTTPRequest
from starlette.responses import JSONResponse, Response

from framework_gateway.compare.exports import (
    MODULE,
    TEST,
    arguments_of,
    as_line,
    headers_of,
    literal,
    printable,
)
from framework_gateway.compare.inputs import InputError
from framework_gateway.compare.inputs.curl import read_curl, refuse_file
from framework_gateway.compare.messages import Request, as_text
from framework_gateway.compare.replay import ReplayError, parse_line
from framework_gateway.pages.bodies import read_body

MAX_SIZE = 256 * 1024  # bytes of a command or of a request

FILE = "body"  # the name of a file that people make of a binary body

PYTHON = """import httpx

response = httpx.request({arguments})
print(response.status_code, response.headers.get("content-type"))
print(response.text)
"""


async def read_request(incoming: HTTPRequest) -> Response:
    """Answer ``POST /request/curl``: the request of a curl command, as a line of a replay file.

    Nothing is sent, and no file is read.
    """
    try:
        command = (await read_body(incoming, MAX_SIZE)).decode(errors="replace")
        request = read_curl(command, refuse_file)
    except InputError as error:
        raise HTTPException(400, str(error)) from error
    return JSONResponse(json.loads(as_line(request)))


async def write_request(incoming: HTTPRequest) -> Response:
    """Answer ``POST /request/as``: the request of a replay line in the words of other programs.

    The body of the request has the member ``line``, and ``targets``: names with their URLs. The
    answer has the members ``line`` and ``pytest``, and for each target ``curl``, ``httpie`` and
    ``python``.
    """
    try:
        given = json.loads(await read_body(incoming, MAX_SIZE))
        request = parse_line(1, json.dumps(given["line"]))
        targets = {str(name): str(url) for name, url in given["targets"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, ReplayError) as error:
        raise HTTPException(400, f"This is not a request: {error}.") from error
    return JSONResponse(
        {
            "line": as_line(request),
            "pytest": as_test(request, targets),
            "commands": {
                name: commands_of(request.for_target(name), url) for name, url in targets.items()
            },
        }
    )


def as_test(request: Request, targets: dict[str, str]) -> str:
    """Return a test that fails when the targets answer differently."""
    title = printable(f"{request.method} {request.path}")
    name = re.sub(r"\W+", "_", title).strip("_").lower()[:60]
    doc = title.replace("\\", "\\\\").replace('"', "'")
    test = TEST.format(name=name, doc=doc, before="", arguments=arguments_of(request))
    return MODULE.format(targets=literal(targets), options="") + test


def commands_of(request: Request, url: str) -> dict[str, str]:
    """Return the commands that send a request to one target; nothing is masked."""
    return {
        "curl": as_curl(request, url),
        "httpie": as_httpie(request, url),
        "python": PYTHON.format(arguments=as_python(request, url)),
    }


def as_curl(request: Request, url: str) -> str:
    """Return a curl command, with its credentials."""
    words = ["curl", "--include", "--request", request.method]
    if request.method == "HEAD":
        words = ["curl", "--head"]
    for name, value in request.headers:
        # curl sends a header without a value only when it ends with a semicolon.
        words += ["--header", f"{name}: {value}" if value else f"{name};"]
    if request.body:
        text = text_of(request)
        # Only --data-raw sends a body that begins with @ as it is.
        words += ["--data-binary", f"@{FILE}"] if text is None else ["--data-raw", text]
    return shlex.join([*words, url + request.path])


def as_httpie(request: Request, url: str) -> str:
    """Return an HTTPie command."""
    words = ["http", "--print=hb", request.method, url + request.path]
    for name, value in request.headers:
        # After the colon, = would begin a JSON member, and @ the name of a file.
        escape = "\\" if value.startswith(("=", "@")) else ""
        words.append(f"{name}:{escape}{value}" if value else f"{name};")
    if request.body:
        text = text_of(request)
        words[2:2] = [] if text is None else [f"--raw={text}"]
        words += [f"@{FILE}"] if text is None else []
    return shlex.join(words)


def as_python(request: Request, url: str) -> str:
    """Return the arguments of ``httpx.request``."""
    words = [repr(request.method), repr(url + request.path)]
    if request.headers:
        words.append(f"headers={headers_of(request.headers)}")
    if request.body:
        words.append(f"content={request.body!r}")
    return ", ".join(words)


def text_of(request: Request) -> str | None:
    """Return the body as text; None if it is binary, so that a command must read it from a file."""
    text = as_text(request.body)
    return text["body"] if text["encoding"] != "base64" else None
