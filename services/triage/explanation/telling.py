"""What became of a rule and of a need, as sentences. For whoever may read all of it."""

from collections.abc import Iterator, Mapping
from typing import Final, assert_never

from services.contracts.codes import SafetyLevel
from services.contracts.triage_codes import RunnerUpLoss
from services.triage.domain.trace import Change, NeedTrace, Node, RuleKind, RuleTrace, RunnerUpTrace, Status, Trace
from services.triage.explanation.sentences import clause, clause_of_value, deciding, statement
from services.triage.explanation.words import SUPPORTS, Voice, listed, words_of

Names = Mapping[str, str]
"""The title of each rule."""


def names_of(trace: Trace) -> Names:
    """Return what each rule is called."""
    return {rule.rule: rule.title for rule in trace.rules}


def named(rule: str, names: Names) -> str:
    """Return a rule's id with its title."""
    return f"{rule} ({names[rule]})" if rule in names else rule


def verdict(rule: RuleTrace, names: Names) -> str:  # noqa: PLR0911  one line a status
    """Say in a sentence what became of a rule."""
    by = listed([named(other, names) for other in rule.by])
    match rule.status:
        case Status.FIRED if rule.kind is RuleKind.RED_FLAG:
            return "This safety rule counts. A named person must look first."
        case Status.FIRED:
            return "This rule counts."
        case Status.NOT_MET:
            return "This rule does not count."
        case Status.NOT_KNOWN:
            return "Nobody can tell yet: too little was asked. That is not a no."
        case Status.OUT_OF_SCOPE:
            return "This rule is for other areas or other days."
        case Status.SUPPRESSED:
            return f"This rule fits, but a stronger rule takes its place: {by}."
        case Status.STOPPED:
            return f"This rule fits, but it is stopped until a named person has looked: {by}."
        case Status.ACKNOWLEDGED:
            return "An answer was a cause for concern. A named person has looked at it."
    assert_never(rule.status)


def because(rule: RuleTrace, voice: Voice) -> list[str]:
    """Say which facts settled a rule's own condition, and what it asks for where they do not fit."""
    if rule.condition is None:
        return list(_answered(rule, voice))
    facts = {fact.field: fact for fact in rule.facts}
    said: dict[str, list[str]] = {}
    for leaf in deciding(rule.condition):
        fact = facts.get(leaf.node.field or "")
        asked = said.setdefault(_setting(leaf.node, voice) if fact is None else statement(fact, voice), [])
        if leaf.node.truth is not None and leaf.wants is not None and leaf.node.truth is not leaf.wants:
            asked.append(clause(leaf.node, voice, positive=leaf.wants))
    return [_with_what_is_asked(now, list(dict.fromkeys(asked))) for now, asked in said.items()]


def _setting(node: Node, voice: Voice) -> str:
    """Say what a programme's file sets."""
    said = clause(node, voice, positive=bool(node.truth))
    return f"{said[0].upper()}{said[1:]}."


def _answered(rule: RuleTrace, voice: Voice) -> Iterator[str]:
    """Say what was answered to the questions of a safety rule: each yes, then how many no, then what nobody asked."""
    items = [fact for fact in rule.facts if fact.field != "conditions"]
    yield from (statement(fact, voice) for fact in items if fact.value)
    no = sum(1 for fact in items if fact.asked and not fact.value)
    if no:
        yield f"{no} of its {len(items)} questions {'was' if no == 1 else 'were'} answered with no."
    unasked = [voice.says(words_of(fact.field).name) for fact in items if not fact.asked]
    if unasked:
        yield f"Nobody has asked about {listed(unasked)}."
    yield from (statement(fact, voice) for fact in rule.facts if fact.field == "conditions")


def _with_what_is_asked(now: str, asked: list[str]) -> str:
    return f"{now} The rule asks that {listed(asked, 'or')}." if asked else now


def would_change(change: Change, voice: Voice) -> str:
    """Say the smallest change that would make a rule count, or no longer count."""
    effect = "would count" if change.fires else "would no longer count"
    if isinstance(change.after, tuple) and change.after and isinstance(change.before, tuple):
        more = tuple(code for code in change.after if code not in change.before)
        if more:
            also = " too" if change.before else ""
            return f"This rule {effect} if {clause_of_value(change.field, more, voice)}{also}."
    asked = "" if change.before is not None else " Nobody has asked yet."
    return f"This rule {effect} if {clause_of_value(change.field, change.after, voice)}.{asked}"


def nothing_alone(rule: RuleTrace, *, halted: bool) -> str:
    """Say what would change a rule where no single answer of those it asks for would. ``halted``: matching stopped."""
    match rule.status:
        case Status.FIRED if rule.kind is RuleKind.RED_FLAG:
            return "Only a named person can change this: they look, and say what they did."
        case Status.ACKNOWLEDGED:
            return "This rule would count again with a new answer that is cause for concern."
        case Status.STOPPED:
            return "This rule would count once a named person has looked."
    if rule.kind is RuleKind.RED_FLAG:
        pain = ", together with back pain" if rule.level is SafetyLevel.URGENT else ""
        return f"This rule would count with an answer that is cause for concern{pain}."
    return "Nothing can make this rule count until a named person has looked." if halted else _NO_SINGLE


_NO_SINGLE: Final = "No single answer would change this."


def winner(need: NeedTrace, names: Names, *, halted: bool) -> str:
    """Say which rule won for a need, and what else counts for it. ``halted``: all matching is stopped."""
    if need.winner is None:
        return f"{need.title}: no rule counts{' until a named person has looked' if halted else ''}."
    also = f" Also: {listed([named(other, names) for other in need.also])}." if need.also else ""
    return f"{need.title}: {named(need.winner, names)} won. It is the first rule for this need that fits.{also}"


def runner_up(second: RunnerUpTrace, trace: Trace, voice: Voice) -> str:
    """Say what came second for a need, and why it lost."""
    names = names_of(trace)
    by = listed([named(rule, names) for rule in second.by])
    what = SUPPORTS[second.support] + (f", by {named(second.rule, names)}," if second.rule else "")
    came = f"{what[0].upper()}{what[1:]} came second."
    rule = None if second.rule is None else trace.rule(second.rule)
    match second.lost:
        case RunnerUpLoss.STOPPED:
            return f"{came} It fits, and is stopped until a named person has looked: {by or 'a safety rule'}."
        case RunnerUpLoss.SUPPRESSED:
            return f"{came} It fits, but a stronger rule takes its place: {by}."
        case RunnerUpLoss.NOT_KNOWN:
            missing = [] if rule is None else because(rule, voice)
            return " ".join([f"{came} Nobody can tell whether it fits.", *missing])
        case RunnerUpLoss.NOT_MET:
            why = [] if rule is None else because(rule, voice)
            return " ".join([f"{came} It is another choice beside {by}, and its own rule does not fit.", *why])
        case RunnerUpLoss.ALTERNATIVE:
            return f"{came} It is another choice beside {by}, with no rule of its own."
    assert_never(second.lost)
