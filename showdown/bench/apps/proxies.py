"""Proxies in front of one worker, which listens on a Unix socket.

``python -m showdown.bench.apps.proxies gateway flask 8000``
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2 as httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

SCRIPTS = Path(sys.executable).parent
METHODS = ["GET", "POST", "PUT", "DELETE"]
POOL = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)
# The command of each worker, and how it listens on a Unix socket or on a port.
QUIET = "uvicorn --log-level warning --no-access-log"
GUNICORN = "gunicorn --log-level warning --worker-class gthread --threads 32 --keep-alive 5"
WORKERS = {
    "flask": (f"{GUNICORN} flask_app:create_app()", "--bind unix:{}", "--bind 127.0.0.1:{}"),
    "fastapi": (f"{QUIET} fastapi_app.main:app", "--uds {}", "--port {}"),
    "streams": (f"{QUIET} showdown.bench.apps.streams:app", "--uds {}", "--port {}"),
}
# The upstream as in NGINX's documentation, with kept connections; both proxies write access lines.
NGINX = """
{user} daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/errors;
events {{ worker_connections 4096; }}
http {{
    access_log {directory}/access;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    upstream worker {{ server unix:{path}; keepalive 64; }}
    server {{
        listen 127.0.0.1:{port};
        location /worker/ {{
            proxy_pass http://worker/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
}}
"""


def starlette_proxy(path: Path) -> Starlette:
    """The proxy that is usually written with Starlette and an HTTP client."""
    transport = httpx.AsyncHTTPTransport(uds=str(path), limits=POOL)
    client = httpx.AsyncClient(transport=transport, base_url="http://worker", timeout=60)

    async def forward(request: Request) -> StreamingResponse:
        url = httpx.URL(path="/" + request.path_params["path"], query=request.url.query.encode())
        body = request.stream() if request.method != "GET" else None
        sent = client.build_request(request.method, url, headers=request.headers.raw, content=body)
        response = await client.send(sent, stream=True)
        return StreamingResponse(
            response.aiter_raw(),
            response.status_code,
            dict(response.headers),
            background=BackgroundTask(response.aclose),
        )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    routes = [Route("/worker/{path:path}", forward, methods=METHODS)]
    return Starlette(routes=routes, lifespan=lifespan)


def find_nginx() -> str | None:
    """Return the path of nginx, which may be where only root looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def command_of(kind: str, path: Path, port: str, directory: Path) -> Sequence[str]:
    """Return the command of a proxy."""
    if kind == "nginx":
        file = directory / "nginx.conf"
        user = "" if os.geteuid() else "user root;"  # its workers must reach the socket
        file.write_text(NGINX.format(user=user, directory=directory, path=path, port=port))
        return [find_nginx() or "nginx", "-c", str(file)]
    if kind == "gateway":
        mount = ["--mount", f"/worker=unix:{path}"]
        options = ("max-body-size=2000000000", "max-streams=2000", "max-streams-of-client=2000")
        given = [part for option in options for part in ("--mount-option", f"/worker:{option}")]
        command = [str(SCRIPTS / "gateway"), "serve", "--only-mounts", "--port", port]
        return [*command, *mount, *given]
    return [sys.executable, "-m", __spec__.name, "httpx2", str(path), port]


def main(kind: str, worker: str, port: str) -> None:
    """Run a worker, and a proxy unless the kind is ``direct``, until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with TemporaryDirectory(prefix="gateway-bench-") as name, ExitStack() as stack:
        path = Path(name, "worker.sock")
        command, on_socket, on_port = WORKERS[worker]
        place = on_port.format(port) if kind == "direct" else on_socket.format(path)
        program, *arguments = f"{command} {place}".split()
        process = stack.enter_context(started([str(SCRIPTS / program), *arguments]))
        if kind != "direct":
            while not path.exists() and process.poll() is None:
                # The pause between two attempts.
                time.sleep(0.05)
            command_line = command_of(kind, path, port, Path(name))
            process = stack.enter_context(started(command_line))
        process.wait()


@contextmanager
def started(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends."""
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


if __name__ == "__main__":
    if sys.argv[1] == "httpx2":
        app = starlette_proxy(Path(sys.argv[2]))
        uvicorn.run(app, port=int(sys.argv[3]), log_level="info")
    else:
        main(*sys.argv[1:])
