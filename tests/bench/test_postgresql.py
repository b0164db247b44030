"""PostgreSQL of a run's own, where it cannot start."""

import tempfile
from pathlib import Path

import click
import pytest

from showdown.bench.postgresql import Cluster, why_missing
from tests.databases import missing


def test_a_server_that_does_not_start_says_why() -> None:
    if reason := why_missing():
        missing(reason)
    # Not tmp_path, because PostgreSQL's own user may not enter it.
    with tempfile.TemporaryDirectory(prefix="gateway-") as name:
        cluster = Cluster(Path(name, "postgresql"), "-c no_such_parameter=1")
        cluster.create()
        with pytest.raises(click.ClickException, match="no_such_parameter"):
            cluster.start()
