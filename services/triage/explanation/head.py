"""What every explanation begins with, whoever reads it: the decision, the rules that made it, and what is missing."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict

from services.triage.explanation.source import Missing, Source
from services.triage.views import RulesetView


class Told(BaseModel):
    """A part of an explanation."""

    model_config = ConfigDict(frozen=True)


class Head(Told):
    """The decision and its rules. ``missing``: why it cannot be told rule by rule; null: it can."""

    referral_id: str
    revision: int
    decided_on: date
    ruleset: RulesetView
    missing: Missing | None
    summary: tuple[str, ...]


def head(source: Source, summary: list[str]) -> dict[str, Any]:
    """Return the fields of a head."""
    decision = source.state.decision
    return {
        "referral_id": decision.referral_id,
        "revision": decision.revision,
        "decided_on": decision.occurred_on,
        "ruleset": RulesetView(**decision.ruleset.model_dump()),
        "missing": source.missing,
        "summary": tuple(summary),
    }


def taken_back(source: Source) -> list[str]:
    """Say that the referral was withdrawn, and when; nothing where it was not."""
    if not source.state.withdrawn:
        return []
    on = source.state.withdrawn_on
    return [f"The referral was withdrawn{'' if on is None else f' on {day_in_words(on)}'}."]


def day_in_words(day: date) -> str:
    """Return a day as people write it: 18 November 2024."""
    return f"{day.day} {day:%B %Y}"


def missing_in_words(source: Source) -> list[str]:
    """Say why a decision cannot be told rule by rule; nothing where it can."""
    rules = source.state.decision.ruleset
    match source.missing:
        case None:
            return []
        case Missing.ERASED:
            said = "The person's data have been erased. What was found, and why, can no longer be read by anybody."
        case Missing.RULES_NOT_HERE:
            said = (
                f"The rule file that made this decision is not here: {rules.id}, version {rules.version}, "
                f"SHA-256 {rules.sha256}. So it cannot be told rule by rule. Put that file back to read more."
            )
        case Missing.OTHER_SETTINGS:
            said = (
                "The rule file is here, but with the programme's settings of today it comes to something else. "
                "So this decision cannot be told rule by rule. Put the programme file of that day back to read more."
            )
    return [said]
