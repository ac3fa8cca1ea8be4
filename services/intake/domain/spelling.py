"""How names and postcodes are written: their normal form, and how alike two names are.

Case, accents, punctuation, spaces and hyphens do not count. The order of several names does, and so does a name that
one leaves out: alike is not the same.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from enum import StrEnum

_APART = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t", "ə": "e"}
)
"""Letters that Unicode does not take apart into a letter and its accent."""
_FIRST_ACCENT = 200
"""From this combining class on marks are accents of Latin, Greek and Cyrillic letters."""
_VOWEL_POINTS = range(10, 36)
"""Hebrew and Arabic points, which are left out in everyday writing; other marks are part of the letter."""
_INITIAL = 1
_LONG_ENOUGH = 2
"""Of names of one letter nobody can tell a slip."""


class Likeness(StrEnum):
    """How alike two names are."""

    SAME = "same"
    TYPO = "typo"
    REORDERED = "reordered"
    PARTLY = "partly"
    OTHER = "other"


def plain(name: str) -> str:
    """Return a name's normal form. What consists of punctuation alone stays as it is: two of those are not one name."""
    return "".join(tokens(name))


def tokens(name: str) -> tuple[str, ...]:
    """Return the parts of a name, each in its normal form, in their order."""
    parts = (_folded(part) for part in _APART.split(name))
    return tuple(part for part in parts if part) or (name.strip().casefold(),)


def _folded(part: str) -> str:
    if part.isascii():  # most are, and the long way says the same of them
        return "".join(filter(str.isalnum, part.lower()))
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", part).casefold()).translate(_LETTERS)
    return "".join(letter for letter in folded if _counts(letter))


def _counts(letter: str) -> bool:
    if letter.isalnum():
        return True
    place = unicodedata.combining(letter)
    return unicodedata.category(letter) in {"Mn", "Mc"} and place < _FIRST_ACCENT and place not in _VOWEL_POINTS


def postcode_key(postcode: str) -> str:
    """Return a postcode without what only its writing adds."""
    return "".join(letter for letter in postcode.upper() if letter.isalnum())


def swapped_days(day: date) -> date | None:
    """Return the date with day and month swapped; None where that is no other date."""
    if day.day > 12 or day.day == day.month:  # noqa: PLR2004  months of a year
        return None
    return day.replace(month=day.day, day=day.month)


def days_one_slip_apart(one: date, other: date) -> bool:
    """Tell whether one figure is another, or two neighbours are swapped, in how the dates are written.

    Swapped within the year, the month or the day: nobody swaps figures of two fields.
    """
    fields = [(f"{a:04}", f"{b:04}") for a, b in zip(one.timetuple()[:3], other.timetuple()[:3], strict=True)]
    apart = [pair for pair in fields if pair[0] != pair[1]]
    return len(apart) == 1 and one_slip_apart(*apart[0])


def likeness(one: Sequence[str], other: Sequence[str]) -> Likeness:
    """Return how alike two names are, given in parts.

    ``TYPO``: one letter more, less or other, or two neighbours swapped. ``PARTLY``: one of them leaves parts out, or
    has initials.
    """
    first, second = "".join(one), "".join(other)
    if first == second:
        return Likeness.SAME
    if sorted(one) == sorted(other):
        return Likeness.REORDERED
    if min(len(first), len(second)) >= _LONG_ENOUGH and one_slip_apart(first, second):
        return Likeness.TYPO
    fewer, more = sorted((one, other), key=len)
    return Likeness.PARTLY if _stands_in(fewer, more) or _stands_in(more, fewer) else Likeness.OTHER


def one_slip_apart(one: str, other: str) -> bool:
    """Tell whether one insertion, deletion, replacement or swap of two neighbours makes one word of the other."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, left = one[start:], other[start:]
    if len(rest) != len(left):
        longer, shorter = sorted((rest, left), key=len, reverse=True)
        return longer[1:] == shorter
    return rest[1:] == left[1:] or (rest[:2] == left[1::-1] and rest[2:] == left[2:])


def _stands_in(fewer: Sequence[str], more: Sequence[str]) -> bool:
    """Tell whether every part of a name, or its initial, is one of the other's parts; each counts once."""
    if len(fewer) > len(more):
        return False
    left = list(more)
    for part in fewer:
        found = next((p for p in left if p == part), None)
        if found is None:
            found = next((p for p in left if _INITIAL in {len(part), len(p)} and p[0] == part[0]), None)
        if found is None:
            return False
        left.remove(found)
    return True
