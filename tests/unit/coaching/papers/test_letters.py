"""Letters: every move from every state, the days that can be, the consent of the day on which one was sent."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.coaching.domain.consents import history
from services.coaching.domain.papers import letters
from services.coaching.domain.papers.letters import MOVES, Letter, LetterFailure, LetterMove, LetterState, SentBy
from services.coaching.domain.papers.permitting import View
from services.coaching.papers import sample
from services.kernel.decision import Reason, Refused

TODAY = sample.ON
YESTERDAY = TODAY - timedelta(days=1)
NOW = datetime(2025, 6, 2, 9, tzinfo=UTC)
DOCUMENT = Path(__file__).parents[4] / "docs" / "operations" / "papers.md"


def letter(state: LetterState = LetterState.QUEUED, **fields: Any) -> Letter:
    usual: dict[str, Any] = {
        "letter_id": sample.LETTER.letter_id,
        "referral_id": sample.plan().referral_id,
        "view": View.GP,
        "answer_by": None,
        "consented_on": sample.REFERRED_ON,
        "queued_at": NOW - timedelta(days=3),
        "queued_on": TODAY - timedelta(days=3),
    }
    return Letter(state=state, **{**usual, **fields})


def move(before: Letter, kind: LetterMove, **consents: Any) -> Letter:
    plan = sample.plan(**consents)
    known = history(plan, NOW, before.known_consents())
    match kind:
        case LetterMove.SENT:
            return letters.sent(before, plan, on=TODAY, how=SentBy.POST, version=17, consents=known, today=TODAY)
        case LetterMove.FAILED:
            return letters.failed(before, on=TODAY, failure=LetterFailure.OTHER, today=TODAY)
        case LetterMove.ANSWERED:
            return letters.answered(before, on=TODAY, today=TODAY)
        case LetterMove.CANCELLED:
            return letters.cancelled(before)


def test_the_table_knows_every_move_from_every_state() -> None:
    assert {kind: set(row) for kind, row in MOVES.items()} == {kind: set(LetterState) for kind in LetterMove}


@pytest.mark.parametrize("kind", LetterMove)
@pytest.mark.parametrize("state", LetterState)
def test_a_move_does_what_the_table_says(state: LetterState, kind: LetterMove) -> None:
    cell = MOVES[kind][state]
    if isinstance(cell, Reason):
        with pytest.raises(Refused) as refused:
            move(letter(state), kind)
        assert (refused.value.status, list(refused.value.reasons)) == (409, [cell])
    else:
        assert move(letter(state), kind).state is cell


def test_the_table_of_the_document_is_this_one() -> None:
    def cell(found: LetterState | Reason) -> str:
        return f"*{found.code}*" if isinstance(found, Reason) else f"**{found.value}**"

    rows = [f"| `{kind}` | {' | '.join(cell(row[state]) for state in LetterState)} |" for kind, row in MOVES.items()]
    table = "\n".join([f"| change | {' | '.join(LetterState)} |", "|---" * (len(LetterState) + 1) + "|", *rows])
    assert table in DOCUMENT.read_text()


@pytest.mark.parametrize(
    ("on", "code"),
    [
        (TODAY + timedelta(days=1), "occurred_in_future"),
        (TODAY - timedelta(days=4), "before_queued"),
        (TODAY - timedelta(days=3), None),
        (TODAY, None),
    ],
)
def test_the_day_of_sending(on: Any, code: str | None) -> None:
    plan, before = sample.plan(), letter()
    if code is None:
        made = letters.sent(before, plan, on=on, how=SentBy.POST, version=17, consents=history(plan, NOW), today=TODAY)
        assert (made.sent_on, made.attempts, made.sent_version) == (on, 1, 17)
        return
    with pytest.raises(Refused) as refused:
        letters.sent(before, plan, on=on, how=SentBy.POST, version=18, consents=history(plan, NOW), today=TODAY)
    assert [reason.code for reason in refused.value.reasons] == [code, "plan_version_unknown"]


@pytest.mark.parametrize(
    ("sent_on", "withdrawn_on", "code"),
    [
        (YESTERDAY, TODAY, None),
        (TODAY, TODAY, "gp_consent_missing"),
        (TODAY, YESTERDAY, "gp_consent_missing"),
    ],
    ids=["withdrawn after it went", "on the day it went", "before it went"],
)
def test_the_consent_of_the_day_on_which_it_was_sent_counts(sent_on: Any, withdrawn_on: Any, code: str | None) -> None:
    word = {"given": False, "on": withdrawn_on, "channel": "phone"}
    consents = {"take_part": None, "share_with_gp": word, "share_with_employer": None}
    plan, before = sample.plan(consents=consents), letter()
    known = history(plan, NOW, before.known_consents())

    def send() -> Letter:
        return letters.sent(before, plan, on=sent_on, how=SentBy.POST, version=17, consents=known, today=TODAY)

    if code is None:
        assert send().state is LetterState.SENT
        return
    with pytest.raises(Refused) as refused:
        send()
    assert [reason.code for reason in refused.value.reasons] == [code]


def test_a_letter_to_the_person_needs_no_consent() -> None:
    before = letter(view=View.PARTICIPANT, consented_on=None)
    assert move(before, LetterMove.SENT, consents=None).state is LetterState.SENT


@pytest.mark.parametrize(("answer_by", "allowed"), [(None, True), (TODAY, False), (TODAY + timedelta(days=1), True)])
def test_an_answer_is_awaited_by_a_later_day(answer_by: Any, allowed: bool) -> None:
    if allowed:
        letters.queueable(answer_by, 0, TODAY)
        return
    with pytest.raises(Refused) as refused:
        letters.queueable(answer_by, 0, TODAY)
    assert [(reason.code, reason.pointer) for reason in refused.value.reasons] == [
        ("answer_by_not_later", "/answer_by")
    ]
