"""A rule file as typed data."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from services.contracts.codes import Intensity, SafetyLevel, Support
from services.kernel.decision import PolicyRef
from services.programmes.conditions import Condition, Frozen
from services.programmes.model import VersionNumber
from services.programmes.tiers import Code, Slug, Words

RuleId = Annotated[str, Field(pattern=r"^R[0-9]{2}$")]
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


class Rule(Frozen):
    """A matching rule: when it is true, its package is recommended, unless another rule suppresses it."""

    id: RuleId
    code: Code
    title: Words
    text: Words
    when: Condition
    package: tuple[Item, ...] = Field(min_length=1)
    suppresses: tuple[RuleId, ...] = ()
    alternatives: Alternatives = ()


class Place(Frozen):
    """Where a support stands in a package, and which others it waits for."""

    support: SupportCode
    after: Alternatives = ()


class RuleSet(Frozen):
    """One version of the rules. ``sha256`` is the hash of the file's bytes."""

    ruleset: Slug
    version: VersionNumber
    title: Words
    published_on: date
    definitions: dict[str, Condition] = Field(default_factory=dict)
    red_flags: tuple[RedFlagRule, ...]
    rules: tuple[Rule, ...] = Field(min_length=1)
    fallback: Rule
    sequence: tuple[Place, ...]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @property
    def ref(self) -> PolicyRef:
        """The rule set as an event names it."""
        return PolicyRef(self.ruleset, self.version, self.sha256)

    def every_rule(self) -> Iterator[RedFlagRule | Rule]:
        """Yield all rules: red flags, matching rules, the fallback."""
        yield from self.red_flags
        yield from self.rules
        yield self.fallback

    def rule(self, rule_id: str) -> RedFlagRule | Rule | None:
        """Return a rule by its id, or None."""
        return next((rule for rule in self.every_rule() if rule.id == rule_id), None)
