"""Only the server's own account can read the database and the exports."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from contract import settings
from contract.private_files import protect_database
from tests.servers import ROOT


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """The umask of most systems, with which others can read new files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_database_is_private(tmp_path: Path) -> None:
    protect_database(f"sqlite:///{tmp_path}/new.sqlite3")
    assert mode_of(tmp_path / "new.sqlite3") == 0o600


def test_an_older_database_becomes_private_and_keeps_its_content(tmp_path: Path) -> None:
    for name in ("old.sqlite3", "old.sqlite3-wal", "old.sqlite3-shm"):
        (tmp_path / name).write_bytes(b"old")
        (tmp_path / name).chmod(0o644)
    protect_database(f"sqlite:///{tmp_path}/old.sqlite3")
    assert {mode_of(path) for path in tmp_path.iterdir()} == {0o600}
    assert (tmp_path / "old.sqlite3").read_bytes() == b"old"


def test_no_file_is_created_where_none_is_possible(tmp_path: Path) -> None:
    protect_database(f"sqlite:///{tmp_path}/missing/new.sqlite3")
    protect_database("postgresql://localhost/users")
    assert [*tmp_path.iterdir()] == []


OPENERS = {
    "django": "import django; django.setup(); from django.db import connection;"
    " connection.ensure_connection()",
    "flask": "from contract.settings import get_settings;"
    " from contract.engines import create_sync_engine;"
    " create_sync_engine(get_settings(), 'flask').connect().close()",
    "fastapi": "import asyncio; from contract.settings import get_settings;"
    " from contract.engines import create_asyncio_engine\n"
    "async def main():\n"
    "    async with create_asyncio_engine(get_settings(), 'fastapi').connect():\n"
    "        pass\n"
    "asyncio.run(main())",
    "feed": "import asyncio; from contract.settings import get_settings;"
    " from fastapi_app.wakeups import wakeups\n"
    "async def main():\n"
    "    events = wakeups(get_settings())\n"
    "    await anext(events)\n"
    "    await events.aclose()\n"
    "asyncio.run(main())",
}


@pytest.mark.parametrize("who", OPENERS)
def test_the_database_is_private_whichever_program_opens_it_first(who: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.sqlite3"
    env = {
        **os.environ,
        "GATEWAY_DATABASE_URL": f"sqlite:///{file}",
        "DJANGO_SETTINGS_MODULE": "django_app.settings",
    }
    subprocess.run([sys.executable, "-c", OPENERS[who]], cwd=ROOT, env=env, check=True)
    assert {mode_of(path) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.usefixtures("gateway")
def test_an_export_is_private(tmp_path: Path) -> None:
    from django.core.files.base import ContentFile
    from django.core.files.storage import storages

    from django_app.settings import STORAGES

    backend = cast(dict[str, Any], STORAGES["default"])
    options = {**backend["OPTIONS"], "location": str(tmp_path / "files")}
    storage = storages.create_storage({**backend, "OPTIONS": options})
    name = storage.save("export.csv", ContentFile(b"id,name,email"))
    assert mode_of(tmp_path / "files" / name) == 0o600
    assert mode_of(tmp_path / "files") == 0o700


@pytest.mark.usefixtures("migrated")  # it sets Django up
def test_an_export_is_private_while_it_is_written(tmp_path: Path) -> None:
    """Also in an existing directory that others can enter."""
    from django.core.files.base import ContentFile

    from django_app.storage import PrivateFileStorage

    modes: list[int] = []

    class Watched(ContentFile[bytes]):
        def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
            modes.append(mode_of(tmp_path / "export.csv"))
            return super().chunks(chunk_size)

    PrivateFileStorage(location=tmp_path).save("export.csv", Watched(b"id,name,email"))
    assert modes == [0o600]
    before = os.umask(0o022)
    assert before == 0o022


def test_a_secret_key_becomes_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret_key"
    key = "only the file knows".ljust(50, "!")
    file.write_text(f"{key}\n")
    file.chmod(0o644)
    monkeypatch.setattr(settings, "SECRET_KEY_FILE", file)
    assert settings.read_secret_key().get_secret_value() == key
    assert mode_of(file) == 0o600
