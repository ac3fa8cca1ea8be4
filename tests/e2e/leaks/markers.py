"""People whose every detail is a marker: a word that is found nowhere by chance, in every spelling that it may take."""

import base64
import copy
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final, get_args
from urllib.parse import quote

from pydantic import BaseModel

from services.demo.identity import next_nhs_number
from services.intake.referrals.examples import GP_REFERRAL

LEAST_ENCODED = 9
"""Characters from which on a word is looked for in hexadecimal and base64 too: shorter ones turn up by chance."""

MARKED: Final = frozenset(
    {
        *("/referrer/name", "/referrer/reference"),
        *("/person/nhs_number", "/person/family_name", "/person/given_name", "/person/birth_date", "/person/postcode"),
        *("/person/registered_gp_ods", "/person/contact/phone", "/person/contact/email"),
        *("/work/annual_earnings_pence", "/eligibility_facts/jobcentre_office", "/additional_information"),
    }
)
"""Fields of a posted referral that hold a marker of their own."""

HEALTH: Final = "/assessment/"
"""All below it is sealed: its names and codes are looked for, and its scores where they stand in a row."""

IN_THE_EVENT: Final = frozenset(
    {
        *("/programme", "/locality", "/provider/named", "/provider/chosen", "/route", "/referred_on"),
        *("/person/sex", "/person/language", "/person/accessible_needs", "/asks"),
        *("/work/status", "/work/attendance", "/work/off_sick_since", "/work/unemployed_since", "/work/weekly_hours"),
        *("/work/job_at_risk", "/work/highest_qualification_level", "/eligibility_facts/complex_needs"),
        *(f"/consents/{name}/{part}" for name in ("take_part", "share_with_gp", "share_with_employer")
          for part in ("given", "on", "channel")),
    }
)  # fmt: skip
"""Fields that stand in an event as they were posted, open or restricted; the catalogue says who may read them."""

NO_WORD: Final = {
    "/referrer/ods_code": "says which organisation refers, nothing of the person",
    "/person/ethnic_category": "one letter; the event has its group",
    "/person/contact/preferred": "one of three words",
    "/eligibility_facts/right_to_work": "yes or no",
    "/eligibility_facts/wants_to_work": "yes or no",
    "/eligibility_facts/health_condition": "yes or no",
    "/eligibility_facts/condition_affects_work": "yes or no",
}
"""Fields in which no marker fits, and why that does no harm."""

GRAVE: Final = {
    "taken_on": "2023-08-29",
    "conditions": ["severe_mental_illness", "back_pain"],
    "phq9": {"score": 26, "item9": 3},
    "gad7": {"score": 20},
    "start_msk": {"score": 11},
    "wsas": {"score": 39},
    "red_flags": {"saddle_numbness": True, "night_pain": False},
    "under_secondary_mental_health_care": True,
    "stressors": ["bereavement"],
    "barriers": ["childcare"],
}
WHOLE: Final = {
    **GRAVE,
    "ons4": {"life_satisfaction": 1, "worthwhile": 2, "happiness": 1, "anxiety": 9},
    "parts": {"wsas": {"taken_on": "2023-08-28", "version": "wsas-of-others"}},
}
"""Every part; the scores of the grave one stand in a row there, and can be found."""
MILD: Final = {"taken_on": "2023-08-31", "conditions": ["musculoskeletal"], "start_msk": {"score": 6}}
HEALTH_WORDS: Final = frozenset(
    {
        *("2023-08-28", "2023, 8, 28", "ons4", "life_satisfaction", "worthwhile", "wsas-of-others"),
        *("2023-08-29", "2023-08-31", "2023-09-01", "2023-09-02"),
        *("2023, 8, 29", "2023, 8, 31", "2023, 9, 1", "2023, 9, 2"),
        *("severe_mental_illness", "back_pain", "musculoskeletal", "phq9", "gad7", "start_msk", "wsas", "item9"),
        *("saddle_numbness", "night_pain", "under_secondary_mental_health_care", "bereavement"),
    }
)
"""Names and codes of the two assessments that mean nothing else anywhere."""

_SCALES = re.compile("phq9|item9|gad7")
_SCORES = re.compile(r"(?<!\d)(?:26\D{1,60}3\D{1,60}20|20\D{1,60}3\D{1,60}26)\D{1,120}11(?!\d)")
"""The scores of the grave one, in the orders in which they are written: single numbers are found everywhere."""
_OTHERS_DIGITS = re.compile(r"[^0-9a-z]")


def made(*parts: object) -> str:
    """A word that nobody wrote before: the same for the same parts."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return "Zq" + "".join(chr(ord("a") + byte % 26) for byte in digest[:9])


@dataclass(frozen=True)
class Markers:
    """What must not be found, by what it is called; each of the words in every spelling."""

    words: dict[str, str]

    def __or__(self, other: "Markers") -> "Markers":
        return Markers(self.words | other.words)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {form: name for name, word in self.words.items() for form in spellings(word)}

    def found_in(self, text: str) -> set[str]:
        """Name the markers that stand in a text, however they are written."""
        lowered = text.casefold()
        return {name for form, name in self._spellings.items() if form in lowered}


def spellings(word: str) -> Iterator[str]:
    """A word as it might stand somewhere: in JSON, in an address, bare, encoded, or as its plain digest."""
    raw = word.encode()
    bare = _OTHERS_DIGITS.sub("", word.casefold())
    yield word.casefold()
    yield json.dumps(word)[1:-1].casefold()
    yield repr(word)[1:-1].casefold()
    yield quote(word).casefold()
    yield bare
    if bare.isdigit():
        yield from (bare.removeprefix("0"), f"{bare[:-2]}.{bare[-2:]}")
    if re.fullmatch(r"\d{4}-\d\d-\d\d", word):
        day = date.fromisoformat(word)
        yield from (f"{day:%d/%m/%Y}", f"{day.year}, {day.month}, {day.day}", f"{day.day} {day:%B %Y}".casefold())
    if len(word) >= LEAST_ENCODED:
        yield raw.hex()
        for skipped in range(3):  # a word can begin at any of three places of a group; its ends share groups
            inner = raw[(3 - skipped) % 3 :]
            yield base64.b64encode(inner[: len(inner) // 3 * 3]).decode().casefold()
    yield from (hashlib.new(name, raw, usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256"))


def health_in(text: str) -> set[str]:
    """Name the words of an assessment that stand in a text, and its scores where they stand in a row."""
    lowered = text.casefold()
    found = {word for word in HEALTH_WORDS if word in lowered}
    return found | ({"scores in a row"} if _SCORES.search(_SCALES.sub("", lowered)) else set())


@dataclass(frozen=True)
class Person:
    """Somebody whose every detail is a marker."""

    number: int

    def word(self, name: str) -> str:
        """The person's own word for something."""
        return made(self.number, name)

    @property
    def born(self) -> str:
        """A birth date that nobody else has."""
        return (date(1961, 5, 3) + timedelta(days=37 * self.number)).isoformat()

    @property
    def nhs_number(self) -> str:
        """A valid NHS number of the synthetic range."""
        return next_nhs_number(417_000 + 101 * self.number)[0]

    def details(self) -> dict[str, Any]:
        """What stands in the marked fields, by pointer."""
        code = made(self.number, "code").upper()
        return {
            "/referrer/name": f"{self.word('surgeon')} Surgery",
            "/referrer/reference": f"Ref/{self.word('reference')}",
            "/person/nhs_number": self.nhs_number,
            "/person/family_name": f"O'{self.word('family')}",
            "/person/given_name": f"{self.word('given')}-José",
            "/person/birth_date": self.born,
            "/person/postcode": f"{code[:2]}{self.number % 10} {self.number // 10 % 10}{code[3:5]}",
            "/person/registered_gp_ods": code[:6],
            "/person/contact/phone": f"07700 9{55_000 + self.number}",
            "/person/contact/email": f"{self.word('mail')}@example.org".lower(),
            "/work/annual_earnings_pence": 914_270_000 + self.number,
            "/eligibility_facts/jobcentre_office": f"{self.word('office')}-office".lower(),
            "/additional_information": f"Told me that her dog is called “{self.word('dog')}”",
        }

    def markers(self) -> Markers:
        """The words to look for: the longer texts by the made word in them."""
        found = {pointer: str(text) for pointer, text in self.details().items()}
        for pointer, name in (("/referrer/name", "surgeon"), ("/referrer/reference", "reference")):
            found[pointer] = self.word(name)
        for pointer, name in (("/person/family_name", "family"), ("/person/given_name", "given")):
            found[pointer] = self.word(name)
        found["/additional_information"] = self.word("dog")
        found["/person/contact/email"] = self.word("mail")
        found["/eligibility_facts/jobcentre_office"] = self.word("office")
        return Markers({f"{pointer} of {self.number}": word for pointer, word in found.items()})

    def referral(self, assessment: Any = MILD, **fields: Any) -> dict[str, Any]:
        """A referral of this person by a surgery; ``fields`` replace some."""
        body = copy.deepcopy(GP_REFERRAL)
        for pointer, value in self.details().items():
            put(body, pointer, value)
        body["provider"] = {"named": "growth-company"}
        return {**body, "assessment": assessment, **fields}


def put(body: dict[str, Any], pointer: str, value: Any) -> None:
    """Write a value at a place of a document."""
    *way, last = pointer.split("/")[1:]
    for part in way:
        body = body[part]
    body[last] = value


def pointers(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Every place of a model that holds no further model."""
    for name, field in model.model_fields.items():
        inner = [kind for kind in _kinds(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if inner:
            yield from (place for kind in inner for place in pointers(kind, f"{above}/{name}"))
        else:
            yield f"{above}/{name}"


def _kinds(annotation: Any) -> Iterable[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from _kinds(inner)
