"""What was asked of a person's health. It travels sealed and only triage and the coach's view open it.

A question that was not asked is null (or absent), never false. Ranges: domain facts, clinical thresholds
(PHQ-9, GAD-7, WSAS as published; STarT MSK common knowledge of the field). Scores only, no item wording. What a score
means: :mod:`services.contracts.instruments`.
"""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.contracts.assessment_codes import AssessmentPart
from services.contracts.base import Record
from services.contracts.codes import Barrier, Condition, RedFlag, Stressor
from services.kernel.sealing.content import Sealed, SealedAs


class Phq9(Record):
    """PHQ-9: the sum, 0 to 27, and item 9 (thoughts of self-harm), 0 to 3; either may be missing."""

    score: Annotated[int, Field(ge=0, le=27)] | None = None
    item9: Annotated[int, Field(ge=0, le=3)] | None = None


class Gad7(Record):
    """GAD-7: the sum, 0 to 21."""

    score: Annotated[int, Field(ge=0, le=21)] | None = None


class StartMsk(Record):
    """STarT MSK: the score, 0 to 12."""

    score: Annotated[int, Field(ge=0, le=12)] | None = None


class Wsas(Record):
    """Work and Social Adjustment Scale: the sum, 0 to 40."""

    score: Annotated[int, Field(ge=0, le=40)] | None = None


OnsScore = Annotated[int, Field(ge=0, le=10)]
ToolVersion = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
"""Which edition of a questionnaire was used, as its publisher or the user's own system names it."""


class Ons4(Record):
    """The four ONS questions on personal well-being, 0 to 10 each, never summed; each may be missing."""

    life_satisfaction: OnsScore | None = None
    worthwhile: OnsScore | None = None
    happiness: OnsScore | None = None
    anxiety: OnsScore | None = None


class PartTaken(Record):
    """When a part was asked and with which edition of its tool. Null: the assessment's own ``taken_on``; not said."""

    taken_on: date | None = None
    version: ToolVersion | None = None


class Assessment(Record):
    """One set of answers, whole or partial; a null list was not asked, an empty one has no entry.

    ``taken_on`` holds for every part that ``parts`` gives no day of its own. ``named_before`` are conditions that an
    earlier list named and the one that took its place does not: red flags are read with them too.
    """

    taken_on: date | None = None
    conditions: tuple[Condition, ...] | None = None
    phq9: Phq9 | None = None
    gad7: Gad7 | None = None
    start_msk: StartMsk | None = None
    wsas: Wsas | None = None
    red_flags: dict[RedFlag, bool | None] | None = None
    under_secondary_mental_health_care: bool | None = None
    stressors: tuple[Stressor, ...] | None = None
    barriers: tuple[Barrier, ...] | None = None
    ons4: Ons4 | None = None
    parts: dict[AssessmentPart, PartTaken] | None = None
    named_before: tuple[Condition, ...] | None = None


SealedAnswers = Annotated[Sealed[Assessment], SealedAs("assessment")]
"""Answers as they travel."""
