"""Jobs that end in unusual ways; the workers of the tests run them."""

import os
import signal
import sys
import threading
from pathlib import Path

from django_tasks import task


class Unspeakable(Exception):
    """An error whose message PostgreSQL cannot store."""

    def __init__(self) -> None:
        super().__init__("NUL \0 and half of a character \ud83d")


@task()
def succeeds() -> str:
    return "done"


@task()
def waits_for(path: str) -> None:
    # Not time.sleep(), which fails under libfaketime.
    pause = threading.Event()
    while not Path(path).exists():
        pause.wait(0.01)


@task()
def exits() -> None:
    sys.exit("the job wants to end")


@task()
def needs_too_much_memory() -> None:
    bytearray(1 << 62)


@task()
def recurs() -> None:
    recurs.call()


@task()
def raises() -> None:
    raise Unspeakable


@task()
def returns_what_json_has_not() -> object:
    return object()


@task()
def kills_its_worker() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
