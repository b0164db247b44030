"""The users API in FastAPI. Alone: ``uvicorn fastapi_app:app``."""

from fastapi_app.main import create_app

__all__ = ["app", "create_app"]

app = create_app()
