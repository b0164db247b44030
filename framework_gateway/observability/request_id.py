"""The id of the request that is being served: in log records and in error documents."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
