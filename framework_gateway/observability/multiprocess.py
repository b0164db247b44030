"""Metrics of prometheus_client whose values the worker processes of a gateway share by files.

prometheus_client has one mode for the whole process: if ``PROMETHEUS_MULTIPROC_DIR`` is set when
the package is first imported, all values are in files. That mode belongs to the mounted
applications. The metrics here do not depend on it. Their values are in memory, or in a directory of
the gateway.

The files are prometheus_client's own, one for each type of metric and each process. This is the
only module that relies on its private parts.
"""

import os
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import prometheus_client
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.utils import floatToGoString
from prometheus_client.values import MutexValue


class MakeValue(Protocol):
    """Creates the value of a series; the arguments are those of prometheus_client's own classes."""

    def __call__(
        self,
        typ: str,
        metric_name: str,
        name: str,
        labelnames: Iterable[str],
        labelvalues: Iterable[str],
        help_text: str,
        /,
        *,
        multiprocess_mode: str,
    ) -> Any:
        """Return an object like ``prometheus_client.values.MutexValue``."""


class Files:
    """The files of this process in a directory; after a fork, those of the new process.

    Attributes:
        lock: held by every access to a file.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock = Lock()
        self._files: dict[str, Any] = {}
        self._process = os.getpid()

    def open(self, kind: str) -> Any:
        """Return the file of a type of metric, such as ``counter`` or ``gauge_livesum``."""
        if self._process != os.getpid():
            # The files still belong to the parent, which counts on in them.
            self._files, self._process = {}, os.getpid()
        if kind not in self._files:
            path = self.directory / f"{kind}_{self._process}.db"
            self._files[kind] = MmapedDict(path)  # type: ignore[no-untyped-call]
        return self._files[kind]


# Once for each directory: two writers of one file would overwrite each other's values.
files_in = cache(Files)


class FileValue:
    """The value of a series in a file, which keeps it when the process is killed."""

    def __init__(
        self,
        files: Files,
        typ: str,
        metric_name: str,
        name: str,
        labelnames: Iterable[str],
        labelvalues: Iterable[str],
        help_text: str,
        /,
        *,
        multiprocess_mode: str,
    ) -> None:
        self._files = files
        # The collector reads type and mode from the names of the files.
        self._kind = f"{typ}_{multiprocess_mode}" if typ == "gauge" else typ
        self._key = mmap_key(metric_name, name, [*labelnames], [*labelvalues], help_text)
        self.inc(0.0)  # the series exists from now on

    def inc(self, amount: float) -> None:
        """Add an amount."""
        with self._files.lock:
            file = self._files.open(self._kind)
            value, _ = file.read_value(self._key)
            file.write_value(self._key, value + amount, 0.0)

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Replace the value."""
        with self._files.lock:
            self._files.open(self._kind).write_value(self._key, value, timestamp or 0.0)

    def get(self) -> float:
        """Return the value of this process."""
        with self._files.lock:
            value: float = self._files.open(self._kind).read_value(self._key)[0]
            return value

    def get_exemplar(self) -> None:
        """Return None; the files have no exemplars."""


def values_in(directory: Path | None) -> MakeValue:
    """Return what creates values in a directory, or in the memory of this process for None."""
    if directory is None:
        return MutexValue
    directory.mkdir(parents=True, exist_ok=True)
    return partial(FileValue, files_in(directory))


class ChoosesValues(MetricWrapperBase):
    """A metric that is told where its values are.

    Args:
        values: creates the value of each series; in memory by default.
    """

    def __init__(self, *args: Any, values: MakeValue = MutexValue, **options: Any) -> None:
        self._values = values
        super().__init__(*args, **options)
        self._kwargs["values"] = values  # the arguments of labels()

    def _make_value(self, suffix: str = "", **labels: str) -> Any:
        return self._values(
            str(self._type),
            self._name,
            self._name + suffix,
            (*self._labelnames, *labels),
            (*self._labelvalues, *labels.values()),
            self._documentation,
            multiprocess_mode=getattr(self, "_multiprocess_mode", ""),  # only gauges have one
        )


class Counter(ChoosesValues, prometheus_client.Counter):
    """A counter, which is the sum over all processes."""

    def _metric_init(self) -> None:
        self._value = self._make_value("_total")
        self._created = time.time()


class Gauge(ChoosesValues, prometheus_client.Gauge):
    """A gauge; ``multiprocess_mode`` says how the values of the processes are put together."""

    def _metric_init(self) -> None:
        self._value = self._make_value()


class Histogram(ChoosesValues, prometheus_client.Histogram):
    """A histogram, which is the sum over all processes."""

    def _metric_init(self) -> None:
        self._sum = self._make_value("_sum")
        bounds = map(floatToGoString, self._upper_bounds)
        self._buckets = [self._make_value("_bucket", le=bound) for bound in bounds]
        self._created = time.time()


class Durations(Histogram):
    """A histogram that observes many values at once, at little cost."""

    def observe_all(self, seconds: list[float]) -> None:
        """Observe all the values."""
        self._sum.inc(sum(seconds))
        ordered = sorted(seconds)
        before = 0
        for bucket, bound in zip(self._buckets, self._upper_bounds, strict=True):
            until = bisect_right(ordered, bound)
            if until > before:
                bucket.inc(until - before)
            before = until


def collect(directory: Path) -> Iterator[Metric]:
    """Yield the metrics of all processes, also of those that have ended, from their files."""
    files = MultiProcessCollector(None, str(directory))  # type: ignore[no-untyped-call]
    yield from files.collect()  # type: ignore[no-untyped-call]


def forget_process(directory: Path, process: int) -> None:
    """Remove the gauges of a process that has ended; its counters and histograms stay."""
    mark_process_dead(process, str(directory))  # type: ignore[no-untyped-call]
