"""A greeting, and nothing else, in FastAPI."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/api/hello")
async def hello() -> dict[str, str]:
    return {"message": "Hello, World!"}
