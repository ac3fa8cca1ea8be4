"""Settings: from the environment or from files, with development keys refused elsewhere."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.kernel.settings import DEVELOPMENT_KEY, Environment, RunnerKind, Settings, load_settings

KEY = "a-key-that-is-long-enough-for-a-test-0123456789"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*Settings.model_fields, "secrets_dir"]:
        monkeypatch.delenv(f"PATHWAY_{name.upper()}", raising=False)


def test_production_and_faust_are_what_nobody_has_to_ask_for() -> None:
    settings = load_settings()
    assert (settings.environment, settings.runner) == (Environment.PRODUCTION, RunnerKind.FAUST)


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHWAY_KAFKA_BOOTSTRAP", "broker:9092")
    monkeypatch.setenv("PATHWAY_RUNNER", "aiokafka")
    monkeypatch.setenv("KAFKA_BOOTSTRAP", "elsewhere:9092")
    settings = load_settings()
    assert (settings.kafka_bootstrap, settings.runner) == ("broker:9092", RunnerKind.AIOKAFKA)


def test_a_secret_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pathway_idempotency_hmac_key").write_text(f"{KEY}\n")
    monkeypatch.setenv("PATHWAY_SECRETS_DIR", str(tmp_path))
    assert load_settings().idempotency_hmac_key.get_secret_value() == KEY


def test_a_variable_goes_before_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pathway_idempotency_hmac_key").write_text("of the file")
    monkeypatch.setenv("PATHWAY_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("PATHWAY_IDEMPOTENCY_HMAC_KEY", KEY)
    assert load_settings().idempotency_hmac_key.get_secret_value() == KEY


def test_the_service_s_name_goes_into_the_addresses() -> None:
    settings = Settings()
    assert settings.service_url("triage") == "postgresql://triage_run@127.0.0.1:5432/pathway_triage"
    assert settings.owner_url("triage").endswith("/pathway_triage")


def test_a_printed_setting_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHWAY_IDEMPOTENCY_HMAC_KEY", KEY)
    monkeypatch.setenv("PATHWAY_DATABASE_URL", f"postgresql://run:{KEY}@db/x")
    monkeypatch.setenv("PATHWAY_VAULT_URL", f"postgresql://vault_read:{KEY}@db/x")
    settings = load_settings()
    assert KEY not in repr(settings) + str(settings) + str(settings.model_dump())


def test_a_development_key_is_refused_by_name_in_production_and_not_shown() -> None:
    with pytest.raises(ValueError, match="set PATHWAY_IDEMPOTENCY_HMAC_KEY:") as refused:
        load_settings().refuse_development_keys()
    assert DEVELOPMENT_KEY not in str(refused.value)


def test_development_may_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHWAY_ENVIRONMENT", "development")
    load_settings().refuse_development_keys()


def test_made_up_places_are_refused_in_production_and_what_to_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="set PATHWAY_PLACES_DIR"):
        load_settings().refuse_synthetic_places()
    monkeypatch.setenv("PATHWAY_PLACES_DIR", "/tables")
    load_settings().refuse_synthetic_places()


def test_development_may_have_made_up_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHWAY_ENVIRONMENT", "development")
    load_settings().refuse_synthetic_places()


def test_a_key_of_one_s_own_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHWAY_IDEMPOTENCY_HMAC_KEY", KEY)
    load_settings().refuse_development_keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "70000"),
        ("SESSION_TIMEOUT_SECONDS", "0"),
        ("BATCH_SIZE", "0"),
        ("ENVIRONMENT", "nowhere"),
        ("RUNNER", "x"),
    ],
)
def test_an_impossible_value_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PATHWAY_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        load_settings()


def test_settings_do_not_change_once_read() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().http_port = 1  # type: ignore[misc]  # the fault that is meant
