"""The files of the repository, as the rules look at them."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "services"
KERNEL = SERVICES / "kernel"

_GENERATED = {".venv", "__pycache__", ".git", "build"}


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is in git, or would be after ``git add``; in an unpacked archive every file there is."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode == 0:
        names = [ROOT / name for name in found.stdout.split("\0") if name]
    else:
        names = [path for path in ROOT.rglob("*") if not _GENERATED & set(path.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in names if path.is_file()))


def named(path: Path) -> str:
    """A file's name as a person would write it."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


def sources(folder: Path) -> list[Path]:
    """The Python modules under ``folder``."""
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
