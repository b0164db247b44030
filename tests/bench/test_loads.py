"""What a load becomes: only successes count as a rate, and a broken connection ends the run."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import click
import pytest

from showdown.bench.changes import run_after_changes
from showdown.bench.load import Load
from showdown.bench.measure import sample_of
from showdown.bench.steady import run_steady


def test_the_rate_is_that_of_the_successes() -> None:
    load = Load(requests=400, rate=200.0, p50=1, p95=2, p99=3, failed=100, broken=0)
    sample = sample_of(load, spent=0.4, memory=1)
    assert (sample.rate, sample.failed) == (150, 0.25)
    assert sample.cpu == pytest.approx(1000)


@pytest.fixture
def rude_port() -> Iterator[int]:
    """The port of a server that closes each connection without an answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    listener.accept()[0].close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_broken_connection_ends_the_run(rude_port: int) -> None:
    with pytest.raises(click.ClickException, match="/path gave no answer"):
        run_steady(rude_port, "/path", 20, 1)
    with pytest.raises(click.ClickException, match="/path gave no answer"):
        run_after_changes(rude_port, "/path", "/users", 1, "")
