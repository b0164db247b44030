"""The id of the current request, for problem documents and log records."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
