"""The worked example of the docs: a move from Flask to FastAPI, run as written."""

from pathlib import Path

import pytest

from showdown.demo.move import HELLO, LIST, ONE, WAIT, Demo, move


@pytest.mark.slow
def test_the_api_moves_and_no_client_notices(tmp_path: Path) -> None:
    told: list[str] = []
    demo = Demo(tmp_path, told.append)
    clients = move(demo)
    assert clients.faults == []
    assert clients.statuses.keys() == {200}
    assert clients.statuses[200] > 500
    status = demo.status
    text = "\n".join(told)
    for route in (LIST, HELLO):
        assert f"  {route}: " in text
    assert status["routes"][ONE]["stage"] == "complete"
    assert status["trips"] == {}
    people = {entry["who"] for entry in status["history"]}
    assert "breaker" in people
    assert any("back to the old application" in entry["what"] for entry in status["history"])
    assert status["routes"][WAIT]["counts"]["fallback"] >= 5
    assert "### Move of" in text
