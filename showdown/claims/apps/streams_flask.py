"""Streams in Flask: each holds a thread until it ends."""

import time
from collections.abc import Iterator

from flask import Flask, Response

app = Flask(__name__)


@app.get("/api/hello")
def hello() -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.get("/stream")
def stream() -> Response:
    def ticks() -> Iterator[str]:
        for _ in range(20):
            yield "tick\n"
            # The pause keeps the stream open.
            time.sleep(0.5)

    return Response(ticks(), mimetype="text/plain")
