"""The settings without which production refuses to start."""

import pytest

from contract.settings import Settings, get_settings

PRODUCTION = {
    "ENV": "production",
    "SECRET_KEY": "k" * 50,
    "ALLOWED_HOSTS": "gateway.example",
    "DATABASE_URL": "postgresql://gateway@database/gateway",
}


def start(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> Settings:
    for name in PRODUCTION:
        monkeypatch.delenv(f"GATEWAY_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(f"GATEWAY_{name}", value)
    return get_settings.__wrapped__()


def test_production_refuses_anonymous_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(monkeypatch, {}).writes == "open"
    assert start(monkeypatch, PRODUCTION).writes == "authenticated"
    assert start(monkeypatch, {**PRODUCTION, "WRITES": "open"}).writes == "open"


def test_production_keeps_events_for_90_days(monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(monkeypatch, {}).events_kept is None
    assert start(monkeypatch, PRODUCTION).events_kept == 90
    assert start(monkeypatch, {**PRODUCTION, "EVENTS_KEPT": "7.5"}).events_kept == 7.5


def test_production_opens_its_pages_only_to_staff(monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(monkeypatch, {}).pages == "open"
    assert start(monkeypatch, PRODUCTION).pages == "staff"
    assert start(monkeypatch, {**PRODUCTION, "PAGES": "open"}).pages == "open"


def test_production_limits_the_wait_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    assert start(monkeypatch, {}).max_wait == 10_000
    assert start(monkeypatch, PRODUCTION).max_wait == 100


def test_production_names_all_missing_and_invalid_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as caught:
        start(monkeypatch, {"ENV": "production", "THREADS": "x"})
    assert [line.partition(": ")[0] for line in str(caught.value.code).splitlines()] == [
        *("GATEWAY_SECRET_KEY", "GATEWAY_ALLOWED_HOSTS", "GATEWAY_DATABASE_URL", "GATEWAY_THREADS"),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "k" * 49),
        ("ALLOWED_HOSTS", "a.example,*"),
        ("ALLOWED_HOSTS", " , "),
        ("DATABASE_URL", "sqlite:////srv/gateway.sqlite3"),
        ("DEBUG", "true"),
    ],
)
def test_production_refuses_unsafe_settings(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SystemExit, match=f"^GATEWAY_{name}: production .*$"):
        start(monkeypatch, {**PRODUCTION, name: value})
