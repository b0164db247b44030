"""Predictions and a greeting in FastAPI: on the event loop, and in a thread."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

from contract.settings import get_settings
from showdown.claims.apps.perceptron import predict


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Give the handlers as many threads as the other servers have."""
    current_default_thread_limiter().total_tokens = get_settings().threads
    yield


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.get("/async/api/hello")
@app.get("/def/api/hello")
async def hello() -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.get("/async/api/predict")
async def predict_on_the_loop() -> dict[str, list[int]]:
    return {"classes": predict()}


@app.get("/def/api/predict")
def predict_in_a_thread() -> dict[str, list[int]]:
    return {"classes": predict()}
