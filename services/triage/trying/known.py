"""What is decided again: what is known of somebody, and the groups that they are counted in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from services.contracts.assessment import Assessment


class Left(StrEnum):
    """Why a referral is not compared."""

    ERASED = "erased"  # the person's data are erased
    RESTRICTED = "restricted"  # they may not be used at present
    NO_KEY = "no_key"  # the vault has lost the key, or the content is not the person's
    OTHER_RULES = "other_rules"  # its programme follows another rule set
    NO_PROGRAMME = "no_programme"  # no programme file here covers its day
    INCOMPLETE = "incomplete"  # an event of it is missing from the log, or cannot be read
    FAILED = "failed"  # a rule file raised on it: no such file may go live


class LeftOut(Exception):
    """A referral cannot be compared; ``why`` says it."""

    def __init__(self, why: Left) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True)
class Known:
    """One referral, or one case, as the engine is asked about it.

    ``awaits`` and ``acknowledged`` are red-flag rules; ``parameters`` what the programme's file sets; ``groups`` the
    value of each dimension that it is counted in.
    """

    name: str
    facts: Mapping[str, Any]
    awaits: tuple[str, ...]
    acknowledged: tuple[str, ...]
    answers: Assessment | None
    parameters: Mapping[str, Any]
    groups: Mapping[str, str]


@dataclass(slots=True)
class Uncompared:
    """How many were left out, by the reason."""

    counts: Counter[Left] = field(default_factory=Counter)

    def leave(self, why: Left) -> None:
        """Count one."""
        self.counts[why] += 1

    def fields(self) -> dict[str, int]:
        """Return every reason with its count."""
        return {why.value: self.counts[why] for why in Left}


NOT_KNOWN = "not known"
"""The group of those of whom a dimension's value is not known."""


def group(value: object) -> str:
    """Return the name of a value's group."""
    return NOT_KNOWN if value is None else str(value)


def groups(values: Mapping[str, object], dimensions: Sequence[str]) -> dict[str, str]:
    """Return the group of each dimension."""
    return {dimension: group(values.get(dimension)) for dimension in dimensions}
