"""Predictions and a greeting in Flask."""

from flask import Flask

from showdown.claims.apps.perceptron import predict

app = Flask(__name__)


@app.get("/api/hello")
def hello() -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.get("/api/predict")
def predictions() -> dict[str, list[int]]:
    return {"classes": predict()}
