"""The programme files for the independent model, and its sum for each provider."""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from tests.property.money_model import dues

FOLDER = Path(__file__).parents[2] / "services" / "programmes"


def programme_files() -> list[dict[str, Any]]:
    """Return every programme file as plain data, the one that takes effect last first."""
    found = (yaml.safe_load(path.read_text()) for path in FOLDER.glob("*/20*.yaml"))
    return sorted(found, key=lambda file: str(file["effective_from"]), reverse=True)


def owed(updates: Any, files: Any = None) -> dict[str, int]:
    """Return the pence earned by each provider."""
    sums = Counter[str]()
    for due in dues(updates, programme_files() if files is None else files):
        sums[due["provider"]] += due["pence"] if due["proven"] else 0
    return dict(sums)
