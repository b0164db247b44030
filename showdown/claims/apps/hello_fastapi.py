"""A greeting in FastAPI, and nothing else."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/api/hello")
async def hello() -> dict[str, str]:
    return {"message": "Hello, World!"}
