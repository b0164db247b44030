"""Cases and rounds: each round measures every case once, A B C A B C …"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import click

from showdown.bench.changes import run_after_changes
from showdown.bench.databases import Contents, Databases, make_sqlite_files, share_postgresql
from showdown.bench.load import Load, ask, first_error, run_wrk, stick
from showdown.bench.samples import Sample
from showdown.bench.servers import Running, cpu_seconds, memory_peak, require_proc, run, settle
from showdown.bench.steady import run_steady
from showdown.bench.targets import Server, Target
from showdown.bench.workloads import Workload

# With hundreds of connections, it takes half a second until the throughput is steady.
MANY, MANY_TIMES = 256, 2
LONGER = 10  # times as long, if there was no response


@dataclass(frozen=True)
class Case:
    """One workload of one target with a number of connections.

    Any response other than a success ends the run, unless the case is known to fail. ``stuck`` is a
    path whose requests get no response; ten such requests are pending during the measurement. With
    a ``rate``, so many requests are sent each second, in place of as many as are answered.
    """

    target: Target
    workload: Workload
    connections: int
    fails: bool = False
    stuck: str | None = None
    rate: int | None = None

    @property
    def name(self) -> str:
        """The name for reports; unique within a suite."""
        suffix = ", others stuck" if self.stuck else ""
        return f"{self.target.title}, {self.workload.name}, {self.connections} connections{suffix}"

    def path(self, contents: Contents) -> str:
        """Return the path of its requests to a database."""
        return self.target.prefix + self.workload.path.format(**asdict(contents))


Samples = dict[Case, list[Sample]]
RunningServers = Mapping[str, Running]


@dataclass(frozen=True)
class Plan:
    """What to measure, and for how long.

    Attributes:
        servers: by name; a server that no case needs is not started.
        rounds: measured rounds; one warm-up round precedes them.
        seconds: the length of one measurement.
        starts: how often all servers are started anew, each time for ``rounds`` rounds. The memory
            layout of a process changes its rate by a few per cent.
        warm_up: the length of each measurement in the warm-up round, in seconds.
    """

    cases: Sequence[Case]
    servers: Mapping[str, Server]
    rounds: int
    seconds: int
    starts: int = 1
    warm_up: int = 1

    @property
    def steps(self) -> int:
        return self.starts * (self.rounds + 1) * len(self.cases)

    def seconds_for(self, case: Case) -> int:
        """Return how long to measure a case."""
        return self.seconds * MANY_TIMES if case.connections >= MANY else self.seconds

    @property
    def used(self) -> dict[str, Server]:
        """The servers that the cases need."""
        return {name: self.servers[name] for name in {c.target.server: None for c in self.cases}}


@contextmanager
def databases(url: str | None = None, allowed: bool = False) -> Iterator[tuple[Databases, Path]]:
    """Provide the databases and a directory, and delete both at the end."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name:
        directory = Path(name)
        if url is None:
            yield make_sqlite_files(directory), directory
        else:
            with share_postgresql(url, allowed) as shared:
                yield shared, directory


def measure_all(
    plan: Plan, found: Databases, directory: Path, notify: Callable[[str], None]
) -> Samples:
    """Start every server and measure every case in each round; repeat for each of the starts.

    Args:
        notify: called with the name of the next measurement, once for each of ``plan.steps``.

    Raises:
        ClickException: a server did not start, or a request failed.
    """
    require_proc()
    samples: Samples = {case: [] for case in plan.cases}
    for _ in range(plan.starts):
        with ExitStack() as stack:
            running = {
                name: stack.enter_context(run(server, found.url_for(name), directory))
                for name, server in plan.used.items()
            }

            def measure_case(case: Case, seconds: int, running: RunningServers = running) -> Sample:
                name = case.target.server
                return measure(running[name], case, seconds, found.contents_for(name))

            measure_rounds(plan, measure_case, notify, samples)
    return samples


def measure_rounds(
    plan: Plan,
    measure_case: Callable[[Case, int], Sample],
    notify: Callable[[str], None],
    samples: Samples,
) -> None:
    """Measure every case in each round, on servers that have just started.

    Args:
        measure_case: measures a case for a number of seconds.
    """
    for number in range(plan.rounds + 1):
        for case in plan.cases:
            notify(case.name)
            # The first round warms up the servers: they start threads and fill caches.
            sample = measure_case(case, plan.seconds_for(case) if number else plan.warm_up)
            if number:
                samples[case].append(sample)


def measure(server: Running, case: Case, seconds: int, contents: Contents) -> Sample:
    """Measure a case once."""
    path = case.path(contents)
    cookie = contents.cookie if case.workload.staff else ""
    if not case.fails:
        expect(server, case, path, cookie)
    with stick(server.port, case.stuck) if case.stuck else nullcontext():
        before = cpu_seconds(server.process.pid)
        load = run_load(server.port, case, path, seconds, cookie)
        spent = cpu_seconds(server.process.pid) - before
    check(load, server, case, path, cookie)
    settle(server)
    return sample_of(load, spent, memory_peak(server.process.pid))


def sample_of(load: Load, spent: float, memory: int) -> Sample:
    """Return what a load has shown.

    Args:
        spent: CPU time of the server, in seconds.
        memory: of the server, in bytes.
    """
    failed = load.failed / load.requests
    return Sample(
        rate=load.rate * (1 - failed),
        cpu=spent / load.requests * 1e6,
        p50=load.p50,
        p95=load.p95,
        p99=load.p99,
        memory=memory,
        requests=load.requests,
        failed=failed,
    )


def run_load(port: int, case: Case, path: str, seconds: int, cookie: str) -> Load:
    """Send a case's requests."""
    if case.workload.after_change:
        return run_after_changes(port, path, f"{case.target.prefix}/api/users", seconds, cookie)
    if case.rate:
        return run_steady(port, path, case.rate, seconds)
    send = partial(run_wrk, port, path, case.workload.method, case.connections, cookie=cookie)
    # Hundreds of connections to a slow target: the first responses come later than that.
    load = send(seconds)
    return load if load.requests else send(seconds * LONGER)


def expect(server: Running, case: Case, path: str, cookie: str) -> None:
    """Send one request and raise ClickException unless the response is the expected one.

    This also waits until the server has finished the work of the previous measurement.
    """
    try:
        status, body = ask(server.port, path, case.workload.method, cookie)
    except OSError as error:
        raise click.ClickException(
            f"{case.name}: {case.workload.method} {path} failed: {error}\n{server.log()}"
        ) from error
    if status != case.workload.status:
        raise click.ClickException(
            f"{case.name}: {case.workload.method} {path} returned {status}"
            f" instead of {case.workload.status}: {body}\n{server.log()}"
        )


def check(load: Load, server: Running, case: Case, path: str, cookie: str) -> None:
    """Raise ClickException if requests failed, with the first error."""
    if not load.requests:
        raise click.ClickException(f"{case.name}: no request got a response\n{server.log()}")
    if load.failed and not case.fails:
        answer = first_error(server.port, path, case.workload.method, case.connections, cookie)
        raise click.ClickException(
            f"{case.name}: {load.failed} of {load.requests} requests failed: {answer}\n"
            + server.log()
        )
    if load.broken and not case.fails:
        raise click.ClickException(
            f"{case.name}: {load.broken} connections broke or timed out\n{server.log()}"
        )
