"""What came second for each need, and why: found beside the winner, from the same answers of the same rules."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from services.contracts.codes import Support
from services.contracts.triage import MOST_STRONGER, RunnerUp
from services.contracts.triage_codes import RunnerUpLoss
from services.programmes.logic import Facts
from services.triage.domain.compiled import Compiled

_STOPPED: Final = RunnerUpLoss.STOPPED
_SUPPRESSED: Final = RunnerUpLoss.SUPPRESSED
_NOT_KNOWN: Final = RunnerUpLoss.NOT_KNOWN
_MAX_KEPT: Final = 4096

Kept = tuple[str, Support, str | None, RunnerUpLoss, tuple[str, ...]]


class RunnersUp:
    """Finds them in the order of how near they came.

    First a rule that is true and stopped by a red flag, then one that is true and suppressed, then one of which too
    little was asked, then what the winner names as its alternative. A need for which nothing is true has no runner-up.
    """

    def __init__(self, rules: Sequence[Compiled]) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._order = {rule.id: place for place, rule in enumerate(rules)}
        self._needs = {rule.need: place for place, rule in reversed(list(enumerate(rules)))}
        self._gives = {(rule.need, support): rule.id for rule in reversed(rules) for support in rule.supports}
        self._kept: dict[Kept, RunnerUp] = {}

    def of(
        self,
        facts: Facts,
        won: Mapping[str, Sequence[Compiled]],
        fired: set[str],
        suppressed: set[str],
        unknown: Iterable[Compiled],
        halted: Iterable[Compiled],
        stopped: Mapping[Support, str],
    ) -> tuple[RunnerUp, ...]:
        """Return the runners-up in the order of their needs.

        ``won``: per need the rules that give something, the winner first; ``fired``: the rules that are true and not
        suppressed; ``unknown``: those of which too little was asked; ``halted``: those of which a red flag stops all.
        """
        found: dict[str, Kept] = {}
        for rule in halted:
            support = rule.supports[0]
            by = stopped.get(support)
            found.setdefault(rule.need, (rule.need, support, rule.id, _STOPPED, () if by is None else (by,)))
        if suppressed:
            for kept in self._weaker(facts, fired, suppressed):
                found.setdefault(kept[0], kept)
        open_ones = [rule for rule in unknown if rule.need in won and rule.need not in found]
        for rule in sorted(open_ones, key=self._place):
            found.setdefault(rule.need, (rule.need, rule.supports[0], rule.id, _NOT_KNOWN, (won[rule.need][0].id,)))
        for need, winners in won.items():
            if need not in found:
                second = self._alternative(need, winners, fired)
                if second is not None:
                    found[need] = second
        if not found:
            return ()
        return tuple(self._record(found[need]) for need in sorted(found, key=self._needs.__getitem__))

    def _place(self, rule: Compiled) -> int:
        return self._order[rule.id]

    def _weaker(self, facts: Facts, fired: set[str], suppressed: set[str]) -> Iterator[Kept]:
        for rule_id in sorted(suppressed, key=self._order.__getitem__):
            rule = self._rules[rule_id]
            if rule.check(facts):
                by = tuple(r for r in fired if rule_id in self._rules[r].suppresses)
                yield rule.need, rule.supports[0], rule_id, _SUPPRESSED, tuple(sorted(by)[:MOST_STRONGER])

    def _alternative(self, need: str, winners: Sequence[Compiled], fired: set[str]) -> Kept | None:
        given = {support for winner in winners for support in winner.supports}
        for support in winners[0].alternatives:
            rule = self._gives.get((need, support))
            if support not in given and rule not in fired:
                lost = RunnerUpLoss.ALTERNATIVE if rule is None else RunnerUpLoss.NOT_MET
                return need, support, rule, lost, (winners[0].id,)
        return None

    def _record(self, kept: Kept) -> RunnerUp:
        known = self._kept.get(kept)
        if known is None:
            need, support, rule, lost, by = kept
            known = RunnerUp(need=need, support=support, rule=rule, lost=lost, by=by)
            if len(self._kept) < _MAX_KEPT:
                self._kept[kept] = known
        return known
