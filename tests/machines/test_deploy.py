"""The files in deploy/, checked as far as possible without other machines.

test_machines.py runs nginx.conf; no container engine runs the container file or the manifests here.
"""

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from contract.settings import Settings, get_settings
from framework_gateway.cli.main import main
from framework_gateway.config import Config
from framework_gateway.server.workers import STOP_MARGIN
from tests.machines.nginx import find
from tests.servers import ROOT, SCRIPTS

DEPLOY = ROOT / "deploy"
COMMANDS = ROOT / "django_app" / "management" / "commands"
UNITS = sorted(DEPLOY.glob("*.service"))
GRACE = Config.model_fields["graceful_timeout"].default


def manifests() -> list[dict[str, Any]]:
    return [*yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())]


def containers() -> list[dict[str, Any]]:
    templates = [manifest["spec"].get("template") for manifest in manifests() if "spec" in manifest]
    return [one for template in templates if template for one in template["spec"]["containers"]]


def unit(file: Path) -> dict[str, str]:
    """Return the settings of a systemd unit."""
    return dict(re.findall(r"^(\w+)=(.*)$", file.read_text(), re.MULTILINE))


def environment() -> dict[str, str]:
    """Return the variables in gateway.env."""
    return dict(re.findall(r"^#?(GATEWAY_\w+)=(.*)$", (DEPLOY / "gateway.env").read_text(), re.M))


def instructions(name: str) -> list[str]:
    """Return the arguments of each instruction of that name in the container file."""
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    return re.findall(rf"^(?:HEALTHCHECK .*)?\s*{name} (.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("file", sorted(DEPLOY.iterdir()), ids=lambda file: file.name)
def test_every_variable_in_deploy_is_a_setting(file: Path) -> None:
    named = {*re.findall(r"GATEWAY_[A-Z_]+", file.read_text())}
    assert named <= {
        f"GATEWAY_{name.upper()}" for name in {*Config.model_fields, *Settings.model_fields}
    }


@pytest.mark.parametrize("filled", [False, True])
def test_the_completed_environment_file_is_valid_for_production(
    monkeypatch: pytest.MonkeyPatch, filled: bool
) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GATEWAY_WEBHOOK_SECRET", "whsec_" + "A" * 44)
    if filled:
        monkeypatch.setenv("GATEWAY_SECRET_KEY", "k" * 64)
        monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgresql://gateway@database/gateway")
        assert get_settings.__wrapped__().env == "production"
        return
    with pytest.raises(SystemExit) as caught:
        get_settings.__wrapped__()
    named = {line.partition(":")[0] for line in str(caught.value.code).splitlines()}
    assert named == {"GATEWAY_SECRET_KEY", "GATEWAY_DATABASE_URL"}


@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.name)
def test_systemd_accepts_the_units(file: Path, tmp_path: Path) -> None:
    text = file.read_text()
    copy = tmp_path / file.name
    # systemd-analyze requires that the program exists.
    copy.write_text(text.replace("/opt/gateway/bin/", f"{SCRIPTS}/"))
    result = subprocess.run(
        [find("systemd-analyze"), "verify", "--man=no", copy], capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert int(unit(file)["TimeoutStopSec"]) > GRACE + STOP_MARGIN


@pytest.mark.parametrize("manifest", manifests(), ids=lambda one: f"{one['kind']}")
def test_kubernetes_accepts_the_manifests(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_kubernetes_waits_longer_than_the_gateway() -> None:
    (deployment,) = [
        manifest
        for manifest in manifests()
        if (manifest["kind"], manifest["metadata"]["name"]) == ("Deployment", "gateway")
    ]
    (config,) = [manifest for manifest in manifests() if manifest["kind"] == "ConfigMap"]
    pod = deployment["spec"]["template"]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = int(config["data"]["GATEWAY_GRACEFUL_TIMEOUT"])
    assert pod["terminationGracePeriodSeconds"] > pause + grace + STOP_MARGIN


def test_no_file_in_deploy_contains_a_secret() -> None:
    assert "Secret" not in [manifest["kind"] for manifest in manifests()]
    assert environment()["GATEWAY_SECRET_KEY"] == environment()["GATEWAY_DATABASE_URL"] == ""


def all_commands() -> list[list[str]]:
    """Return the commands of the units, the manifests and the container file."""
    return [
        *(shlex.split(unit(file)["ExecStart"]) for file in UNITS),
        *(container["command"] for container in containers()),
        *(yaml.safe_load(command) for command in instructions("CMD")),
    ]


def test_every_command_in_deploy_exists() -> None:
    for program, *arguments in all_commands():
        match Path(program).name:
            case "gateway":
                command = main.commands[arguments[0]]
                assert command.make_context("gateway", arguments[1:], resilient_parsing=True)
            case "python" if arguments[0] == "manage.py":
                assert (COMMANDS / f"{arguments[1]}.py").exists()
            case other:
                assert (other, arguments[0]) == ("python", "-c")
                compile(arguments[1], "HEALTHCHECK", "exec")


APPLICATIONS = {"contract", "django_app", "fastapi_app", "flask_app", "showdown"}


def test_the_container_has_the_whole_project() -> None:
    copied = {source for line in instructions("COPY") for source in line.split()[:-1]}
    copied -= {"--from=build", "/opt/gateway"}
    code = {"framework_gateway", "gateway.py", "manage.py"} | APPLICATIONS
    assert copied >= code | {"requirements.lock", "pyproject.toml"}
    assert all((ROOT / source).exists() for source in copied)
    assert instructions("USER") == ["10001:10001"]
