"""The register of areas: as published, and each fault told with its line."""

from pathlib import Path

import pytest

from services.programmes.document import FileRefused
from services.programmes.register import AREAS, area_problems, load_areas
from tests.unit.programmes.folders import change, codes, line_of

FIT_NOTES = {
    "QHL": 334_072, "QUA": 310_812, "QUY": 191_192, "QUE": 137_566, "QT6": 95_934, "QWU": 243_508, "QNQ": 112_259,
    "QGH": 150_606, "QOP": 744_442, "QE1": 455_436, "QK1": 192_650, "QMJ": 262_733, "QRV": 348_112, "QF7": 322_958,
    "QXU": 130_341,
}  # fmt: skip


def test_the_published_areas_and_fit_notes() -> None:
    found = {entry.code: entry.fit_notes_2023 for entry in load_areas().codes if entry.area is not None}
    assert found == FIT_NOTES
    assert sum(FIT_NOTES.values()) == 4_032_621
    assert {entry.fit_notes_2023 for entry in load_areas().codes if entry.area is None} == {None}


def test_nothing_is_wrong_with_the_register_of_the_repository() -> None:
    assert area_problems() == []


def test_an_area_is_found_by_its_slug() -> None:
    frimley = load_areas().of_area("frimley")
    assert frimley is not None
    assert frimley.code == "QNQ"
    assert load_areas().of_area("elsewhere") is None
    assert load_areas().find("Q99") is None


@pytest.mark.parametrize(
    ("title", "old", "new", "code", "at"),
    [
        ("a code twice", "code: QUA", "code: QHL", "repeated", "code: QHL\n    area: black-country"),
        ("an area twice", "area: black-country", "area: birmingham-and-solihull", "repeated", None),
        ("a last day without a successor", "    successors: [{code: S1Y5D}]\n", "", "no_successor", None),
        ("a successor without a last day", "    to: 2026-03-31\n    fit_notes_2023: 137566",
         "    to: null\n    fit_notes_2023: 137566", "successor_without_end", "{code: S1Y5D}"),
        ("a successor that is not there", "successors: [{code: S1Y5D}]", "successors: [{code: S1Y5E}]",
         "unknown_successor", "S1Y5E"),
        ("a code that follows itself", "successors: [{code: S1Y5D}]", "successors: [{code: QUE}]",
         "unknown_successor", "{code: QUE}"),
        ("a successor that begins too late", "title: Central East\n    from: 2026-04-01",
         "title: Central East\n    from: 2026-04-02", "successor_gap", "{code: S1Y5D}"),
        ("an end before the start", "title: Central East\n    from: 2026-04-01\n    to: null",
         "title: Central East\n    from: 2026-04-01\n    to: 2026-03-01", "ends_before_start", None),
        ("a split without its authorities", "successors: [{code: S1Y5D}]", "successors: [{code: S1Y5D}, {code: QRL}]",
         "split_unclear", None),
        ("an authority in two parts", "{slug: hart, gss: E07000089}", "{slug: slough, gss: E07000089}", "repeated",
         "{slug: slough, gss: E07000089}"),
        ("an authority's code in two parts", "{slug: hart, gss: E07000089}", "{slug: hart, gss: E06000039}", "repeated",
         None),
        ("a key that is not known", "area: frimley", "arae: frimley", "extra_forbidden", "arae"),
        ("a code of two characters", "code: QUA", "code: QU", "string_pattern_mismatch", "code: QU\n"),
    ],
)  # fmt: skip
def test_each_fault_is_told(tmp_path: Path, title: str, old: str, new: str, code: str, at: str | None) -> None:
    copy = tmp_path / "areas.yaml"
    copy.write_text(AREAS.read_text())
    change(copy, (old, new))
    problems = area_problems(copy)
    assert code in codes(problems), (title, problems)
    if at is not None:
        line = copy.read_text()[: copy.read_text().index(at)].count("\n") + 1
        assert line in {problem.line for problem in problems if problem.code == code}, title
    with pytest.raises(FileRefused, match=code):
        load_areas(copy)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    copy = tmp_path / "areas.yaml"
    copy.write_text(AREAS.read_text())
    change(copy, ("code: QUA", "code: QHL"), ("successors: [{code: S1Y5D}]", "successors: [{code: S1Y5E}]"))
    assert sorted(codes(area_problems(copy))) == ["repeated", "unknown_successor"]
    assert line_of(copy, "S1Y5E") in {problem.line for problem in area_problems(copy)}


def test_a_register_that_is_not_there(tmp_path: Path) -> None:
    assert codes(area_problems(tmp_path / "areas.yaml")) == ["unreadable"]
