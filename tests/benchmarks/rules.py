"""What the rules cost a referral, in this process: ``python -m tests.benchmarks.rules [--json]``.

The referrals are those of the other stages (300 synthetic people, as intake publishes them). CPU time of one thread,
the best of several rounds, so that a busy machine does not make the rules look dear. The bar: the full table, facts
read and every rule asked, at most 40 microseconds a referral. Exit code 1 above it.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from services.contracts.types import REFERRAL_CREATED
from services.kernel.decision import Received
from services.kernel.ids import uuid7
from services.triage.domain.answers import positive_levels
from services.triage.domain.decide import decide
from services.triage.domain.facts import facts_of
from services.triage.domain.tracing import trace
from services.triage.service import load_policy
from tests.benchmarks.events import NOW, templates

BAR_US = 40.0
ROUNDS = 15


def rules_rows() -> list[dict[str, Any]]:
    """Measure, and return the rows of bench.json."""
    policy, referrals = load_policy(), templates()
    people = []
    for referral in referrals:
        sealed = referral.sealed.assessment
        answers = None if sealed is None else sealed.content
        engine = policy.engine(referral.programme.id, referral.referred_on)
        awaits = tuple(sorted(engine.rule_of_level[level] for level in positive_levels(answers)))
        cause = Received(uuid7(NOW), REFERRAL_CREATED, referral.referral_id, referral, NOW, 1)
        people.append((referral, answers, engine, awaits, cause))

    def table() -> None:
        for referral, answers, engine, awaits, _ in people:
            engine.match(facts_of(referral, referral.facts, referral.asks, answers, referral.occurred_on), awaits)

    def whole() -> None:
        for *_, cause in people:
            decide(None, cause, policy=policy, now=NOW)

    def traced() -> None:
        for referral, answers, engine, awaits, _ in people[:30]:
            facts = facts_of(referral, referral.facts, referral.asks, answers, referral.occurred_on)
            trace(engine, facts, awaits, answers=answers)

    return [
        _row("rules/decide", _best(table) / len(people), bar=BAR_US),
        _row("stage/triage decide", _best(whole) / len(people)),
        _row("rules/trace", _best(traced, 3) / 30),
    ]


def _row(name: str, us: float, bar: float | None = None) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "value": round(us, 1), "unit": "us", "cpu_us": None}
    return row if bar is None else {**row, "bar": bar}


def _best(work: Callable[[], None], rounds: int = ROUNDS) -> float:
    took = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        took.append(time.process_time() - started)
    return min(took) * 1e6


if __name__ == "__main__":
    from tests.benchmarks.__main__ import above_their_bars, print_rows

    rows = rules_rows()
    if "--json" in sys.argv:
        print(json.dumps({"rows": rows}))
    else:
        print_rows(rows)
    sys.exit(1 if above_their_bars(rows) else 0)
