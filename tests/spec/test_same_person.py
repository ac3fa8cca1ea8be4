"""Who is the same person, who is for a person to look at, and who is somebody else [design]."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from services.intake.domain.same_person import Identity, Known, NearReason, Recognised, compare, recognise
from services.intake.domain.spelling import days_one_slip_apart, one_slip_apart, plain, postcode_key, swapped_days

ADA = Identity("9990000018", "Example", "Ada", date(1986, 4, 12), "M1 1AE")
WITHOUT = replace(ADA, nhs_number=None)
OTHER_NUMBER = "9990000026"
OTHER = replace(ADA, nhs_number=OTHER_NUMBER)
YOUNGER = replace(ADA, birth_date=date(1990, 1, 30))
SINCE = datetime(2024, 11, 18, 9, 0, tzinfo=UTC)
HERE, ELSEWHERE = "workwell-greater-manchester", "working-well-early-help"


@pytest.mark.parametrize(
    ("title", "one", "other", "same"),
    [
        ("case does not count", "EXAMPLE", "example", True),
        ("nor do accents", "Núñez", "Nunez", True),
        ("nor accents given apart from their letters", "Nu\u0301n\u0303ez", "Núñez", True),
        ("nor letters that Unicode does not take apart", "Sørensen Łukasz", "sorensen lukasz", True),
        ("a ligature is its letters", "Æsa", "Aesa", True),
        ("sharp s is two", "Strauß", "STRAUSS", True),
        ("letters in full width", "Ｅxample", "Example", True),
        ("an apostrophe does not count", "O'Brien", "OBrien", True),
        ("whichever apostrophe it is", "O’Brien", "O'Brien", True),
        ("nor does a hyphen", "Smith-Jones", "Smith Jones", True),
        ("or a dash of another length", "Smith\u2013Jones", "SmithJones", True),
        ("or spaces around and within", "  Van  der   Berg ", "vanderberg", True),
        ("or a full stop", "St. John", "St John", True),
        ("the order of two names does", "Mary Ann", "Ann Mary", False),
        ("another letter does", "Jon", "John", False),
        ("Müller is not Mueller", "Müller", "Mueller", False),
        ("Hebrew points do not", "שָׁלוֹם", "שלום", True),
        ("Arabic points do not", "مُحَمَّد", "محمد", True),
        ("vowels of Devanagari are part of the name", "राम", "रीम", False),
        ("voiced kana are other letters", "かか", "がが", False),
        ("Cyrillic names are kept apart", "Ковальчук", "Шевченко", False),
        ("Cyrillic accents are left out as elsewhere", "Андре\u0301й", "Андрей", True),
        ("Chinese names are kept apart", "王伟", "王芳", False),
        ("names of punctuation alone are two names", "-", ".", False),
        ("figures count", "Ada 2", "Ada", False),
    ],
)
def test_how_names_are_written(title: str, one: str, other: str, same: bool) -> None:
    assert (plain(one) == plain(other)) == same, (title, plain(one), plain(other))
    assert plain(one), title


@pytest.mark.parametrize(
    ("title", "one", "other", "same"),
    [
        ("without its space", "M1 1AE", "M11AE", True),
        ("in small letters", "m1 1ae", "M1 1AE", True),
        ("another unit", "M1 1AE", "M1 1AF", False),
        ("another district", "M1 1AE", "M11 1AE", False),
    ],
)
def test_how_postcodes_are_written(title: str, one: str, other: str, same: bool) -> None:
    assert (postcode_key(one) == postcode_key(other)) == same, title


@pytest.mark.parametrize(
    ("title", "day", "swapped"),
    [
        ("4 December for 12 April", date(1986, 4, 12), date(1986, 12, 4)),
        ("no month 13", date(1986, 4, 13), None),
        ("the same either way", date(1986, 4, 4), None),
        ("29 February has no other", date(1988, 2, 29), None),
    ],
)
def test_day_and_month_swapped(title: str, day: date, swapped: date | None) -> None:
    assert swapped_days(day) == swapped, title


@pytest.mark.parametrize(
    ("title", "one", "other", "one_slip"),
    [
        ("a letter more", "jon", "john", True),
        ("a letter less at the end", "anne", "ann", True),
        ("another letter", "jane", "jade", True),
        ("the first letter", "cathy", "kathy", True),
        ("two neighbours swapped", "brian", "brain", True),
        ("two swapped at the end", "marai", "maria", True),
        ("the same is none", "ada", "ada", False),
        ("two letters", "anna", "hanne", False),
        ("two swapped that are no neighbours", "abc", "cba", False),
        ("a swap and a letter", "jonh", "johnn", False),
        ("two letters more", "ann", "annie", False),
    ],
)
def test_one_slip_of_the_keyboard(title: str, one: str, other: str, one_slip: bool) -> None:
    assert one_slip_apart(one, other) == one_slip_apart(other, one) == one_slip, title


@pytest.mark.parametrize(
    ("title", "one", "other", "one_slip"),
    [
        ("another last figure of the day", date(1986, 4, 12), date(1986, 4, 13), True),
        ("another first figure of the day", date(1986, 4, 12), date(1986, 4, 22), True),
        ("figures of the day swapped", date(1986, 4, 12), date(1986, 4, 21), True),
        ("another month", date(1986, 4, 12), date(1986, 5, 12), True),
        ("figures of the month swapped", date(1986, 10, 12), date(1986, 1, 12), True),
        ("another decade", date(1986, 4, 12), date(1976, 4, 12), True),
        ("figures of the year swapped", date(1986, 4, 12), date(1968, 4, 12), True),
        ("a century", date(1986, 4, 12), date(2086, 4, 12), False),
        ("two figures", date(1986, 4, 12), date(1990, 4, 12), False),
        ("the next day, where both figures turn", date(1986, 4, 19), date(1986, 4, 20), False),
        ("day and month, one figure each", date(1986, 4, 12), date(1986, 5, 13), False),
        ("the same day is no slip", date(1986, 4, 12), date(1986, 4, 12), False),
    ],
)
def test_one_slip_in_a_date(title: str, one: date, other: date, one_slip: bool) -> None:
    assert days_one_slip_apart(one, other) == days_one_slip_apart(other, one) == one_slip, title


R = NearReason
TABLE: Sequence[tuple[str, Identity, Identity, tuple[NearReason, ...]]] = [
    # with the same NHS number
    ("the same in everything is certain, not near", ADA, ADA, ()),
    (
        "the same number, another birth date",
        ADA,
        replace(ADA, birth_date=date(1990, 4, 12)),
        (R.NHS_NUMBER_SAME, R.BIRTH_DATE_DIFFERS),
    ),
    (
        "the same number, day and month swapped",
        ADA,
        replace(ADA, birth_date=date(1986, 12, 4)),
        (R.NHS_NUMBER_SAME, R.DAY_AND_MONTH_SWAPPED),
    ),
    (
        "the same number, another family name",
        ADA,
        replace(ADA, family_name="Married"),
        (R.NHS_NUMBER_SAME, R.NAMES_DIFFER),
    ),
    (
        "the same number, nothing else",
        ADA,
        Identity(ADA.nhs_number, "Other", "Bob", date(1970, 1, 30), "LS1 1AA"),
        (R.NHS_NUMBER_SAME, R.NAMES_DIFFER, R.BIRTH_DATE_DIFFERS, R.POSTCODE_DIFFERS),
    ),
    (
        "the same number, a slip in the birth date",
        ADA,
        replace(ADA, birth_date=date(1986, 4, 13)),
        (R.NHS_NUMBER_SAME, R.BIRTH_DATE_TYPO),
    ),
    # without a number, or with one on one side only
    ("another postcode", ADA, replace(WITHOUT, postcode="M2 2BB"), (R.POSTCODE_DIFFERS,)),
    ("no postcode", WITHOUT, replace(WITHOUT, postcode=None), (R.POSTCODE_UNKNOWN,)),
    ("a postcode in other writing is the same", WITHOUT, replace(WITHOUT, postcode="m11ae"), (R.SEVERAL_FIT,)),
    ("names swapped", ADA, replace(WITHOUT, family_name="Ada", given_name="Example"), (R.NAMES_SWAPPED,)),
    ("a slip in the given name", ADA, replace(WITHOUT, given_name="Adah"), (R.GIVEN_NAME_TYPO,)),
    ("a slip in the family name", ADA, replace(WITHOUT, family_name="Exmaple"), (R.FAMILY_NAME_TYPO,)),
    (
        "a slip, and moved house",
        ADA,
        replace(WITHOUT, given_name="Adah", postcode="M2 2BB"),
        (R.GIVEN_NAME_TYPO, R.POSTCODE_DIFFERS),
    ),
    (
        "Mueller for Müller",
        replace(ADA, family_name="Müller"),
        replace(WITHOUT, family_name="Mueller"),
        (R.FAMILY_NAME_TYPO,),
    ),
    ("a second given name", ADA, replace(WITHOUT, given_name="Ada Mary"), (R.GIVEN_NAMES_PARTLY,)),
    ("an initial", ADA, replace(WITHOUT, given_name="A."), (R.GIVEN_NAMES_PARTLY,)),
    (
        "given names in another order",
        replace(ADA, given_name="Ada Mary"),
        replace(WITHOUT, given_name="Mary-Ada"),
        (R.GIVEN_NAMES_REORDERED,),
    ),
    ("a double name", ADA, replace(WITHOUT, family_name="Example-Jones"), (R.FAMILY_NAMES_PARTLY,)),
    (
        "a double name the other way round",
        replace(ADA, family_name="Smith Jones"),
        replace(WITHOUT, family_name="Jones-Smith"),
        (R.FAMILY_NAMES_REORDERED,),
    ),
    ("day and month swapped", ADA, replace(WITHOUT, birth_date=date(1986, 12, 4)), (R.DAY_AND_MONTH_SWAPPED,)),
    (
        "day and month swapped, and moved house",
        ADA,
        replace(WITHOUT, birth_date=date(1986, 12, 4), postcode="M2 2BB"),
        (R.DAY_AND_MONTH_SWAPPED, R.POSTCODE_DIFFERS),
    ),
    ("another figure in the birth date", ADA, replace(WITHOUT, birth_date=date(1986, 4, 13)), (R.BIRTH_DATE_TYPO,)),
    ("two figures of the year swapped", ADA, replace(WITHOUT, birth_date=date(1968, 4, 12)), (R.BIRTH_DATE_TYPO,)),
    (
        "a slip in the birth date, without any number",
        WITHOUT,
        replace(WITHOUT, birth_date=date(1986, 4, 21)),
        (R.BIRTH_DATE_TYPO,),
    ),
    ("another family name, as by marriage", ADA, replace(WITHOUT, family_name="Married"), (R.FAMILY_NAMES_DIFFER,)),
    (
        "another family name, without any number",
        WITHOUT,
        replace(WITHOUT, family_name="Married"),
        (R.FAMILY_NAMES_DIFFER,),
    ),
    # two numbers speak for two people
    ("two numbers, all else the same", ADA, OTHER, (R.NHS_NUMBERS_DIFFER,)),
    ("two numbers and another postcode", ADA, replace(ADA, nhs_number=OTHER_NUMBER, postcode="M2 2BB"), ()),
    ("twins with numbers", ADA, replace(ADA, nhs_number=OTHER_NUMBER, given_name="Ida"), ()),
    (
        "two numbers and a slip in the birth date",
        ADA,
        replace(ADA, nhs_number=OTHER_NUMBER, birth_date=date(1986, 4, 13)),
        (),
    ),
    ("two numbers and another family name", ADA, replace(ADA, nhs_number=OTHER_NUMBER, family_name="Married"), ()),
    # two things that differ are two people
    ("two slips", ADA, replace(WITHOUT, given_name="Adah", family_name="Exampel"), ()),
    ("a slip and another birth date", ADA, replace(WITHOUT, given_name="Adah", birth_date=date(1986, 12, 4)), ()),
    ("another given name", ADA, replace(WITHOUT, given_name="Grace"), ()),
    ("another birth date", ADA, replace(WITHOUT, birth_date=date(1990, 1, 30)), ()),
    (
        "a slip in the birth date, and another house",
        ADA,
        replace(WITHOUT, birth_date=date(1986, 4, 13), postcode="M2 2BB"),
        (),
    ),
    (
        "a slip in the birth date, and no postcode",
        ADA,
        replace(WITHOUT, birth_date=date(1986, 4, 13), postcode=None),
        (),
    ),
    (
        "a slip in the birth date and one in the name",
        ADA,
        replace(WITHOUT, birth_date=date(1986, 4, 13), given_name="Adah"),
        (),
    ),
    (
        "another family name, and another house",
        ADA,
        replace(WITHOUT, family_name="Married", postcode="M2 2BB"),
        (),
    ),
    (
        "another family name and a part of the given one",
        ADA,
        replace(WITHOUT, family_name="Married", given_name="Ada Mary"),
        (),
    ),
    (
        "another family name, and day and month swapped",
        ADA,
        replace(WITHOUT, family_name="Married", birth_date=date(1986, 12, 4)),
        (),
    ),
    ("twins without numbers", WITHOUT, replace(WITHOUT, given_name="Ida Rose"), ()),
    ("of one letter nobody can tell a slip", replace(ADA, given_name="A"), replace(WITHOUT, given_name="B"), ()),
]


@pytest.mark.parametrize(("title", "one", "other", "reasons"), TABLE, ids=[row[0] for row in TABLE])
def test_near_matches(title: str, one: Identity, other: Identity, reasons: tuple[NearReason, ...]) -> None:
    assert compare(one, other) == reasons, title
    assert compare(other, one) == reasons, f"{title}, the other way round"


def known(person: str, as_: Identity, *, held: str | None = None, programme: str = HERE, day: int = 0) -> Known:
    return Known(person, SINCE.replace(day=18 + day), held or as_.nhs_number, as_.name_key, as_, programme)


@pytest.mark.parametrize(
    ("title", "me", "people", "person", "near"),
    [
        ("nobody is known", ADA, [], None, []),
        ("by number", replace(ADA, postcode=None), [known("p", ADA)], "p", []),
        ("by number, with a slip in the name", replace(ADA, given_name="Adah"), [known("p", ADA)], "p", []),
        ("a number with another birth date is kept apart", YOUNGER, [known("p", ADA)], None, ["p"]),
        (
            "a number with another name is kept apart",
            replace(ADA, family_name="Married"),
            [known("p", ADA)],
            None,
            ["p"],
        ),
        ("by name, birth date and postcode", WITHOUT, [known("p", ADA)], "p", []),
        ("the other way round", ADA, [known("p", WITHOUT)], "p", []),
        ("another number speaks against it", ADA, [known("p", OTHER)], None, ["p"]),
        (
            "of two who fit neither is meant, and both are near",
            WITHOUT,
            [known("p", ADA), known("q", OTHER)],
            None,
            ["p", "q"],
        ),
        ("a number decides between two who fit", ADA, [known("p", ADA), known("q", OTHER)], "p", ["q"]),
        (
            "an earlier address counts too",
            WITHOUT,
            [known("p", replace(WITHOUT, postcode="M2 2BB")), known("p", WITHOUT)],
            "p",
            [],
        ),
        (
            "in a programme that funds other days nobody is near",
            WITHOUT,
            [known("p", replace(WITHOUT, given_name="Adah"), programme=ELSEWHERE)],
            None,
            [],
        ),
        ("but somebody who is the same is known", WITHOUT, [known("p", WITHOUT, programme=ELSEWHERE)], "p", []),
        (
            "who shares a number wrongly is not who holds it",
            YOUNGER,
            [known("p", ADA), Known("q", SINCE, None, None, YOUNGER, HERE)],
            "q",
            ["p"],
        ),
    ],
)
def test_who_is_meant(title: str, me: Identity, people: list[Known], person: str | None, near: list[str]) -> None:
    found = recognise(me, people, {HERE})
    assert (found.person_id, [one.person_id for one in found.near]) == (person, near), title


def test_a_number_is_taken_where_somebody_else_holds_it() -> None:
    apart = YOUNGER
    assert recognise(apart, [known("p", ADA)], {HERE}).number_taken
    assert not recognise(ADA, [known("p", ADA)], {HERE}).number_taken
    assert recognise(ADA, [], {HERE}) == Recognised(None, (), number_taken=False)
    merged = Known("p", SINCE, ADA.nhs_number, None, ADA, HERE, pseudonym="merged into p")
    assert recognise(ADA, [merged], {HERE}) == Recognised("p", (), number_taken=True)
