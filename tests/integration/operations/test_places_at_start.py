"""Intake tells areas from a deployer's own tables: outside development it does not start on made-up ones."""

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from services.cli import app
from services.intake.api import create_app
from services.kernel.settings import Environment, Settings

KEY = "a-key-of-ones-own-a-key-of-ones-own-a-key"


@pytest.mark.parametrize("role", ["api", "worker"])
def test_intake_does_not_start_on_synthetic_places(monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    for name in ("PATHWAY_ENVIRONMENT", "PATHWAY_PLACES_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATHWAY_IDEMPOTENCY_HMAC_KEY", KEY)
    result = CliRunner().invoke(app, [role, "intake"])
    assert result.exit_code == 2
    assert "set PATHWAY_PLACES_DIR" in result.stderr


def test_nor_is_its_api_put_together_in_another_way() -> None:
    with pytest.raises(ValueError, match="PATHWAY_PLACES_DIR"):
        create_app(Settings(environment=Environment.PRODUCTION, idempotency_hmac_key=SecretStr(KEY)))
