"""A file as spreadsheets write it, and columns found in it."""

import codecs
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.bulk.fields import all_fields, by_heading, plain
from services.bulk.mapping import Asked, MapRefused, Referral, find_columns, letters, read_map, read_row
from services.bulk.sheet import SheetRefused, read_sheet

NOTHING = Asked({}, {})
TEXT = 'Surname,First name,Notes\nZoë,Ann,"one\ntwo"\n,,\nLee,Bo,\n,,\n,,\n'


@pytest.mark.parametrize(
    ("content", "notices"),
    [
        (TEXT.encode(), 0),
        (TEXT.encode("utf-8-sig"), 0),
        (TEXT.encode("utf-16"), 0),
        (TEXT.encode("utf-16-le"), 0),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), 0),
        (TEXT.encode("utf-16-be"), 0),
        (TEXT.encode("cp1252"), 1),
        (TEXT.replace("\n", "\r\n").replace("one\r\ntwo", "one\ntwo").encode(), 0),
        (TEXT.replace(",", ";").encode(), 0),
        (b"sep=;\n" + TEXT.replace(",", ";").encode(), 0),
        (b"sep=\t\r\n" + TEXT.replace(",", "\t").encode(), 0),
        (b"SEP=|\r" + TEXT.replace(",", "|").replace("\n", "\r").replace("one\rtwo", "one\ntwo").encode(), 0),
        (TEXT.replace("\n", "\r").replace("one\rtwo", "one\ntwo").encode(), 0),
        (TEXT.replace(",", "\t").encode(), 0),
    ],
    ids=[
        "utf-8",
        "bom",
        "utf-16",
        "utf-16-le",
        "utf-16-be-bom",
        "utf-16-be",
        "cp1252",
        "crlf",
        "semicolons",
        "sep",
        "sep is a tab",
        "sep and only carriage returns",
        "only carriage returns",
        "tabs",
    ],
)
def test_however_it_was_saved(content: bytes, notices: int) -> None:
    sheet = read_sheet(content)
    assert sheet.headings == ("Surname", "First name", "Notes")
    numbered = [(row.number, row.cells) for row in sheet.rows]
    assert numbered == [(2, ("Zoë", "Ann", "one\ntwo")), (4, ("Lee", "Bo", ""))]
    assert len(sheet.notices) == notices


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b",,\n1,2,3\n", "no_headings"),
        (b"PK\x03\x04rest", "a_workbook"),
        (b"\xd0\xcf\x11\xe0rest", "a_workbook"),
        (b'Surname,Notes\nLee,"open\n', "quotes"),
        (b"Surname\nLee,Bo\n", "row_too_long"),
        (b"Surname\nL\x00ee\n", "nul_character"),
        (b"Surname\n\x81\n", "unknown_encoding"),
    ],
)
def test_what_cannot_be_read_for_certain_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(SheetRefused) as refused:
        read_sheet(content)
    assert refused.value.code == code


@given(st.binary(max_size=200))
@example(b'\x01"\r\x00')
def test_no_bytes_are_a_crash(content: bytes) -> None:
    try:
        sheet = read_sheet(content)
        find_columns(sheet, NOTHING, "p")
    except (SheetRefused, MapRefused):
        pass


def test_blank_columns_and_shorter_rows() -> None:
    sheet = read_sheet(b"Surname,First name,,\nLee,Bo,,\nKay\n")
    assert sheet.headings == ("Surname", "First name")
    assert [row.cells for row in sheet.rows] == [("Lee", "Bo"), ("Kay", "")]


# columns


def reasons(text: str, *pairs: str, values: tuple[str, ...] = ()) -> tuple[str, ...]:
    with pytest.raises(MapRefused) as refused:
        find_columns(read_sheet(text.encode()), read_map(pairs, values, None), "p")
    return refused.value.reasons


def test_everything_that_is_wrong_with_the_columns_is_told_at_once() -> None:
    told = reasons(
        "Surname,Last name,Telefon,First name\na,b,c,d\n", "Nothing=route", "First name=no.field", values=("x=y",)
    )
    assert len(told) == 5
    assert any("'Surname' and 'Last name'" in one for one in told)


def test_a_first_row_that_is_data_is_not_repeated() -> None:
    (told,) = reasons("Zweigenthal,Philippa\nLee,Bo\n")
    assert "Zweigenthal" not in told
    (told,) = reasons("Route,Philippa\nLee,Bo\n")
    assert told.startswith("column B is not known")


def test_a_column_is_named_as_the_spreadsheet_names_it() -> None:
    assert [letters(index) for index in (0, 25, 26, 51, 701, 702)] == ["A", "Z", "AA", "AZ", "ZZ", "AAA"]


def test_a_map_file_says_columns_and_values(tmp_path: Path) -> None:
    file = tmp_path / "map.yaml"
    file.write_text("columns: {Telefon: person.contact.phone, Memo: '-'}\nset: {route: gp, referred_on: 2024-11-18}\n")
    asked = read_map(("Memo=additional_information",), (), file)
    assert asked.columns == {"Telefon": "person.contact.phone", "Memo": "additional_information"}
    assert asked.values == {"route": "gp", "referred_on": "2024-11-18"}


def test_headings_name_one_field_each_and_every_field_has_one() -> None:
    assert {field.path for field in by_heading().values()} == set(all_fields())


def read(text: str, *values: str) -> list[Referral]:
    sheet = read_sheet(text.encode())
    columns = find_columns(sheet, read_map((), values, None), "p")
    return [read_row(columns, row) for row in sheet.rows]


def test_a_row_becomes_a_referral() -> None:
    (found,) = read("Surname,Conditions,Red flag fever,Consent\nLee,back pain,no,yes\n", "route=gp", "referrer.name=X")
    reference = found.document["referrer"].pop("reference")
    assert reference.startswith("row-")
    assert found.document == {
        "programme": "p",
        "route": "gp",
        "referrer": {"name": "X"},
        "person": {"family_name": "Lee"},
        "assessment": {"conditions": ["back_pain"], "red_flags": {"fever": False}},
        "consents": {"take_part": {"given": True}},
    }


@pytest.mark.parametrize("column", ["PHQ-9", "PHQ-9 item 9", "Notes", "work.annual_earnings_pence", "Red flag fever"])
def test_a_reference_does_not_follow_from_what_is_sealed(column: str) -> None:
    """Whoever reads it beside what stands in clear could try every answer until the digest fits."""
    (one,), (other,) = (
        read(f"Surname,Work status,{column}\nLee,employed,{said}\n", "route=self") for said in ("1", "0")
    )
    assert one.document != other.document
    assert one.document["referrer"] == other.document["referrer"]


def test_a_reference_follows_from_the_row_wherever_it_stands() -> None:
    one, other = read("Surname,First name\nLee,Bo\nKay,Al\n", "route=self")
    again, _ = read("First name,Surname\nAl,Kay\nx,y\n", "route=self")
    assert other.document == again.document
    assert one.document["referrer"] != other.document["referrer"]


def test_a_missing_referrer_is_not_made_up() -> None:
    (found,) = read("Surname\nLee\n", "route=gp")
    assert "referrer" not in found.document


def test_a_part_s_own_day_has_a_heading_of_its_own() -> None:
    found = {heading: by_heading()[plain(heading)].path for heading in ("PHQ-9", "PHQ-9 taken on", "Start MSK version")}
    assert found == {
        "PHQ-9": "assessment.phq9.score",
        "PHQ-9 taken on": "assessment.parts.phq9.taken_on",
        "Start MSK version": "assessment.parts.start_msk.version",
    }
