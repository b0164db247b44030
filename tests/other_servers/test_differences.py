"""What the gateway's own server does and others do not; docs/operations.md has this as a table."""

import re
import signal
import subprocess
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.other_servers.conftest import APP, READY
from tests.other_servers.probes import PROBES
from tests.other_servers.servers import COMMANDS, OWN, Served, serving
from tests.servers import ROOT
from tests.wsgi.server import PATIENCE

pytestmark = pytest.mark.slow

# The columns are the servers in the order of COMMANDS.
OBSERVED = {
    "long_head": ["431", "200", "200", "431", "200", "closed"],
    "many_headers": ["431", "200", "200", "200", "431", "200"],
    "slow_head": ["408", "kept", "kept", "kept", "kept", "kept"],
    "slow_body": ["408", "kept", "kept", "kept", "kept", "kept"],
    "unknown_upgrade": ["served", "body lost", "body lost", "served", "served", "served"],
    "stream_to_http_1_0": ["200", "chunked", "chunked", "200", "200", "200"],
    "version_1_2": ["505", "400", "400", "200", "400", "400"],
    "fragment": ["400", "200", "200", "404", "200", "404"],
    "unknown_coding": ["501", "501", "501", "501", "501", "400"],
    "two_lengths": ["400", "400", "400", "200", "200", "400"],
    "bare_line_feeds": ["400", "400", "400", "200", "200", "no answer"],
    "body_of_204": ["dropped", "dropped", "dropped", "dropped", "dropped", "dropped"],
    "nonsense": ["problem", "text", "text", "empty", "empty", "empty"],
    "forwarded_client": ["ignored", "believed", "believed", "ignored", "ignored", "ignored"],
    "long_message": ["1009", "echoed", "echoed", "echoed", "echoed", "echoed"],
    "access_line": ["with id", "own", "none", "none", "none", "own"],
}
# What becomes of an event stream without an end, and of its server, at SIGTERM.
STREAMS = dict(zip(COMMANDS, ["ended", "kept", "kept", "ended", "kept", "ended"], strict=True))
GRACE = 5  # seconds; those that end do so after at most three


@pytest.mark.parametrize("probe", PROBES)
def test_a_rule_or_limit(server: Served, probe: str) -> None:
    expected = dict(zip(COMMANDS, OBSERVED[probe], strict=True))
    assert PROBES[probe](server) == expected[server.name]


@pytest.mark.parametrize("name", COMMANDS)
def test_an_endless_stream_at_sigterm(name: str, tmp_path: Path) -> None:
    env = {"GATEWAY_GRACEFUL_TIMEOUT": "1"}
    with (
        serving(name, tmp_path, APP, READY, env) as server,
        httpx.stream("GET", f"{server.origin}/asgi/events", timeout=PATIENCE) as answer,
    ):
        chunks = answer.iter_bytes()
        next(chunks)
        server.process.send_signal(signal.SIGTERM)
        try:
            server.process.wait(GRACE)
            found = "ended"
        except subprocess.TimeoutExpired:
            found = "kept"
        assert found == STREAMS[name]


def test_the_table_of_the_documentation_is_what_was_observed() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    section = text.partition("\n## Other servers\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if re.match(r"\|(?! *-)", line)
    ]
    own, *others = [name.casefold() for name in rows[0][1:]]
    assert [OWN if own == "`gateway serve`" else own, *others] == [*COMMANDS]
    cells = {row[0]: row[1:] for row in rows[1:]}
    assert [*cells.values()][: len(OBSERVED)] == [*OBSERVED.values()]
