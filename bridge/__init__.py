"""How any WSGI or ASGI application hangs under a prefix of one ASGI process.

Knows nothing about the users API, and reads no settings: constructors take arguments.
"""

from bridge.identity import Admission
from bridge.mount import Mount, Mounts, run_lifespans
from bridge.threads import lengthen_turns
from bridge.wsgi import RECORD, WSGIMiddleware

__all__ = [
    "RECORD",
    "Admission",
    "Mount",
    "Mounts",
    "WSGIMiddleware",
    "lengthen_turns",
    "run_lifespans",
]
