# ruff: noqa: E501  one fault a row
"""Rate cards that cannot be: each fault by its code and the line on which it stands, and all of them at once."""

from pathlib import Path

import pytest

from services.contracts.plan_codes import EvidenceKind
from services.outcomes.rates.files import TEMPLATES, check, names
from services.programmes.rate_checks import KINDS
from services.programmes.reader import FOLDER
from tests.unit.programmes.folders import change, copied

GREATER_MANCHESTER = "workwell-greater-manchester/2024.1.yaml"


def found(path: Path) -> list[tuple[str, str]]:
    """Return the code of each problem and the text of its line."""
    lines = path.read_text().splitlines()
    return [(problem.code, lines[problem.line - 1].strip()) for problem in check(path)]


def card(tmp_path: Path, template: str, *replaced: tuple[str, str]) -> Path:
    path = tmp_path / f"{template}.yaml"
    path.write_text((TEMPLATES / path.name).read_text())
    return change(path, *replaced)


def programme(tmp_path: Path, *replaced: tuple[str, str]) -> Path:
    folder = copied(tmp_path / "programmes", GREATER_MANCHESTER)
    (folder / "areas.yaml").write_text((FOLDER / "areas.yaml").read_text())
    return change(folder / GREATER_MANCHESTER, *replaced)


@pytest.mark.parametrize("name", names())
def test_nothing_is_wrong_with_a_template(name: str) -> None:
    assert check(TEMPLATES / f"{name}.yaml") == []


def test_the_kinds_of_evidence_are_those_of_the_contract() -> None:
    assert set(KINDS) == {kind.value for kind in EvidenceKind}


@pytest.mark.parametrize(
    ("template", "replaced", "code", "line"),
    [
        ("manchester", ("milestone: engagement ", "milestone: encounter "), "unknown_milestone", "- milestone: encounter"),
        ("manchester", ("milestone: engagement ", "milestone: plan_agreed\n        fact: engagement #"), "misnamed_milestone", "- milestone: plan_agreed"),
        ("prap", ("milestone: half_outcome", "milestone: work_outcome"), "misnamed_milestone", "- milestone: work_outcome"),
        ("manchester", ("at_most: 1\n      - milestone: engagement", "at_most: 2\n      - milestone: engagement"), "happens_once", "at_most: 2"),
        ("manchester", ("at_most: 1\n      - milestone: engagement", "at_most: 1\n        gap_days: 7\n      - milestone: engagement"), "impossible_term", "gap_days: 7"),
        ("manchester", ("at_most: 8", "at_most: 1"), "impossible_term", "gap_days: 14"),
        ("manchester", ("at_most: 8", "at_most: 8\n        nth: 3"), "impossible_term", "nth: 3"),
        ("manchester", ("at_most: 8", "at_most: 8\n        weeks: 3"), "impossible_term", "weeks: 3"),
        ("manchester", ("at_most: 8", "at_most: 8\n        least_earnings_pence: 3"), "impossible_term", "least_earnings_pence: 3"),
        ("manchester", ("        evidence: [payslip, employer_confirmation, employment_contract, tax_record]\n", ""), "evidence_missing", "- milestone: work_outcome"),
        ("manchester", ("        evidence: [review_record]\n", ""), "evidence_missing", "- milestone: health_outcome"),
        ("manchester", ("[payslip,", "[hearsay,"), "unknown_evidence", "evidence: [hearsay,"),
        ("manchester", ("[payslip,", "[step_record,"), "evidence_never_there", "evidence: [step_record,"),
        ("manchester", ("[review_record]", "[payslip]"), "evidence_never_there", "evidence: [payslip]"),
        ("manchester", ("at_most: 8", "at_most: 8\n        evidence: [attendance_record]"), "evidence_never_there", "evidence: [attendance_record]"),
        ("manchester", ("milestone: participant", "milestone: plan_agreed"), "participant_missing", "prices:"),
        ("manchester", ("milestone: health_outcome", "milestone: step_finished #"), "paid_twice", "- milestone: step_finished"),
        ("manchester", ("milestone: health_outcome", "milestone: work_outcome #"), "repeated", "- milestone: work_outcome"),
        ("prap", ("weeks: 26", "weeks: 13"), "paid_twice", "- milestone: full_outcome"),
        ("prap", ("        weeks: 13\n", ""), "term_missing", "- milestone: half_outcome"),
        ("prap", ("weeks: 13", "weeks: 13\n        within_days: 90"), "window_too_short", "within_days: 90"),
        ("prap", ("claim_line: Start", "within_days: 90"), "impossible_term", "within_days: 90"),
        ("prap", ("fact: sustained_work\n        claim_line: 50 % outcome\n        weeks: 13", "fact: nth_session\n        nth: 1"), "impossible_term", "nth: 1"),
        ("work-and-health", ("        least_earnings_pence: 475904  # [illustrative] 16 hours x 26 weeks x £11.44\n        least_self_employed_days: 182\n", ""), "term_missing", "- milestone: job_outcome"),
        ("work-and-health", ("contract: example-contract", "contract: other"), "unknown_contract", "- contract: other"),
        ("work-and-health", ('first_month: "2025-04"', 'first_month: "2025-03"'), "fee_outside", 'first_month: "2025-03"'),
        ("work-and-health", ('last_month: "2028-03"', 'last_month: "2030-01"'), "fee_outside", 'last_month: "2030-01"'),
        ("work-and-health", ('last_month: "2028-03"', 'last_month: "2025-03"'), "fee_ends_before_start", 'last_month: "2025-03"'),
        ("work-and-health", ("effective_to: 2029-12-31", "effective_to: 2025-03-01"), "ends_before_start", "effective_to: 2025-03-01"),
        ("ips", ("within_weeks: 16", "within_weeks: 12"), "window_too_short", "within_weeks: 12"),
        ("ips", ("within_days: 182", "within_days: 90"), "window_too_short", "within_days: 90"),
        ("ips", ("amount_pence: 140000", "amount_pence: 120000"), "acceleration_pays_less", "amount_pence: 120000"),
        ("ips", ("least_hours: 7", "within_days: 182"), "acceleration_always", "within_days: 182"),
        ("ips", ("published_on: 2025-03-01", "published_on: 2025-04-01"), "published_too_late", "effective_from: 2025-04-01"),
        ("ips", ("contracts: [example-contract]", "contracts: [example-contract]\n    uplifts: [{group: g, basis_points: 1, milestones: [nothing]}]"), "unknown_milestone", "uplifts: [{"),
    ],
)  # fmt: skip
def test_a_card_that_cannot_be(tmp_path: Path, template: str, replaced: tuple[str, str], code: str, line: str) -> None:
    problems = found(card(tmp_path, template, replaced))
    assert any(was == code and text.startswith(line) for was, text in problems), problems


SECOND = """    - id: wwgm-manchester
      version: "2025.1"
      illustrative: true
      published_on: 2024-10-16
      effective_from: 2025-11-01
      contracts: [wwgm-manchester-growth-company]
      prices:
        - {milestone: participant, amount_pence: 1, at_most: 1}
  targets:
"""


@pytest.mark.parametrize(
    ("replaced", "code"),
    [
        ([("  targets:\n", SECOND)], "overlapping_cards"),
        ([("  targets:\n", SECOND), ("effective_to: 2027-03-31", "effective_to: 2025-10-30")], "gap_between_cards"),
        ([("  targets:\n", SECOND.replace("2025.1", "2024.1"))], "repeated"),
        ([("effective_to: 2027-03-31", "effective_to: 2025-03-31")], "card_ends_early"),
        ([("effective_from: 2024-10-01\n      effective_to: 2027", "effective_from: 2024-10-02\n      effective_to: 2027")], "unpriced_contract"),
        ([("        - wwgm-manchester-acmhs\n      prices", "        - nobody\n      prices")], "unknown_contract"),
        ([("      prices:\n", "      uplifts: [{group: nobody, basis_points: 100}]\n      prices:\n")], "unknown_group"),
    ],
)  # fmt: skip
def test_cards_that_do_not_fit_their_programme(tmp_path: Path, replaced: list[tuple[str, str]], code: str) -> None:
    assert found(programme(tmp_path)) == []
    assert code in {was for was, _ in found(programme(tmp_path, *replaced))}


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    path = card(
        tmp_path,
        "prap",
        ("weeks: 13\n", "weeks: 13\n        nth: 2\n"),
        ("[payslip,", "[hearsay,"),
        ("milestone: participant", "milestone: begun"),
        ("published_on: 2025-03-01", "published_on: 2025-04-02"),
    )
    assert {code for code, _ in found(path)} == {
        "impossible_term", "unknown_evidence", "unknown_milestone", "participant_missing", "published_too_late",
    }  # fmt: skip
