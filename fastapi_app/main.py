"""The application for a server: ``uvicorn fastapi_app.main:app``."""

from fastapi_app import create_app

app = create_app()
