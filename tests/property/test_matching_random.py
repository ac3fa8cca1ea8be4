"""A hundred thousand random assessments: no crash, and no package that is empty. About ten seconds of one core."""

import random
from collections.abc import Callable
from typing import Any

from services.contracts.assessment import Assessment, Gad7, Phq9, StartMsk, Wsas
from services.contracts.codes import (
    Attendance,
    Barrier,
    Condition,
    EarningsBand,
    RedFlag,
    Stressor,
    Support,
    TriageOutcome,
    Urgency,
    WorkStatus,
)
from services.triage.domain.answers import positive_levels
from tests.spec.people import PROGRAMME, TODAY, policy

ENGINE = policy().engine(PROGRAMME, TODAY)

RANDOM_ASSESSMENTS = 100_000


def test_a_hundred_thousand_random_assessments_without_a_crash_or_an_empty_package() -> None:
    chance = random.Random(20241001)  # noqa: S311  not for a secret: the same people every time
    pools = pooled(chance)
    supports: set[Support] = set()
    outcomes: set[tuple[TriageOutcome, Urgency]] = set()
    for _ in range(RANDOM_ASSESSMENTS):
        drawn = {name: pool[int(chance.random() * len(pool))] for name, pool in pools.items()}
        answers = Assessment.model_construct(**{name: drawn.pop(name) for name in ASSESSED})
        awaits = tuple(sorted(ENGINE.rule_of_level[level] for level in positive_levels(answers)))
        found = ENGINE.match(facts_about(drawn, answers), awaits)
        assert found.package
        assert found.reasons
        assert (found.outcome is TriageOutcome.HELD) == bool({"R01", "R02"} & set(awaits))
        supports.update(item.support for item in found.package)
        outcomes.add((found.outcome, found.urgency))
    given_by_the_file = {item.support for rule in ENGINE.rules.every_rule() for item in rule.package}
    assert supports == given_by_the_file, "nothing in the file is out of reach"
    assert len(outcomes) == 4


POOL = 500
ASSESSED = (
    "conditions",
    "phq9",
    "gad7",
    "start_msk",
    "wsas",
    "red_flags",
    "under_secondary_mental_health_care",
    "stressors",
    "barriers",
)


def pooled(chance: random.Random) -> dict[str, list[Any]]:
    """Return random values of each answer and fact; three in ten were not asked."""

    def pool(value: Callable[[], Any], asked: float = 0.7) -> list[Any]:
        return [value() if chance.random() < asked else None for _ in range(POOL)]

    def some(codes: Any, most: int) -> list[Any]:
        return pool(lambda: tuple(chance.sample(list(codes), chance.randint(0, most))))

    def flags() -> dict[RedFlag, bool | None]:
        return {flag: chance.choices((False, None, True), (16, 3, 1))[0] for flag in chance.sample(list(RedFlag), 4)}

    def phq9() -> Phq9:
        return Phq9(score=chance.choice((None, *range(28))), item9=chance.choices((None, 0, 1, 3), (3, 14, 1, 1))[0])

    def one(codes: Any) -> list[Any]:
        return pool(lambda: chance.choice(list(codes)))

    return {
        "conditions": some(Condition, 3),
        "phq9": pool(phq9),
        "gad7": pool(lambda: Gad7(score=chance.randint(0, 21))),
        "start_msk": pool(lambda: StartMsk(score=chance.randint(0, 12))),
        "wsas": pool(lambda: Wsas(score=chance.randint(0, 40))),
        "red_flags": pool(flags),
        "under_secondary_mental_health_care": pool(lambda: chance.random() < 0.2),
        "stressors": some(Stressor, 2),
        "barriers": some(Barrier, 3),
        "age": one((16, 18, 19, 25, 35, 50, 65)),
        "work_status": pool(lambda: chance.choice(list(WorkStatus)), asked=1),
        "attendance": one(Attendance),
        "out_of_work_days": pool(lambda: chance.randint(0, 400)),
        "job_at_risk": one((True, False)),
        "highest_qualification_level": one(range(9)),
        "earnings_band": one(EarningsBand),
        "local_gp": one((True, True, False)),
        "complex_needs": one((False, False, True)),
        "asks": pool(lambda: tuple(chance.sample(list(Support), chance.randint(0, 2))), asked=1),
        "area_code": one(("QOP", "QHL")),
    }


def facts_about(drawn: dict[str, Any], answers: Assessment) -> dict[str, Any]:
    flags = answers.red_flags
    drawn.update(
        conditions=answers.conditions,
        stressors=answers.stressors,
        barriers=answers.barriers,
        secondary_mental_health_care=answers.under_secondary_mental_health_care,
        red_flag_answers=sum(1 for said in flags.values() if said is not None) if flags else 0,
        referred_on=TODAY,
        **{name: None if (tool := getattr(answers, name)) is None else tool.score for name in _SCORES},
    )
    return drawn


_SCORES = ("phq9", "gad7", "start_msk", "wsas")
