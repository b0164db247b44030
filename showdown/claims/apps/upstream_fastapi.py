"""A call to a slow service in FastAPI: the coroutine waits, and the loop serves others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2 as httpx
from fastapi import FastAPI, Request

from showdown.claims.apps.upstream import service_url


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open one client for all requests, with as many connections as there are calls."""
    async with httpx.AsyncClient(limits=httpx.Limits(), timeout=60) as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.get("/api/price")
async def price(request: Request) -> dict[str, int]:
    answer = (await request.app.state.client.get(service_url())).raise_for_status()
    return {"price": answer.json()["price"]}
