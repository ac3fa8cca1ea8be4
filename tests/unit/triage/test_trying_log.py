"""Everybody in the log decided again: what is read, what is left out and counted, what is shown."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.contracts import types
from services.contracts.codes import TriageOutcome
from services.kernel.runtime.records import Record
from services.kernel.sealing.subject_key import KeyFound
from services.triage.domain.comparing import Decided
from services.triage.service import build
from services.triage.trying.known import Left
from services.triage.trying.log import DecisionsInLog
from services.triage.trying.report import report
from services.triage.trying.tally import Tally
from tests.parts.keys import MadeKeys
from tests.spec.people import policy, triage
from tests.unit.triage.logged import Log, many, person_id, referral_id
from tests.unit.triage.trying import FROM_11, candidate, rules


async def batches(records: Iterable[Record]) -> AsyncIterator[Sequence[Record]]:
    for record in records:
        yield [record]


async def compared(records: Iterable[Record], new: Path, keys: MadeKeys | None = None) -> Tally:
    """Read a log and decide everybody in it again."""
    vault = keys or MadeKeys()

    async def fetch(subjects: Sequence[str]) -> Mapping[str, KeyFound]:
        return await vault.get(subjects)

    decisions = DecisionsInLog(build())
    await decisions.read(batches(records))
    tally = Tally(rules(), rules(new))
    async for known in decisions.known("workwell-matching", policy(), fetch, tally.left):
        if known is not None:
            tally.add(known)
    return tally


@pytest.fixture
def from_11(tmp_path: Path) -> Path:
    return candidate(tmp_path, FROM_11)


async def test_the_log_says_who_would_be_recommended_otherwise_and_in_which_group(from_11: Path) -> None:
    log = Log()
    women = list(many(log, "f", 6, phq9=10, equality={"sex": "female"}))
    list(many(log, "m", 9, phq9=12, equality={"sex": "male"}))
    tally = await compared(log.records, from_11)
    assert tally.total == 15
    assert sorted(one.name for one in tally.otherwise) == sorted(women)
    assert tally.changed["sex"] == {"female": 6}
    assert tally.compared["sex"] == {"female": 6, "male": 9}
    assert tally.compared["programme"] == {"workwell-greater-manchester": 15}
    assert tally.changed["age_band"] == {"35-49": 6}


async def test_the_same_rules_decide_everybody_as_they_did(tmp_path: Path) -> None:
    log = Log()
    people: list[dict[str, Any]] = [{"phq9": 17}, {"item9": 1}, {"barriers": ["debt"]}, {"no_assessment": True}]
    for n, given in enumerate(people):
        log.add(str(n), **given)
    tally = await compared(log.records, candidate(tmp_path))
    assert (tally.total, tally.otherwise, tally.reasons_only) == (4, [], [])


async def test_the_newest_decision_counts_and_what_was_sent_twice_counts_once(from_11: Path) -> None:
    log = Log()
    log.add("a", phq9=10, item9=2)
    held = list(log.records)
    assert (await compared(held, from_11)).otherwise == [], "held under both"
    log.acknowledge("a")
    assert [r.topic for r in log.records[2:]] == [types.TOPIC_TRIAGE] * 2, "acknowledged, and decided again"
    twice = [*log.records, *log.of(types.TOPIC_TRIAGE), held[1]]
    tally = await compared(twice, from_11)
    assert (tally.total, [one.name for one in tally.otherwise]) == (1, [referral_id("a")])


async def test_who_cannot_be_compared_is_left_out_and_counted(from_11: Path) -> None:
    log = Log()
    for name in ("whole", "erased", "restricted", "lost"):
        log.add(name, phq9=10)
    log.add("other", phq9=10, programme="working-well-care-and-support")
    log.add("gap", item9=1)
    log.acknowledge("gap")
    keys = MadeKeys()
    keys.erased, keys.restricted, keys.lost = ({person_id(name)} for name in ("erased", "restricted", "lost"))
    missing = [r for r in log.of(types.TOPIC_TRIAGE) if r.key == referral_id("gap").encode()][1]
    tally = await compared([r for r in log.records if r is not missing], from_11, keys)
    assert tally.total == 1
    assert [one.name for one in tally.otherwise] == [referral_id("whole")]
    assert {why: n for why, n in tally.left.fields().items() if n} == {
        Left.ERASED: 1,
        Left.RESTRICTED: 1,
        Left.NO_KEY: 1,
        Left.OTHER_RULES: 1,
        Left.INCOMPLETE: 1,
    }
    shown = report(tally, people=True, listed=False)["not_compared"]
    assert (shown["erased"], shown["failed"]) == (None, 0), "few are hidden here too; nobody is told as nobody"
    assert report(tally, people=False, listed=False)["not_compared"]["erased"] == 1


async def test_what_others_wrote_or_nobody_can_read_is_passed_over(from_11: Path) -> None:
    log = Log()
    log.add("a", phq9=10)
    decided = log.of(types.TOPIC_TRIAGE)[0]
    strange = [
        replace(decided, value=b"{", offset=1),
        replace(decided, key=None, offset=2),
        replace(decided, headers=(), offset=3),
        replace(log.of(types.TOPIC_REFERRAL)[0], value=b"not json", offset=1),
    ]
    tally = await compared([*strange, *log.records], from_11)
    assert (tally.total, len(tally.otherwise)) == (1, 1)


def test_that_a_person_refused_is_no_disagreement_about_rules() -> None:
    decision = triage(phq9=12)
    refused = decision.model_copy(update={"outcome": TriageOutcome.NOT_ELIGIBLE})
    assert Decided.in_event(refused) == Decided.in_event(decision)
