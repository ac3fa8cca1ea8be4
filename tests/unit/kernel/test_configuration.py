"""Outside development a start is refused for all that is missing at once; shown settings hold no secret."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services.kernel.configuration import ConfigurationRefused, Role, missing, refuse_open
from services.kernel.operations.configuration_commands import shown, without_password
from services.kernel.settings import Environment, SecurityProtocol, Settings

KEY = SecretStr("a-key-that-is-long-enough-for-a-test-0123456789")


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, Any]:
    """Settings of a production in which nothing is missing."""
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    tail = f"?sslmode=verify-full&sslrootcert={authority}"
    return {
        "environment": Environment.PRODUCTION,
        "kafka_security_protocol": SecurityProtocol.SASL_SSL,
        "kafka_ca_file": authority,
        "kafka_username": "pathway-intake",
        "kafka_password": SecretStr("x"),
        "database_url": SecretStr(f"postgresql://{{service}}_run:x@db/pathway_{{service}}{tail}"),
        "read_url": SecretStr(f"postgresql://{{service}}_read:x@db/pathway_{{service}}{tail}"),
        "migrate_url": SecretStr(f"postgresql://{{service}}_owner:x@db/pathway_{{service}}{tail}"),
        "vault_url": SecretStr(f"postgresql://vault_mint:x@db/pathway_vault{tail}"),
        "issuer_url": "https://issuer.example",
        "jwks_url": "https://issuer.example/jwks",
        "idempotency_hmac_key": KEY,
        "places_dir": tmp_path,
    }


def codes(values: dict[str, Any], role: Role = Role.API) -> set[str]:
    return {fault.code for fault in missing(Settings(**values), role, ["intake"], "intake")}


@pytest.mark.parametrize("role", list(Role))
def test_nothing_is_missing_of_a_whole_configuration(whole: dict[str, Any], role: Role) -> None:
    assert codes(whole, role) == set()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kafka_security_protocol": SecurityProtocol.PLAINTEXT}, "kafka_not_encrypted"),
        ({"kafka_security_protocol": SecurityProtocol.SASL_PLAINTEXT}, "kafka_not_encrypted"),
        ({"kafka_security_protocol": SecurityProtocol.SSL}, "kafka_not_authenticated"),
        ({"kafka_username": ""}, "kafka_user_missing"),
        ({"kafka_password": SecretStr("")}, "kafka_user_missing"),
        ({"kafka_ca_file": Path("/nowhere/ca.pem")}, "file_missing"),
        ({"database_url": SecretStr("postgresql://intake_run@db/x")}, "database_not_verified"),
        ({"database_url": SecretStr("postgresql://intake_run@db/x?sslmode=require")}, "database_not_verified"),
        ({"vault_url": SecretStr("postgresql://vault_mint@db/x")}, "database_not_verified"),
        ({"read_url": SecretStr("")}, "read_role_missing"),
        ({"issuer_url": "http://issuer:8099"}, "issuer_not_real"),
        ({"jwks_url": "https://127.0.0.1/jwks"}, "issuer_not_real"),
        ({"places_dir": None}, "places_missing"),
        ({"places_dir": Path("/nowhere")}, "places_missing"),
        ({"programmes_dir": Path("/nowhere")}, "programmes_missing"),
    ],
)
def test_each_thing_that_is_missing_has_its_code(whole: dict[str, Any], change: dict[str, Any], code: str) -> None:
    assert code in codes(whole | change)


def test_one_role_for_two_purposes_is_refused(whole: dict[str, Any]) -> None:
    same = whole | {"read_url": whole["database_url"]}
    assert codes(same) == {"database_roles_shared"}
    assert codes(whole | {"migrate_url": whole["database_url"]}, Role.MIGRATE) == {"database_roles_shared"}


def test_a_client_certificate_stands_for_a_password(whole: dict[str, Any]) -> None:
    file = whole["kafka_ca_file"]
    mutual = {"kafka_security_protocol": SecurityProtocol.SSL, "kafka_username": ""}
    assert codes(whole | mutual | {"kafka_cert_file": file, "kafka_key_file": file}) == set()


def test_staging_is_held_to_the_same_and_development_to_nothing() -> None:
    said = {environment: codes({"environment": environment}) for environment in Environment}
    assert said[Environment.DEVELOPMENT] == set()
    assert said[Environment.STAGING] == said[Environment.PRODUCTION]
    assert len(said[Environment.PRODUCTION]) > 5


def test_all_is_said_at_once_with_what_to_do_and_no_secret() -> None:
    settings = Settings(environment=Environment.PRODUCTION, database_url=SecretStr("postgresql://a:hunter2@db/x"))
    with pytest.raises(ConfigurationRefused) as refused:
        refuse_open(settings, Role.API, ["intake"], "intake")
    text = str(refused.value)
    assert all(f"{fault.code}: {fault.setting}" in text for fault in refused.value.faults)
    assert all(fault.remedy for fault in refused.value.faults)
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://a:secret@db/x?sslmode=verify-full", "postgresql://a:***@db/x?sslmode=verify-full"),
        ("postgresql://a@db/x?password=secret&sslmode=x", "postgresql://a@db/x?password=***&sslmode=x"),
        ("postgresql://a@/x?host=/tmp/s", "postgresql://a@/x?host=/tmp/s"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, said: str) -> None:
    assert without_password(url) == said


def test_no_secret_is_shown() -> None:
    settings = Settings(
        idempotency_hmac_key=SecretStr("hunter2"),
        kafka_password=SecretStr("hunter2"),
        migrate_url=SecretStr("postgresql://a:hunter2@db/x"),
    )
    assert "hunter2" not in str(shown(settings))
    assert {row["setting"] for row in shown(settings)} == {f"PATHWAY_{name.upper()}" for name in Settings.model_fields}
