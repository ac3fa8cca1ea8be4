"""What an explanation is made from: the decision, and its trace where it can be had."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.kernel.sealing.content import ContentErased
from services.programmes.book import NoProgramme
from services.triage.domain.matching import Engine
from services.triage.domain.policy import TriagePolicy
from services.triage.domain.state import TriageState
from services.triage.domain.trace import Trace
from services.triage.domain.tracing import trace_of


class Missing(StrEnum):
    """Why a decision cannot be explained rule by rule."""

    ERASED = "erased"  # the person's data are gone, and what was found with them
    RULES_NOT_HERE = "rules_not_here"  # the rule file that decided is not here with the hash that the decision names
    OTHER_SETTINGS = "other_settings"  # rules are here, but a programme's settings make them come to something else


@dataclass(frozen=True, slots=True)
class Source:
    """A decision with its trace; ``missing`` says why there is none. ``key_worker``: why a package may take one."""

    state: TriageState
    trace: Trace | None
    missing: Missing | None
    key_worker: Mapping[str, str] = field(default_factory=dict)


def source_of(state: TriageState, policy: TriagePolicy) -> Source:
    """Take a decision apart with the rules that made it. What is sealed must be unlocked, or be known as erased."""
    engine = deciding_engine(state, policy)
    try:
        state.decision.sealed.findings.content  # noqa: B018  asked for first: an erased person has nothing to explain
        if engine is None:
            return Source(state, None, Missing.RULES_NOT_HERE)
        trace = trace_of(state, engine)
    except ContentErased:
        return Source(state, None, Missing.ERASED)
    if _same(trace, state):
        return Source(state, trace, None, {one.code: one.text for one in engine.rules.intensity.key_worker})
    return Source(state, None, Missing.OTHER_SETTINGS)


def deciding_engine(state: TriageState, policy: TriagePolicy) -> Engine | None:
    """Return the rules that a decision names, bound to its programme's settings; None where either is not here."""
    decision = state.decision
    try:
        engine = policy.engine(decision.programme.id, decision.referred_on, decision.locality)
    except NoProgramme:
        return None
    if engine.ruleset == decision.ruleset:
        return engine
    rules = policy.rules.find(decision.ruleset.id, decision.ruleset.version)
    if rules is None or rules.sha256 != decision.ruleset.sha256:
        return None
    return Engine(rules, engine.parameters)


def _same(trace: Trace, state: TriageState) -> bool:
    """Tell whether rules still come to all that a decision found; that a person refused is not the rules'."""
    decision, found = state.decision, state.decision.sealed.findings.content
    fired = {rule.rule for rule in trace.rules if rule.fired}
    seconds = (need.runner_up for need in trace.needs)
    return (
        tuple(given.item for given in trace.package) == decision.package
        and trace.alternatives == decision.alternatives
        and (trace.urgency, trace.cause, trace.intensity.intensity) == (found.urgency, found.cause, found.intensity)
        and fired == {reason.rule for reason in found.reasons}
        and [(s.rule, s.support, s.lost, s.by) for s in seconds if s is not None]
        == [(s.rule, s.support, s.lost, s.by) for s in found.runners_up]
    )
