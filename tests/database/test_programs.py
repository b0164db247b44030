"""A machine without PostgreSQL: its tests are skipped, and fail in CI."""

import os
from pathlib import Path

import pytest

from tests.databases import PostgreSQL


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PostgreSQL:
    """A server on a machine that has no program of it."""
    monkeypatch.setattr("tests.databases.POSTGRES_DIRECTORIES", [])
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    return PostgreSQL(tmp_path)


def test_a_server_without_its_programs_is_a_skip(bare: PostgreSQL) -> None:
    with pytest.raises(pytest.skip.Exception, match="PostgreSQL's initdb is not installed"):
        bare.create()
    # Nothing was begun: finding that out needs no directory and no owner of it.
    assert not bare.directory.exists()


def test_a_server_without_its_programs_is_a_failure_in_ci(
    bare: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="PostgreSQL's initdb is not installed"):
        bare.create()


@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as any other user")
def test_a_server_without_its_user_is_a_skip(
    bare: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.databases.postgres_program", lambda _name: "/bin/true")
    monkeypatch.setattr("pwd.getpwnam", {}.__getitem__)
    with pytest.raises(pytest.skip.Exception, match="there is no user named postgres"):
        bare.create()
    assert not bare.directory.exists()
