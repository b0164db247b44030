"""What an application changes for the whole process is put back, or told once."""

import asyncio
import gc
import locale
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from framework_gateway.mounts.process_state import ProcessState
from tests.servers import ROOT


class Watched:
    """A watched application at /shop, and the lines that it causes."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.state = ProcessState("/shop", self.lines.append)

    def __call__(self, load: Callable[[], object]) -> list[str]:
        """Load an application; return the new lines."""
        self.lines.clear()
        with self.state.watch():
            load()
        return [*self.lines]


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture(autouse=True)
def unchanged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Restore what these tests change."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGCHLD, signal.SIGUSR1)
    handlers = {number: signal.getsignal(number) for number in numbers}
    root, excepthook = logging.root, threading.excepthook
    level, root_handlers, disabled = root.level, [*root.handlers], root.manager.disable
    path, directory, mask = [*sys.path], Path.cwd(), os.umask(0o022)
    limit, places, timeout = (
        sys.getrecursionlimit(),
        os.environ.get("TZ"),
        socket.getdefaulttimeout(),
    )
    interval = sys.getswitchinterval()
    filters, language = [*warnings.filters], locale.setlocale(locale.LC_ALL)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(socket, "socket", socket.socket)
    os.umask(0o022)
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    root.setLevel(level)
    root.handlers[:] = root_handlers
    logging.disable(disabled)
    sys.path[:] = path
    os.chdir(directory)
    os.umask(mask)
    sys.setrecursionlimit(limit)
    threading.excepthook = excepthook
    socket.setdefaulttimeout(timeout)
    locale.setlocale(locale.LC_ALL, language)
    warnings.filters[:] = filters  # type: ignore[index]
    gc.enable()
    sys.setswitchinterval(interval)
    os.environ.pop("TZ", None)
    if places is not None:
        os.environ["TZ"] = places
    time.tzset()


def move_time_zone() -> None:
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()


def handle(_number: int, _frame: Any) -> None: ...


def setenv(name: str, value: str) -> Callable[[], None]:
    return lambda: os.environ.__setitem__(name, value)


CHANGES: dict[str, Callable[[], object]] = {
    "the time zone (TZ)": move_time_zone,
    "the warnings filters (warnings.filters)": lambda: warnings.simplefilter("ignore"),
    "the root logger (level)": lambda: logging.root.setLevel(7),
    "the root logger (handlers)": lambda: logging.root.addHandler(logging.NullHandler()),
    "the root logger (logging.disable)": lambda: logging.disable(logging.INFO),
    "the signal handlers (SIGUSR1)": lambda: signal.signal(signal.SIGUSR1, handle),
    "the import path (+/srv/shop)": lambda: sys.path.insert(0, "/srv/shop"),
    "the working directory (os.chdir)": lambda: os.chdir("/"),
    "the locale (locale.setlocale)": lambda: locale.setlocale(locale.LC_ALL, "C"),
    "the file mode mask (os.umask)": lambda: os.umask(0o077),
    "the timeout of sockets (socket.setdefaulttimeout)": lambda: socket.setdefaulttimeout(7),
    "the hooks for exceptions (sys.excepthook)": lambda: setattr(sys, "excepthook", handle),
    "the hooks for exceptions (threading.excepthook)": lambda: setattr(
        threading, "excepthook", handle
    ),
    "the output streams (sys.stdout)": lambda: setattr(sys, "stdout", sys.stderr),
    "the recursion limit (sys.setrecursionlimit)": lambda: sys.setrecursionlimit(4321),
    "the switch interval (sys.setswitchinterval)": lambda: sys.setswitchinterval(0.0625),
    "the garbage collection (gc.enable, gc.disable)": gc.disable,
    "functions of the standard library (socket.socket)": lambda: setattr(
        socket, "socket", type("socket", (), {})
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_told_in_one_line(watched: Watched, change: str) -> None:
    locale.setlocale(locale.LC_ALL, "C.UTF-8")
    os.environ["TZ"] = "UTC"
    time.tzset()
    assert watched(CHANGES[change]) == [
        f"The application at /shop changed {change} of the whole process; run it in a process of"
        " its own if another application depends on them"
    ]


def test_environment_variables_are_told_by_name_and_never_by_value(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_REMOVED", "s3cret")
    monkeypatch.setenv("SHOP_A", "s3cret")
    monkeypatch.setenv("SHOP_B", "s3cret")

    def load() -> None:
        os.environ.update(SHOP_A="n3w", SHOP_C="n3w")
        del os.environ["SHOP_REMOVED"]

    (line,) = watched(load)
    monkeypatch.delenv("SHOP_C")
    assert "changed environment variables (SHOP_A, SHOP_C, SHOP_REMOVED) of" in line
    assert "s3cret" not in line
    assert "n3w" not in line


def test_a_change_is_told_once_and_a_new_one_again(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_A", "1")
    monkeypatch.setenv("SHOP_B", "1")
    assert len(watched(setenv("SHOP_A", "2"))) == 1
    assert watched(setenv("SHOP_A", "3")) == []
    assert watched(lambda: None) == []
    (line,) = watched(lambda: os.environ.update(SHOP_A="4", SHOP_B="4"))
    assert "environment variables (SHOP_B) of" in line


def test_many_names_make_no_long_line(watched: Watched) -> None:
    names = [f"SHOP_{number:02}" for number in range(30)]
    (line,) = watched(lambda: os.environ.update(dict.fromkeys(names, "1")))
    for name in names:
        del os.environ[name]
    assert "(SHOP_00, SHOP_01, " in line
    assert "SHOP_09, 20 more)" in line


def test_several_changes_are_one_sentence(watched: Watched) -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()

    def load() -> None:
        move_time_zone()
        os.chdir("/")
        sys.setrecursionlimit(4321)

    (line,) = watched(load)
    assert line.startswith(
        "The application at /shop changed the time zone (TZ), the working directory (os.chdir) and"
        " the recursion limit (sys.setrecursionlimit) of the whole process;"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE])
def test_handlers_that_the_gateway_needs_are_put_back(watched: Watched, number: int) -> None:
    before = signal.getsignal(number)
    (line,) = watched(lambda: signal.signal(number, handle))
    assert signal.getsignal(number) == before
    assert f"changed the signal handlers ({signal.Signals(number).name})" in line
    assert "put back" in line
    assert watched(lambda: signal.signal(number, handle)) == []
    assert signal.getsignal(number) == before


def test_a_handler_that_the_gateway_has_no_use_for_stays(watched: Watched) -> None:
    def load() -> None:
        signal.signal(signal.SIGTERM, handle)
        signal.signal(signal.SIGUSR1, handle)

    restored, left = watched(load)
    assert "SIGTERM" in restored
    assert "SIGUSR1" not in restored
    assert "SIGUSR1" in left
    assert "SIGTERM" not in left
    assert signal.getsignal(signal.SIGUSR1) is handle


def test_an_alarm_does_not_end_a_process_that_has_no_handler_for_it(watched: Watched) -> None:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    assert len(watched(lambda: signal.signal(signal.SIGALRM, handle))) == 1
    assert signal.getsignal(signal.SIGALRM) is handle


def test_an_alarm_that_another_needs_is_put_back(watched: Watched) -> None:
    signal.signal(signal.SIGALRM, handle)
    watched(lambda: signal.signal(signal.SIGALRM, signal.SIG_IGN))
    assert signal.getsignal(signal.SIGALRM) is handle


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_handler_of_the_event_loop_is_put_back(
    watched: Watched, run: Callable[..., None]
) -> None:
    called, usual = list[str](), list[int]()
    signal.signal(signal.SIGTERM, lambda number, _frame: usual.append(number))

    async def load() -> None:
        loop = asyncio.get_running_loop()
        (line,) = watched(lambda: loop.add_signal_handler(signal.SIGTERM, called.append, "loop"))
        assert "SIGTERM" in line
        os.kill(os.getpid(), signal.SIGTERM)
        while not usual:
            await asyncio.sleep(0)
        # The loop would call back in its next turns.
        for _ in range(5):
            await asyncio.sleep(0)

    run(load())
    assert usual == [signal.SIGTERM]
    assert called == []


def test_a_load_that_raises_is_compared_too(watched: Watched) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def load() -> None:
        signal.signal(signal.SIGTERM, handle)
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        watched(load)
    assert len(watched.lines) == 1
    assert signal.getsignal(signal.SIGTERM) == before


def test_another_thread_leaves_signals_to_the_main_thread(watched: Watched) -> None:
    with watched.state.watch():
        signal.signal(signal.SIGUSR1, handle)
        inner = Watched()
        thread = threading.Thread(target=inner, args=(lambda: None,))
        thread.start()
        thread.join()
        assert inner.lines == []


def test_the_outer_of_two_watches_tells(watched: Watched) -> None:
    inner = Watched()
    assert len(watched(lambda: inner(lambda: sys.setrecursionlimit(4321)))) == 1
    assert inner.lines == []
    assert len(inner(lambda: sys.setrecursionlimit(1234))) == 1


def test_filters_of_a_library_for_itself_are_not_told(watched: Watched) -> None:
    def load() -> None:
        warnings.filterwarnings("ignore", message="numpy.ndarray size changed")
        warnings.filterwarnings("ignore", module="shop")
        warnings.simplefilter("always", type("ShopWarning", (Warning,), {}), append=True)

    assert watched(load) == []


def test_deciding_how_processes_and_loops_start_is_told() -> None:
    """In a process of its own, because both last."""
    result = in_a_process(
        "import asyncio, multiprocessing",
        "class Policy(asyncio.DefaultEventLoopPolicy): ...",
        "with state.watch():",
        "    multiprocessing.set_start_method('spawn')",
        "    asyncio.set_event_loop_policy(Policy())",
    )
    assert "how processes start (multiprocessing.set_start_method)" in result
    assert "the event loop policy (asyncio.set_event_loop_policy)" in result


def test_a_usual_application_is_not_told() -> None:
    """A fresh interpreter, because what these import must not be imported already."""
    assert (
        in_a_process(
            "with state.watch():",
            "    import asyncio, multiprocessing, concurrent.futures, subprocess, sqlite3",
            "    from flask import Flask, render_template_string",
            "    app = Flask('shop')",
            "    app.logger.info('started')",
            "    import fastapi, httpx2, sqlalchemy.orm, pydantic_settings",
            "    api = fastapi.FastAPI()",
            "    api.get('/')(lambda: 1)",
            "with state.watch():",
            "    from starlette.testclient import TestClient",
            "    with TestClient(api) as client: client.get('/')",
            "    app.test_client().get('/')",
            "    asyncio.run(asyncio.sleep(0))",
        )
        == ""
    )


def test_a_stop_that_an_application_takes_over_still_works() -> None:
    lines = (
        "with state.watch():",
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "print('kept' if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL else 'lost')",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "print('still here')",
    )
    result = subprocess.run(
        [sys.executable, "-uc", "\n".join([PREFACE, *lines])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == -signal.SIGTERM
    assert result.stdout.splitlines()[-1] == "kept"


def test_watching_needs_no_new_files_or_threads(watched: Watched) -> None:
    watched(lambda: None)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(100):
        watched(lambda: None)
    assert len(os.listdir("/proc/self/fd")) == before


PREFACE = """
import os, signal, sys
from framework_gateway.mounts.process_state import ProcessState
state = ProcessState("/shop", print)
"""


def in_a_process(*lines: str) -> str:
    """Run lines in a fresh interpreter, with ``state``; return its output."""
    command = [
        sys.executable,
        "-W",
        "ignore::DeprecationWarning",
        "-c",
        "\n".join([PREFACE, *lines]),
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout
