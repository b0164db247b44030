"""Two endpoints for measurements: the framework alone, and how it waits."""

import asyncio

from fastapi import APIRouter

from contract.schemas import Greeting, Waited
from fastapi_app.dependencies import WaitDep
from fastapi_app.openapi import problems

router = APIRouter(tags=["probes"])

# Flask and Django also serve what the OpenAPI document describes, but their threads wait.
WAITS = "Answer after `ms` milliseconds, as if something slow were asked."


@router.get("/hello", summary="Say hello", responses=problems())
async def hello() -> Greeting:
    """Return a greeting, without a database."""
    return Greeting(message="Hello, World!")


@router.get("/wait", summary="Wait, then answer", description=WAITS, responses=problems(422))
async def wait(query: WaitDep) -> Waited:
    """Answer after ``ms`` milliseconds; the coroutine is suspended and the event loop is free."""
    await asyncio.sleep(query.ms / 1000)
    return Waited(waited_ms=query.ms)
