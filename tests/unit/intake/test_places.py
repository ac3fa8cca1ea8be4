"""The tables of places: what they tell, what they leave unknown, what is wrong with a file, how large they may be."""

import json
from collections.abc import Iterator
from pathlib import Path
from string import ascii_uppercase
from sys import getsizeof

import pytest
from typer.testing import CliRunner

from services.intake.domain.places import Place, Places
from services.intake.places.cli import app
from services.intake.places.loader import FOLDER, load_places
from services.intake.places.table import MOST_SHOWN, TablesRefused
from services.programmes.register import load_areas

AREAS = load_areas()
POSTCODES = "postcode,area,local_authority,imd_quintile\n"
PRACTICES = "practice,area\nP84,QOP\nP84650,QE1\nK81,\n"
JOBCENTRES = "office,area\nrusholme,QOP\nleeds,QWO\n"


def tables(folder: Path, postcodes: str, practices: str = PRACTICES, jobcentres: str = JOBCENTRES) -> Path:
    for name, text in (("postcodes", POSTCODES + postcodes), ("practices", practices), ("jobcentres", jobcentres)):
        (folder / f"{name}.csv").write_bytes(text.encode())
    return folder


@pytest.fixture
def places(tmp_path: Path) -> Places:
    rows = (
        "# the longest beginning decides\n\nM,QE1,,5\nM1,QOP,manchester,2\nm1 1,QOP,manchester,\nM11AE,QOP,salford,4\n"
        '"W1",QRV,,1\nSW1A 1AA,QMJ,,\nOL12,,,\nGU14,QNQ,rushmoor,\nGU17,QNQ,,\nSL1,S0E4D,slough,\nUB1,Z9B2Z,,\n'
    )
    return load_places(tables(tmp_path, rows))


@pytest.mark.parametrize(
    ("title", "postcode", "place"),
    [
        ("the whole postcode", "M1 1AE", Place("QOP", "salford", 4)),
        (
            "its sector; an empty fifth is not taken from a shorter beginning",
            "M1 1AF",
            Place("QOP", "manchester", None),
        ),
        ("its district", "M1 2AE", Place("QOP", "manchester", 2)),
        ("its letters: M11 does not begin with the district M1", "M11 1AE", Place("QE1", None, 5)),
        ("a district with a letter belongs to the one without", "W1T 1AA", Place("QRV", None, 1)),
        ("one unit of a sector", "SW1A 1AA", Place("QMJ")),
        ("its neighbour has no row", "SW1A 1AB", Place()),
        ("a border cuts it", "OL12 0AA", Place()),
        ("no row", "ZE1 0AA", Place()),
        ("not asked", None, Place()),
        ("no postcode", "nowhere", Place()),
    ],
)
def test_the_longest_beginning_decides(places: Places, title: str, postcode: str | None, place: Place) -> None:
    assert places.postcodes.find(postcode) == place, title


@pytest.mark.parametrize(
    ("title", "postcode", "area", "inside"),
    [
        ("in the area", "M1 1AE", "QOP", True),
        ("in another", "M11 1AE", "QOP", False),
        ("a border cuts the district", "OL12 0AA", "QOP", None),
        ("not in the tables is not elsewhere", "ZE1 0AA", "QOP", None),
        ("not asked", None, "QOP", None),
        ("a newer table, an older programme, the local authority tells", "SL1 1AA", "QNQ", True),
        ("a successor of two areas does not tell which", "UB1 1AA", "QRV", None),
        ("an older table, a newer programme: the local authority tells", "GU14 1AA", "QRL", True),
        ("and tells against", "GU14 1AA", "S9B9J", False),
        ("without one it stays open", "GU17 1AA", "QRL", None),
    ],
)
def test_residence(places: Places, title: str, postcode: str | None, area: str, inside: bool | None) -> None:
    assert places.resident(postcode, area, AREAS) is inside, title


@pytest.mark.parametrize(
    ("practice", "inside"),
    [("P84001", True), ("P84650", False), ("K81001", None), ("Y00001", None), ("", None), (None, None)],
)
def test_practices(places: Places, practice: str | None, inside: bool | None) -> None:
    assert places.local_gp(practice, "QOP", AREAS) is inside


@pytest.mark.parametrize(("office", "inside"), [("rusholme", True), ("leeds", False), ("truro", None), (None, None)])
def test_jobcentres(places: Places, office: str | None, inside: bool | None) -> None:
    assert places.local_jobcentre(office, "QOP", AREAS) is inside


def faults(folder: Path) -> set[tuple[str, int, str, str]]:
    with pytest.raises(TablesRefused) as refused:
        load_places(folder)
    return {(p.file, p.line, p.column, p.code) for p in refused.value.problems.shown}


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    rows = (
        "M1 1AE,QOP,manchester,2\nnowhere,QOP,,\nM1  1ae,QOP,manchester,2\nM2,Q,,\nM3,QOP,Man Chester,9\n"
        'M4,QOP\nM2,QOP,,\n"M5,QOP,,\n'
    )
    practices = "practice,area\np84,QOP\nP84,QOP\nP84,QOP\nP85,qop\n"
    assert faults(tables(tmp_path, rows, practices, "office;area\n")) == {
        ("postcodes.csv", 3, "postcode", "malformed"),
        ("postcodes.csv", 4, "postcode", "repeated"),
        ("postcodes.csv", 5, "area", "malformed"),
        ("postcodes.csv", 6, "local_authority", "malformed"),
        ("postcodes.csv", 6, "imd_quintile", "malformed"),
        ("postcodes.csv", 7, "", "cells"),
        ("postcodes.csv", 8, "postcode", "repeated"),
        ("postcodes.csv", 9, "", "quoting"),
        ("practices.csv", 2, "practice", "malformed"),
        ("practices.csv", 4, "practice", "repeated"),
        ("practices.csv", 5, "area", "malformed"),
        ("jobcentres.csv", 1, "", "header"),
    }


def test_a_file_that_is_not_there_empty_or_not_utf8_says_so(tmp_path: Path) -> None:
    tables(tmp_path, "M1,QOP,,\n", practices="")
    (tmp_path / "jobcentres.csv").unlink()
    (tmp_path / "postcodes.csv").write_bytes(POSTCODES.encode() + b"M1,QOP,,\nM2,\xff,,\n")
    assert faults(tmp_path) == {
        ("postcodes.csv", 0, "", "encoding"),
        ("practices.csv", 0, "", "header"),
        ("jobcentres.csv", 0, "", "unreadable"),
    }


def test_what_is_wrong_is_counted_and_not_all_kept(tmp_path: Path) -> None:
    with pytest.raises(TablesRefused, match="and 500 more") as refused:
        load_places(tables(tmp_path, "wrong,,,\n" * (MOST_SHOWN + 500)))
    assert (len(refused.value.problems.shown), refused.value.problems.count) == (MOST_SHOWN, MOST_SHOWN + 500)


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path: Path) -> None:
    folder = tables(tmp_path, "M1,QOP,,2\r\n")
    text = (folder / "postcodes.csv").read_bytes()
    (folder / "postcodes.csv").write_bytes(
        b"\xef\xbb\xbf" + text.replace(POSTCODES.encode(), POSTCODES.encode()[:-1] + b"\r\n")
    )
    assert load_places(folder).postcodes.find("M1 1AE") == Place("QOP", None, 2)


def test_the_tables_of_the_repository_know_the_15_areas() -> None:
    found = load_places()
    pilots = {entry.code for entry in AREAS.codes if entry.area}
    assert pilots <= {place.area for place in found.postcodes.places}
    assert pilots - {"QUY", "QNQ", "QE1", "QXU"} <= set(found.practices.values())
    assert pilots <= set(found.jobcentres.values())
    for postcode, inside in (("M1 1AE", True), ("LS1 1AA", False), ("OL12 0AA", None)):
        assert found.resident(postcode, "QOP", AREAS) is inside
    for postcode, authority in (("SL1 1AA", "slough"), ("GU15 1AA", "surrey-heath"), ("SL5 1AA", None)):
        assert found.postcodes.find(postcode)[:2] == ("QNQ", authority)


def test_the_command_says_what_is_wrong_and_what_is_there(tmp_path: Path) -> None:
    run = CliRunner().invoke
    fine = run(app, ["check", str(FOLDER), "--json"])
    assert fine.exit_code == 0
    told = json.loads(fine.stdout)
    assert told["count"] == 0
    assert {row["area"] for row in told["areas"]} > {"QOP", "QNQ"}
    assert "nothing is wrong" in run(app, ["check", str(FOLDER)]).stdout
    wrong = run(app, ["check", str(tables(tmp_path, "nowhere,QOP,,\n"))])
    assert (wrong.exit_code, "postcodes.csv:2: postcode: malformed" in wrong.stdout) == (1, True)
    assert run(app, ["check", str(tmp_path / "nothing")]).exit_code == 1


def country() -> Iterator[str]:
    """A directory with as many sectors as the country has, in which no two rows of a sector agree."""
    made = 0
    for letter in "ABCDEFGHJKL":
        for district in range(1, 100):
            for sector in range(10):
                for second in ascii_uppercase[:16]:
                    made += 1
                    yield f"{letter}{district} {sector}A{second},Q{letter}{made % 3},,{made % 5 + 1}\n"


def test_rows_with_a_code_of_today_that_tell_no_area_of_then_are_counted(tmp_path: Path) -> None:
    rows = "GU1,S9B9J,,\nGU2 1AA,S9B9J,E07000209,\nGU9,S9B9J,waverley,\nN1,Z9B2Z,,\nGU3,QXU,,\nM1,QOP,,\nRG1,QNQ,,\n"
    run = CliRunner().invoke
    told = run(app, ["check", str(tables(tmp_path, rows)), "--json"])
    assert (told.exit_code, json.loads(told.stdout)["tell_too_little"]) == (0, {"S9B9J": 2, "Z9B2Z": 1})
    said = " ".join(run(app, ["check", str(tmp_path)]).stdout.split())
    assert "warning: 2 postcode rows have the code S9B9J, from which no area of before it can be told" in said
    assert json.loads(run(app, ["check", str(FOLDER), "--json"]).stdout)["tell_too_little"] == {}


def test_memory_follows_the_sectors_of_a_country_not_its_rows(tmp_path: Path) -> None:
    with (tables(tmp_path, "") / "postcodes.csv").open("a") as file:
        file.writelines(country())
    held = load_places(tmp_path).postcodes
    assert len(held.sectors) == 10_890
    arrays = {id(units): getsizeof(units) for units in held.sectors.values()}
    assert max(arrays.values()) < 1_500, "whatever stands in a sector, its array has this size"
    assert sum(arrays.values()) + getsizeof(held.sectors) < 20 * 2**20
