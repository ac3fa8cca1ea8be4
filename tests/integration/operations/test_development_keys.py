"""What an operator has decided again is published: never under development keys."""

import pytest
from typer.testing import CliRunner

from services.cli import app


def test_a_redrive_refuses_development_keys_outside_development(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PATHWAY_ENVIRONMENT", raising=False)
    monkeypatch.delenv("PATHWAY_IDEMPOTENCY_HMAC_KEY", raising=False)
    result = CliRunner().invoke(app, ["dlq", "redrive", "triage", "1", "--apply"])
    assert result.exit_code == 1
    assert "PATHWAY_IDEMPOTENCY_HMAC_KEY" in result.stderr
