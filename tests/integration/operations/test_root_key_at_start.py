"""A process that would need keys and has no root key to open them with says so in a line, and does not start."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services import cli
from services.kernel.sealing.root_file import write_key_file

ROLES = [["worker", "triage"], ["api", "coaching"], ["worker", "intake"], ["replay", "--from-kafka"]]


@pytest.fixture(autouse=True)
def _development(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHWAY_ENVIRONMENT", "development")
    monkeypatch.delenv("PATHWAY_ROOT_KEY", raising=False)
    # loggers would keep this test's stderr for every later one
    monkeypatch.setattr("services.cli.configure_logs", lambda *_, **__: None)


def refused(arguments: list[str]) -> str:
    result = CliRunner().invoke(cli.app, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.parametrize("arguments", ROLES)
def test_no_root_key_is_said_by_name(arguments: list[str]) -> None:
    assert refused(arguments) == "set PATHWAY_ROOT_KEY to file:<path> or aws-kms:<key id>"


@pytest.mark.parametrize("arguments", ROLES)
def test_a_file_that_is_not_there_is_named(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATHWAY_ROOT_KEY", f"file:{tmp_path}/none")
    assert str(tmp_path / "none") in refused(arguments)


def test_a_file_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    write_key_file(path)
    monkeypatch.setenv("PATHWAY_ROOT_KEY", f"file:{path}")
    path.chmod(0o644)
    assert refused(["worker", "triage"]) == f"{path} may be read by others: chmod 600 {path}"
    path.chmod(0o600)
    path.write_text("nonsense")
    assert "32 bytes" in refused(["worker", "triage"])


def test_of_several_each_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_key_file(tmp_path / "new.key")
    monkeypatch.setenv("PATHWAY_ROOT_KEY", f"file:{tmp_path}/new.key file:{tmp_path}/old.key")
    assert "old.key" in refused(["api", "triage"])


def test_a_name_of_no_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHWAY_ROOT_KEY", "vault:abc")
    assert "no kind of root key" in refused(["api", "intake"])


@pytest.mark.parametrize(("role", "names"), [("relay", ["triage"]), ("migrate", ["all"]), ("worker", ["outcomes"])])
def test_who_opens_nothing_needs_none(role: str, names: list[str]) -> None:
    services, _ = cli._start(role, names)
    assert services
