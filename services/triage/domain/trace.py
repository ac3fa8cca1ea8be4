"""A decision taken apart, as data: every rule with the facts that it looked at, and why it did or did not count.

Made by :func:`services.triage.domain.tracing.trace` from the same compiled rules that decide; a decision itself makes
none of this. A trace holds answers about health: it stands in no event, table, log or metric. Whoever shows one asks
first what its reader may see.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from services.contracts.base import PolicyVersion
from services.contracts.codes import HoldCause, Intensity, SafetyLevel, Support, TriageOutcome, Urgency
from services.contracts.triage import PackageItem
from services.contracts.triage_codes import RunnerUpLoss

Value = bool | int | str | tuple[str, ...] | None
"""A fact's value: codes as text, days as text; None: not asked."""

NO_NEED = "other"
"""The need of the fallback and of the red-flag rules, which answer none in particular."""


class Traced(BaseModel):
    """A frozen part of a trace."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RuleKind(StrEnum):
    """What a rule is for."""

    RED_FLAG = "red_flag"
    MATCHING = "matching"
    FALLBACK = "fallback"


class Status(StrEnum):
    """What became of a rule."""

    FIRED = "fired"  # it gives what it gives
    NOT_MET = "not_met"  # what is known says no
    NOT_KNOWN = "not_known"  # too little was asked to tell: that is not a no
    OUT_OF_SCOPE = "out_of_scope"  # of another area, or of other days
    SUPPRESSED = "suppressed"  # true, and a stronger rule took its place: `by`
    STOPPED = "stopped"  # true, and a red flag stops all that it gives: `by`
    ACKNOWLEDGED = "acknowledged"  # a red flag that a named person has taken up


class NodeKind(StrEnum):
    """A part of a condition."""

    ALL = "all"
    ANY = "any"
    NOT = "not"
    UNDECIDED = "undecided"
    DEFINITION = "definition"
    TEST = "test"


class FactRead(Traced):
    """One fact that a rule looked at. ``asked`` False: nobody asked, which is never a no.

    ``applies`` False: there is nothing to ask, because of what else is known: nobody who has work is out of it.
    """

    field: str
    value: Value
    asked: bool
    applies: bool = True


class Node(Traced):
    """A condition with what it came to (None: unknown).

    A test has ``field`` (or ``parameter``, which a programme's file sets), ``operator`` and ``wanted``; a definition
    has its ``name`` and one part; the others have parts.
    """

    kind: NodeKind
    truth: bool | None
    name: str | None = None
    field: str | None = None
    parameter: str | None = None
    operator: str | None = None
    wanted: Value = None
    parts: tuple["Node", ...] = ()


class Change(Traced):
    """The smallest change of a single fact after which a rule fires, or no longer does: ``fires`` says which."""

    field: str
    before: Value
    after: Value
    fires: bool


class Given(Traced):
    """A support that a rule gives. ``stopped``: a red flag keeps it out of the package until somebody acknowledges."""

    support: Support
    intensity: Intensity | None
    stopped: bool


class RuleTrace(Traced):
    """One rule: what it asked, what that came to, and what became of it.

    ``truth`` is its own condition's, before anything suppresses or stops it (None: unknown). ``level`` is a red
    flag's. ``by`` names the rules that suppressed or stopped it. ``gives`` are the supports that are its to give on
    these facts, also where it did not come to it. ``would_change`` is None where no single fact would do, and for
    everything that only a named person can change.
    """

    rule: str
    code: str
    title: str
    text: str
    kind: RuleKind
    need: str
    level: SafetyLevel | None
    status: Status
    truth: bool | None
    by: tuple[str, ...]
    facts: tuple[FactRead, ...]
    condition: Node | None
    gives: tuple[Given, ...]
    would_change: Change | None

    @property
    def fired(self) -> bool:
        """Whether it gives anything to the package."""
        return self.status is Status.FIRED

    @property
    def not_asked(self) -> tuple[str, ...]:
        """The fields that it looked at and nobody had asked."""
        return tuple(fact.field for fact in self.facts if not fact.asked)


class RunnerUpTrace(Traced):
    """What came second for a need: a rule, or (``rule`` None) a support that the winner names as an alternative.

    ``by`` names the rules that it lost to.
    """

    rule: str | None
    support: Support
    lost: RunnerUpLoss
    by: tuple[str, ...]


class NeedTrace(Traced):
    """One need: which rule won (None: none fired), what else fired for it, and what came second and why it lost."""

    need: str
    title: str
    winner: str | None
    also: tuple[str, ...]
    runner_up: RunnerUpTrace | None


class GivenBy(Traced):
    """A support of the package with its place in it, and the rules that gave it."""

    item: PackageItem
    rules: tuple[str, ...]


class IntensityTrace(Traced):
    """How much support is expected: ``light_touch`` or ``key_worker``, None while all matching is stopped.

    ``because`` are the codes of the reasons for a key worker; empty: none held, so light touch.
    """

    intensity: Intensity | None
    because: tuple[str, ...]


class Trace(Traced):
    """A whole decision taken apart. What it comes to is what :meth:`Engine.match` gives for the same facts."""

    ruleset: PolicyVersion
    outcome: TriageOutcome
    urgency: Urgency
    cause: HoldCause | None
    intensity: IntensityTrace
    package: tuple[GivenBy, ...]
    alternatives: tuple[Support, ...]
    needs: tuple[NeedTrace, ...]
    rules: tuple[RuleTrace, ...]

    def rule(self, rule_id: str) -> RuleTrace | None:
        """Return one rule's part, or None."""
        return next((rule for rule in self.rules if rule.rule == rule_id), None)
