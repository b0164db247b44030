"""The id of the request that is being served: in problem documents and in log records."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
