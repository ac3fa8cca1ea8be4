"""What was allowed when; and that nothing for an employer is made without the permission of a history.

Where a line says ``type: ignore``, mypy refuses it: without the refusal, the comment would be an error.
"""

import copy
import json
import pickle
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from services.contracts.codes import Channel, ConsentKind
from services.contracts.consent import (
    ConsentFact,
    ConsentHistory,
    EmployerFacing,
    EmployerPermission,
    NotPermitted,
    first_words,
    proven,
    with_word,
    word,
)
from services.contracts.plan_change import EmployerContacted, PlanChange
from services.contracts.plan_codes import EmployerRole
from services.contracts.referral import Consent, Consents

TAKE_PART, GP, EMPLOYER = ConsentKind
REFERRED_ON = date(2024, 11, 18)
NONE = Consents(take_part=None, share_with_gp=None, share_with_employer=None)


def day(number: int) -> date:
    return date(2024, 12, number)


def fact(
    kind: ConsentKind, given: bool, on: int, recorded: int | None = None, by: str | None = "coach-1"
) -> ConsentFact:
    number = on * 100 + (recorded or on)
    return ConsentFact(
        kind=kind,
        given=given,
        on=day(on),
        channel=Channel.PHONE,
        by=by,
        recorded_at=datetime(2024, 12, recorded or on, 9, tzinfo=UTC),
        source=f"00000000-0000-5000-8000-{number:012d}",
    )


def test_what_was_never_asked_is_neither_allowed_nor_refused() -> None:
    history = ConsentHistory.of(HERE, [fact(GP, True, 5)])
    assert history.allowed(EMPLOYER, day(9)) is None
    assert history.allowed(GP, day(4)) is None, "nobody had asked by then"
    assert ConsentHistory(HERE).allowed(TAKE_PART, day(1)) is None


def test_a_consent_and_its_withdrawal_count_from_their_days() -> None:
    history = ConsentHistory.of(HERE, [fact(GP, True, 5), fact(GP, False, 9)])
    assert [history.allowed(GP, day(n)) for n in (4, 5, 8, 9, 10)] == [None, True, True, False, False]


def test_a_late_fact_counts_from_its_own_day_not_from_its_recording() -> None:
    history = ConsentHistory.of(HERE, [fact(GP, True, 1), fact(GP, True, 12), fact(GP, False, 6, recorded=20)])
    assert [history.allowed(GP, day(n)) for n in (5, 6, 11, 12, 21)] == [True, False, False, True, True]


def test_of_one_day_s_facts_the_last_recorded_counts_and_a_tie_is_a_refusal() -> None:
    assert ConsentHistory.of(HERE, [fact(GP, False, 5, 5), fact(GP, True, 5, 6)]).allowed(GP, day(5)) is True
    tied = [
        fact(GP, False, 5),
        fact(GP, True, 5).model_copy(update={"source": "f" * 8 + "-0000-5000-8000-" + "f" * 12}),
    ]
    assert ConsentHistory.of(HERE, tied).allowed(GP, day(5)) is False
    assert ConsentHistory.of(HERE, reversed(tied)).allowed(GP, day(5)) is False


def test_the_three_consents_are_apart() -> None:
    history = ConsentHistory.of(HERE, [fact(TAKE_PART, True, 1), fact(GP, False, 1), fact(EMPLOYER, True, 3)])
    assert [history.allowed(kind, day(2)) for kind in ConsentKind] == [True, False, None]


def test_what_was_said_with_a_referral_is_the_first_of_it() -> None:
    given, undated = (
        Consent(given=True, on=date(2024, 11, 15), channel=Channel.LETTER),
        Consent(given=False, on=None, channel=None),
    )
    said = NONE.model_copy(update={"take_part": given, "share_with_employer": undated})
    at = datetime(2024, 11, 18, 9, tzinfo=UTC)
    found = ConsentHistory.of(HERE, first_words(said, REFERRED_ON, at, "0192f3a1-5c77-5b0e-9d43-6a1f0c2e7b12"))
    assert [(f.kind, f.given, f.on, f.by) for f in found.facts] == [
        (TAKE_PART, True, date(2024, 11, 15), None),
        (EMPLOYER, False, REFERRED_ON, None),
    ]


@pytest.mark.parametrize(
    ("known", "said", "stands"),
    [
        (None, (True, 5), (True, 5)),
        ((True, None), (False, 5), (False, 5)),
        ((True, 5), (False, 5), (False, 5)),
        ((True, 5), (False, 9), (False, 9)),
        ((True, 9), (False, 5), (True, 9)),
        ((False, 9), (True, 5), (False, 9)),
        ((True, 9), (True, 5), (True, 9)),
        ((True, None), (True, 5), (True, None)),
    ],
)
def test_the_latest_word_is_that_about_the_latest_day(known: Any, said: Any, stands: Any) -> None:
    def consent(said: tuple[bool, int | None]) -> Consent:
        return Consent(given=said[0], on=None if said[1] is None else day(said[1]), channel=None)

    before = NONE if known is None else NONE.model_copy(update={"share_with_gp": consent(known)})
    after = with_word(before, GP, consent(said))
    found = word(after, GP)
    assert found is not None
    assert (found.given, found.on) == (stands[0], None if stands[1] is None else day(stands[1]))
    assert (after.take_part, after.share_with_employer) == (None, None)


@pytest.mark.parametrize(
    ("title", "said", "since", "other_on"),
    [
        ("once", [(True, 5)], 5, None),
        ("again", [(True, 5), (True, 9)], 5, None),
        ("again, of an earlier day", [(True, 9), (True, 5)], 5, None),
        ("withdrawn and given anew", [(True, 3), (False, 8), (True, 12)], 12, 8),
        ("and then known to have been given before", [(True, 3), (False, 8), (True, 12), (True, 2)], 12, 8),
        ("and between", [(True, 3), (False, 8), (True, 12), (True, 10)], 10, 8),
        ("withdrawn between, which came late", [(True, 3), (True, 9), (False, 5)], 9, 5),
        ("withdrawn before, which came late", [(True, 9), (False, 5), (True, 3)], 9, 5),
        ("withdrawn twice", [(True, 3), (False, 8), (False, 9)], 8, 3),
    ],
)
def test_a_word_said_again_stands_from_its_first_day(
    title: str, said: list[tuple[bool, int]], since: int, other_on: int | None
) -> None:
    consents = NONE
    for given, on in said:
        consents = with_word(consents, GP, Consent(given=given, on=day(on), channel=None))
    found = word(consents, GP)
    assert found is not None
    assert (found.stood_from, found.other_on) == (day(since), None if other_on is None else day(other_on)), title


def permission(on: int = 5) -> EmployerPermission:
    found = ConsentHistory.of(HERE, [fact(EMPLOYER, True, 1)]).employer_permission(day(on))
    assert found is not None
    return found


def test_a_permission_exists_on_the_days_on_which_the_third_consent_stood() -> None:
    history = ConsentHistory.of(HERE, [fact(TAKE_PART, True, 1), fact(EMPLOYER, True, 3), fact(EMPLOYER, False, 7)])
    assert [history.employer_permission(day(n)) is not None for n in (2, 3, 6, 7)] == [False, True, True, False]
    found = history.employer_permission(day(6))
    assert found is not None
    assert (found.on, found.given_on) == (day(6), day(3))
    assert proven(found) is found


def test_nobody_else_makes_one() -> None:
    with pytest.raises(NotPermitted):
        EmployerPermission()  # type: ignore[call-arg]
    with pytest.raises(NotPermitted):
        EmployerPermission(day(1))  # type: ignore[arg-type]
    with pytest.raises(NotPermitted):

        class Another(EmployerPermission):  # type: ignore[misc]
            pass

    with pytest.raises(NotPermitted):
        permission().on = day(9)
    with pytest.raises(NotPermitted):
        del permission().on
    for carried in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(NotPermitted):
            carried(permission())
    bare = object.__new__(EmployerPermission)
    for pretended in (bare, None, True, day(1), EmployerPermission):
        with pytest.raises(NotPermitted):
            proven(pretended)
    assert str(permission()) == "EmployerPermission(on=2024-12-05, given_on=2024-12-01)"


HERE, ELSEWHERE = "0192f3a1-0000-7000-8000-000000000001", "0192f3a1-0000-7000-8000-000000000002"


class Letter(EmployerFacing):
    referral_id: str = HERE
    text: str


def test_what_faces_an_employer_is_made_with_permission_and_does_not_pass_it_on() -> None:
    letter = Letter(permission=permission(), text="at work again")
    assert json.loads(letter.model_dump_json()) == letter.model_dump() == {"referral_id": HERE, "text": "at work again"}
    assert "permission" not in json.dumps(Letter.model_json_schema(mode="serialization"))


def test_a_permission_is_for_its_own_referral() -> None:
    with pytest.raises(NotPermitted, match="another referral"):
        Letter(referral_id=ELSEWHERE, permission=permission(), text="x")


def test_nothing_faces_an_employer_without() -> None:
    with pytest.raises(ValidationError):
        Letter(text="x")  # type: ignore[call-arg]
    for wrong in (None, True, object.__new__(EmployerPermission)):
        with pytest.raises(NotPermitted):
            Letter(permission=wrong, text="x")  # type: ignore[arg-type]
    with pytest.raises(NotPermitted):
        Letter.model_validate({"permission": {"on": day(1)}, "text": "x"})
    with pytest.raises(NotPermitted):
        Letter.model_validate_json('{"permission": {"on": "2024-12-01"}, "text": "x"}')
    with pytest.raises(NotPermitted):
        Letter.model_construct(permission=permission(), text="x")


CHANGE: TypeAdapter[PlanChange] = TypeAdapter(PlanChange)
SAID: Any = {"by": "coach-1", "channel": Channel.PHONE, "employer": "employer-1", "role": EmployerRole.OWNER}


def test_a_contact_with_an_employer_is_made_under_a_permission_for_its_day() -> None:
    made = EmployerContacted.under(permission(5), occurred_on=day(5), **SAID)
    assert (made.by, made.occurred_on, made.channel) == ("coach-1", day(5), Channel.PHONE)
    with pytest.raises(NotPermitted, match="another day"):
        EmployerContacted.under(permission(5), occurred_on=day(6), **SAID)
    with pytest.raises(NotPermitted):
        EmployerContacted.under(None, occurred_on=day(6), **SAID)  # type: ignore[arg-type]


def test_a_contact_is_read_from_an_event_without_one_and_made_in_no_other_way() -> None:
    made = EmployerContacted.under(permission(), occurred_on=day(5), **SAID)
    text = json.dumps(made.model_dump(mode="json"))
    adapter: TypeAdapter[Any] = TypeAdapter(PlanChange)
    read = EmployerContacted.model_validate_json(text)
    assert read == made == adapter.validate_python(read)
    fields = made.model_dump()
    with pytest.raises(NotPermitted):
        EmployerContacted(**fields)
    with pytest.raises(NotPermitted):
        EmployerContacted(**{name: value for name, value in fields.items() if name != "kind"})
    with pytest.raises(NotPermitted):
        CHANGE.validate_python(fields)
    with pytest.raises(NotPermitted):
        EmployerContacted.model_construct(**fields)
