"""A call to a slow service in FastAPI, with two clients: the coroutine waits, the loop serves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import httpx2 as httpx
from fastapi import FastAPI, Request

from showdown.claims.apps.upstream import service_url

TIMEOUT = 60  # seconds


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open one client of each kind for all requests; each has as many connections as calls."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(TIMEOUT)
    async with (
        httpx.AsyncClient(limits=httpx.Limits(), timeout=TIMEOUT) as app.state.httpx,
        aiohttp.ClientSession(connector=connector, timeout=timeout) as app.state.aiohttp,
    ):
        yield


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.get("/httpx/api/price")
async def price_by_httpx(request: Request) -> dict[str, int]:
    answer = (await request.app.state.httpx.get(service_url())).raise_for_status()
    return {"price": answer.json()["price"]}


@app.get("/aiohttp/api/price")
async def price_by_aiohttp(request: Request) -> dict[str, int]:
    async with request.app.state.aiohttp.get(service_url(), raise_for_status=True) as answer:
        return {"price": (await answer.json())["price"]}
