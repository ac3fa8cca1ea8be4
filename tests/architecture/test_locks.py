"""The lock files: exact versions, hashes, the two pins that the runtime's overrides rest on."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.architecture.files import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
SUPPLY = "supply.lock"
"""Of tools that look at a lock and run nothing of ours."""
PINS = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^ ;\\]+)")


def entries(text: str) -> Iterator[str]:
    """Each requirement with its hashes, joined to one line; comments left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    yield from "\n".join(lines).replace("\\\n", " ").splitlines()


def faults(text: str, pins: Mapping[str, str] = PINS) -> list[str]:
    """What is wrong with a lock file."""
    found, pinned = [], {}
    for entry in entries(text):
        match = _REQUIREMENT.match(entry)
        if match is None:
            found.append(f"not an exact version: {entry[:60]}")
            continue
        pinned[match["name"]] = match["version"]
        if "--hash=sha256:" not in entry:
            found.append(f"{match['name']} has no hash")
    found += [
        f"{name} is {pinned.get(name)}, not {wanted}" for name, wanted in pins.items() if pinned.get(name) != wanted
    ]
    return found


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_pins_everything_with_hashes(path: Path) -> None:
    assert faults(path.read_text(), {} if path.name == SUPPLY else PINS) == []


def test_there_is_a_lock_for_run_time_one_with_a_key_service_and_one_for_development() -> None:
    assert [path.name for path in LOCKS] == ["dev.lock", "kms.lock", "run.lock", SUPPLY]


def test_development_runs_what_production_runs() -> None:
    def versions(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / name).read_text()
        return {m["name"]: m["version"] for entry in entries(text) if (m := _REQUIREMENT.match(entry))}

    for narrow, wide in (("run.lock", "kms.lock"), ("kms.lock", "dev.lock")):
        found = versions(wide)
        assert {name: found.get(name) for name in versions(narrow)} == versions(narrow)


GOOD = "faust-streaming==0.15.3 \\\n    --hash=sha256:aa\naiokafka==0.14.0 \\\n    --hash=sha256:bb\n"


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("0.15.3", "0.15.4"),
        GOOD.replace("aiokafka==0.14.0", "aiokafka>=0.14.0"),
        GOOD.replace(" \\\n    --hash=sha256:bb", ""),
        "aiokafka==0.14.0 --hash=sha256:bb\n",
    ],
)
def test_a_loose_lock_is_found(text: str) -> None:
    assert faults(GOOD) == []
    assert faults(text) != []
