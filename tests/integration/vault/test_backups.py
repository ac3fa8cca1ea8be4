# ruff: noqa: ASYNC240  the tests look at files, and nothing else runs beside them
"""Backups of keys: whole or refused, without a plain key, short-lived; and the drill after a loss."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.contracts.person_codes import ErasureReason
from services.kernel.operations.audit import OperationRefused
from services.kernel.sealing.errors import VaultUnavailable, WrappingKeyWrong
from services.kernel.sealing.keys import ERASED, MISSING, KeyRing
from services.kernel.sealing.root_file import FileRootKey, write_key_file
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.sealing.wrapping import KeyEncryptionKeys
from services.vault import keys
from services.vault.backups import backup, check, prune, restore_keys
from tests.integration.vault.conftest import Vault
from tests.integration.vault.people import ADA, BOB, EVE

NOW = datetime(2024, 12, 2, 10, 15, tzinfo=UTC)
RESUME = "UPDATE consumer_stop SET resumed_at = now()"


async def lose(vault: Vault, *people: str) -> None:
    """Lose keys as no role of ours can: the rows go, and with them every trace."""
    await vault.admin.execute("ALTER TABLE subject_key DISABLE TRIGGER subject_key_guard")
    await vault.admin.execute("DELETE FROM subject_key WHERE subject = ANY($1::text[])", list(people))
    await vault.admin.execute("ALTER TABLE subject_key ENABLE ALWAYS TRIGGER subject_key_guard")


async def test_lost_keys_come_back_and_nothing_is_served_before_the_log_was_folded(vault: Vault) -> None:
    before = await vault.get(ADA, BOB, EVE)
    found = await backup(vault.pool, vault.folder / "b", NOW)
    assert found["keys"] == 3
    await keys.rotate(vault.pool, vault.root, actor="ann", apply=True)
    await lose(vault, ADA, BOB)
    file = Path(found["file"])
    dry = await restore_keys(vault.pool, vault.root, file, actor="ann", apply=False)
    assert (dry["put_back"], await vault.get(ADA)) == (2, {ADA: MISSING})
    assert (await restore_keys(vault.pool, vault.root, file, actor="ann", apply=True))["put_back"] == 2
    assert (await restore_keys(vault.pool, vault.root, file, actor="ann", apply=True))["put_back"] == 0
    with pytest.raises(VaultUnavailable):
        await vault.get(ADA)
    await vault.admin.execute(RESUME)
    assert await vault.get(ADA, BOB, EVE) == before


async def test_an_erased_key_does_not_come_back_from_a_backup(vault: Vault) -> None:
    found = await backup(vault.pool, vault.folder, NOW)
    await vault.people.erase(ADA, ErasureReason.PERSON_ASKED, note="", apply=True)
    await lose(vault, BOB)
    assert (await restore_keys(vault.pool, vault.root, Path(found["file"]), actor="ann", apply=True))["put_back"] == 1
    await lose(vault, ADA)
    assert (await restore_keys(vault.pool, vault.root, Path(found["file"]), actor="ann", apply=True))["put_back"] == 0
    await vault.admin.execute(RESUME)
    got = await vault.get(ADA, BOB)
    assert got[ADA] is ERASED
    assert isinstance(got[BOB], SubjectKey)


async def test_a_backup_holds_no_plain_key_and_is_only_ours(vault: Vault) -> None:
    found = Path((await backup(vault.pool, vault.folder, NOW))["file"])
    text = found.read_bytes()
    key = (await vault.get(ADA))[ADA]
    assert isinstance(key, SubjectKey)
    assert key.secret not in text
    assert key.secret.hex().encode() not in text
    assert found.stat().st_mode & 0o777 == 0o600
    assert list(vault.folder.glob("*.part")) == []
    assert found.name == "keys-20241202T101500000000Z.jsonl"


async def test_the_wrong_root_key_puts_nothing_back(vault: Vault) -> None:
    found = Path((await backup(vault.pool, vault.folder, NOW))["file"])
    write_key_file(vault.folder / "other.key")
    await lose(vault, ADA)
    with pytest.raises(WrappingKeyWrong):
        await restore_keys(vault.pool, FileRootKey(vault.folder / "other.key"), found, actor="ann", apply=True)
    await vault.admin.execute(RESUME)
    assert await vault.get(ADA) == {ADA: MISSING}


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "other", "added"])
async def test_a_damaged_backup_is_refused(vault: Vault, damage: str) -> None:
    found = Path((await backup(vault.pool, vault.folder, NOW))["file"])
    lines = found.read_text().splitlines(keepends=True)
    match damage:
        case "cut":
            found.write_text("".join(lines[:-2]))
        case "changed":
            found.write_text("".join(lines).replace(ADA, BOB))
        case "empty":
            found.write_text("")
        case "other":
            found.write_text("not json\n")
        case "added":
            found.write_text("".join([lines[0], lines[1], *lines[1:]]))
    with pytest.raises(OperationRefused) as refused:
        await restore_keys(vault.pool, vault.root, found, actor="ann", apply=True)
    assert refused.value.code == "backup_damaged"
    assert await vault.ask("SELECT count(*) FROM consumer_stop") == [(0,)]


async def test_old_backups_go(vault: Vault) -> None:
    for days in (0, 29, 31, 60):
        await backup(vault.pool, vault.folder, NOW - timedelta(days=days))
    assert len(prune(vault.folder, 30, NOW, apply=False)) == 2
    assert len(list(vault.folder.glob("keys-*"))) == 4
    assert len(prune(vault.folder, 30, NOW, apply=True)) == 2
    assert prune(vault.folder, 30, NOW, apply=True) == []
    assert [check(file)[1] for file in sorted(vault.folder.glob("keys-*"))] == [3, 3]


@pytest.mark.parametrize("text", ["", "not json", "[]", "{}", '{"made_at": 7}', '{"made_at": "2024-11-01"}', None])
def test_a_file_that_is_no_backup_keeps_no_other_from_going(tmp_path: Path, text: str | None) -> None:
    old, bad = tmp_path / "keys-2.jsonl", tmp_path / "keys-1.jsonl"
    old.write_text('{"made_at": "2024-10-01T00:00:00Z"}\n')
    if text is None:
        bad.mkdir()
    else:
        bad.write_text(text)
    found = prune(tmp_path, 30, NOW, apply=True)
    assert [(one["file"], str(one["stays"]).split(":")[0]) for one in found] == [
        (str(bad), "file_refused" if text is None else "backup_damaged"),
        (str(old), "None"),
    ]
    assert list(tmp_path.iterdir()) == [bad]


def test_a_file_that_cannot_be_deleted_is_told_and_the_others_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("keys-1.jsonl", "keys-2.jsonl"):
        (tmp_path / name).write_text('{"made_at": "2024-10-01T00:00:00Z"}\n')
    unlink = Path.unlink

    def refusing(file: Path) -> None:
        if file.name == "keys-1.jsonl":
            raise PermissionError(1, "Operation not permitted")
        unlink(file)

    monkeypatch.setattr(Path, "unlink", refusing)
    found = prune(tmp_path, 30, NOW, apply=True)
    assert [one["stays"] for one in found] == [
        f"file_refused: {tmp_path / 'keys-1.jsonl'}: Operation not permitted",
        None,
    ]
    assert not (tmp_path / "keys-2.jsonl").exists()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    (found,) = prune(tmp_path / "none", 30, NOW, apply=True)
    assert found["stays"].startswith("file_refused")


async def test_a_backup_of_many_keys_is_restored_in_batches(vault: Vault) -> None:
    people = [f"p{n:04}" for n in range(1203)]
    await vault.create(*people)
    seen: list[tuple[int, int]] = []
    found = await backup(vault.pool, vault.folder, NOW, progress=lambda done, total: seen.append((done, total)))
    assert found["keys"] == 1206
    assert seen == [(500, 1206), (1000, 1206)]
    before = await vault.get(*people)
    await lose(vault, *people)
    done = await restore_keys(vault.pool, vault.root, Path(found["file"]), actor="ann", apply=True)
    assert done["put_back"] == 1203
    await vault.admin.execute(RESUME)
    ring = KeyRing(await vault.source("vault_read"), KeyEncryptionKeys(vault.root))
    assert await ring.get(people) == before
    json.dumps(done)


async def test_a_file_that_cannot_be_read_or_written_is_said_to_be_a_file(vault: Vault) -> None:
    (vault.folder / "taken").write_text("")
    for doing in (
        backup(vault.pool, vault.folder / "taken", NOW),
        restore_keys(vault.pool, vault.root, vault.folder / "none.jsonl", actor="ann", apply=True),
    ):
        with pytest.raises(OperationRefused) as refused:
            await doing
        assert refused.value.code == "file_refused"
