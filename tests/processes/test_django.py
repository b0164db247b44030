"""A second Django project runs in a process of its own, also if nobody asks for it."""

import signal
from pathlib import Path

import pytest

from framework_gateway import Mount, Process
from tests.processes.gateways import Isolating, isolating

PROJECTS = {"shop": "shop.wsgi:application", "club": "club.wsgi:application"}


def totals(gateway: Isolating) -> dict[str, dict[str, str]]:
    """Return what each project says of itself."""
    return {name: gateway.wait_for(f"/{name}/total/").json() for name in PROJECTS}


RIGHT = {name: {"total": name, "url": f"/{name}/total/", "of": f"{name}.urls"} for name in PROJECTS}


@pytest.mark.parametrize("arguments", [["--isolate", "/club"], []], ids=["asked", "by itself"])
def test_two_projects_answer_below_their_prefixes(apps: Path, arguments: list[str]) -> None:
    with isolating(apps, *arguments, **PROJECTS) as gateway:
        assert totals(gateway) == RIGHT
        response = gateway.get("/club/total", follow_redirects=False)
        assert (response.status_code, response.headers["Location"]) == (301, "/club/total/")
        assert gateway.readiness["ready"]
        reason = "The application at /club runs in a process of its own: it asks for Django"
        assert (reason in gateway.process.output) == (not arguments)


def test_the_variable_of_the_shell_does_not_make_two_projects_one(
    apps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "shop.settings")
    with isolating(apps, **PROJECTS) as gateway:
        assert totals(gateway) == RIGHT


@pytest.mark.slow
def test_two_workers_serve_both_projects(apps: Path) -> None:
    with isolating(apps, "--workers", "2", **PROJECTS) as gateway:
        for _ in range(4):
            assert totals(gateway) == RIGHT


def test_only_an_import_string_can_be_isolated() -> None:
    mount = Mount("/shop", lambda _environ, _start_response: [], process=Process()).load()
    assert mount.failure is not None
    assert "give its import string" in mount.failure


def test_a_project_whose_views_cannot_be_imported_replaces_nothing(apps: Path) -> None:
    with isolating(apps, "--isolate", "/shop", shop=PROJECTS["shop"]) as gateway:
        right = gateway.wait_for("/shop/total/").json()
        with (apps / "shop" / "urls.py").open("a") as file:
            file.write("import a_module_that_is_missing\n")
        gateway.process.send_signal(signal.SIGUSR1)
        gateway.wait_for_output("could not be replaced, the old process serves on")
        assert gateway.get("/shop/total/").json() == right
