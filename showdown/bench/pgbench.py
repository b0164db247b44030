"""What the triggers cost writers: pgbench inserts users into PostgreSQL, with and without them."""

import http.client
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from urllib.parse import quote

import click
import psycopg

from showdown.bench.databases import prepare
from showdown.bench.filled import OPTIONS
from showdown.bench.measure import LONGER, Case, Plan, Samples, measure_rounds
from showdown.bench.postgresql import Cluster, find_program
from showdown.bench.rules import Rule
from showdown.bench.samples import Sample, percentiles
from showdown.bench.servers import cpu_seconds, run
from showdown.bench.targets import SERVERS, Target
from showdown.bench.workloads import Workload

CLIENTS = 32
INSERT = Workload("insert", "INSERT INTO users", "")
KINDS = {
    "plain": "without triggers",
    "triggers": "with triggers",
    "listener": "with triggers, a gateway and a listener",
}
# commit_delay, in microseconds: how long a commit waits for others, as on a slower disk.
DELAYS = {0: "commits at once", 3000: "commits of 3 ms"}
AIM = 0.5
Time = tuple[float, float]  # of a transaction: milliseconds, and when it ended in Unix time
SCRIPT = """
\\set number random(1, 1000000000000000)
INSERT INTO users (name, email)
VALUES ('Bench', 'bench-' || :client_id || '-' || :number || '@example.com');
"""
EVENTS = "/fastapi/api/users/events"


def case_of(kind: str, delay: int) -> Case:
    """A case of many clients that insert users."""
    title = f"pgbench {KINDS[kind]}, {DELAYS[delay]}"
    return Case(Target(title, title, kind), INSERT, CLIENTS)


CASES = {case_of(kind, delay): delay for delay in DELAYS for kind in KINDS}
RULES = [
    Rule("rate", case.target.name, case_of("plain", delay).target.name, at_least=AIM)
    for case, delay in CASES.items()
    if case.target.server != "plain"
]


def measure_pgbench(rounds: int, seconds: int, notify: Callable[[str], None]) -> Samples:
    """Measure all cases on a PostgreSQL server of their own.

    Args:
        notify: called with the name of each measurement, ``len(CASES) * (rounds + 1)`` times.
    """
    samples: Samples = {case: [] for case in CASES}
    with databases() as (cluster, urls, directory), listening(urls["listener"], directory):

        def measure_case(case: Case, seconds: int) -> Sample:
            return insert(cluster, urls[case.target.server], CASES[case], seconds)

        measure_rounds(Plan([*CASES], {}, rounds, seconds), measure_case, notify, samples)
    return samples


@contextmanager
def databases() -> Iterator[tuple[Cluster, Mapping[str, str], Path]]:
    """Yield a server, the URL of each kind's database, and a directory; delete all at the end."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name:
        cluster = Cluster(Path(name, "postgresql"), OPTIONS)
        with cluster.serving():
            urls = {kind: cluster.url.replace("/postgres", f"/{kind}") for kind in KINDS}
            with psycopg.connect(cluster.url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE prepared")
                prepare(cluster.url.replace("/postgres", "/prepared"))
                for kind in KINDS:
                    connection.execute(f"CREATE DATABASE {kind} TEMPLATE prepared".encode())
            with psycopg.connect(urls["plain"]) as connection:
                connection.execute("ALTER TABLE users DISABLE TRIGGER USER")
            yield cluster, urls, Path(name)


@contextmanager
def listening(url: str, directory: Path) -> Iterator[None]:
    """Run a gateway that sends each event to a listener, until the block ends."""
    with run(SERVERS["gateway"], url, directory) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", EVENTS)
        response = connection.getresponse()
        reader = Thread(target=read_all, args=[response], daemon=True)
        reader.start()
        yield
    reader.join()
    connection.close()


def read_all(response: http.client.HTTPResponse) -> None:
    """Read a stream until the server ends, which may be in the middle of an event."""
    try:
        while response.read1(65536):
            pass
    except (http.client.IncompleteRead, ConnectionError):
        return


def insert(cluster: Cluster, url: str, delay: int, seconds: int) -> Sample:
    """Insert users for a number of seconds; the CPU time is that of PostgreSQL."""
    postmaster = int((cluster.directory / "postmaster.pid").read_text().split()[0])
    options = quote(f"-c commit_delay={delay} -c commit_siblings=0")
    wait_for_ends(cluster.url)
    before = cpu_seconds(postmaster)
    # On a busy machine, the first commit may come later than that.
    url = f"{url}?options={options}"
    times = run_pgbench(url, seconds) or run_pgbench(url, seconds * LONGER)
    wait_for_ends(cluster.url)
    return summary(times, cpu_seconds(postmaster) - before)


def run_pgbench(url: str, seconds: int) -> list[Time]:
    """Run pgbench for a number of seconds; return its log.

    Raises:
        ClickException: an insert failed.
    """
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name:
        script = Path(name, "insert.sql")
        script.write_text(SCRIPT)
        made = subprocess.run(
            [
                *(find_program("pgbench"), "--no-vacuum", "--log", f"--file={script}"),
                *(f"--client={CLIENTS}", "--jobs=2", f"--time={seconds}", url),
            ],
            cwd=name,
            capture_output=True,
            text=True,
        )
        if made.returncode:
            raise click.ClickException(f"pgbench failed: {made.stdout}{made.stderr}")
        logs = [log.read_text() for log in Path(name).glob("pgbench_log*")]
    return [read_time(line) for log in logs for line in log.splitlines()]


def read_time(line: str) -> Time:
    """Read a line of pgbench's log: client, number, microseconds, script, end."""
    words = line.split()
    return int(words[2]) / 1e3, int(words[4]) + int(words[5]) / 1e6


def summary(times: list[Time], spent: float) -> Sample:
    """Summarize the times of all transactions.

    Raises:
        ClickException: there are fewer than two.
    """
    if len(times) < 2:
        raise click.ClickException("pgbench: no insert was done in time")
    p50, p95, p99 = percentiles([time for time, _ in times])
    begins = [end - time / 1e3 for time, end in times]
    return Sample(
        rate=len(times) / (max(end for _, end in times) - min(begins)),
        cpu=spent / len(times) * 1e6,
        p50=p50,
        p95=p95,
        p99=p99,
        memory=0,
        requests=len(times),
    )


def wait_for_ends(url: str) -> None:
    """Wait until no connection of pgbench is open, so that its CPU time has been added up."""
    deadline = time.monotonic() + 60
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'"
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(query).fetchone() != (0,):
            if time.monotonic() > deadline:
                raise click.ClickException("connections of pgbench stay open")
            # The pause between two looks.
            time.sleep(0.02)
