"""The table of docs/tested-applications.md has the versions that the tests run."""

import re

from tests.servers import ROOT

NAMES = {"django-its-admin": "django"}


def test_the_versions_are_those_of_the_lock_file() -> None:
    locked = (ROOT / "requirements-applications.lock").read_text()
    versions = dict(re.findall(r"^([a-z0-9-]+)(?:\[.*?\])?==([\w.]+)", locked, re.MULTILINE))
    page = (ROOT / "docs/tested-applications.md").read_text()
    rows = re.findall(r"^\| ([\w ,'-]+) \| ([\d.]+) \|", page, re.MULTILINE)
    assert len(rows) > 10
    for application, version in rows:
        name = re.sub(r"[ ,_']+", "-", application.casefold())
        assert version == versions[NAMES.get(name, name)], application
    for server, version in re.findall(r"(Cheroot|gunicorn|uvicorn) (?:is )?([\d.]+\d)", page):
        assert version == versions[server.casefold()], server
