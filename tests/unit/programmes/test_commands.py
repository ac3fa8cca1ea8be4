"""``pathway programme``: what each command prints, writes and exits with."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.programmes.changes import changes
from services.programmes.cli import app
from services.programmes.reader import FOLDER, check_folder, load_file
from tests.unit.programmes.folders import (
    CORNWALL,
    IN_WORK,
    LANCASHIRE,
    LONDON,
    MANCHESTER,
    Replaced,
    change,
    copied,
)


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout


def test_check_without_a_path_looks_at_all_files_of_the_repository() -> None:
    assert run("check") == (0, f"{FOLDER}: nothing is wrong\n")


def test_check_tells_all_files_of_a_folder_at_once(tmp_path: Path) -> None:
    folder = copied(tmp_path, CORNWALL, LONDON)
    change(folder / CORNWALL, ("ods_code: QT6", "ods_code: Q99"))
    change(folder / LONDON, ("weeks: 8 ", "weeks: 17 "))
    code, said = run("check", str(folder), "--as-of", "2024-01-01")
    assert code == 1
    assert said.endswith("2 problems\n")
    code, said = run("check", str(folder), "--as-of", "2024-01-01", "--json")
    assert (code, [problem["code"] for problem in json.loads(said)]) == (1, ["unknown_area", "longer_than_the_most"])
    assert {"fix", "line", "file", "message"} < set(json.loads(said)[0])
    assert run("check", str(folder), "--as-of", "yesterday")[0] == 2


def test_show_prints_people_and_money_and_says_what_is_unknown() -> None:
    code, said = run("show", str(FOLDER / LANCASHIRE))
    assert code == 0
    for words in ("59,000", "£64,000,000.00", "Blackburn with Darwen", "£807,000.00", "unknown", "the local rule"):
        assert words in said, words
    assert "out of work days at most 83" in said
    assert "employer, without health detail" in said
    assert "employed, self_employed: 8 weeks." in run("show", str(FOLDER / LONDON))[1]
    assert "Nobody is referred to it" in run("show", str(FOLDER / IN_WORK))[1]
    assert "Offers volunteering" in run("show", str(FOLDER / "working-well-care-and-support/2024.1.yaml"))[1]


def test_show_as_json_has_null_for_what_is_unknown() -> None:
    code, said = run("show", str(FOLDER / CORNWALL), "--json")
    area = json.loads(said)["tiers"]["area"]
    assert (code, area["participants"], area["ceiling_pence"], area["from"]) == (0, None, None, "2024-10-01")


LINE = "        from: 2024-10-01\n        to: null\n"
FIRST_12_WEEKS = """      eligibility:
        - code: beyond_first_12_weeks
          text: In Blackburn with Darwen, somebody out of work must be in their first 12 weeks without work.
          when:
            any:
              - {definition: in_work}
              - {field: out_of_work_days, at_most: 83}
      out_of_work_limit_days: 83
"""
WORKING_WELL = """    - code: working_well
      text: Working Well, for people in Greater Manchester with longer-term needs.
"""
PHARMACIST = """    - code: pharmacist
      health_detail: true
      requires: [referrer.ods_code]
      wording: >-
        I can refer you to WorkWell. With your agreement I will send what we have talked about, so that you need
        not say it twice. Taking part is voluntary, your care with us does not depend on it, and you can stop at
        any time.
"""
EMPLOYER = """    - code: employer
      health_detail: false
      requires: [referrer.name, person.contact]
      consents: [take_part, share_with_employer]
      wording: >-
        I can refer you to WorkWell."""
CARD = '      version: "2024.1"\n      illustrative: true'
BIG_LIFE = "          provider: big-life\n          from: "

Said = tuple[str, str, str]
"""Section, part of whom it is for, part of what is said."""

DIFFERENCES: list[tuple[str, str, list[Replaced], list[Said]]] = [
    ("nothing but a comment", CORNWALL, [("# What triage reads.", "# What triage reads, too.")], []),
    ("nothing but its number", CORNWALL, [('version: "2024.1"\nserves', 'version: "2024.2"\nserves')], []),
    (
        "people and money become known",
        CORNWALL,
        [("participants: null ", "participants: 900 "), ("ceiling_pence: null ", "ceiling_pence: 90000000 ")],
        [
            ("tiers", "people referred", "Cornwall and the Isles of Scilly: participants: unknown becomes 900"),
            ("tiers", "people referred", "Cornwall and the Isles of Scilly: ceiling: unknown becomes £900,000.00"),
        ],
    ),
    (
        "a last day",
        CORNWALL,
        [("to: null                  # no", "to: 2026-03-31 # no"), (LINE, LINE.replace("null", "2026-03-31"))],
        [
            ("tiers", "people referred", "Scilly: takes referrals until: an open day becomes 2026-03-31"),
            ("tiers", "people referred", "main: takes referrals until: an open day becomes 2026-03-31"),
        ],
    ),
    (
        "a route closes, another may send health detail",
        CORNWALL,
        [(PHARMACIST, ""), (EMPLOYER, EMPLOYER.replace("false", "true").replace("refer you", "send you"))],
        [
            ("joining", "people referred", "route no longer there: pharmacist"),
            ("joining", "people referred", "becomes employer, needs referrer.name and person.contact, asks only for"),
            ("joining", "people referred", "wording of employer: I can refer you"),
        ],
    ),
    (
        "a requirement asks something else",
        CORNWALL,
        [("{field: wants_to_work, is: true}", "{field: wants_to_work, known: true}")],
        [("joining", "people referred", "(wants to work) becomes does_not_want_to_work: The programme is voluntary")],
    ),
    (
        "a locality's requirement is gone, its limit too",
        LANCASHIRE,
        [(FIRST_12_WEEKS, "")],
        [
            ("tiers", "people referred", "Blackburn with Darwen: limit of days out of work: 83 becomes none"),
            ("tiers", "people referred", "Blackburn with Darwen: requirement no longer there: beyond_first_12_weeks"),
        ],
    ),
    (
        "what a definition means",
        LONDON,
        [("{field: work_status, in: [employed, self_employed]}", "{field: work_status, is: employed}")],
        [("joining", "people referred", "what in_work means: work status one of employed, self employed becomes")],
    ),
    (
        "a consent, a group, an alternative, an overlap, the days to acknowledge",
        MANCHESTER,
        [
            ("      required: false\n", "      required: true\n"),
            ("out_of_work_days, at_most: 84", "out_of_work_days, at_most: 90"),
            (WORKING_WELL, ""),
            ("overlaps: [workwell-*, working-well-early-help]", "overlaps: [workwell-*]"),
            ("acknowledge_within_working_days: 2", "acknowledge_within_working_days: 3"),
        ],
        [
            ("joining", "people referred", "consent: share_with_gp (asked)"),
            ("joining", "people referred", "group contacted first: recently_unemployed"),
            ("joining", "people referred", "alternative no longer there: working_well"),
            ("joining", "people referred", "working days to acknowledge: 2 becomes 3"),
            ("joining", "people referred", "overlap no longer there: working-well-early-help"),
        ],
    ),
    (
        "providers and contracts",
        MANCHESTER,
        [
            ("name: Big Life\n    specialist: false", "name: Big Life\n    specialist: true"),
            (f"{BIG_LIFE}2024-10-01", f"{BIG_LIFE}2025-01-01"),
        ],
        [
            ("tiers", "people referred", "manchester-big-life: takes referrals from: 2024-10-01 becomes 2025-01-01"),
            ("providers", "people referred", "provider: Big Life becomes Big Life, offered, never assigned"),
        ],
    ),
    (
        "support by work status",
        LONDON,
        [("weeks: 8 ", "weeks: 10 "), ("review_every_weeks: 6", "review_every_weeks: 4")],
        [
            ("support", "are employed", "weeks of support at most: 8 becomes 10"),
            ("support", "are self-employed", "weeks of support at most: 8 becomes 10"),
            ("support", "people referred", "weeks between reviews: 6 becomes 4"),
        ],
    ),
    (
        "matching",
        CORNWALL,
        [
            ("skills_earnings_limit: true", "skills_earnings_limit: false"),
            ("out_of_work_limit_days: 182", "out_of_work_limit_days: 90"),
        ],
        [
            ("matching", "people referred", "limit of days out of work: 182 becomes 90"),
            ("matching", "people referred", "earnings limit for skills: yes becomes no"),
        ],
    ),
    (
        "prices, under a new number of the card",
        CORNWALL,
        [
            (CARD, CARD.replace("2024", "2025").replace("true", "false")),
            ("amount_pence: 48400", "amount_pence: 48500"),
        ],
        [
            ("payment", "providers", "version: 2024.1 becomes 2025.1"),
            ("payment", "providers", "illustrative: yes becomes no"),
            ("payment", "providers", "price: participant £484.00 x 1 becomes participant £485.00 x 1"),
        ],
    ),
    (
        "a target",
        LANCASHIRE,
        [("      value: 1000\n", "      value: 1100\n")],
        [("payment", "commissioners", "target: participants 1,000")],
    ),
    (
        "a programme for employers",
        IN_WORK,
        [("    - {code: visit, text: A visit to the workplace}\n", ""), ("text: Secure work", "text: Secure jobs")],
        [
            ("promotion", "employers", "commitment: Secure work becomes Secure jobs"),
            ("promotion", "employers", "activity no longer there: A visit to the workplace"),
        ],
    ),
]


@pytest.mark.parametrize(("title", "name", "replaced", "expected"), DIFFERENCES, ids=[row[0] for row in DIFFERENCES])
def test_diff_says_what_changes_for_whom(
    tmp_path: Path, title: str, name: str, replaced: list[Replaced], expected: list[Said]
) -> None:
    later = copied(tmp_path, name) / name
    change(later, *replaced)
    if 'version: "2024.2"' in later.read_text():
        later = later.rename(later.with_name("2024.2.yaml"))
    code, printed = run("diff", str(FOLDER / name), str(later), "--json")
    said: list[dict[str, Any]] = json.loads(printed)
    assert code == (1 if expected else 0), (title, printed)
    assert len(said) == len(expected), (title, said)
    for one, (section, whom, what) in zip(said, expected, strict=True):
        assert one["section"] == section, title
        assert whom in one["whom"], title
        assert what in one["what"], (title, one["what"])
    words = run("diff", str(FOLDER / name), str(later))[1]
    assert all(one["what"] in words for one in said)
    assert ("nothing changes" in words) is not bool(expected)


def test_every_part_of_a_file_that_decides_something_is_compared() -> None:
    old, new = load_file(FOLDER / MANCHESTER), load_file(FOLDER / LONDON)
    sections = {change.section for change in changes(old, new)}
    assert sections == {"version", "tiers", "providers", "joining", "support", "payment"}


def test_diff_of_a_file_that_is_refused(tmp_path: Path) -> None:
    broken = change(copied(tmp_path, CORNWALL) / CORNWALL, ("ods_code: QT6", "ods_code: Q99"))
    assert run("diff", str(FOLDER / CORNWALL), str(broken))[0] == 2
    code, said = run("diff", str(broken), str(FOLDER / CORNWALL), "--json")
    assert (code, [problem["code"] for problem in json.loads(said)]) == (2, ["unknown_area"])
    code, said = run("show", str(broken), "--json")
    assert (code, [problem["code"] for problem in json.loads(said)]) == (1, ["unknown_area"])
    assert run("diff", str(FOLDER / CORNWALL), str(FOLDER / IN_WORK))[0] == 1


NEW = ["new", "workwell-essex", "--title", "WorkWell Essex", "--area", "QUE", "--effective-from", "2025-04-01"]


def test_new_writes_a_checked_file(tmp_path: Path) -> None:
    code, said = run(*NEW, "--folder", str(tmp_path), "--no-skills-limit")
    path = tmp_path / "workwell-essex" / "2025.1.yaml"
    assert (code, said.split(":")[0]) == (0, str(path))
    assert check_folder(tmp_path) == []
    programme = load_file(path)
    assert (programme.programme, programme.title, programme.published_on) == (
        "workwell-essex",
        "WorkWell Essex",
        date(2025, 3, 17),
    )
    assert "skills_earnings_limit: false" in path.read_text()
    assert "$" not in path.read_text().replace("with a dollar sign", "")


@pytest.mark.parametrize(("area", "day", "warned"), [("QUE", "2025-04-01", True), ("S1Y5D", "2094-04-01", False)])
def test_new_says_that_a_day_is_in_the_past(tmp_path: Path, area: str, day: str, warned: bool) -> None:
    code, said = run(*NEW[:5], area, "--effective-from", day, "--folder", str(tmp_path))
    assert code == 0
    assert ("is not after today" in " ".join(said.split())) == warned


def test_new_never_overwrites(tmp_path: Path) -> None:
    assert run(*NEW, "--folder", str(tmp_path))[0] == 0
    path = tmp_path / "workwell-essex" / "2025.1.yaml"
    path.write_text("mine\n")
    code, said = run(*NEW, "--folder", str(tmp_path))
    assert (code, path.read_text()) == (1, "mine\n")
    assert "--version" in said


@pytest.mark.parametrize(
    ("title", "words", "said"),
    [
        ("an id with a capital", ["new", "Essex", *NEW[2:]], "no id"),
        ("an id that leads out of the folder", ["new", "../essex", *NEW[2:]], "no id"),
        ("a title that YAML would read", [*NEW[:3], "Work: Well", *NEW[4:]], "plain words"),
        ("no title", [*NEW[:3], " ", *NEW[4:]], "plain words"),
        ("an area that nobody knows", [*NEW[:5], "Q99", *NEW[6:]], "areas.yaml"),
        ("an area of another day", [*NEW[:5], "S1Y5D", *NEW[6:]], "area_not_valid"),
        ("a day before the national programme", [*NEW[:7], "2024-09-01"], "wider_dates"),
        ("a number that is none", [*NEW, "--version", "one"], "no version"),
        ("published too late", [*NEW, "--published-on", "2025-04-01"], "published_too_late"),
    ],
)
def test_new_writes_nothing_that_would_be_refused(tmp_path: Path, title: str, words: list[str], said: str) -> None:
    code, printed = run(*words, "--folder", str(tmp_path))
    assert (code, list(tmp_path.iterdir())) == (1, []), title
    assert said in printed, title


def test_new_is_checked_among_the_files_that_are_there(tmp_path: Path) -> None:
    words = ["new", "workwell-cornwall-and-the-isles-of-scilly", "--title", "WorkWell", "--area", "QT6"]
    folder = copied(tmp_path, CORNWALL)
    code, said = run(
        *words, "--effective-from", "2024-10-01", "--version", "2024.2", "--folder", str(folder)
    )  # two versions of one day
    assert code == 1
    assert "overlapping_versions" in said
    assert [path.name for path in (folder / words[1]).iterdir()] == ["2024.1.yaml"]
    assert run(*words, "--effective-from", "2025-04-01", "--folder", str(folder))[0] == 0


def test_a_date_that_is_none_is_told() -> None:
    assert run(*NEW[:-1], "first of April")[0] == 2
