"""One cell: its text becomes the value that the API takes, or what is wrong with it is named.

Spreadsheets change what is put into them. What can be put right without guessing is, and told (``mended``); what is
lost for good, such as the digits of a number shown as 9.99E+09, is a fault. A cell that is not understood is left as
it is for the API to refuse: nothing is ever dropped.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from services.bulk.fields import Field, Kind

NHS_DIGITS: Final = 10
PHONE_DIGITS: Final = 10
EXCEL_DAY_ZERO: Final = date(1899, 12, 30)
"""Excel counts days from here (and believes that 1900 was a leap year, which no date after February 1900 shows)."""
EXCEL_DAYS: Final = range(366, 73_051)
"""Day numbers of 1901 to 2099: what else is a number of that length is no date."""

_SCIENTIFIC = re.compile(r"[+-]?\d+([.,]\d+)?[eE][+-]?\d+")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_BRITISH = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})")
_SHORT_YEAR = re.compile(r"\d{1,2}[/.\- ]\d{1,2}[/.\- ]\d{2}")
_MIDNIGHT = re.compile(r"[T ]0{1,2}:00(:00(\.0+)?)?Z?$")
_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)\s*([0-9][A-Z]{2})")
_LIST = re.compile(r"\s*[;|,\n]\s*")
_WHOLE = re.compile(r"[+-]?\d+")
_YES: Final = frozenset({"yes", "y", "true", "1"})
_NO: Final = frozenset({"no", "n", "false", "0"})
_UNKNOWN: Final = frozenset({"unknown", "not known", "not asked", "n/a", "na", "-"})


@dataclass(frozen=True, slots=True)
class Told:
    """Something to say of a cell: a stable code and a sentence that repeats nothing of it."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell says: the JSON value (None: it says nothing); what is wrong with it; what was put right."""

    value: Any = None
    fault: Told | None = None
    mended: Told | None = None


def read_cell(field: Field, text: str) -> Cell:
    """Read a cell of a field's column."""
    stripped = text.strip().strip("\N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NO-BREAK SPACE}")
    if not stripped:
        return Cell()
    return _READERS[field.kind](field, stripped)


def _text(_: Field, text: str) -> Cell:
    return Cell(text)


def _code(_: Field, text: str) -> Cell:
    return Cell(_as_code(text))


def _codes(_: Field, text: str) -> Cell:
    return Cell([_as_code(part) for part in _LIST.split(text) if part])


def _as_code(text: str) -> str:
    return re.sub(r"[\s\-]+", "_", text.strip().lower())


def _capitals(_: Field, text: str) -> Cell:
    return Cell(text.upper())


def _postcode(_: Field, text: str) -> Cell:
    found = _POSTCODE.fullmatch(text.upper())
    return Cell(text if found is None else f"{found[1]} {found[2]}")


def _yes_no(_: Field, text: str) -> Cell:
    said = text.lower()
    if said in _UNKNOWN:
        return Cell()
    if said in _YES | _NO:
        return Cell(said in _YES)
    return Cell(text, Told("not_yes_or_no", "write yes or no, or leave it empty where it was not asked"))


def _number(_: Field, text: str) -> Cell:
    whole = re.sub(r"[.,]0+$", "", text)
    if _WHOLE.fullmatch(whole) and len(whole) <= 16:  # noqa: PLR2004  beyond 2**53 the API refuses it anyhow
        return Cell(int(whole))
    return Cell(text, Told("not_a_number", "write a whole number, in digits"))


def _date(_: Field, text: str) -> Cell:
    day = _MIDNIGHT.sub("", text)
    if found := _ISO.fullmatch(day):
        return _day(text, found[1], found[2], found[3])
    if found := _BRITISH.fullmatch(day):
        return _day(text, found[3], found[2], found[1])
    if _SHORT_YEAR.fullmatch(day):
        return Cell(text, Told("year_of_two_digits", "write the year with four digits: nobody can tell the century"))
    serial = re.sub(r"[.,]0+$", "", day)
    if serial.isascii() and serial.isdecimal() and len(serial) <= 5 and int(serial) in EXCEL_DAYS:  # noqa: PLR2004
        found_day = EXCEL_DAY_ZERO + timedelta(days=int(serial))
        return Cell(
            found_day.isoformat(), mended=Told("excel_day_number", "a day number of Excel was read as its date")
        )
    return Cell(text, Told("not_a_date", "write the date as 2024-11-18 or 18/11/2024"))


def _day(text: str, year: str, month: str, day: str) -> Cell:
    try:
        return Cell(date(int(year), int(month), int(day)).isoformat())
    except ValueError:
        return Cell(text, Told("no_such_day", "there is no such day; dates are read as day/month/year"))


def _nhs_number(_: Field, text: str) -> Cell:
    if _SCIENTIFIC.fullmatch(text):
        return Cell(text, _DIGITS_LOST)
    digits = re.sub(r"[\s\-]", "", text).removesuffix(".0")
    if digits.isascii() and digits.isdecimal() and len(digits) < NHS_DIGITS:
        message = f"an NHS number has {NHS_DIGITS} digits; look at the source whether the sheet lost some"
        return Cell(text, Told("digits_missing", message))
    return Cell(digits)


def _phone(_: Field, text: str) -> Cell:
    if _SCIENTIFIC.fullmatch(text):
        return Cell(text, _DIGITS_LOST)
    plain = re.sub(r"[\s()\-]", "", text).removesuffix(".0")
    if plain.isascii() and plain.isdecimal() and len(plain) == PHONE_DIGITS and plain[0] in "123789":
        return Cell(f"0{plain}", mended=Told("zero_restored", "a leading 0 that the sheet had dropped was put back"))
    return Cell(text.removesuffix(".0"))


_DIGITS_LOST: Final = Told(
    "digits_lost",
    "the sheet shows this number as a power of ten and has lost its digits for good: take it from the source again, "
    "with the column formatted as text",
)
_READERS: Final[Mapping[Kind, Callable[[Field, str], Cell]]] = {
    Kind.TEXT: _text,
    Kind.CODE: _code,
    Kind.CODES: _codes,
    Kind.DATE: _date,
    Kind.NUMBER: _number,
    Kind.YES_NO: _yes_no,
    Kind.NHS_NUMBER: _nhs_number,
    Kind.PHONE: _phone,
    Kind.CAPITALS: _capitals,
    Kind.POSTCODE: _postcode,
}
