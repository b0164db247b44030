"""On a machine without PostgreSQL, its tests are skipped; in CI they fail."""

import os
from pathlib import Path

import pytest

from tests.databases import PostgreSQL


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PostgreSQL:
    """A PostgreSQL server on a machine that has none of its programs."""
    monkeypatch.setattr("showdown.bench.postgresql.DIRECTORIES", [])
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    return PostgreSQL(tmp_path)


def test_a_test_without_postgresql_is_skipped(bare: PostgreSQL) -> None:
    with pytest.raises(pytest.skip.Exception, match="PostgreSQL's initdb is not installed"):
        bare.create()
    # The check comes first, so no directory was made.
    assert not bare.directory.exists()


def test_a_test_without_postgresql_fails_in_ci(
    bare: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="PostgreSQL's initdb is not installed"):
        bare.create()


# PostgreSQL refuses to run as root, so only root needs another user.
@pytest.mark.skipif(os.geteuid() != 0, reason="PostgreSQL runs as any user except root")
def test_a_test_as_root_without_the_postgres_user_is_skipped(
    bare: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("showdown.bench.postgresql.find_program", lambda _name: "/bin/true")
    monkeypatch.setattr("pwd.getpwnam", {}.__getitem__)
    with pytest.raises(pytest.skip.Exception, match="there is no user named postgres"):
        bare.create()
    assert not bare.directory.exists()
