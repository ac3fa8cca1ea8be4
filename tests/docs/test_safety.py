"""The hazard log has its form: each hazard all its rows, each control its code and a test, no residual risk of ours."""

import re
from collections.abc import Iterator

import pytest

from tests.docs.markdown import ROOT, inline_code
from tests.docs.test_references import missing_file

LOG = ROOT / "docs" / "safety" / "hazard-log.md"
RECORD = ROOT / "docs" / "safety" / "transparency-record.md"
ROWS = ("Cause", "Effect", "Initial risk", "Control", "Shown by", "Residual risk")
SEVERITIES = ("minor", "significant", "considerable", "major", "catastrophic")
LIKELIHOODS = ("very low", "low", "medium", "high", "very high")
INITIAL = re.compile(rf"({'|'.join(SEVERITIES)}), ({'|'.join(LIKELIHOODS)}): ([1-5])")
OURS = "**[deployer]**"
TIERS = ("Tier 1: overview", *(f"Tier 2.{number}: " for number in range(1, 6)))


def hazards(text: str) -> dict[str, dict[str, str]]:
    """Each hazard's rows by its heading."""
    parts = re.split(r"^## (H\d\d .+)$", text, flags=re.MULTILINE)
    return {
        title: dict(re.findall(r"^\| ([A-Z][a-z ]+) \| (.+) \|$", body, flags=re.MULTILINE))
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def faults(text: str) -> Iterator[str]:
    """What is wrong with a hazard log."""
    found = hazards(text)
    numbers = [title[:3] for title in found]
    if numbers != [f"H{number:02}" for number in range(1, len(numbers) + 1)]:
        yield f"not numbered from H01: {numbers}"
    for title, rows in found.items():
        yield from (f"{title[:3]} has no {row}" for row in ROWS if not rows.get(row, "").strip())
        if not INITIAL.fullmatch(rows.get("Initial risk", "")):
            yield f"{title[:3]}: the initial risk is severity, likelihood: 1 to 5"
        if not rows.get("Residual risk", "").startswith(OURS):
            yield f"{title[:3]}: the residual risk is the deployer's"
        for row, folder, what in (("Control", "services/", "code"), ("Shown by", "tests/", "test")):
            named = [code for _, code in inline_code(rows.get(row, "")) if code.startswith(folder)]
            if not named:
                yield f"{title[:3]} {row} names no {what}"
            yield from (f"{title[:3]}: {why}" for code in named if (why := missing_file(code)))


def test_every_hazard_is_whole_and_every_control_has_its_code_and_its_test() -> None:
    text = LOG.read_text("utf-8")
    assert len(hazards(text)) >= 10
    assert list(faults(text)) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("test_red_flag`", "test_red_flags_of_long_ago`", "has no test_red_flags_of_long_ago"),
        ("`services/contracts/red_flags.py`", "`services/contracts/flags.py`", "is not there"),
        ("| Effect | cord", "| | cord", "H01 has no Effect"),
        ("catastrophic, medium: 4", "very bad", "H01: the initial risk"),
        ("**[deployer]** Not controlled", "acceptable", "H01: the residual risk"),
        ("## H02", "## H14", "not numbered"),
    ],
)
def test_a_fault_in_the_log_is_seen(old: str, new: str, said: str) -> None:
    text = LOG.read_text("utf-8")
    assert old in text
    assert any(said in fault for fault in faults(text.replace(old, new, 1)))


def test_the_transparency_record_has_every_section_and_marks_what_a_deployer_completes() -> None:
    text = RECORD.read_text("utf-8")
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert len(headings) == len(TIERS)
    assert all(heading.startswith(tier) for heading, tier in zip(headings, TIERS, strict=True))
    rows = re.findall(r"^\| (?!field|---)([^|]+) \| (.+) \|$", text, flags=re.MULTILINE)
    assert len(rows) > 20
    assert OURS in text
    assert not [name for name, value in rows if not value.strip()]
