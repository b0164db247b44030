"""Gateways with a move, in the process of the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from starlette.testclient import TestClient

from framework_gateway import Config, Gateway, Move
from framework_gateway.migrate.evidence import RouteEvidence
from tests.migrate.applications import New, old_api
from tests.wsgi.server import wait_until

SECRET = "a secret for testers only"


class Moved:
    """A gateway with a move below ``/api``, and both of its applications."""

    def __init__(self, gateway: Gateway, client: TestClient, old: Flask, new: New) -> None:
        self.gateway = gateway
        self.client = client
        self.old = old
        self.new = new
        (self.control,) = gateway.controls

    @property
    def seen_by_old(self) -> list[Any]:
        return self.old.extensions["seen"]  # type: ignore[no-any-return]

    def counts(self, route: str) -> dict[str, int]:
        """Return the counts of a route, of what is stored and what is not."""
        return dict(self.evidence(route).counts)

    def evidence(self, route: str) -> RouteEvidence:
        """Return the evidence of a route."""
        assert self.client.portal is not None
        found = self.client.portal.call(self.control.everything)
        return found.get(route, RouteEvidence())

    def wait_for(self, route: str, count: str, number: int = 1) -> None:
        """Wait until something has been counted so often."""
        wait_until(lambda: self.counts(route).get(count, 0) >= number)

    def set(self, **rule: Any) -> None:
        """Set a rule, as a person does."""
        from framework_gateway.migrate.options import Rule

        assert self.client.portal is not None
        new = Rule(**rule)
        self.client.portal.call(self.control.change, lambda state: state.with_rule(new, "test"))


@contextmanager
def moved(
    directory: Path,
    *rules: dict[str, Any],
    address: str | None = None,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[Moved]:
    """Run a gateway until the block ends.

    Args:
        directory: where the state is.
        rules: those of the move.
        address: of another new application than the test's own.
        settings: those of the gateway.
        options: those of the move.
    """
    old, new = old_api(), New()
    move = Move("/api", old=old, new=address or new.app, rules=[*rules], **options)
    own = {"moves_store": str(directory / "moves.sqlite3"), "move_secret": SECRET}
    config = Config(**own | (settings or {}))
    gateway = Gateway(config=config, moves=[move])
    with TestClient(gateway, "http://127.0.0.1", raise_server_exceptions=False) as client:
        yield Moved(gateway, client, old, new)
