"""Takes a decision apart: see :mod:`services.triage.domain.trace`. Never on the hot path."""

from collections.abc import Mapping, Sequence

from services.contracts.assessment import Assessment
from services.contracts.codes import Intensity, Support
from services.programmes.logic import Facts
from services.triage.domain.answers import positive_levels
from services.triage.domain.changes import smallest_change
from services.triage.domain.compiled import Compiled
from services.triage.domain.facts import SCOPE, facts_of
from services.triage.domain.heard import asked_of, red_flag_facts
from services.triage.domain.matching import Engine, Match, stopped_by
from services.triage.domain.reading import fields_of, node_of, read
from services.triage.domain.rules import Fallback, RedFlagRule, Rule
from services.triage.domain.state import TriageState
from services.triage.domain.trace import (
    NO_NEED,
    Change,
    Given,
    GivenBy,
    IntensityTrace,
    NeedTrace,
    RuleKind,
    RuleTrace,
    RunnerUpTrace,
    Status,
    Trace,
)

CameOut = tuple[Status, tuple[tuple[Support, Intensity | None], ...]]
"""What became of a rule, and what it gives."""


def trace(
    engine: Engine,
    facts: Facts,
    awaits: Sequence[str],
    *,
    answers: Assessment | None = None,
    acknowledged: Sequence[str] = (),
) -> Trace:
    """Return how ``engine`` comes to its decision on ``facts``.

    ``awaits`` are the red-flag rules that nobody has acknowledged yet, ``acknowledged`` those that somebody has (both
    as a decision's findings name them); ``answers`` are what the red-flag rules looked at.
    """
    return _Tracing(engine, facts, awaits).whole(answers, acknowledged)


def came_out(
    engine: Engine,
    facts: Facts,
    awaits: Sequence[str],
    *,
    answers: Assessment | None = None,
    acknowledged: Sequence[str] = (),
) -> dict[str, CameOut]:
    """Return of every rule what became of it and what it gives, as :func:`trace` says it, for a hundredth of the cost.

    For comparing many decisions: no condition is taken apart and no change is sought.
    """
    return _Tracing(engine, facts, awaits).came_out(answers, acknowledged)


def trace_of(state: TriageState, engine: Engine) -> Trace:
    """Return how the current decision of a referral came about, from what it was decided on.

    ``engine`` is the one that decided (``TriagePolicy.engine`` for the decision's programme and ``referred_on``);
    whoever shows a trace compares ``ruleset`` with the decision's. Opens what is sealed: raises ContentErased.
    """
    decision = state.decision
    answers = None if decision.sealed.assessment is None else decision.sealed.assessment.content
    found = decision.sealed.findings.content
    facts = facts_of(decision, decision.facts, decision.asks, answers, decision.occurred_on)
    return trace(engine, facts, found.awaits, answers=answers, acknowledged=found.acknowledged)


class _Tracing:
    """One decision that is taken apart."""

    def __init__(self, engine: Engine, facts: Facts, awaits: Sequence[str]) -> None:
        self.engine = engine
        self.facts = facts
        self.awaits = awaits
        self.waiting = engine.waiting(awaits)
        self.stopped: Mapping[Support, str] = stopped_by(self.waiting)
        self.halting = tuple(rule.id for rule in self.waiting if rule.suppresses == "all")
        self.fired, self.suppressed, _ = engine.asked(facts)
        self.match: Match = engine.match(facts, awaits)

    def whole(self, answers: Assessment | None, acknowledged: Sequence[str]) -> Trace:
        """Return the trace."""
        rules = self.engine.rules
        matching = zip(rules.rules, self.engine.in_file_order, strict=True)
        traced = (
            *(self._red_flag(rule, answers, acknowledged) for rule in rules.red_flags),
            *(self._rule(rule, compiled) for rule, compiled in matching),
            self._fallback(rules.fallback),
        )
        needs = tuple(self._need(need, title, traced) for need, title in rules.needs.items())
        return Trace(
            ruleset=self.engine.ruleset,
            outcome=self.match.outcome,
            urgency=self.match.urgency,
            cause=self.match.cause,
            intensity=self._intensity(sum(1 for need in needs if need.winner is not None)),
            package=tuple(
                GivenBy(item=item, rules=tuple(rule.rule for rule in traced if _gave(rule, item.support)))
                for item in self.match.package
            ),
            alternatives=self.match.alternatives,
            needs=needs,
            rules=traced,
        )

    def came_out(self, answers: Assessment | None, acknowledged: Sequence[str]) -> dict[str, CameOut]:
        """Return what became of every rule."""
        found: dict[str, CameOut] = {}
        for flag in self.engine.rules.red_flags:
            _, status = self._raised(flag, answers, acknowledged)
            found[flag.id] = (status, tuple((i.support, i.intensity) for i in flag.package))
        for rule in self.engine.in_file_order:
            found[rule.id] = (self._became(rule, rule.check(self.facts))[0], rule.items(self.facts, self.stopped))
        found[self.engine.rules.fallback.id] = (self._last_resort()[1], self.engine.fallback.given)
        return found

    def _raised(
        self, rule: RedFlagRule, answers: Assessment | None, acknowledged: Sequence[str]
    ) -> tuple[bool | None, Status]:
        truth = True if rule.level in positive_levels(answers) else asked_of(rule.level, answers)
        if rule.id in self.awaits:
            return truth, Status.FIRED
        if rule.id in acknowledged:
            return truth, Status.ACKNOWLEDGED
        return truth, Status.NOT_KNOWN if truth is None else Status.NOT_MET

    def _red_flag(self, rule: RedFlagRule, answers: Assessment | None, acknowledged: Sequence[str]) -> RuleTrace:
        truth, status = self._raised(rule, answers, acknowledged)
        given = tuple(Given(support=i.support, intensity=i.intensity, stopped=False) for i in rule.package)
        return self._traced(
            rule,
            RuleKind.RED_FLAG,
            status,
            truth,
            gives=given,
            level=rule.level,
            facts=read(*red_flag_facts(rule.level, answers)),
        )

    def _rule(self, rule: Rule, compiled: Compiled) -> RuleTrace:
        definitions, parameters = self.engine.rules.definitions, self.engine.parameters
        truth = compiled.check(self.facts)
        status, by = self._became(compiled, truth)
        scope = [field for field in SCOPE if (field == "area_code" and rule.areas) or _has_days(field, rule)]
        fields = fields_of([rule.when, *(i.when for i in rule.package if i.when is not None)], definitions)
        given = compiled.items(self.facts, {})
        halted = bool(self.halting)
        return self._traced(
            rule,
            RuleKind.MATCHING,
            status,
            truth,
            by=by,
            need=rule.need,
            facts=read((*scope, *fields), self.facts),
            condition=node_of(rule.when, self.facts, definitions, parameters),
            gives=tuple(Given(support=s, intensity=i, stopped=halted or s in self.stopped) for s, i in given),
            would_change=self._change(rule.id, given),
        )

    def _became(self, rule: Compiled, truth: bool | None) -> tuple[Status, tuple[str, ...]]:
        if rule.scope is not None and rule.scope(self.facts) is False:
            return Status.OUT_OF_SCOPE, ()
        if not truth:
            return (Status.NOT_KNOWN if truth is None else Status.NOT_MET), ()
        if rule.id in self.suppressed and not self.halting:
            stronger = (o.id for o in self.engine.in_file_order if o.id in self.fired and rule.id in o.suppresses)
            return Status.SUPPRESSED, tuple(stronger)
        given = rule.items(self.facts, {})
        if not given:
            return Status.NOT_MET, ()  # true, and none of its supports is for these facts
        if self.halting or not rule.items(self.facts, self.stopped):
            return Status.STOPPED, self.halting or tuple(sorted({self.stopped[support] for support, _ in given}))
        return Status.FIRED, ()

    def _change(self, rule_id: str, given: Sequence[tuple[Support, object]]) -> Change | None:
        if self.halting:
            return None
        if given and all(support in self.stopped for support, _ in given):
            return None
        return smallest_change(self.engine, rule_id, self.facts, self.stopped)

    def _last_resort(self) -> tuple[bool | None, Status]:
        truth = self.engine.fallback.check(self.facts)
        if self.engine.fallback.reason in self.match.reasons:
            return truth, Status.FIRED
        if truth and self.halting:
            return truth, Status.STOPPED
        return truth, Status.NOT_KNOWN if truth is None else Status.NOT_MET

    def _fallback(self, rule: Fallback) -> RuleTrace:
        definitions, parameters = self.engine.rules.definitions, self.engine.parameters
        truth, status = self._last_resort()
        by = self.halting if status is Status.STOPPED else ()
        given = self.engine.fallback.given
        return self._traced(
            rule,
            RuleKind.FALLBACK,
            status,
            truth,
            by=by,
            facts=read(fields_of([rule.when], definitions), self.facts),
            condition=node_of(rule.when, self.facts, definitions, parameters),
            gives=tuple(Given(support=s, intensity=i, stopped=bool(self.halting)) for s, i in given),
            would_change=self._change(rule.id, ()),
        )

    def _traced(
        self, rule: RedFlagRule | Rule | Fallback, kind: RuleKind, status: Status, truth: bool | None, **more: object
    ) -> RuleTrace:
        given: dict[str, object] = {"by": (), "need": NO_NEED, "level": None, "condition": None, "would_change": None}
        said = {"rule": rule.id, "code": rule.code, "title": rule.title, "text": rule.text}
        return RuleTrace.model_validate({**given, **more, **said, "kind": kind, "status": status, "truth": truth})

    def _need(self, need: str, title: str, traced: Sequence[RuleTrace]) -> NeedTrace:
        winners = [rule.rule for rule in traced if rule.need == need and rule.fired]
        second = next((second for second in self.match.runners_up if second.need == need), None)
        return NeedTrace(
            need=need,
            title=title,
            winner=winners[0] if winners else None,
            also=tuple(winners[1:]),
            runner_up=None
            if second is None
            else RunnerUpTrace(rule=second.rule, support=second.support, lost=second.lost, by=second.by),
        )

    def _intensity(self, needs: int) -> IntensityTrace:
        because: tuple[str, ...] = ()
        if self.match.intensity is not None:
            because = self.engine.key_worker.because(self.facts, self.match.package, needs)
        return IntensityTrace(intensity=self.match.intensity, because=because)


def _has_days(field: str, rule: Rule) -> bool:
    return field == "referred_on" and (rule.starts is not None or rule.ends is not None)


def _gave(rule: RuleTrace, support: Support) -> bool:
    return rule.fired and any(given.support is support and not given.stopped for given in rule.gives)
