"""Answers given in parts: how a later part joins the earlier ones, and which red flags it raises."""

from typing import NamedTuple, TypeVar

from services.contracts import red_flags
from services.contracts.assessment import Assessment, Gad7, Phq9, StartMsk, Wsas
from services.contracts.codes import RedFlag, SafetyLevel
from services.kernel.sealing.content import Sealed

T = TypeVar("T")
S = TypeVar("S", Gad7, StartMsk, Wsas)

_LISTS = ("taken_on", "conditions", "under_secondary_mental_health_care", "stressors", "barriers")


class Answers(NamedTuple):
    """Answers opened, and as they travel: passed on as they came unless a later part has joined them."""

    given: Assessment | None
    sealed: Sealed[Assessment] | None

    @classmethod
    def of(cls, sealed: Sealed[Assessment] | None) -> "Answers":
        """Open what came. Raises ContentErased."""
        return cls(None if sealed is None else sealed.content, sealed)

    def joined_by(self, later: "Answers") -> "Answers":
        """Return these answers with a later part."""
        if self.given is None or later.given is None:
            return later if self.given is None else self
        both = merged(self.given, later.given)
        return Answers(both, Sealed.of(both))


def merged(earlier: Assessment, later: Assessment) -> Assessment:
    """Return all answers known. A later answer replaces an earlier one; an absent one replaces nothing."""
    plain = {name: _latest(getattr(earlier, name), getattr(later, name)) for name in _LISTS}
    return Assessment(
        **plain,
        phq9=_phq9(earlier.phq9, later.phq9),
        gad7=_scored(earlier.gad7, later.gad7),
        start_msk=_scored(earlier.start_msk, later.start_msk),
        wsas=_scored(earlier.wsas, later.wsas),
        red_flags=_flags(earlier.red_flags, later.red_flags),
    )


def _latest(earlier: T | None, later: T | None) -> T | None:
    return earlier if later is None else later


def _scored(earlier: S | None, later: S | None) -> S | None:
    return earlier if later is None or later.score is None else later


def _phq9(earlier: Phq9 | None, later: Phq9 | None) -> Phq9 | None:
    if earlier is None or later is None:
        return _latest(earlier, later)
    return Phq9(score=_latest(earlier.score, later.score), item9=_latest(earlier.item9, later.item9))


def _flags(
    earlier: dict[RedFlag, bool | None] | None, later: dict[RedFlag, bool | None] | None
) -> dict[RedFlag, bool | None] | None:
    if earlier is None or later is None:
        return _latest(earlier, later)
    return {**earlier, **{flag: said for flag, said in later.items() if said is not None}}


def positive_levels(answers: Assessment | None) -> tuple[SafetyLevel, ...]:
    """Return every level of red flag that is positive, the most serious first."""
    safety = red_flags.check(answers)
    if safety is None:
        return ()
    return tuple(level for level, items in _ITEMS if not items.isdisjoint(safety.items))


_ITEMS: tuple[tuple[SafetyLevel, frozenset[str]], ...] = (
    (SafetyLevel.EMERGENCY, frozenset(red_flags.EMERGENCY_ITEMS)),
    (SafetyLevel.HOLD, frozenset(red_flags.HOLD_ITEMS) | {red_flags.PHQ9_ITEM9}),
    (SafetyLevel.URGENT, frozenset(red_flags.URGENT_ITEMS)),
)


def raised_by(part: Assessment | None, all_answers: Assessment | None) -> tuple[SafetyLevel, ...]:
    """Return the levels for which ``part`` itself holds a positive answer, read with all that is known.

    Back pain may have been named earlier than the sign that makes it urgent, so conditions are those of
    ``all_answers``. An acknowledgement covers the answers that its person saw; a new positive one asks again.
    """
    if part is None or all_answers is None or part is all_answers:
        return positive_levels(part)
    return positive_levels(part.model_copy(update={"conditions": all_answers.conditions}))
