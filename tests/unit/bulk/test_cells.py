"""A cell of a spreadsheet: what it means, what was put right, what is named as lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.bulk.cells import read_cell
from services.bulk.fields import all_fields
from services.bulk.sheet import plain_text, safe_text

CASES = [
    ("an ISO date", "person.birth_date", "1986-04-12", "1986-04-12", None, None),
    ("day first, as in Britain", "person.birth_date", "12/04/1986", "1986-04-12", None, None),
    ("with a time at midnight", "person.birth_date", "12/04/1986 00:00", "1986-04-12", None, None),
    ("dots and one digit", "person.birth_date", "2.4.1986", "1986-04-02", None, None),
    ("Excel's day number", "person.birth_date", "31514", "1986-04-12", None, "excel_day_number"),
    ("Excel's day number with a point", "person.birth_date", "31514.0", "1986-04-12", None, "excel_day_number"),
    ("a month that there is not", "person.birth_date", "04/13/1986", "04/13/1986", "no_such_day", None),
    ("29 February of no leap year", "person.birth_date", "29/02/1985", "29/02/1985", "no_such_day", None),
    ("a year of two digits", "person.birth_date", "12/04/86", "12/04/86", "year_of_two_digits", None),
    ("words", "person.birth_date", "last spring", "last spring", "not_a_date", None),
    ("a number too large for a day", "person.birth_date", "99999", "99999", "not_a_date", None),
    ("an NHS number in groups", "person.nhs_number", "999 000 0018", "9990000018", None, None),
    ("an NHS number as a power of ten", "person.nhs_number", "9.99E+09", "9.99E+09", "digits_lost", None),
    ("an NHS number as a power, with a comma", "person.nhs_number", "9,99E+09", "9,99E+09", "digits_lost", None),
    ("an NHS number of nine digits", "person.nhs_number", "990000018", "990000018", "digits_missing", None),
    ("a mobile number without its 0", "person.contact.phone", "7700900001", "07700900001", None, "zero_restored"),
    ("a mobile number as it is", "person.contact.phone", "07700 900001", "07700 900001", None, None),
    ("a phone number as a power of ten", "person.contact.phone", "7.7E+09", "7.7E+09", "digits_lost", None),
    ("a postcode without its space", "person.postcode", "m11ae", "M1 1AE", None, None),
    ("what is no postcode is left to the API", "person.postcode", "nowhere", "nowhere", None, None),
    ("yes", "work.job_at_risk", " Yes ", True, None, None),
    ("no", "work.job_at_risk", "N", False, None, None),
    ("not asked is not no", "work.job_at_risk", "unknown", None, None, None),
    ("neither yes nor no", "work.job_at_risk", "perhaps", "perhaps", "not_yes_or_no", None),
    ("a score", "assessment.phq9.score", "12", 12, None, None),
    ("a score as Excel has it", "assessment.phq9.score", "12.0", 12, None, None),
    ("a score in words", "assessment.phq9.score", "twelve", "twelve", "not_a_number", None),
    ("half a score", "assessment.phq9.score", "12.5", "12.5", "not_a_number", None),
    ("a code as people write it", "work.attendance", "Off sick", "off_sick", None, None),
    (
        "several codes",
        "assessment.conditions",
        "Back pain; Musculoskeletal",
        ["back_pain", "musculoskeletal"],
        None,
        None,
    ),
    ("nothing", "person.family_name", "  ", None, None, None),
    ("a space that is none", "person.family_name", "\N{NO-BREAK SPACE}Lee", "Lee", None, None),
]


@pytest.mark.parametrize(
    ("path", "text", "value", "fault", "mended"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_cell(path: str, text: str, value: object, fault: str | None, mended: str | None) -> None:
    cell = read_cell(all_fields()[path], text)
    assert cell.value == value
    assert (cell.fault and cell.fault.code) == fault
    assert (cell.mended and cell.mended.code) == mended


@given(st.sampled_from(sorted(all_fields())), st.text(max_size=30))
def test_no_text_is_dropped_and_none_is_repeated(path: str, text: str) -> None:
    cell = read_cell(all_fields()[path], text)
    for told in (cell.fault, cell.mended):
        assert told is None or len(text.strip()) < 3 or text.strip() not in told.message or text.strip() in "0123456789"
    if cell.fault is not None:
        assert cell.value not in {None, "", True, False}


@given(st.text(max_size=20))
def test_what_is_written_safe_is_read_as_it_was_and_is_no_formula(text: str) -> None:
    assert plain_text(safe_text(text)) == text
    assert not safe_text(text).startswith(("=", "+", "-", "@", "\t", "\r"))
