"""Predictions and a greeting in Flask."""

from flask import Flask

from flask_app.bodies import CompactJSONProvider
from showdown.claims.apps.perceptron import predict

app = Flask(__name__)
app.json = CompactJSONProvider(app)


@app.get("/api/hello")
def hello() -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.get("/api/predict")
def predictions() -> dict[str, list[int]]:
    return {"classes": predict()}
