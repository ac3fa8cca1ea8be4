"""What became of every rule, asked shortly, is what a whole trace says."""

from pathlib import Path

import pytest

from services.triage.domain.cases import answers_in, facts_in
from services.triage.domain.trace import Status
from services.triage.domain.tracing import came_out, trace
from services.triage.domain.trial import Trial, awaits_in, given_of, parameters_of
from services.triage.rulefile import FOLDER, load_rules


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_it_says_what_a_trace_says(path: Path) -> None:
    rules = load_rules(path)
    trial = Trial(rules)
    seen: set[Status] = set()
    for case in rules.cases:
        given = given_of(rules, case)
        engine = trial.engine(parameters_of(rules, case))
        facts, answers = facts_in(given), answers_in(given)
        awaits = awaits_in(given, engine, case.acknowledged)
        short = came_out(engine, facts, awaits, answers=answers, acknowledged=case.acknowledged)
        whole = trace(engine, facts, awaits, answers=answers, acknowledged=case.acknowledged)
        assert {rule: status for rule, (status, _) in short.items()} == {r.rule: r.status for r in whole.rules}, (
            case.title
        )
        for rule in whole.rules:
            if rule.fired:
                gives = tuple((one.support, one.intensity) for one in rule.gives if not one.stopped)
                assert short[rule.rule][1] == gives, case.title
        seen |= {rule.status for rule in whole.rules}
    assert {Status.FIRED, Status.NOT_MET, Status.NOT_KNOWN, Status.STOPPED, Status.SUPPRESSED} <= seen
