"""Requests after a change: one connection creates a user and asks, again and again."""

import http.client
import time

import click

from showdown.bench.load import TIMEOUT, Load, exchange
from showdown.bench.samples import percentiles


def run_after_changes(port: int, path: str, users: str, seconds: int, cookie: str) -> Load:
    """Ask for a number of seconds, each time after a change; only the requests count.

    Args:
        users: the path that creates a user by POST.

    Raises:
        ClickException: a change failed, or there was no answer.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    times, failed = list[float](), 0
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline or len(times) < 2:
            status, body = exchange(connection, users, "POST")
            if status != 201:
                raise click.ClickException(f"POST {users} returned {status}: {body[:300]!r}")
            start = time.perf_counter()
            failed += exchange(connection, path, "GET", cookie)[0] != 200
            times.append(time.perf_counter() - start)
    except (OSError, http.client.HTTPException) as error:
        raise click.ClickException(f"{path} gave no answer: {error!r}") from error
    finally:
        connection.close()
    p50, p95, p99 = percentiles([1000 * seconds for seconds in times])
    return Load(
        requests=len(times),
        rate=len(times) / sum(times),
        p50=p50,
        p95=p95,
        p99=p99,
        failed=failed,
        broken=0,
    )
