"""The mistake that the article warns about: an async handler that blocks the event loop."""

import time

from fastapi import FastAPI

from contract.schemas import Waited
from fastapi_app.dependencies import WaitDep

app = FastAPI(openapi_url=None)


@app.get("/api/wait")
async def wait(query: WaitDep) -> Waited:
    """Answer after ``ms`` milliseconds; meanwhile the event loop runs nothing else."""
    # The endpoint exists to show the mistake.
    time.sleep(query.ms / 1000)
    return Waited(waited_ms=query.ms)
