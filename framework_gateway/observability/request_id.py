"""The id of the current request, for log records and error responses."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
