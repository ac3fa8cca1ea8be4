"""Rule files that differ from the live one in one place."""

from pathlib import Path

from services.triage.domain.rules import RuleSet
from services.triage.rulefile import FOLDER, load_rules

LIVE = FOLDER / "workwell-matching-2024.1.yaml"

FROM_11 = (
    "{field: phq9, at_least: 10}, {field: phq9, at_most: 15}",
    "{field: phq9, at_least: 11}, {field: phq9, at_most: 15}",
)
"""The PHQ-9 counts as moderate from 11, not from 10."""
OTHER_WORDS = ("title: Talking therapies, step 2 likely", "title: Talking therapies, most likely step 2")
"""Nothing but words."""
STEP_3 = (
    "package: [{support: talking_therapies, intensity: step_2}]",
    "package: [{support: talking_therapies, intensity: step_3}]",
)
"""The same support, in a stronger form."""


def candidate(folder: Path, *changes: tuple[str, str], version: str = "2024.2") -> Path:
    """Write the live rules with changes as another version; each text must stand there."""
    text = LIVE.read_text("utf-8")
    for old, new in (('version: "2024.1"', f'version: "{version}"'), *changes):
        assert old in text, old
        text = text.replace(old, new)
    path = folder / f"workwell-matching-{version}.yaml"
    path.write_text(text, "utf-8")
    return path


def rules(path: Path = LIVE) -> RuleSet:
    return load_rules(path)
