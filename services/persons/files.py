"""An export as files: for its owner only, whole or not at all, with an audit row before anybody can read them."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.kernel.operations.audit import OperationRefused, Pool, record_action, transaction
from services.persons.dossier import Dossier
from services.persons.page import page


async def write(
    pool: Pool, dossier: Dossier, folder: Path, described: Mapping[tuple[str, str], str], *, actor: str, note: str
) -> dict[str, Any]:
    """Write ``person-<pseudonym>-<time>.json`` and ``.html`` with mode 0600; ``pool`` is the vault's.

    Raises OperationRefused (``file_refused``); then neither file is there.
    """
    stem = f"person-{dossier.person_ids[0]}-{dossier.made_at:%Y%m%dT%H%M%SZ}"
    contents = {
        folder / f"{stem}.json": json.dumps(dossier.as_json(), ensure_ascii=False, indent=2).encode() + b"\n",
        folder / f"{stem}.html": page(dossier, described).encode(),
    }
    digests = {file.suffix[1:]: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # noqa: ASYNC240  nothing else runs in this process
        for file, content in contents.items():
            written.append(_write(file, content))
        async with transaction(pool, apply=True) as connection:
            detail = {"people": list(dossier.person_ids), "rows": dossier.rows, "sha256": digests}
            await record_action(connection, actor, "person.export", dossier.person_ids[0], note, detail)
        for number, file in enumerate(contents):
            written[number] = written[number].rename(file)
    except BaseException as error:
        for file in written:
            file.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is not None:
            raise OperationRefused("file_refused", f"{error.filename}: {error.strerror}") from error
        raise
    return {"json": str(folder / f"{stem}.json"), "html": str(folder / f"{stem}.html"), "sha256": digests}


def _write(file: Path, content: bytes) -> Path:
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    opened = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    return part
