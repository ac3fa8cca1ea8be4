"""A place in memory for data that need not outlive the machine: a file system there costs neither disk nor waiting."""

import os
import shutil
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")  # noqa: S108  what is made in it is for its owner alone
FREE_BYTES: Final = 4 << 30
"""What must be free: data and logs of several servers side by side. The 64 MB of a container are not enough."""


def in_memory(place: Path = MEMORY, free_bytes: int = FREE_BYTES) -> Path | None:
    """Return a folder in memory in which temporary ones may be made, or None where there is not room for them."""
    if not place.is_mount() or not os.access(place, os.W_OK | os.X_OK):
        return None
    return place if shutil.disk_usage(place).free >= free_bytes else None
