"""Data that need not last lie in memory where there is room, and nowhere else."""

from pathlib import Path

import pytest

from services.embedded.memory import MEMORY, in_memory


def test_a_folder_on_a_disk_is_no_memory(tmp_path: Path) -> None:
    assert in_memory(tmp_path, 0) is None
    assert in_memory(tmp_path / "missing", 0) is None


@pytest.mark.skipif(not MEMORY.is_mount(), reason="no file system in memory here")
def test_it_is_used_where_enough_is_free() -> None:
    assert in_memory(MEMORY, 0) == MEMORY
    assert in_memory(MEMORY, 1 << 60) is None
