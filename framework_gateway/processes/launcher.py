"""Serve an application of another Python, by a server that its environment contains.

The gateway runs this file as a program of that Python, which may be as old as 2.7 and needs none of
the gateway's packages. So this file imports only the standard library and one of the servers, and
has neither newer syntax nor annotations. Its only argument is a JSON object:

    application: ``package.module:attribute``, also with a call that has literal arguments.
    kind: ``asgi``, ``wsgi``, ``factory`` or null.
    socket: the path of the Unix socket to listen on.
    threads, grace: of the mount.
    check: whether to import the application and no more.

The gateway removes the prefix from each path and hands it on in ``X-Forwarded-Prefix``. Only the
gateway can open the socket, so its headers are trusted; they are removed from the request.
"""

# mypy: allow-untyped-defs, allow-untyped-calls
# ruff: noqa: UP004, UP032

import ast
import importlib
import json
import os
import signal
import sys

try:
    from urllib.parse import unquote
except ImportError:  # Python 2
    from urllib import unquote  # type: ignore[attr-defined, no-redef]

OWN = "x-forwarded-", "gateway-", "forwarded"  # beginnings of names of the gateway's headers
COROUTINE = 0x80  # inspect.CO_COROUTINE
KEEP_ALIVE = 3600  # seconds; the gateway closes idle connections before


# The application


def find(name):
    """Return the object that an import string names."""
    module, _, attribute = str(name).partition(":")
    node = ast.parse(attribute or "application", mode="eval").body
    return evaluate(node, importlib.import_module(module))


def evaluate(node, module):
    """Return the value of a dotted name, or of a call with literal arguments, in a module."""
    if isinstance(node, ast.Call):
        arguments = [ast.literal_eval(argument) for argument in node.args]
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
        return evaluate(node.func, module)(*arguments, **named)
    if isinstance(node, ast.Attribute):
        return getattr(evaluate(node.value, module), node.attr)
    return getattr(module, node.id)


def code_of(application):
    """Return the number of arguments that a call requires, None if unknown, and flags of code."""
    if not hasattr(application, "__code__"):
        application = application.__call__
    code = getattr(application, "__code__", None)
    if code is None:  # written in C
        return None, 0
    required = code.co_argcount - len(application.__defaults__ or ())
    return required - (getattr(application, "__self__", None) is not None), code.co_flags


def load(name, kind):
    """Return an application, and ``asgi`` or ``wsgi``; a factory is called without arguments."""
    application = find(name)
    required, flags = code_of(application)
    if kind == "factory" or (kind is None and (isinstance(application, type) or required == 0)):
        application, kind = application(), None
        required, flags = code_of(application)
    is_asgi = flags & COROUTINE or required == 3
    return application, kind or ("asgi" if is_asgi else "wsgi")


# What the gateway hands on


def with_environ_of_gateway(application):
    """Wrap a WSGI application: prefix, client, scheme and user are those that the gateway names."""
    beginnings = tuple("HTTP_" + name.upper().replace("-", "_") for name in OWN)

    def serve(environ, start_response):
        own = {name: environ.pop(name) for name in list(environ) if name.startswith(beginnings)}
        prefix = environ["SCRIPT_NAME"] = own.get("HTTP_X_FORWARDED_PREFIX", "")
        environ["REMOTE_ADDR"] = own.get("HTTP_X_FORWARDED_FOR", "")
        environ["wsgi.url_scheme"] = own.get("HTTP_X_FORWARDED_PROTO", "http")
        for name in ("RAW_URI", "REQUEST_URI"):
            if name in environ:
                environ[name] = prefix + environ[name]
        environ.pop("REMOTE_USER", None)
        if "HTTP_GATEWAY_USER" in own:
            environ["REMOTE_USER"] = unquote(own["HTTP_GATEWAY_USER"])
        return application(environ, start_response)

    return serve


class User(object):
    """An authenticated user, with the attributes that Starlette's users have."""

    is_authenticated = True

    def __init__(self, name):
        self.display_name = self.identity = self.name = name


def with_scope_of_gateway(application):
    """Wrap an ASGI application in the same way."""
    beginnings = tuple(name.encode() for name in OWN)

    def serve(scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return application(scope, receive, send)
        headers = scope["headers"]
        own = {name: value.decode() for name, value in headers if name.startswith(beginnings)}
        scope["headers"] = [one for one in headers if not one[0].startswith(beginnings)]
        prefix = scope["root_path"] = own.get(b"x-forwarded-prefix", "")
        scope["path"] = prefix + scope["path"]
        scope["raw_path"] = prefix.encode() + scope.get("raw_path", b"")
        scope["client"] = own.get(b"x-forwarded-for", ""), 0
        scheme = own.get(b"x-forwarded-proto", "http")
        scope["scheme"] = scheme.replace("http", "ws") if scope["type"] == "websocket" else scheme
        if b"gateway-user" in own:
            scope["user"] = User(unquote(own[b"gateway-user"]))
        return application(scope, receive, send)

    return serve


# The servers


def serve_by_gunicorn(application, order):
    """Serve a WSGI application by gunicorn."""
    base = importlib.import_module("gunicorn.app.base").BaseApplication
    settings = {
        "bind": "unix:" + order["socket"],
        "worker_class": "gthread" if is_installed("concurrent.futures") else "sync",
        "threads": order["threads"],
        "graceful_timeout": max(1, int(order["grace"])),
        "keepalive": KEEP_ALIVE,
        "umask": 0o177,
        "forwarded_allow_ips": "*",
        "limit_request_line": 0,  # the gateway limits heads
        "limit_request_fields": 32768,
        "limit_request_field_size": 0,
        "control_socket_disable": True,
    }

    class Server(base):  # type: ignore[misc, valid-type]
        def load_config(self):
            for name in settings:
                if name in self.cfg.settings:  # older ones have fewer
                    self.cfg.set(name, settings[name])

        def load(self):
            return application

    Server().run()


def serve_by_waitress(application, order):
    """Serve a WSGI application by waitress."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    importlib.import_module("waitress").serve(
        application,
        unix_socket=order["socket"],
        unix_socket_perms="600",
        threads=order["threads"],
        channel_timeout=KEEP_ALIVE,
        max_request_body_size=2**40,
        clear_untrusted_proxy_headers=False,
    )


def serve_by_uvicorn(application, order):
    """Serve an ASGI application by uvicorn."""
    importlib.import_module("uvicorn").run(
        application,
        uds=order["socket"],
        interface="asgi3",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, int(order["grace"])),
    )


def serve_by_hypercorn(application, order):
    """Serve an ASGI application by Hypercorn."""
    config = importlib.import_module("hypercorn.config").Config()
    config.bind = ["unix:" + order["socket"]]
    config.keep_alive_timeout = KEEP_ALIVE
    config.graceful_timeout = order["grace"]
    serve = importlib.import_module("hypercorn.asyncio").serve
    importlib.import_module("asyncio").run(serve(application, config, mode="asgi"))


SERVERS = {
    "wsgi": (("waitress", serve_by_waitress), ("gunicorn", serve_by_gunicorn)),
    "asgi": (("uvicorn", serve_by_uvicorn), ("hypercorn", serve_by_hypercorn)),
}


def is_installed(name):
    """Return whether a package can be imported."""
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def main():
    """Serve the application that the argument describes."""
    order = json.loads(sys.argv[1])
    order["socket"] = str(order["socket"])
    sys.path[0] = os.getcwd()  # in place of the directory of this file
    application, kind = load(order["application"], order["kind"])
    for name, serve in SERVERS[kind]:
        if is_installed(name):
            if order.get("check"):
                return None
            wrap = with_environ_of_gateway if kind == "wsgi" else with_scope_of_gateway
            return serve(wrap(application), order)
    names = " or ".join(name for name, _ in SERVERS[kind])
    sys.exit(
        "There is no server for {} applications in the environment of {}: install {} there, or"
        " give the option `command`".format(kind.upper(), sys.executable, names)
    )


if __name__ == "__main__":
    main()
