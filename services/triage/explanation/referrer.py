"""The explanation for whoever referred a person. No clinical fact can be in it.

What may be told is a list of fields (:data:`OpenField`): facts that the referrer gave outside the assessment. A rule
is told only when it asks for nothing else, and only what its own condition comes to: not what suppressed or stopped it,
not what is recommended. So two people who differ in their health alone have the same explanation; a test seeks two
who do not. An employer has none at all: nobody of that kind is a :class:`ReferrerReader`.
"""

from typing import Final, Literal, get_args

from services.contracts.codes import TriageOutcome
from services.triage.domain.trace import RuleTrace, Value
from services.triage.explanation.head import Head, Told, head, missing_in_words, taken_back
from services.triage.explanation.readers import ReferrerReader
from services.triage.explanation.sentences import statement
from services.triage.explanation.source import Missing, Source
from services.triage.explanation.telling import because
from services.triage.explanation.words import Voice

OpenField = Literal[
    "age",
    "route",
    "work_status",
    "attendance",
    "out_of_work_days",
    "job_at_risk",
    "weekly_hours",
    "highest_qualification_level",
    "earnings_band",
    "local_gp",
    "area_code",
    "referred_on",
]
"""What a rule may ask that is no answer about health: of these a referrer may be told."""

OPEN: Final = frozenset(get_args(OpenField))

Status = Literal["triaged", "on_hold", "not_eligible"]
"""As the status of a referral says it."""


class OpenFact(Told):
    """A fact outside the assessment, and what it says. A field that is not open makes none."""

    field: OpenField
    value: Value
    asked: bool
    applies: bool
    said: str


class OpenRule(Told):
    """A rule that asks for open facts only: ``fits``: what its own condition comes to (null: too little was asked)."""

    rule: str
    title: str
    fits: bool | None
    because: tuple[str, ...]
    facts: tuple[OpenFact, ...]


class ReferrerExplanation(Head):
    """A decision told without clinical facts. ``not_told``: how many rules look at health, and so are left out."""

    status: Status
    rules: tuple[OpenRule, ...]
    not_told: int


_STATUS: Final[dict[TriageOutcome, Status]] = {
    TriageOutcome.RECOMMENDED: "triaged",
    TriageOutcome.HELD: "on_hold",
    TriageOutcome.NOT_ELIGIBLE: "not_eligible",
}
_SAID: Final[dict[Status, str]] = {
    "triaged": "Triage has looked at the referral. A coach talks the next steps over with the person.",
    "on_hold": "A named person looks at the referral first. After that triage looks again.",
    "not_eligible": "A named person decided that the programme is not for this person, who can ask for a new look.",
}


def referrer_explanation(_: ReferrerReader, source: Source) -> ReferrerExplanation:
    """Tell a decision without clinical facts."""
    status = _STATUS[source.state.decision.outcome]
    every = () if source.trace is None else source.trace.rules
    told = tuple(open_rule(rule) for rule in every if is_open(rule))
    left = len(every) - len(told)
    summary = [_SAID[status]]
    if left:
        summary.append(f"{left} rules look at health. They are for the person and their coach, and are not shown here.")
    missing = [] if source.missing is Missing.ERASED else missing_in_words(source)
    erased = ["There is nothing more to show about this referral."] if source.missing is Missing.ERASED else []
    return ReferrerExplanation(
        **head(source, [*summary, *missing, *erased, *taken_back(source)]), status=status, rules=told, not_told=left
    )


def is_open(rule: RuleTrace) -> bool:
    """Tell whether a rule asks for open facts only. It depends on the rule file alone, on nobody's answers."""
    return rule.condition is not None and all(fact.field in OPEN for fact in rule.facts)


def open_rule(rule: RuleTrace) -> OpenRule:
    """Tell one rule. Raises ValidationError for a rule that looks at anything else."""
    facts = tuple(
        OpenFact.model_validate({**fact.model_dump(), "said": statement(fact, Voice.ABOUT)}) for fact in rule.facts
    )
    why = tuple(because(rule, Voice.ABOUT))
    return OpenRule(rule=rule.rule, title=rule.title, fits=rule.truth, because=why, facts=facts)
