"""The explanation that a person is given about themselves: short, to them, with what they can do about it.

It names no safety question, because others may read over a shoulder; it says what to do instead. It says what nobody
has asked yet, and never which answer would bring which support.
"""

from collections.abc import Iterator
from typing import Final

from services.contracts.codes import Support, TriageOutcome
from services.contracts.red_flags import ADVICE
from services.triage.domain.trace import RuleKind, RuleTrace, Status, Trace
from services.triage.explanation.head import Head, Told, head, missing_in_words, taken_back
from services.triage.explanation.readers import ParticipantReader
from services.triage.explanation.sentences import deciding, statement
from services.triage.explanation.source import Missing, Source
from services.triage.explanation.telling import because
from services.triage.explanation.words import SUPPORTS, Voice, supports_in_words

CHOICE: Final = (
    "Nothing here is decided for you. A coach talks it over with you first.",
    "You can say no to any of it, or ask for something else.",
    "You can ask which facts we used, and have a wrong one put right.",
    "You can ask for a person to look at all of it again.",
)
"""What a person can do, whatever was found: no rule decides alone."""

_TO = Voice.TO


class SuggestionTold(Told):
    """A support that is suggested, what comes first, and why."""

    support: Support
    said: str
    because: tuple[str, ...]


class ParticipantExplanation(Head):
    """A decision told to the person. ``safety`` comes before all else; it is empty where no answer asks for it."""

    safety: tuple[str, ...]
    suggestions: tuple[SuggestionTold, ...]
    not_asked: tuple[str, ...]
    choice: tuple[str, ...]
    rules_used: str


def participant_explanation(_: ParticipantReader, source: Source) -> ParticipantExplanation:
    """Tell a decision to the person."""
    trace, rules = source.trace, source.state.decision.ruleset
    return ParticipantExplanation(
        **head(source, [*_summary(source), *_missing(source), *taken_back(source)]),
        safety=tuple(_safety(source)),
        suggestions=() if source.state.decision.outcome is TriageOutcome.HELD else tuple(_suggestions(source)),
        not_asked=() if trace is None or _held(source) else tuple(_not_asked(trace)),
        choice=CHOICE,
        rules_used=f"We used the rules {rules.id}, version {rules.version}. Their proof mark is {rules.sha256}.",
    )


def _held(source: Source) -> bool:
    return source.state.decision.outcome is TriageOutcome.HELD


def _summary(source: Source) -> list[str]:
    decision = source.state.decision
    if decision.outcome is TriageOutcome.HELD:
        return [
            "One of your answers made us think about your safety. So a person will talk with you first.",
            "After that we look again at what can help you.",
        ]
    package = supports_in_words([item.support for item in decision.package])
    if decision.outcome is TriageOutcome.NOT_ELIGIBLE:
        return [
            "A person has decided that this programme is not the right one for you.",
            "You can ask another person to look again.",
            f"This may still help you: {package}.",
        ]
    return [f"We suggest {package}."]


def _missing(source: Source) -> list[str]:
    if source.missing is None:
        return []
    if source.missing is Missing.ERASED:
        return missing_in_words(source)
    return ["We cannot show each reason here today. Ask your coach, who can find out more."]


def _safety(source: Source) -> Iterator[str]:
    if source.trace is not None:
        yield from (ADVICE[rule.level] for rule in source.trace.rules if rule.level is not None and rule.fired)
    elif source.state.awaiting_since is not None:
        yield from ADVICE.values()


def _suggestions(source: Source) -> Iterator[SuggestionTold]:
    trace = source.trace
    gave = {} if trace is None else {given.item.support: given.rules for given in trace.package}
    for item in source.state.decision.package:
        rules = [] if trace is None else [r for rule in gave[item.support] if (r := trace.rule(rule)) is not None]
        why = dict.fromkeys(sentence for rule in rules for sentence in _why(rule))
        what = SUPPORTS[item.support]
        first = f" First comes {supports_in_words(item.after)}." if item.after else ""
        yield SuggestionTold(support=item.support, said=f"{what[0].upper()}{what[1:]}.{first}", because=tuple(why))


def _why(rule: RuleTrace) -> list[str]:
    if rule.kind is RuleKind.RED_FLAG:
        return ["One of your answers made us think about your safety."]
    if rule.kind is RuleKind.FALLBACK:
        if rule.truth is not True:
            return ["Nothing else fits what we know so far."]
        return ["We do not know enough yet to suggest more."]
    return because(rule, _TO)


def _not_asked(trace: Trace) -> Iterator[str]:
    """Say what nobody has asked and a rule turns on."""
    seen: set[str] = set()
    for rule in trace.rules:
        if rule.condition is None or rule.status not in {Status.NOT_KNOWN, Status.FIRED}:
            continue
        if rule.status is Status.FIRED and rule.kind is not RuleKind.FALLBACK:
            continue
        facts = {fact.field: fact for fact in rule.facts}
        for leaf in deciding(rule.condition):
            fact = facts.get(leaf.node.field or "")
            if fact is not None and not fact.asked and fact.applies and fact.field not in seen:
                seen.add(fact.field)
                yield statement(fact, _TO)
