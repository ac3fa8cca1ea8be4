"""Rules between files and rules of a file's new parts: each broken once, and told with its line."""

from pathlib import Path

import pytest

from services.programmes.document import FileRefused
from services.programmes.reader import check_file, check_folder, load_book
from tests.unit.programmes.folders import (
    BLACK_COUNTRY,
    CORNWALL,
    IN_WORK,
    LANCASHIRE,
    LONDON,
    MANCHESTER,
    Replaced,
    change,
    codes,
    copied,
    line_of,
)

AREA = "    participants: null        # the area's share is not published\n"
GRANT = "    ceiling_pence: null       # nor is its grant\n"
SERVES = "serves: people                # people, or employers: see working-well-in-work\n"
PILOT = "    from: 2024-10-01\n"
CONTRACT = """    contracts:                # [illustrative]: the area's providers are not published
      - id: workwell-cornwall-and-the-isles-of-scilly-main
        provider: cornwall-and-the-isles-of-scilly-provider
        from: 2024-10-01
        to: null
"""
PAID = """    contracts:
      - {id: a, provider: b, from: 2024-10-01, to: null}
    to: null                  #"""
FIRST = "      eligibility:\n        - code: beyond_first_12_weeks\n"


@pytest.mark.parametrize(
    ("title", "name", "changed", "code", "at"),
    [
        ("a national figure that differs", CORNWALL, ("participants: 59000", "participants: 60000"),
         "national_tier_differs", "  national:"),
        ("a national date that differs", BLACK_COUNTRY, (f"{PILOT}    to: null\n  area",
         "    from: 2024-09-30\n    to: null\n  area"), "national_tier_differs", "  national:"),
        ("the areas' people exceed the nation's", CORNWALL, (AREA, "    participants: 51001\n"),
         "areas_exceed_participants", "participants: 51001"),
        ("the areas' money exceeds the nation's", CORNWALL, (GRANT, "    ceiling_pence: 5700000001\n"),
         "areas_exceed_ceiling", "ceiling_pence: 5700000001"),
        ("another rule called the national one", CORNWALL, ("{field: gp_in_area, is: true}",
         "{field: jobcentre_in_area, is: true}"), "national_rule_differs", "  eligibility:"),
        ("a required part asked otherwise", LONDON, ("when: {field: wants_to_work, is: true}",
         "when: {field: wants_to_work, known: true}"), "national_requirement_differs", "{field: wants_to_work"),
        ("a required part left out", LONDON, ("    - code: no_health_condition\n", "    - code: something_else\n"),
         "wider_eligibility", "  eligibility:"),
        ("a code that no area has", CORNWALL, ("ods_code: QT6", "ods_code: Q99"), "unknown_area", "ods_code: Q99"),
        ("a code of another day", CORNWALL, ("ods_code: QT6", "ods_code: S1Y5D"), "area_not_valid", "ods_code"),
        ("an area's contract before its area", CORNWALL, ("        from: 2024-10-01\n", "        from: 2024-09-01\n"),
         "wider_dates", "        from: 2024-09-01"),
        ("a contract of an area whose provider is not there", CORNWALL, ("provider: cornwall", "provider: kernow"),
         "unknown_provider", "provider: kernow"),
        ("no contract anywhere", CORNWALL, (CONTRACT, ""), "no_contract", "tiers:"),
        ("a locality repeats its area's requirement", LANCASHIRE, (FIRST, FIRST.replace("beyond_first_12_weeks",
         "complex_needs")), "repeated", "        - code: complex_needs"),
        ("a locality's condition names nothing", LANCASHIRE, ("{field: out_of_work_days, at_most: 83}",
         "{field: days_out, at_most: 83}"), "condition", "days_out"),
        ("a locality's limit above its area's", LANCASHIRE, ("out_of_work_limit_days: 83",
         "out_of_work_limit_days: 183"), "wider_out_of_work_limit", "out_of_work_limit_days: 183"),
        ("a locality with more people than the nation", LANCASHIRE, (AREA, "    participants: 999\n"),
         "wider_participants", "participants: 1000"),
        ("weeks above the most", LONDON, ("weeks: 8 ", "weeks: 17 "), "longer_than_the_most", "weeks: 17"),
        ("a work status with two lengths", LONDON, ("[employed, self_employed]\n      weeks",
         "[employed, employed]\n      weeks"), "repeated", "[employed, employed]\n      weeks"),
        ("a word that is no work status", LONDON, ("[employed, self_employed]\n      weeks",
         "[working]\n      weeks"), "literal_error", "[working]"),
        ("a star in the middle of an overlap", CORNWALL, ("overlaps: [workwell-*]", "overlaps: [work*well]"),
         "string_pattern_mismatch", "overlaps: [work*well]"),
        ("a programme for employers that pays for people", IN_WORK, ("    to: null                  #", PAID),
         "contract_without_people", "- {id: a"),
        ("a programme for employers with a route", IN_WORK, ("promotion:\n", "joining: {}\npromotion:\n"),
         "extra_forbidden", "joining"),
        ("an activity that stands twice", IN_WORK, ("code: workshop", "code: visit"), "repeated", "text: A workshop"),
        ("a word that says for whom it is", CORNWALL, ("serves: people ", "serves: dogs "), "literal_error", "serves"),
        ("a file that does not say for whom it is", CORNWALL, (SERVES, ""), "missing", "programme:"),
    ],
)  # fmt: skip
def test_each_fault_is_told(tmp_path: Path, title: str, name: str, changed: Replaced, code: str, at: str) -> None:
    folder = copied(tmp_path)
    path = change(folder / name, changed)
    problems = check_folder(folder)
    assert code in codes(problems), (title, problems)
    text = path.read_text()
    line = text[: text.index(at)].count("\n") + 1
    there = {problem.line for problem in problems if problem.code == code and problem.file == str(path)}
    assert line in there, (title, problems)
    assert code in codes(check_file(path)), "the file alone tells it too"
    assert all(problem.message.endswith((".", "!")) for problem in problems)
    with pytest.raises(FileRefused, match=code):
        load_book(folder)


def test_a_file_on_its_own_is_not_blamed_for_its_neighbours(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    change(folder / CORNWALL, ("participants: 59000", "participants: 60000"), ("ods_code: QT6", "ods_code: Q99"))
    assert check_file(folder / BLACK_COUNTRY) == []
    assert codes(check_file(folder / CORNWALL)) == ["national_tier_differs", "unknown_area"]


PEOPLE = "      participants: 1000      # [published]: about 1,000 people\n"
MONEY = "      ceiling_pence: 80700000 # [published]: £807,000\n"
OF_AREA = "        provider: lancashire-and-south-cumbria-provider\n"
OF_PLACE = "          provider: blackburn-with-darwen-provider\n"
NO_PEOPLE = (PEOPLE, "      participants: null\n")
NO_MONEY = (MONEY, "      ceiling_pence: null\n")


@pytest.mark.parametrize(
    ("title", "changed", "code", "at"),
    [
        ("a contract with more people than its area, its locality's unknown",
         [(AREA, "    participants: 900\n"), NO_PEOPLE, (OF_PLACE, f"{OF_PLACE}          participants: 901\n")],
         "wider_participants", "participants: 901"),
        ("a contract with more money than its area, its locality's unknown",
         [(GRANT, "    ceiling_pence: 900\n"), NO_MONEY, (OF_PLACE, f"{OF_PLACE}          ceiling_pence: 901\n")],
         "wider_ceiling", "ceiling_pence: 901"),
        ("a locality with more people than the nation, its area's unknown",
         [(PEOPLE, "      participants: 59001\n")], "wider_participants", "participants: 59001"),
        ("a locality with more money than the nation, its area's unknown",
         [(MONEY, "      ceiling_pence: 6400000001\n")], "wider_ceiling", "ceiling_pence: 6400000001"),
        ("a contract with more people than the nation, all between unknown",
         [NO_PEOPLE, (OF_PLACE, f"{OF_PLACE}          participants: 59001\n")],
         "wider_participants", "participants: 59001"),
        ("parts that are more than the nation together, their area's unknown",
         [(OF_AREA, f"{OF_AREA}        participants: 58001\n")], "parts_exceed_participants", "  localities:"),
        ("parts whose money is more than the nation's together, their area's unknown",
         [(OF_AREA, f"{OF_AREA}        ceiling_pence: 6319300001\n")], "parts_exceed_ceiling", "  localities:"),
        ("contracts of two tiers that are more than their area, the locality's unknown",
         [(AREA, "    participants: 1000\n"), NO_PEOPLE, (OF_AREA, f"{OF_AREA}        participants: 501\n"),
          (OF_PLACE, f"{OF_PLACE}          participants: 500\n")], "parts_exceed_participants", "  localities:"),
    ],
)  # fmt: skip
def test_a_tier_of_which_nothing_is_known_hides_nothing(
    tmp_path: Path, title: str, changed: list[Replaced], code: str, at: str
) -> None:
    path = change(copied(tmp_path, LANCASHIRE) / LANCASHIRE, *changed)
    text = path.read_text()
    told = [(problem.code, problem.line) for problem in check_file(path) if not problem.code.startswith("areas_")]
    assert told == [(code, text[: text.index(at)].count("\n") + 1)], title


def test_what_is_known_below_an_unknown_area_counts_among_the_areas(tmp_path: Path) -> None:
    folder = copied(tmp_path, CORNWALL, LANCASHIRE)
    change(folder / CORNWALL, (AREA, "    participants: 58000\n"), (GRANT, "    ceiling_pence: 6319300000\n"))
    assert check_folder(folder) == []
    change(folder / CORNWALL, ("participants: 58000", "participants: 58001"), ("6319300000", "6319300001"))
    assert set(codes(check_folder(folder))) == {"areas_exceed_participants", "areas_exceed_ceiling"}


def test_known_parts_may_come_to_exactly_the_whole(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    change(folder / CORNWALL, (AREA, "    participants: 50000\n"), (GRANT, "    ceiling_pence: 5619300000\n"))
    assert check_folder(folder) == [], "51,000 and £57m with Blackburn's, which are known though its area's are not"


def test_every_area_with_a_known_part_is_told_that_they_exceed_the_whole(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    change(folder / CORNWALL, (AREA, "    participants: 51001\n"))
    assert {Path(problem.file).parent.name for problem in check_folder(folder)} == {
        "workwell-cornwall-and-the-isles-of-scilly",
        "workwell-greater-manchester",
        "workwell-lancashire-and-south-cumbria",
    }


def test_the_nation_is_looked_at_on_every_day_on_which_a_version_begins(tmp_path: Path) -> None:
    folder = copied(tmp_path, MANCHESTER, CORNWALL)
    later = folder / CORNWALL.replace("2024.1", "2025.1")
    later.write_text((folder / CORNWALL).read_text())
    change(
        later,
        ('version: "2024.1"', 'version: "2025.1"'),
        ("effective_from: 2024-10-01", "effective_from: 2025-04-01"),
        (AREA, "    participants: 51001\n"),
    )
    assert set(codes(check_folder(folder))) == {"areas_exceed_participants"}
    change(folder / MANCHESTER, ("effective_to: null", "effective_to: 2025-03-31"))
    assert check_folder(folder) == []
    assert line_of(later, "51001") > 0


def test_what_a_programme_serves_never_changes(tmp_path: Path) -> None:
    folder = copied(tmp_path, IN_WORK, CORNWALL)
    changed = folder / IN_WORK.replace("2024.1", "2025.1")
    changed.write_text((folder / CORNWALL).read_text())
    change(
        changed,
        ("programme: workwell-cornwall-and-the-isles-of-scilly", "programme: working-well-in-work"),
        ('version: "2024.1"', 'version: "2025.1"'),
        ("effective_from: 2024-10-01", "effective_from: 2025-04-01"),
    )
    assert codes(check_folder(folder)) == ["serves_changed"]


def test_a_folder_may_bring_its_own_register(tmp_path: Path) -> None:
    folder = copied(tmp_path, CORNWALL)
    (folder / "areas.yaml").write_text("codes: []\n")
    assert codes(check_folder(folder)) == ["too_short"]
    assert codes(check_file(folder / CORNWALL)) == ["too_short"]
    entry = "{code: QT6, area: null, title: Cornwall, from: null, to: null, fit_notes_2023: null}"
    (folder / "areas.yaml").write_text(f"codes:\n  - {entry}\n")
    assert check_folder(folder) == []
    change(folder / "areas.yaml", ("QT6", "QT7"))
    assert codes(check_folder(folder)) == ["unknown_area"]


def test_an_area_s_own_contracts_and_its_localities_are_together_no_more_than_the_area(tmp_path: Path) -> None:
    folder = copied(tmp_path, LANCASHIRE)
    own = "        provider: lancashire-and-south-cumbria-provider\n"
    change(folder / LANCASHIRE, (AREA, "    participants: 1500\n"), (own, f"{own}        participants: 500\n"))
    assert check_folder(folder) == []
    change(folder / LANCASHIRE, ("        participants: 500\n", "        participants: 501\n"))
    assert codes(check_folder(folder)) == ["parts_exceed_participants"]
