"""The same person, nearly the same, or somebody else: by NHS number, names, birth date and postcode.

A wrong split is found and mended by a person; a wrong join cannot be undone. So what is not certain joins nobody: it is
a near match, with its reasons, and a person decides. All rules here are our reading [design].
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property

from services.intake.domain.spelling import (
    Likeness,
    days_one_slip_apart,
    likeness,
    plain,
    postcode_key,
    swapped_days,
    tokens,
)


class NearReason(StrEnum):
    """Why two people may be one, or what speaks against it."""

    NHS_NUMBER_SAME = "nhs_number_same"
    NHS_NUMBERS_DIFFER = "nhs_numbers_differ"
    NAMES_DIFFER = "names_differ"
    NAMES_SWAPPED = "names_swapped"
    FAMILY_NAME_TYPO = "family_name_typo"
    FAMILY_NAMES_REORDERED = "family_names_reordered"
    FAMILY_NAMES_PARTLY = "family_names_partly"
    GIVEN_NAME_TYPO = "given_name_typo"
    GIVEN_NAMES_REORDERED = "given_names_reordered"
    GIVEN_NAMES_PARTLY = "given_names_partly"
    FAMILY_NAMES_DIFFER = "family_names_differ"
    BIRTH_DATE_DIFFERS = "birth_date_differs"
    BIRTH_DATE_TYPO = "birth_date_typo"
    DAY_AND_MONTH_SWAPPED = "day_and_month_swapped"
    POSTCODE_DIFFERS = "postcode_differs"
    POSTCODE_UNKNOWN = "postcode_unknown"
    SEVERAL_FIT = "several_fit"


_OF_FAMILY = {
    Likeness.TYPO: NearReason.FAMILY_NAME_TYPO,
    Likeness.REORDERED: NearReason.FAMILY_NAMES_REORDERED,
    Likeness.PARTLY: NearReason.FAMILY_NAMES_PARTLY,
}
_OF_GIVEN = {
    Likeness.TYPO: NearReason.GIVEN_NAME_TYPO,
    Likeness.REORDERED: NearReason.GIVEN_NAMES_REORDERED,
    Likeness.PARTLY: NearReason.GIVEN_NAMES_PARTLY,
}


@dataclass(frozen=True)
class Identity:
    """What one referrer said of who somebody is."""

    nhs_number: str | None
    family_name: str
    given_name: str
    birth_date: date
    postcode: str | None

    @cached_property
    def family_key(self) -> str:
        """The family name's normal form."""
        return plain(self.family_name)

    @cached_property
    def given_key(self) -> str:
        """The given names' normal form."""
        return plain(self.given_name)

    @cached_property
    def name_key(self) -> str | None:
        """By what somebody without an NHS number is recognised; None without a postcode."""
        if self.postcode is None:
            return None
        return "|".join((self.family_key, self.given_key, self.birth_date.isoformat(), postcode_key(self.postcode)))

    @cached_property
    def home_key(self) -> str | None:
        """Names and postcode, under which a slip in the birth date is looked for; None without a postcode."""
        if self.postcode is None:
            return None
        return "|".join((self.family_key, self.given_key, postcode_key(self.postcode)))

    @cached_property
    def birth_dates(self) -> tuple[date, ...]:
        """The birth date and, where there is such a day, the one with day and month swapped."""
        other = swapped_days(self.birth_date)
        return (self.birth_date,) if other is None else (self.birth_date, other)


@dataclass(frozen=True, slots=True)
class Known:
    """One pseudonym as one referrer described it. ``identity`` None: nothing is at hand but what the pseudonym holds.

    ``held`` and ``held_name`` are the NHS number and the name key that this pseudonym stands for; ``programme`` is one
    that it was referred to. ``pseudonym``: which of the person's pseudonyms this is, where ``person_id`` stands for
    several.
    """

    person_id: str
    since: datetime
    held: str | None
    held_name: str | None
    identity: Identity | None
    programme: str | None
    pseudonym: str | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """Somebody else who may be the same person."""

    person_id: str
    reasons: tuple[NearReason, ...]


@dataclass(frozen=True, slots=True)
class Recognised:
    """Who somebody is (None: nobody who is known), and whom they are near to.

    ``number_taken``: another pseudonym holds the NHS number already, be it one that was merged with this one.
    """

    person_id: str | None
    near: tuple[Near, ...]
    number_taken: bool


def compare(one: Identity, other: Identity) -> tuple[NearReason, ...]:
    """Return why two descriptions may be of one person; empty: they are of two, or certainly of one.

    At most one thing may differ. Two NHS numbers speak for two people, unless all else is the same. Another family
    name, as by marriage, and a slip in the birth date count only where all else, the postcode too, is the same.
    """
    names, born, lives = _names(one, other), _born(one, other), _lives(one, other)
    if one.nhs_number is not None and one.nhs_number == other.nhs_number:
        if names == born == ():
            return ()
        return (NearReason.NHS_NUMBER_SAME, *((NearReason.NAMES_DIFFER,) if names is None else names), *born, *lives)
    if names is None and one.given_key == other.given_key and not lives:
        names = (NearReason.FAMILY_NAMES_DIFFER,)
    if names is None or NearReason.BIRTH_DATE_DIFFERS in born or len(names) + len(born) > 1:
        return ()
    if NearReason.BIRTH_DATE_TYPO in born and lives:
        return ()
    if one.nhs_number is not None and other.nhs_number is not None:
        return () if names or born or lives else (NearReason.NHS_NUMBERS_DIFFER,)
    return (*names, *born, *lives) or (NearReason.SEVERAL_FIT,)


def agrees(one: Identity, other: Identity) -> bool:
    """Tell whether all else lets an equal NHS number stand: the same birth date, and names alike."""
    return one.birth_date == other.birth_date and _names(one, other) is not None


def recognise(me: Identity, known: Sequence[Known], programmes: Iterable[str]) -> Recognised:
    """Return who is meant. ``known``: everybody who shares anything that could tell; ``programmes``: where to look.

    The NHS number decides, where birth date and name agree with it. Else name, birth date and postcode together do,
    when exactly one fits and no two NHS numbers speak against it. Whoever else is near, and was referred to one of
    ``programmes``, is for a person to look at.
    """
    found = _by_number(me, known) or _by_name(me, known)
    near: dict[str, tuple[NearReason, ...]] = {}
    looked_at = set(programmes)
    reachable = {one.person_id for one in known if one.programme in looked_at}
    for one in known:
        if one.person_id != found and one.person_id in reachable and one.identity is not None:
            reasons = compare(me, one.identity)
            if reasons and (one.person_id not in near or len(reasons) < len(near[one.person_id])):
                near[one.person_id] = reasons
    holders = {one.pseudonym or one.person_id for one in known if one.held == me.nhs_number}
    taken = me.nhs_number is not None and bool(holders - {found})
    return Recognised(found, tuple(Near(person, why) for person, why in sorted(near.items())), taken)


def _by_number(me: Identity, known: Sequence[Known]) -> str | None:
    if me.nhs_number is None:
        return None
    fitting = [
        (one.held != me.nhs_number, one.since, one.person_id)
        for one in known
        if me.nhs_number in _numbers(one) and (one.identity is None or agrees(me, one.identity))
    ]
    return min(fitting)[2] if fitting else None


def _by_name(me: Identity, known: Sequence[Known]) -> str | None:
    if me.name_key is None:
        return None
    against = {one.person_id for one in known if me.nhs_number is not None and _numbers(one)}
    people = {one.person_id for one in known if me.name_key in _name_keys(one) and one.person_id not in against}
    return people.pop() if len(people) == 1 else None


def _name_keys(one: Known) -> set[str | None]:
    return {one.held_name, None if one.identity is None else one.identity.name_key}


def _numbers(one: Known) -> set[str]:
    said = None if one.identity is None else one.identity.nhs_number
    return {number for number in (one.held, said) if number is not None}


def _names(one: Identity, other: Identity) -> tuple[NearReason, ...] | None:
    """Return what differs in the names, empty for nothing, None for too much."""
    family = likeness(tokens(one.family_name), tokens(other.family_name))
    given = likeness(tokens(one.given_name), tokens(other.given_name))
    match family, given:
        case Likeness.SAME, Likeness.SAME:
            return ()
        case Likeness.SAME, near if near in _OF_GIVEN:
            return (_OF_GIVEN[near],)
        case near, Likeness.SAME if near in _OF_FAMILY:
            return (_OF_FAMILY[near],)
    if one.family_key == other.given_key and one.given_key == other.family_key:
        return (NearReason.NAMES_SWAPPED,)
    return None


def _born(one: Identity, other: Identity) -> tuple[NearReason, ...]:
    if one.birth_date == other.birth_date:
        return ()
    if other.birth_date in one.birth_dates:
        return (NearReason.DAY_AND_MONTH_SWAPPED,)
    slip = days_one_slip_apart(one.birth_date, other.birth_date)
    return (NearReason.BIRTH_DATE_TYPO if slip else NearReason.BIRTH_DATE_DIFFERS,)


def _lives(one: Identity, other: Identity) -> tuple[NearReason, ...]:
    if one.postcode is None or other.postcode is None:
        return (NearReason.POSTCODE_UNKNOWN,)
    same = postcode_key(one.postcode) == postcode_key(other.postcode)
    return () if same else (NearReason.POSTCODE_DIFFERS,)
