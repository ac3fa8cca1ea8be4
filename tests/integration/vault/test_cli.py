"""``pathway vault`` and ``pathway person`` as typed: JSON, exit codes, dry runs."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from services.cli import app
from services.kernel.sealing.root_file import FileRootKey
from services.kernel.sealing.serving import note_checked
from services.kernel.sealing.source import VaultSource
from services.kernel.sealing.wrapping import KeyEncryptionKeys
from tests.integration.vault.people import ADA, BOB, NOBODY
from tests.parts.databases import Databases

Pathway = Callable[..., Result]


@pytest.fixture
def pathway(database: Databases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pathway:
    """``pathway("vault", "init")`` on a vault of this test's own, checked, with a root key in ``root.key``."""
    monkeypatch.setattr(database, "open_vault", lambda: None)  # these tests set the vault up themselves
    for name, value in database.environment("vault", "intake", "triage", "outcomes").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATHWAY_ENVIRONMENT", "development")
    monkeypatch.setenv("PATHWAY_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("PATHWAY_ROOT_KEY", f"file:{tmp_path / 'root.key'}")
    # loggers would keep the command's own stderr, which is closed when it ends, for every later test
    for module in ("services.cli", "services.cli_groups"):
        monkeypatch.setattr(f"{module}.configure_logs", lambda *_, **__: None)
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture
def ready(pathway: Pathway, database: Databases, tmp_path: Path) -> Pathway:
    """With keys of two people."""
    assert pathway("vault", "new-root-key", str(tmp_path / "root.key")).exit_code == 0
    assert pathway("vault", "init", "--apply").exit_code == 0
    made = database("vault")

    async def prepare() -> None:
        connection = await asyncpg.connect(made.admin_dsn)
        await note_checked(connection)
        await connection.close()
        source = await VaultSource.open(made.postgres.dsn(made.name, "vault_mint"))
        await source.create_keys(KeyEncryptionKeys(FileRootKey(tmp_path / "root.key")), [ADA, BOB])
        source.close()

    asyncio.run(prepare())
    return pathway


def said(result: Result) -> dict[str, object]:
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_a_vault_is_set_up_and_says_how_it_stands(ready: Pathway) -> None:
    assert said(ready("vault", "init", "--apply", "--json"))["made"] is False
    status = said(ready("vault", "status", "--json"))
    assert (status["keys"], status["erased"], status["served"]) == (2, 0, True)
    assert "Key-encryption keys" in ready("vault", "status").stdout


def test_without_a_root_key_it_says_what_to_do(pathway: Pathway) -> None:
    result = pathway("vault", "init", "--apply")
    assert result.exit_code == 1
    assert "new-root-key" in result.stderr


def test_a_vault_that_was_not_checked_says_so(pathway: Pathway, tmp_path: Path) -> None:
    assert pathway("vault", "status", "--json").exit_code == 1
    refused = pathway("person", "erase", ADA, "--why", "person_asked")
    assert refused.exit_code == 1
    assert "vault_unchecked" in refused.stderr


def test_erasing_is_dry_at_first(ready: Pathway) -> None:
    dry = ready("person", "erase", ADA, "--why", "person_asked")
    assert "Dry run" in dry.stdout
    assert json.loads(ready("person", "list-erasures", "--json").stdout) == []
    done = said(ready("person", "erase", ADA, "--why", "person_asked", "--apply", "--json"))
    assert (done["changed"], done["applied"], done["people"]) == (True, True, [ADA])
    assert said(ready("person", "erase", ADA, "--why", "person_asked", "--apply", "--json"))["changed"] is False
    rows = json.loads(ready("person", "list-erasures", "--since", "2024-01-01", "--json").stdout)
    assert [row["person_id"] for row in rows] == [ADA]
    assert json.loads(ready("person", "list-erasures", "--since", "2999-01-01", "--json").stdout) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("erase", NOBODY, "--why", "person_asked"), "unknown_person"),
        (("merge", ADA, NOBODY), "unknown_person"),
        (("restrict", NOBODY, "--why", "objection_pending"), "unknown_person"),
    ],
)
def test_what_is_refused_says_its_code_and_exits_with_1(ready: Pathway, words: tuple[str, ...], code: str) -> None:
    result = ready("person", *words, "--apply")
    assert (result.exit_code, code in result.stderr) == (1, True)


def test_a_reason_that_is_none_exits_with_2(ready: Pathway) -> None:
    assert ready("person", "erase", ADA, "--why", "because").exit_code == 2


def test_people_are_merged_restricted_and_unrestricted(ready: Pathway) -> None:
    assert said(ready("person", "restrict", BOB, "--why", "objection_pending", "--apply", "--json"))["changed"] is True
    assert said(ready("person", "merge", ADA, BOB, "--apply", "--json"))["people"] == [ADA, BOB]
    assert said(ready("person", "unrestrict", BOB, "--apply", "--json"))["people"] == [ADA, BOB]


def test_keys_are_rotated_backed_up_restored_and_pruned(ready: Pathway, tmp_path: Path) -> None:
    assert said(ready("vault", "rotate", "--apply", "--json"))["keys"] == 2
    folder = tmp_path / "backups"
    made = said(ready("vault", "backup", str(folder), "--json"))
    assert made["keys"] == 2
    assert said(ready("vault", "restore", str(made["file"]), "--json"))["put_back"] == 0
    assert json.loads(ready("vault", "prune", str(folder), "--apply", "--json").stdout) == []
    new = tmp_path / "new.key"
    assert ready("vault", "new-root-key", str(new)).exit_code == 0
    assert said(ready("vault", "rewrap", f"file:{new}", "--apply", "--json"))["root"] == f"file:{new}"
    refused = ready("vault", "rotate", "--apply")
    assert (refused.exit_code, "wrapping_key_wrong" in refused.stderr) == (1, True)


def test_a_root_key_is_never_overwritten(ready: Pathway, tmp_path: Path) -> None:
    before = (tmp_path / "root.key").read_bytes()
    assert ready("vault", "new-root-key", str(tmp_path / "root.key")).exit_code == 1
    assert (tmp_path / "root.key").read_bytes() == before


@pytest.mark.parametrize("words", [("worker", "vault"), ("api", "vault")])
def test_the_vault_has_no_such_role(pathway: Pathway, words: tuple[str, ...]) -> None:
    result = pathway(*words)
    assert (result.exit_code, "pathway vault" in result.stderr) == (2, True)
