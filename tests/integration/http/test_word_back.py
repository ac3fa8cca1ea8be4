"""Since when word is due to a referrer, and when they had it: a table of stories, in every order of the topics."""

import itertools
import uuid
from collections.abc import Sequence
from datetime import date

import pytest
from fastapi import FastAPI

from services.contracts import types
from services.contracts.base import Common, VersionRef, Work
from services.contracts.codes import AgeBand, Route, WorkStatus
from services.intake.domain.status import Fact, Status
from services.intake.store import STATUS
from services.intake.word_back.owed import WORD, rows
from services.kernel.runtime.tables import write_rows
from tests.integration.http.test_intake import intake, keys, settings, stored

__all__ = ["intake", "keys", "settings", "stored"]

Said = tuple[Status, int]
"""What a topic says, and the day of November 2024."""
Due = tuple[int, int | None]
"""The day from which word was due, and the day on which it came."""

S = Status
GOT: Said = (S.RECEIVED, 18)
REVIEW: Said = (S.ELIGIBILITY_REVIEW, 18)
REFUSED: Said = (S.NOT_ELIGIBLE, 19)
CONTESTED: Said = (S.ELIGIBILITY_REVIEW, 20)
WON: Said = (S.CLEARED, 25)
TO_THE_WINNING = (GOT, REVIEW, REFUSED, CONTESTED, WON)
AGAIN: Sequence[Said] = (*TO_THE_WINNING, (S.NOT_ELIGIBLE, 27), (S.ELIGIBILITY_REVIEW, 28), (S.CLEARED, 29))


@pytest.mark.parametrize(
    ("title", "kind", "own", "plan", "due"),
    [
        ("received: word is due", "nhs", [GOT], [], [(18, None)]),
        ("taken up", "nhs", [GOT], [(S.ACKNOWLEDGED, 20)], [(18, 20)]),
        (
            "the first word counts",
            "self",
            [GOT],
            [(S.ACKNOWLEDGED, 20), (S.CLOSED, 22)],
            [(18, 20)],
        ),
        ("a review is no word", "nhs", [GOT, REVIEW], [], [(18, None)]),
        ("nor is it that somebody is eligible after all", "nhs", [GOT, REVIEW, (S.CLEARED, 19)], [], [(18, None)]),
        ("however often", "nhs", [GOT, REVIEW, (S.CLEARED, 19), (S.CLEARED, 20)], [], [(18, None)]),
        ("a correction opens nothing", "nhs", [GOT, (S.CLEARED, 21)], [(S.ACKNOWLEDGED, 20)], [(18, 20)]),
        ("withdrawn", "employer", [GOT, (S.WITHDRAWN, 21)], [], [(18, 21)]),
        ("refused: the NHS is told", "nhs", [GOT, REVIEW, REFUSED], [], [(18, 19)]),
        ("refused: a provider is told", "provider", [GOT, REVIEW, REFUSED], [], [(18, 19)]),
        ("refused: a Jobcentre is not", "jobcentre", [GOT, REVIEW, REFUSED], [], [(18, None)]),
        ("nor the community", "community", [GOT, REVIEW, REFUSED], [], [(18, None)]),
        ("nor an employer", "employer", [GOT, REVIEW, REFUSED], [], [(18, None)]),
        ("nor the person's own account", "self", [GOT, REVIEW, REFUSED], [], [(18, None)]),
        ("nor a kind that we do not know", "charity", [GOT, REVIEW, REFUSED], [], [(18, None)]),
        ("until the plan is closed", "jobcentre", [GOT, REVIEW, REFUSED], [(S.CLOSED, 22)], [(18, 22)]),
        ("contested: word was had, and somebody decides", "nhs", [GOT, REVIEW, REFUSED, CONTESTED], [], [(18, 19)]),
        ("lost: the decision stands", "nhs", [GOT, REFUSED, CONTESTED, (S.NOT_ELIGIBLE, 25)], [], [(18, 19)]),
        ("won: word is due anew", "nhs", TO_THE_WINNING, [], [(18, 19), (25, None)]),
        ("and comes", "nhs", TO_THE_WINNING, [(S.ACKNOWLEDGED, 26)], [(18, 19), (25, 26)]),
        ("and comes on the day itself", "nhs", TO_THE_WINNING, [(S.ACKNOWLEDGED, 25)], [(18, 19), (25, 25)]),
        ("closed on that day is the old decision's", "nhs", TO_THE_WINNING, [(S.CLOSED, 25)], [(18, 19), (25, None)]),
        ("closed later is word", "nhs", TO_THE_WINNING, [(S.CLOSED, 26)], [(18, 19), (25, 26)]),
        ("taken up before is not", "nhs", TO_THE_WINNING, [(S.ACKNOWLEDGED, 18)], [(18, 18), (25, None)]),
        ("withdrawn after it", "nhs", [*TO_THE_WINNING, (S.WITHDRAWN, 25)], [], [(18, 19), (25, 25)]),
        ("refused on wrong facts: a correction", "nhs", [GOT, REFUSED, (S.CLEARED, 21)], [], [(18, 19), (21, None)]),
        (
            "decided on a day before the other",
            "nhs",
            [GOT, REFUSED, (S.CLEARED, 18)],
            [],
            [(18, 19), (18, None)],
        ),
        ("won by whom nobody told anything", "jobcentre", TO_THE_WINNING, [], [(18, None)]),
        ("who hears at last", "jobcentre", TO_THE_WINNING, [(S.ACKNOWLEDGED, 26)], [(18, 26)]),
        ("who had heard before", "jobcentre", TO_THE_WINNING, [(S.ACKNOWLEDGED, 20)], [(18, 20), (25, None)]),
        ("refused after all", "nhs", AGAIN[:6], [], [(18, 19), (25, 27)]),
        ("won twice", "nhs", AGAIN, [], [(18, 19), (25, 27), (29, None)]),
        ("won twice, told of neither", "jobcentre", AGAIN, [(S.CLOSED, 22)], [(18, 22), (25, None)]),
        ("won twice, told of one", "self", AGAIN, [(S.CLOSED, 22), (S.CLOSED, 28)], [(18, 22), (25, 28), (29, None)]),
    ],
)
async def test_word_is_due(
    intake: FastAPI, title: str, kind: str, own: Sequence[Said], plan: Sequence[Said], due: Sequence[Due]
) -> None:
    mine = facts(types.TOPIC_REFERRAL, own)
    theirs = facts(types.TOPIC_PLAN, plan)
    triage = facts(types.TOPIC_TRIAGE, [(S.NOT_ELIGIBLE, 19)] if REFUSED in own else [])  # what it repeats is no word
    batches = [[*part] for part in (mine, theirs, triage) if part]
    for order in [*itertools.permutations(batches), [[*mine, *theirs, *triage]], [[one] for one in (*mine, *theirs)]]:
        assert await told(intake, kind, order) == due, title
        assert await told(intake, kind, [*order, *order]) == due, f"{title}: folded again"


def facts(topic: str, said: Sequence[Said]) -> list[Fact]:
    return [Fact(topic, number, status, november(day)) for number, (status, day) in enumerate(said, 1)]


def november(day: int) -> date:
    return date(2024, 11, day)


async def told(intake: FastAPI, kind: str, batches: Sequence[Sequence[Fact]]) -> list[Due]:
    """Say the facts of a new referral, batch by batch, and return when word was due and came."""
    key = str(uuid.uuid4())
    data = Common(
        referral_id=key,
        person_id=key,
        programme=VersionRef(id="somewhere", version="1"),
        area_code=None,
        locality="somewhere",
        provider=None,
        contract="one",
        route=Route.GP,
        referred_on=november(18),
        occurred_on=november(18),
        age_band=AgeBand.FROM_25,
        work=Work(status=WorkStatus.EMPLOYED, attendance=None),
    )
    async with intake.state.parts.pool.acquire() as connection:
        await connection.execute(REFERRAL, key, kind)
        for batch in batches:
            asked = [row for fact in batch for row in rows(key, data, fact)]
            assert {table for table, _ in asked} <= {WORD}
            await write_rows(
                connection, STATUS, [(key, one.topic, one.sequence, one.status.value, one.on) for one in batch]
            )
            if asked:
                await write_rows(connection, WORD, [row for _, row in asked])
        found = await connection.fetch(FOUND, key)
    return [(row["waits_since"].day, row["answered_on"] and row["answered_on"].day) for row in found]


REFERRAL = """
INSERT INTO referral (referral_id, person_id, programme, programme_version, organisation_id, organisation_kind,
    received_at, route, referred_on)
VALUES ($1, $1, 'somewhere', '1', 'x', $2, '2024-11-18', 'gp', '2024-11-18')
"""
FOUND = "SELECT waits_since, answered_on FROM word_back WHERE referral_id = $1 ORDER BY opened"
