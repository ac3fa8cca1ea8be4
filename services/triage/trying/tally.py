"""Deciding everybody again under two rule files, and counting what would change."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from services.triage.domain.comparing import Aspect, Decided, Difference, Shift, difference, shifts
from services.triage.domain.matching import Engine
from services.triage.domain.rules import RuleSet
from services.triage.domain.tracing import CameOut, came_out
from services.triage.domain.trial import Trial
from services.triage.trying.known import Known, Left, Uncompared


@dataclass(frozen=True, slots=True)
class Changed:
    """Somebody whose recommendation would change, or only its reasons; and which rules come out otherwise."""

    name: str
    difference: Difference
    because: tuple[Shift, ...]


@dataclass
class Tally:
    """What two rule files come to for everybody who is known.

    ``compared`` and ``changed`` count by dimension and group. Only what differs is asked rule by rule.
    """

    old: RuleSet
    new: RuleSet
    total: int = 0
    otherwise: list[Changed] = field(default_factory=list)
    reasons_only: list[Changed] = field(default_factory=list)
    compared: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    changed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    left: Uncompared = field(default_factory=Uncompared)

    def __post_init__(self) -> None:
        self._engines = (Trial(self.old), Trial(self.new))

    def add(self, known: Known) -> None:
        """Decide one again, under both files. One on which a file raises is left out as failed."""
        try:
            changed = self._changed(known)
        except Exception:  # whatever a file brings about on somebody is that file's fault, and is counted
            self.left.leave(Left.FAILED)
            return
        self.total += 1
        for dimension, group in known.groups.items():
            self.compared[dimension][group] += 1
        if changed is None:
            return
        if not changed.difference.recommends_otherwise:
            self.reasons_only.append(changed)
            return
        self.otherwise.append(changed)
        for dimension, group in known.groups.items():
            self.changed[dimension][group] += 1

    def _changed(self, known: Known) -> Changed | None:
        old, new = (trial.engine(known.parameters) for trial in self._engines)
        found = difference(_decided(old, known), _decided(new, known))
        if found is None:
            return None
        return Changed(known.name, found, shifts(_traced(old, known), _traced(new, known)))

    def aspects(self) -> dict[Aspect, int]:
        """Return how many would change in what; one can change in several."""
        found = Counter(aspect for one in self.otherwise for aspect in one.difference.aspects)
        return {aspect: found[aspect] for aspect in Aspect if found[aspect]}

    def because(self) -> dict[Shift, int]:
        """Return how many would change with which rule coming out otherwise, the most frequent first."""
        return dict(Counter(shift for one in self.otherwise for shift in one.because).most_common())

    def supports(self) -> dict[str, Counter[str]]:
        """Return how many would be recommended a support that they are not today, and no longer one that they are."""
        packages = [one.difference.package for one in self.otherwise]
        return {
            "added": Counter(support.value for package in packages for support in package.added),
            "removed": Counter(support.value for package in packages for support in package.removed),
        }


def _decided(engine: Engine, known: Known) -> Decided:
    return Decided.by(engine.match(known.facts, known.awaits))


def _traced(engine: Engine, known: Known) -> dict[str, CameOut]:
    return came_out(engine, known.facts, known.awaits, answers=known.answers, acknowledged=known.acknowledged)
