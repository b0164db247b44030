"""A greeting in Flask, and nothing else."""

from flask import Flask

app = Flask(__name__)


@app.get("/api/hello")
def hello() -> dict[str, str]:
    return {"message": "Hello, World!"}
