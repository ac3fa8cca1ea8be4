"""Backups of keys: a file of wrapped rows, never a plain key, kept for days while other backups are kept for years.

Whoever has a backup and the root key can read those who were erased after it was made; so backups are few, short-lived,
and without the root key worthless. A restored key is wrapped anew; an erased subject's never comes back.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from services.kernel.clock import parse_rfc3339, rfc3339
from services.kernel.operations.audit import OperationRefused, Pool, record_action, transaction
from services.kernel.sealing.wrapping import KeyEncryptionKeys, RootKey
from services.vault.keys import LIVE, ONE_AT_A_TIME, Progress, no_progress

FORMAT = "pathway-key-backup-1"
BATCH = 500
KEYS = """
SELECT subject, kid, wrapped, kek_id FROM subject_key WHERE wrapped IS NOT NULL ORDER BY subject
"""
TOTAL = "SELECT count(*) FROM subject_key WHERE wrapped IS NOT NULL"
LATCH = """
INSERT INTO consumer_stop (reason, detail)
VALUES ('restoring', 'keys came from a backup; run: pathway restore vault --apply') ON CONFLICT DO NOTHING
"""
PUT_BACK = """
INSERT INTO subject_key (subject, kid, wrapped, kek_id)
SELECT n.subject, n.kid, n.wrapped, $4 FROM unnest($1::text[], $2::text[], $3::bytea[]) AS n(subject, kid, wrapped)
WHERE NOT EXISTS (SELECT FROM erasure e WHERE e.subject = n.subject)
ON CONFLICT DO NOTHING RETURNING subject
"""


async def backup(pool: Pool, folder: Path, now: datetime, *, progress: Progress = no_progress) -> dict[str, Any]:
    """Write all wrapped keys, as they are at one moment, into a new file of ``folder``.

    The file appears whole or not at all, readable by its owner only. Raises OperationRefused when it cannot be written.
    """
    file = folder / f"keys-{now:%Y%m%dT%H%M%S%f}Z.jsonl"
    part = file.with_suffix(".part")
    digest = hashlib.sha256()
    count = 0
    with _file(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # noqa: ASYNC240  nothing else runs in this process
        opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(opened, "wb") as out:

            def write(line: dict[str, Any]) -> None:
                text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
                digest.update(text)
                with _file(part):
                    out.write(text)

            async with (
                pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                keks = [{"id": r["id"], "wrapped": r["wrapped"].hex()} for r in await connection.fetch(LIVE)]
                total: int = await connection.fetchval(TOTAL)
                write({"format": FORMAT, "made_at": rfc3339(now), "key_encryption_keys": keks})
                async for row in connection.cursor(KEYS, prefetch=BATCH):
                    write({**dict(row), "wrapped": row["wrapped"].hex()})
                    count += 1
                    if count % BATCH == 0:
                        progress(count, total)
            with _file(part):
                out.write(json.dumps({"keys": count, "sha256": digest.hexdigest()}).encode() + b"\n")
                out.flush()
                os.fsync(out.fileno())
        with _file(file):
            part.rename(file)
            _sync(folder)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return {"file": str(file), "keys": count, "key_encryption_keys": len(keks)}


async def restore_keys(
    pool: Pool, root: RootKey, file: Path, *, actor: str, apply: bool, progress: Progress = no_progress
) -> dict[str, Any]:
    """Put back the keys that the vault lacks. Afterwards nothing is served until the vault's log was folded.

    Can be broken off and run again. Raises OperationRefused for a file that is not whole, WrappingKeyWrong when the
    root key does not open it.
    """
    header, total = check(file)
    keks = KeyEncryptionKeys(root)
    wrapped = {kek["id"]: bytes.fromhex(kek["wrapped"]) for kek in header["key_encryption_keys"]}
    async with transaction(pool, apply=apply) as connection:
        await connection.execute(ONE_AT_A_TIME)
        live = await connection.fetch(LIVE)
        if not live:
            raise OperationRefused("vault_empty", "make a key-encryption key first: pathway vault init --apply")
        await connection.execute(LATCH)
        await record_action(connection, actor, "vault.restore", file.name, "", {"keys": total})
    under = await keks.open(live[0]["id"], live[0]["wrapped"])
    read = back = 0
    for rows in _batches(file):
        plain = [(row, await keks.open(row["kek_id"], wrapped[row["kek_id"]])) for row in rows]
        ready = [
            (r["subject"], r["kid"], under.wrap(r["subject"], r["kid"], k.unwrap(r["subject"], r["kid"], _raw(r))))
            for r, k in plain
        ]
        async with transaction(pool, apply=apply) as connection:
            given = [list(column) for column in zip(*ready, strict=True)]
            back += len(await connection.fetch(PUT_BACK, *given, live[0]["id"]))
        read += len(rows)
        progress(read, total)
    return {"file": str(file), "made_at": header["made_at"], "keys": total, "put_back": back}


def check(file: Path) -> tuple[dict[str, Any], int]:
    """Return a backup's header and the number of its keys. Raises OperationRefused when it is not whole."""
    digest = hashlib.sha256()
    header: dict[str, Any] = {}
    last = b""
    lines = 0
    with _file(file), file.open("rb") as text:
        for line in text:
            if lines:
                digest.update(last)
            if lines == 1:
                header = _object(file, last)
            last = line
            lines += 1
    end = _object(file, last)
    if header.get("format") != FORMAT or end.get("sha256") != digest.hexdigest() or end.get("keys") != lines - 2:
        raise OperationRefused("backup_damaged", f"{file} is no whole backup of keys")
    return header, lines - 2


def prune(folder: Path, days: int, now: datetime, *, apply: bool) -> list[dict[str, Any]]:
    """Delete backups that are older than ``days``, by the time at which they say they were made.

    What cannot be read, or not be deleted, stays and keeps no other from going: its ``stays`` says why.
    """
    found: list[dict[str, Any]] = []
    for file in _files(folder, found):
        made = None
        try:
            made = _made_at(file)
            if made >= now - timedelta(days=days):
                continue
            if apply:
                with _file(file):
                    file.unlink()
            found.append({"file": str(file), "made_at": made, "stays": None})
        except OperationRefused as refused:
            found.append({"file": str(file), "made_at": made, "stays": f"{refused.code}: {refused}"})
    if apply and any(one["stays"] is None for one in found):
        with _file(folder):
            _sync(folder)
    return found


def _files(folder: Path, found: list[dict[str, Any]]) -> list[Path]:
    try:
        with _file(folder):
            return sorted(file for file in folder.iterdir() if file.match("keys-*.jsonl"))
    except OperationRefused as refused:
        found.append({"file": str(folder), "made_at": None, "stays": f"{refused.code}: {refused}"})
        return []


def _made_at(file: Path) -> datetime:
    with _file(file), file.open("rb") as text:
        made = _object(file, text.readline()).get("made_at")
    try:
        return parse_rfc3339(str(made))
    except ValueError:
        raise OperationRefused("backup_damaged", f"{file} does not say when it was made") from None


@contextmanager
def _file(path: Path) -> Iterator[None]:
    """Say that a file, and not the database, is in the way."""
    try:
        yield
    except OSError as error:
        raise OperationRefused("file_refused", f"{path}: {error.strerror}") from error


def _object(file: Path, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise OperationRefused("backup_damaged", f"{file} is no whole backup of keys")
    return found


def _batches(file: Path) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    with file.open("rb") as text:
        for line in text:
            row = json.loads(line)
            if "subject" in row:
                batch.append(row)
            if len(batch) == BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _raw(row: dict[str, Any]) -> bytes:
    return bytes.fromhex(row["wrapped"])


def _sync(folder: Path) -> None:
    """Make a rename or a deletion survive a crash of the machine."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
