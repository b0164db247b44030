"""One invocation of a new Lambda function: import, make the handler, answer one event.

Arguments: ``asgi`` or ``wsgi``, the module and the name of the application (with ``()`` for a
factory), and the path with its query. Prints the response as JSON. Mangum runs the lifespan of an
ASGI application around each event: its start and its end are part of the answer's time.
"""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit


# Imports in functions: a function pays only for the adapter that it needs.
def asgi(app: Any) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return the handler of an ASGI application."""
    from mangum import Mangum

    return Mangum(app)


def wsgi(app: Any) -> Callable[[dict[str, Any], Any], dict[str, Any]]:
    """Return the handler of a WSGI application."""
    from apig_wsgi import make_lambda_handler

    return make_lambda_handler(app)


def make_event(target: str) -> dict[str, Any]:
    """Return a GET request as API Gateway passes it to a function (payload format 2.0)."""
    path, query = urlsplit(target).path, urlsplit(target).query
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "127.0.0.1", "accept": "*/*"},
        "requestContext": {
            "domainName": "127.0.0.1",
            "http": {
                "method": "GET",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "",
            },
        },
        "isBase64Encoded": False,
    }


def load(name: str) -> Any:
    """Import an application by its name, as servers do: ``module:name`` or ``module:name()``."""
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute.removesuffix("()"))
    return found() if attribute.endswith("()") else found


def main(interface: str, name: str, target: str) -> None:
    """Print the response to one event, and wait until the input ends."""
    handler = {"asgi": asgi, "wsgi": wsgi}[interface](load(name))
    answer = handler(make_event(target), None)
    print(json.dumps(answer), flush=True)
    # Meanwhile the experiment reads the memory of this process.
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
