"""Two decisions on the same facts held beside each other: what differs, and which rules made it differ.

Both come from the one engine; nothing here decides.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from services.contracts.codes import HoldCause, Intensity, Support, TriageOutcome, Urgency
from services.contracts.package_change import PackageChange, package_change
from services.contracts.triage import Findings, Package, TriageCompleted
from services.triage.domain.matching import Match
from services.triage.domain.trace import Status, Traced
from services.triage.domain.tracing import CameOut


class Aspect(StrEnum):
    """In what two decisions differ."""

    OUTCOME = "outcome"
    URGENCY = "urgency"
    SUPPORT_ADDED = "support_added"
    SUPPORT_REMOVED = "support_removed"
    SUPPORT_INTENSITY = "support_intensity"
    ORDER = "order"
    EXPECTED_INTENSITY = "expected_intensity"
    ALTERNATIVES = "alternatives"
    REASONS = "reasons"  # other rules than before; the recommendation may still be the same


NOT_THE_RECOMMENDATION: Final = frozenset({Aspect.REASONS})
"""What may differ while the person is recommended the same."""


class Decided(Traced):
    """What a decision came to. ``rules`` gave it, in the order of its reasons."""

    outcome: TriageOutcome
    urgency: Urgency
    cause: HoldCause | None
    package: Package
    alternatives: tuple[Support, ...]
    intensity: Intensity | None
    rules: tuple[str, ...]

    @classmethod
    def by(cls, match: Match) -> "Decided":
        """Return what rules come to."""
        return cls(
            outcome=match.outcome,
            urgency=match.urgency,
            cause=match.cause,
            package=match.package,
            alternatives=match.alternatives,
            intensity=match.intensity,
            rules=tuple(reason.rule for reason in match.reasons),
        )

    @classmethod
    def in_event(cls, decision: TriageCompleted) -> "Decided":
        """Return what was decided, as far as rules did: that a person refused is put aside. Opens the findings.

        Raises ContentErased.
        """
        found: Findings = decision.sealed.findings.content
        refused = decision.outcome is TriageOutcome.NOT_ELIGIBLE
        return cls(
            outcome=TriageOutcome.RECOMMENDED if refused else decision.outcome,
            urgency=found.urgency,
            cause=found.cause,
            package=decision.package,
            alternatives=decision.alternatives,
            intensity=found.intensity,
            rules=tuple(reason.rule for reason in found.reasons),
        )


class Difference(Traced):
    """How two decisions differ. Holds urgency and rules: it rests sealed, or nowhere."""

    before: Decided
    after: Decided
    aspects: tuple[Aspect, ...]
    package: PackageChange

    @property
    def recommends_otherwise(self) -> bool:
        """Whether the person would be recommended something else."""
        return bool(set(self.aspects) - NOT_THE_RECOMMENDATION)


_DIFFERS: Final[dict[Aspect, Callable[[Decided, Decided, PackageChange], bool]]] = {
    Aspect.OUTCOME: lambda before, after, _: before.outcome is not after.outcome,
    Aspect.URGENCY: lambda before, after, _: (before.urgency, before.cause) != (after.urgency, after.cause),
    Aspect.SUPPORT_ADDED: lambda _, __, package: bool(package.added),
    Aspect.SUPPORT_REMOVED: lambda _, __, package: bool(package.removed),
    Aspect.SUPPORT_INTENSITY: lambda _, __, package: bool(package.intensity),
    Aspect.ORDER: lambda _, __, package: bool(package.moved),
    Aspect.EXPECTED_INTENSITY: lambda before, after, _: before.intensity is not after.intensity,
    Aspect.ALTERNATIVES: lambda before, after, _: before.alternatives != after.alternatives,
    Aspect.REASONS: lambda before, after, _: set(before.rules) != set(after.rules),
}


def difference(before: Decided, after: Decided) -> Difference | None:
    """Return how two decisions differ, None where they do not."""
    if before == after:
        return None
    package = package_change(before.package, after.package)
    aspects = tuple(aspect for aspect, differs in _DIFFERS.items() if differs(before, after, package))
    return Difference(before=before, after=after, aspects=aspects, package=package) if aspects else None


class Shift(Traced):
    """A rule that came out otherwise; None: the file does not have it.

    Equal statuses: it gives other supports, or with another intensity.
    """

    rule: str
    before: Status | None
    after: Status | None


def shifts(before: Mapping[str, CameOut], after: Mapping[str, CameOut]) -> tuple[Shift, ...]:
    """Return the rules that came out otherwise, in the order of the files."""
    found = []
    for rule in dict.fromkeys((*before, *after)):
        old, new = before.get(rule), after.get(rule)
        if _became(old) != _became(new):
            found.append(Shift(rule=rule, before=old and old[0], after=new and new[0]))
    return tuple(found)


def _became(rule: CameOut | None) -> object:
    if rule is None:
        return None
    status, gives = rule
    return status, gives if status is Status.FIRED else ()
