"""A rule file as typed data."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.contracts.base import AreaCode
from services.contracts.codes import Intensity, SafetyLevel, Support
from services.contracts.triage import MOST_NEEDS
from services.kernel.decision import PolicyRef
from services.programmes.conditions import Condition, Frozen
from services.programmes.tiers import Code, Slug, VersionNumber, Words
from services.triage.domain.cases import Baseline, Case

RuleId = Annotated[str, Field(pattern=r"^R[0-9]{2}[a-z]?$")]
SupportCode = Annotated[Support, Field(strict=False)]
Alternatives = tuple[SupportCode, ...]


class Item(Frozen):
    """A support that a rule gives; with ``when``, only where that is true too."""

    support: SupportCode
    intensity: Annotated[Intensity, Field(strict=False)] | None = None
    when: Condition | None = None


class RedFlagRule(Frozen):
    """What a positive red flag of one level does until a named person acknowledges it.

    Which answers are positive is fixed in :mod:`services.contracts.red_flags`, not in a file.
    """

    id: RuleId
    level: Annotated[SafetyLevel, Field(strict=False)]
    code: Code
    title: Words
    text: Words
    package: tuple[Item, ...] = Field(min_length=1)
    suppresses: Literal["all"] | Alternatives


class Scope(Frozen):
    """Where and when a rule holds: the area codes (empty: everywhere), and the days of the referral, both included.

    An area is the ODS code valid on the day of the referral. Where that is not known, a rule with areas is not known.
    """

    areas: tuple[AreaCode, ...] = ()
    starts: date | None = Field(default=None, alias="from")
    ends: date | None = Field(default=None, alias="to")

    @property
    def everywhere(self) -> bool:
        """Whether it holds for every referral."""
        return not self.areas and self.starts is None and self.ends is None


class Rule(Scope):
    """A matching rule: when it is true, its package is recommended, unless another rule suppresses it.

    ``need`` says what it answers; the rules of one need compete.
    """

    id: RuleId
    code: Code
    need: Code
    title: Words
    text: Words
    when: Condition
    package: tuple[Item, ...] = Field(min_length=1)
    suppresses: tuple[RuleId, ...] = ()
    alternatives: Alternatives = ()


class Fallback(Frozen):
    """What is recommended when no other rule gave anything, or when its own condition is true too. It is a last resort,
    so it holds everywhere and at all times, and nothing suppresses it.
    """

    id: RuleId
    code: Code
    title: Words
    text: Words
    when: Condition
    package: tuple[Item, ...] = Field(min_length=1)
    alternatives: Alternatives = ()


class KeyWorkerReason(Frozen):
    """What makes a key worker more likely than light touch: ``code`` says it, where ``when`` is true."""

    code: Code
    text: Words
    when: Condition


class ExpectedIntensity(Frozen):
    """How much support a package is expected to take: the ``usual``, unless something calls for a key worker.

    A support that a rule gives with the intensity ``key_worker`` always does; so do ``needs_at_least`` needs at once.
    """

    usual: Literal["light_touch", "key_worker"] = "light_touch"
    needs_at_least: Annotated[int, Field(ge=2, le=20)]
    key_worker: tuple[KeyWorkerReason, ...] = ()


class Place(Frozen):
    """Where a support stands in a package, and which others it waits for."""

    support: SupportCode
    after: Alternatives = ()


class RuleSet(Frozen):
    """One version of the rules. ``sha256`` is the hash of the file's bytes, its cases included.

    ``cases`` decide nothing: ``pathway rules test`` holds the rules against them.
    """

    ruleset: Slug
    version: VersionNumber
    title: Words
    published_on: date
    definitions: dict[str, Condition] = Field(default_factory=dict)
    needs: Annotated[dict[Code, Words], Field(max_length=MOST_NEEDS)]
    red_flags: tuple[RedFlagRule, ...]
    rules: tuple[Rule, ...] = Field(min_length=1)
    fallback: Fallback
    sequence: tuple[Place, ...]
    intensity: ExpectedIntensity
    baseline: Baseline | None = None
    cases: tuple[Case, ...] = ()
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @property
    def ref(self) -> PolicyRef:
        """The rule set as an event names it."""
        return PolicyRef(self.ruleset, self.version, self.sha256)

    def every_rule(self) -> Iterator[RedFlagRule | Rule | Fallback]:
        """Yield all rules: red flags, matching rules, the fallback."""
        yield from self.red_flags
        yield from self.rules
        yield self.fallback

    def rule(self, rule_id: str) -> RedFlagRule | Rule | Fallback | None:
        """Return a rule by its id, or None."""
        return next((rule for rule in self.every_rule() if rule.id == rule_id), None)
