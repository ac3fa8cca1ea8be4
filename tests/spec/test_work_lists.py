"""What a coach has to see to as of a day: every list with the days on either side of its boundary."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from services.coaching.domain.caseload.work import (
    Awaited,
    Further,
    Known,
    Session,
    Terms,
    WorkList,
    items,
    support_until,
)
from services.contracts.plan_codes import PlanState
from services.programmes.bank_holidays import is_closed
from services.programmes.reader import load_book

REFERRAL = "01933e1b-7f3a-7c11-8f5e-0242ac120002"
OTHER = "01933e1b-7f3a-7c11-8f5e-0242ac120003"
TERMS = Terms(contact_within=2, support_weeks=12)


def day(text: str) -> date:
    return date.fromisoformat(text)


REACHED: dict[str, Any] = {"first_reached_on": day("2024-11-18"), "last_reached_on": day("2024-11-18")}
QUIET = Known(REFERRAL, PlanState.ACTIVE, "coach-7", came_on=day("2024-11-18"), **REACHED)
"""A plan in which there is nothing to see to."""


def told(as_of: str, terms: Terms = TERMS, **known: Any) -> list[str]:
    """Return the lists that a plan stands in, with ``!`` behind one where it is overdue."""
    found = items(replace(QUIET, **known), day(as_of), terms, is_closed)
    return [f"{item.list.value}{'!' if item.overdue else ''}" for item in found]


NOBODY: dict[str, Any] = {"first_reached_on": None, "last_reached_on": None}


@pytest.mark.parametrize(
    ("title", "came", "as_of", "lists"),
    [
        ("on the day itself it waits", "2024-11-18", "2024-11-18", ["to_contact"]),
        ("Monday: the end of Wednesday is in time", "2024-11-18", "2024-11-20", ["to_contact"]),
        ("and Thursday is late", "2024-11-18", "2024-11-21", ["to_contact!"]),
        ("Friday: the weekend does not count, Tuesday is in time", "2024-11-22", "2024-11-26", ["to_contact"]),
        ("and Wednesday is late", "2024-11-22", "2024-11-27", ["to_contact!"]),
        ("Maundy Thursday 2025: Wednesday after Easter is in time", "2025-04-17", "2025-04-23", ["to_contact"]),
        ("and Thursday after it is late", "2025-04-17", "2025-04-24", ["to_contact!"]),
        ("Christmas Eve: by 30 December", "2024-12-24", "2024-12-30", ["to_contact"]),
        ("and New Year's Eve is late", "2024-12-24", "2024-12-31", ["to_contact!"]),
    ],
)
def test_to_contact_within_two_working_days(title: str, came: str, as_of: str, lists: list[str]) -> None:
    assert told(as_of, came_on=day(came), **NOBODY) == lists, title


@pytest.mark.parametrize(
    ("title", "known", "lists"),
    [
        ("who was spoken to is off the list", REACHED, []),
        ("a closed plan needs nothing", {**NOBODY, "state": PlanState.CLOSED}, []),
        ("nor does one whose person no longer takes part", {**NOBODY, "state": PlanState.WITHDRAWN}, []),
        (
            "nobody has confirmed it: somebody must speak to the person",
            {**NOBODY, "state": PlanState.PROPOSED},
            ["to_contact!"],
        ),
    ],
)
def test_who_waits_to_be_contacted(title: str, known: dict[str, Any], lists: list[str]) -> None:
    assert told("2024-12-02", **known) == lists, title


@pytest.mark.parametrize(
    ("title", "as_of", "lists"),
    [
        ("eight days before its day it is not shown", "2025-01-05", []),
        ("seven days before it is", "2025-01-06", ["review"]),
        ("on its day it is in time", "2025-01-13", ["review"]),
        ("the day after it is overdue", "2025-01-14", ["review!"]),
        ("and stays so", "2025-03-01", ["review!"]),
    ],
)
def test_reviews_due_and_overdue(title: str, as_of: str, lists: list[str]) -> None:
    assert told(as_of, review_on=day("2025-01-13")) == lists, title


@pytest.mark.parametrize(
    ("state", "lists"),
    [
        (PlanState.PROPOSED, []),
        (PlanState.CONFIRMED, []),
        (PlanState.AGREED, ["review!"]),
        (PlanState.ACTIVE, ["review!"]),
        (PlanState.PAUSED, []),
        (PlanState.IN_REVIEW, ["review!"]),
        (PlanState.CLOSED, []),
        (PlanState.WITHDRAWN, []),
    ],
)
def test_which_plans_are_reviewed(state: PlanState, lists: list[str]) -> None:
    assert told("2025-01-14", review_on=day("2025-01-13"), state=state) == lists


def sessions(*told: str) -> tuple[Session, ...]:
    """Return a session for each word: a letter (missed, attended) and a day of December 2024."""
    return tuple(Session(day(f"2024-12-{word[1:]}"), word[0] == "a") for word in told)


@pytest.mark.parametrize(
    ("title", "held", "known", "lists"),
    [
        ("one missed", sessions("m02"), {}, []),
        ("two in a row", sessions("m02", "m09"), {}, ["missed_twice"]),
        ("three in a row", sessions("m02", "m09", "m16"), {}, ["missed_twice"]),
        ("one attended between them", sessions("m02", "a09", "m16"), {}, []),
        ("attended after them", sessions("m02", "m09", "a16"), {}, []),
        ("attended before them", sessions("a02", "m09", "m16"), {}, ["missed_twice"]),
        (
            "spoken to the day before the second",
            sessions("m02", "m09"),
            {"last_reached_on": day("2024-12-08")},
            ["missed_twice"],
        ),
        ("spoken to on that day", sessions("m02", "m09"), {"last_reached_on": day("2024-12-09")}, []),
        ("the plan is paused", sessions("m02", "m09"), {"state": PlanState.PAUSED}, []),
    ],
)
def test_two_missed_sessions_in_a_row(
    title: str, held: tuple[Session, ...], known: dict[str, Any], lists: list[str]
) -> None:
    assert told("2024-12-20", sessions=held, **known) == lists, title


@pytest.mark.parametrize(
    ("weeks", "near", "last"),
    [
        (8, "2024-12-30", "2025-01-13"),
        (12, "2025-01-27", "2025-02-10"),
        (16, "2025-02-24", "2025-03-10"),
        (26, "2025-05-05", "2025-05-19"),
    ],
)
def test_support_near_its_limit(weeks: int, near: str, last: str) -> None:
    def lists(as_of: date) -> list[str]:
        return told(as_of.isoformat(), Terms(2, weeks), agreed_on=day("2024-11-18"))

    assert support_until(day("2024-11-18"), weeks) == day(last)
    assert lists(date.fromordinal(day(near).toordinal() - 1)) == []
    assert lists(day(near)) == ["support_ending"]
    assert lists(day(last)) == ["support_ending"]
    assert lists(date.fromordinal(day(last).toordinal() + 1)) == ["support_ending!"]


def test_the_programmes_name_these_lengths() -> None:
    found = {version.support.weeks_for(work) for version in load_book() for work in ("employed", "unemployed")}
    assert {8, 12, 16, 26} <= found


@pytest.mark.parametrize(
    ("title", "known", "found"),
    [
        ("a recommendation waits", {"proposed_on": day("2024-11-25")}, ("new_proposal", "2024-11-25", None)),
        (
            "somebody referred the person again",
            {"further": (Further(OTHER, day("2024-12-02")),)},
            ("additional_referral", "2024-12-02", OTHER),
        ),
    ],
)
def test_what_has_no_last_day(title: str, known: dict[str, Any], found: tuple[str, str, str | None]) -> None:
    (item,) = items(replace(QUIET, **known), day("2025-06-01"), TERMS, is_closed)
    assert (item.list.value, item.since.isoformat(), item.about) == found, title
    assert (item.due_on, item.overdue) == (None, False)


LETTER = Awaited(OTHER, sent_on=day("2024-12-02"), answer_by=day("2024-12-16"))


@pytest.mark.parametrize(
    ("title", "as_of", "lists"),
    [
        ("the last day on which an answer is in time", "2024-12-16", []),
        ("the day after it", "2024-12-17", ["letter_unanswered!"]),
    ],
)
def test_letters_that_nobody_answered(title: str, as_of: str, lists: list[str]) -> None:
    assert told(as_of, letters=(LETTER,)) == lists, title


def test_every_list_is_reached_by_a_table() -> None:
    everything = told(
        "2025-06-01",
        **NOBODY,
        sessions=sessions("m02", "m09"),
        review_on=day("2025-01-13"),
        agreed_on=day("2024-11-20"),
        proposed_on=day("2024-11-25"),
        further=(Further(OTHER, day("2024-12-02")),),
        letters=(LETTER,),
    )
    assert [name.rstrip("!") for name in everything] == [each.value for each in WorkList]
