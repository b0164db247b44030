"""Applications for processes of their own, as files; also for Python 2.7 where it matters."""

from pathlib import Path

# Answers with JSON about its process and the request, and does what the path says.
PROBE = """
from __future__ import print_function
import json, os, subprocess, sys, threading, time

print("imported")
memory = []

def status(environ):
    return {
        "pid": os.getpid(), "python": sys.version_info[:2], "directory": os.getcwd(),
        "script": environ["SCRIPT_NAME"], "path": environ["PATH_INFO"],
        "uri": environ.get("RAW_URI") or environ.get("REQUEST_URI"),
        "user": environ.get("REMOTE_USER"), "client": environ.get("REMOTE_ADDR"),
        "server": [environ["SERVER_NAME"], environ["SERVER_PORT"]],
        "scheme": environ["wsgi.url_scheme"], "host": environ["HTTP_HOST"],
        "variable": os.environ.get("PROBE"),
        "headers": sorted(name for name in environ if name.startswith("HTTP_")),
    }

def app(environ, start_response):
    path, found = environ["PATH_INFO"], status(environ)
    if path == "/exit":
        os._exit(7)
    if path == "/raise":
        raise RuntimeError("wrong from the start")
    if path == "/deaf":
        # Whatever stops the server, this process stays.
        os.kill(os.getpid(), 19)
    if path == "/hang":
        threading.Event().wait()
    if path == "/wait":
        # Longer than what the test does meanwhile.
        time.sleep(2)
    if path == "/eat":
        memory.append(b"x" * 100000000)
    if path == "/print":
        print("first line")
        print("x" * 10000)
        sys.stderr.write("from stderr\\n")
        sys.stderr.flush()
    if path == "/spawn":
        # A child, and a grandchild in a session of its own whose parent has ended.
        code = (
            "import subprocess, sys; "
            "print(subprocess.Popen(sys.argv[1:], start_new_session=True).pid)"
        )
        sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
        child = subprocess.Popen(sleep)
        pipe = subprocess.Popen([sys.executable, "-c", code] + sleep, stdout=subprocess.PIPE)
        found["children"] = [child.pid, int(pipe.stdout.readline())]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    found["body"] = len(body)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(found).encode()]
"""
# A program that ends without a server.
BROKEN = "raise RuntimeError('no database here')\n"
HANGING = "import threading\nthreading.Event().wait()\n"
# Answers like PROBE as long as the file says so, and then cannot be imported.
FRAGILE = """
from pathlib import Path
if Path(__file__).with_name("broken").exists():
    raise RuntimeError("broken by an edit")
from probe import app
"""
LIVE = """
from contextlib import asynccontextmanager
import asyncio
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import StreamingResponse

@asynccontextmanager
async def lifespan(app):
    print("has started", flush=True)
    yield {"greeting": "hello"}
    print("has stopped", flush=True)

app = FastAPI(lifespan=lifespan)

@app.get("/items")
async def items(request: Request):
    return {"url": str(request.url_for("items")), "greeting": request.state.greeting,
            "client": request.client.host,
            "user": request.scope["user"].display_name if "user" in request.scope else None}

@app.get("/raise")
async def fail():
    raise RuntimeError("wrong at the end")

@app.websocket("/echo")
async def echo(socket: WebSocket):
    await socket.accept()
    await socket.send_text(await socket.receive_text())

@app.get("/events")
async def events():
    async def stream():
        while True:
            yield "data: x\\n\\n"
            # The interval between two events.
            await asyncio.sleep(0.01)
    return StreamingResponse(stream(), media_type="text/event-stream")
"""
FLASK = """
from flask import Flask, jsonify, redirect, request, url_for
import flask, sys

application = Flask(__name__)

@application.route("/")
def index():
    return redirect(url_for("item", number=7))

@application.route("/items/<int:number>")
def item(number):
    version = getattr(flask, "__version__", None)
    return jsonify(number=number, flask=version, python=list(sys.version_info[:2]),
                   user=request.remote_user, root=request.script_root)
"""
SETTINGS = """
SECRET_KEY = "never used"
ROOT_URLCONF = "{name}.urls"
ALLOWED_HOSTS = ["*"]
APPEND_SLASH = True
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
"""
URLS = """
from django.conf import settings
from django.http import JsonResponse
from django.urls import path, reverse

def total(request):
    return JsonResponse({{"total": "{name}", "url": reverse("total"), "of": settings.ROOT_URLCONF}})

urlpatterns = [path("total/", total, name="total")]
"""
WSGI = """
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{name}.settings")
application = get_wsgi_application()
"""
FILES = {
    "probe.py": PROBE,
    "fragile.py": FRAGILE,
    "broken.py": BROKEN,
    "hanging.py": HANGING,
    "live.py": LIVE,
    "old.py": FLASK,
    **{
        f"{name}/{file}.py": text.format(name=name)
        for name in ("shop", "club")
        for file, text in {"settings": SETTINGS, "urls": URLS, "wsgi": WSGI}.items()
    },
}


def write_applications(directory: Path) -> Path:
    """Write the applications into a directory, and return it."""
    for name, text in FILES.items():
        file = directory / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return directory
