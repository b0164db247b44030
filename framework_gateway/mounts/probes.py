"""What a whole process has once: how to read it, name its changes, and put it back."""

import asyncio
import gc
import locale
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

# The gateway stops by the first two; its libraries rely on what the others do.
OWN_SIGNALS = {"SIGTERM", "SIGINT", "SIGALRM", "SIGCHLD", "SIGPIPE"}
# Applications have handlers for these, and they stay: the gateway has no use for the signals.
OTHER_SIGNALS = {"SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGBREAK"}
SIGNALS = {int(one): one.name for one in signal.Signals if one.name in OWN_SIGNALS | OTHER_SIGNALS}


@dataclass(frozen=True)
class Probe:
    """Something that a whole process has once.

    Attributes:
        what: its name in the log, after "changed".
        read: returns its present state, to be compared with ``!=``; must be cheap.
        names: returns the names of what differs, given the states before and after; without
            names, it does not differ in a way that matters to others.
        put_back: restores what must not change, given the states before and after, and returns
            the names of it.
    """

    what: str
    read: Callable[[], Any]
    names: Callable[[Any, Any], Sequence[str]]
    put_back: Callable[[Any, Any], Sequence[str]] = lambda before, after: ()


# Reading


def read_environ() -> Mapping[Any, Any]:
    """Return a copy of the environment; the dictionary below os.environ needs no decoding."""
    return {**getattr(os.environ, "_data", os.environ)}


def read_filters() -> list[Any]:
    """Return the warnings filters that concern everybody's code.

    Libraries add filters for a message, a module or a category of their own when they are imported.
    """
    return [
        (action, category)
        for action, message, category, module, _line in warnings.filters
        if message is None and module is None and category.__module__ == "builtins"
    ]


def read_root_logger() -> Sequence[tuple[str, Any]]:
    """Return what decides on all records of the process."""
    root = logging.root
    return (
        ("level", root.level),
        ("handlers", [*root.handlers]),
        ("logging.disable", root.manager.disable),
    )


def read_signals() -> Mapping[int, Any]:
    """Return the signal handlers; only the main thread can set them."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.getsignal(number) for number in SIGNALS}


def read_directory() -> str | None:
    """Return the working directory; None if it has been removed."""
    with suppress(OSError):
        return os.getcwd()
    return None


def read_umask() -> bytes:
    """Return the line of the umask on Linux, and nothing elsewhere.

    ``os.umask`` has to set it, for a moment also for the files that other threads create.
    """
    with suppress(OSError):
        status = os.open("/proc/self/status", os.O_RDONLY)
        try:
            lines = os.read(status, 100).splitlines()  # the second line
        finally:
            os.close(status)
        return next((line for line in lines if line.startswith(b"Umask:")), b"")
    return b""


def read_start_method() -> str | None:
    """Return how multiprocessing starts processes; None if nobody has decided."""
    found: Any = sys.modules.get("multiprocessing")
    method: str | None = found and found.get_start_method(allow_none=True)
    return method


def read_loop_policy() -> str:
    """Return the name of the event loop policy if it is not asyncio's own.

    ``asyncio.get_event_loop_policy`` would create it, and is deprecated in Python 3.14.
    """
    cls = type(getattr(asyncio.events, "_event_loop_policy", None))
    own = cls.__module__.startswith("asyncio.") or cls.__module__ == "builtins"
    return "" if own else f"{cls.__module__}.{cls.__qualname__}"


def read_functions() -> Mapping[str, Any]:
    """Return functions that gevent, eventlet and their like replace."""
    return {
        "socket.socket": socket.socket,
        "threading.get_ident": threading.get_ident,
        "time.sleep": time.sleep,
        "select.select": select.select,
        "asyncio.run": asyncio.run,
    }


# Naming


def just(name: str) -> Callable[[Any, Any], Sequence[str]]:
    """Return a function for a probe of one thing."""
    return lambda _before, _after: (name,)


def keys(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> list[str]:
    """Return the keys whose values differ; never a value, which may be a secret."""
    found = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return sorted(key.decode(errors="replace") if isinstance(key, bytes) else key for key in found)


def variables(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> list[str]:
    """Return the names of environment variables, except that of the time zone."""
    return [name for name in keys(before, after) if name != "TZ"]


def pairs(before: Sequence[tuple[str, Any]], after: Sequence[tuple[str, Any]]) -> list[str]:
    """Return the names in pairs of a name and a value whose values differ."""
    return keys(dict(before), dict(after))


def entries(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the entries that were added or removed."""
    added = [f"+{entry}" for entry in after if entry not in before]
    return added + [f"-{entry}" for entry in before if entry not in after]


def signals(before: Mapping[int, Any], after: Mapping[int, Any]) -> list[str]:
    """Return the names of the signals whose handlers differ."""
    return [SIGNALS[number] for number in before if before[number] != after[number]]


def put_signals_back(before: Mapping[int, Any], after: Mapping[int, Any]) -> list[str]:
    """Restore the handlers of the gateway's own signals; return their names."""
    found = []
    for number, handler in before.items():
        # None is a handler in C, which signal.signal does not take.
        if handler in (None, after[number]) or SIGNALS[number] not in OWN_SIGNALS:
            continue
        # Without a handler, an alarm that the application has set would end the process.
        if SIGNALS[number] == "SIGALRM" and handler == signal.SIG_DFL:
            continue
        remove_from_loop(number, after[number])
        signal.signal(number, handler)
        found.append(SIGNALS[number])
    return found


def remove_from_loop(number: int, handler: Any) -> None:
    """Undo ``loop.add_signal_handler``, which also calls back without a handler of its own."""
    if str(getattr(handler, "__module__", "")).startswith(("asyncio.", "uvloop.")):
        # There may be no loop, or one that an application runs elsewhere.
        with suppress(RuntimeError, ValueError):
            asyncio.get_running_loop().remove_signal_handler(number)


PROBES = (
    Probe("the time zone", lambda: (os.environ.get("TZ"), time.tzname), just("TZ")),
    Probe("environment variables", read_environ, variables),
    Probe("the warnings filters", read_filters, just("warnings.filters")),
    Probe("the root logger", read_root_logger, pairs),
    Probe("the signal handlers", read_signals, signals, put_signals_back),
    Probe("the import path", lambda: [*sys.path], entries),
    Probe("the working directory", read_directory, just("os.chdir")),
    Probe("the locale", lambda: locale.setlocale(locale.LC_ALL), just("locale.setlocale")),
    Probe("the file mode mask", read_umask, just("os.umask")),
    Probe("the timeout of sockets", socket.getdefaulttimeout, just("socket.setdefaulttimeout")),
    Probe(
        "the hooks for exceptions",
        lambda: {"sys.excepthook": sys.excepthook, "threading.excepthook": threading.excepthook},
        keys,
    ),
    Probe("the output streams", lambda: {"sys.stdout": sys.stdout, "sys.stderr": sys.stderr}, keys),
    Probe("the recursion limit", sys.getrecursionlimit, just("sys.setrecursionlimit")),
    Probe("the switch interval", sys.getswitchinterval, just("sys.setswitchinterval")),
    Probe("the garbage collection", gc.isenabled, just("gc.enable, gc.disable")),
    Probe("how processes start", read_start_method, just("multiprocessing.set_start_method")),
    Probe("the event loop policy", read_loop_policy, just("asyncio.set_event_loop_policy")),
    Probe("functions of the standard library", read_functions, keys),
)
