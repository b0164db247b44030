"""The file of the secret key: named when it is unusable, replaced by ``prepare --new-key``."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.key_file import UnusableKeyError, read_key, replace_key, write_missing_key
from tests.schemas.test_private_files import mode_of
from tests.servers import ROOT, run

UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (Path.touch, "is empty"),
    "short": (lambda file: file.write_text("short\n"), "has 5 characters instead of 50"),
    "binary": (lambda file: file.write_bytes(b"\xff" * 60), "cannot be read (it is not text)"),
    "directory": (Path.mkdir, "is a directory"),
    "pipe": (os.mkfifo, "is not a regular file"),
}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what ``manage.py`` needs, with a ``var`` of its own."""
    for name in ("contract", "django_app"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    monkeypatch.delenv("GATEWAY_SECRET_KEY")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("GATEWAY_DATABASE_URL", f"sqlite:///{tmp_path / 'x.sqlite3'}")
    return tmp_path


def manage(checkout: Path, *command: str, **env: str) -> tuple[int, list[str]]:
    result = run("python", "manage.py", *command, cwd=checkout, env=env)
    return result.returncode, (result.stdout + result.stderr).splitlines()


@pytest.mark.parametrize("kind", UNUSABLE)
def test_an_unusable_file_is_named_in_one_sentence(tmp_path: Path, kind: str) -> None:
    make, fault = UNUSABLE[kind]
    file = tmp_path / "secret_key"
    make(file)
    with pytest.raises(UnusableKeyError) as raised:
        read_key(file)
    assert str(raised.value) == (
        f"The secret key's file {file} {fault}; run: python manage.py prepare --new-key"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    file.touch(mode=0)
    with pytest.raises(UnusableKeyError, match=r"cannot be read \(Permission denied\)"):
        read_key(file)


@pytest.mark.parametrize("kind", ["empty", "directory"])
def test_a_new_key_mends_it(checkout: Path, kind: str) -> None:
    file = checkout / "var" / "secret_key"
    file.parent.mkdir()
    UNUSABLE[kind][0](file)
    sentence = (
        f"The secret key's file {file} {UNUSABLE[kind][1]}; run: python manage.py prepare --new-key"
    )
    assert manage(checkout, "prepare") == (1, [sentence])
    status, lines = manage(checkout, "prepare", "--new-key")
    assert status == 0
    assert lines[-1] == (
        f"Wrote a new secret key to {file}. Restart all programs; everybody must log in again, and"
        " links that were signed with the old key are invalid. API tokens and passwords stay valid."
    )
    first = read_key(file)
    assert mode_of(file) == 0o600
    up_to_date = "The database is up to date. There was nothing to apply."
    assert manage(checkout, "prepare") == (0, [up_to_date])
    assert read_key(file) == first
    # A usable key is also replaced, when you ask for it.
    assert manage(checkout, "prepare", "--new-key")[0] == 0
    assert read_key(file) != first


@pytest.mark.slow
def test_a_key_in_the_environment_needs_no_file(checkout: Path) -> None:
    (checkout / "var" / "secret_key").mkdir(parents=True)
    key = "x" * 50
    assert manage(checkout, "prepare", GATEWAY_SECRET_KEY=key)[0] == 0
    assert manage(checkout, "prepare", "--new-key", GATEWAY_SECRET_KEY=key) == (
        1,
        ["CommandError: GATEWAY_SECRET_KEY is set, so no file is used; change the variable"],
    )


def test_the_first_key_stays(tmp_path: Path) -> None:
    file = tmp_path / "var" / "secret_key"
    assert write_missing_key(file)
    first = read_key(file)
    assert not write_missing_key(file)
    assert read_key(file) == first
    replace_key(file)
    assert read_key(file) != first
    assert [*file.parent.iterdir()] == [file]
