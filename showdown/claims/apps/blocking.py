"""The mistake that the article warns of: an async handler that blocks the event loop."""

import time

from fastapi import FastAPI

from contract.schemas import Waited
from fastapi_app.dependencies import WaitDep

app = FastAPI(openapi_url=None)


@app.get("/api/wait")
async def wait(query: WaitDep) -> Waited:
    """Answer after ``ms`` milliseconds in which the loop does nothing else."""
    # The mistake is what this endpoint is for.
    time.sleep(query.ms / 1000)
    return Waited(waited_ms=query.ms)
