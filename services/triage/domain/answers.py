"""Answers given in parts: how a part joins the others, and which red flags it raises.

Each part (a questionnaire, or a question of its own) is one whole: the one of the later day stands, and of one day the
one that came later, so that no sum of one sitting meets an item of another. A part of an earlier day that comes late
replaces nothing. A yes to a red-flag question stays a yes, whatever comes later, and a condition that a later list
leaves out is remembered, because red flags are read with it: what a positive answer means ends with a named person's
acknowledgement and with nothing else.
"""

from datetime import date
from typing import Any, Final, NamedTuple

from services.contracts import red_flags
from services.contracts.assessment import Assessment, PartTaken
from services.contracts.assessment_codes import AssessmentPart
from services.contracts.codes import Condition, RedFlag, SafetyLevel
from services.kernel.sealing.content import Sealed

_CONDITIONS: Final = {condition: rank for rank, condition in enumerate(Condition)}
_WHOLE: Final = tuple(part for part in AssessmentPart if part is not AssessmentPart.RED_FLAGS)


class Answers(NamedTuple):
    """Answers opened, and as they travel: passed on as they came unless a later part has joined them.

    ``on`` is the day of those that say no day themselves.
    """

    given: Assessment | None
    sealed: Sealed[Assessment] | None
    on: date

    @classmethod
    def of(cls, sealed: Sealed[Assessment] | None, on: date) -> "Answers":
        """Open what came. Raises ContentErased."""
        return cls(None if sealed is None else sealed.content, sealed, on)

    def joined_by(self, later: "Answers") -> "Answers":
        """Return these answers with a part that came later, of whatever day it is."""
        if later.given is None:
            return self
        if self.given is None:
            return later if later.given.taken_on is not None else later._remade(dated(later.given, later.on))
        return later._remade(merged(self.given, later.given, self.on, later.on))

    def _remade(self, given: Assessment) -> "Answers":
        return Answers(given, Sealed.of(given), self.on)


def dated(answers: Assessment, on: date) -> Assessment:
    """Return answers of which every part says its day: its own, else the assessment's, else ``on``."""
    said = answers.parts or {}
    day = answers.taken_on or on
    parts = {
        part: PartTaken(taken_on=taken.taken_on or day, version=taken.version)
        for part in AssessmentPart
        if is_answered(answers, part)
        for taken in (said.get(part, _NOT_SAID),)
    }
    return answers.model_copy(update={"taken_on": day, "parts": parts})


_NOT_SAID: Final = PartTaken()


def is_answered(answers: Assessment, part: AssessmentPart) -> bool:
    """Tell whether anything of a part was answered; an empty list is an answer."""
    value = getattr(answers, part.value)
    if value is None or isinstance(value, tuple | bool):
        return value is not None
    said = value.values() if isinstance(value, dict) else value.__dict__.values()
    return any(one is not None for one in said)


def merged(earlier: Assessment, later: Assessment, earlier_on: date, later_on: date) -> Assessment:
    """Return all answers known. ``later`` came later and may be of an earlier day.

    ``earlier_on`` and ``later_on`` are the days of what says none itself.
    """
    earlier, later = dated(earlier, earlier_on), dated(later, later_on)
    before, after = earlier.parts or {}, later.parts or {}
    plain: dict[str, Any] = {}
    parts: dict[AssessmentPart, PartTaken] = {}
    for part in _WHOLE:
        held, new = before.get(part), after.get(part)
        keeps = new is None or (held is not None and _day(new) < _day(held))
        plain[part.value] = getattr(earlier if keeps else later, part.value)
        taken = held if keeps else new
        if taken is not None:
            parts[part] = taken
    flags = [taken for taken in (before.get(_FLAGS), after.get(_FLAGS)) if taken is not None]
    if flags:
        parts[_FLAGS] = max(reversed(flags), key=_day)
    plain["red_flags"] = _flags(earlier.red_flags, later.red_flags)
    plain["named_before"] = _named_before(earlier, later, plain["conditions"])
    plain["taken_on"] = max(map(_day, parts.values()), default=earlier.taken_on)
    return Assessment(**plain, parts={part: parts[part] for part in AssessmentPart if part in parts})


_FLAGS: Final = AssessmentPart.RED_FLAGS


def _day(taken: PartTaken) -> date:
    return taken.taken_on or date.min


def _flags(
    earlier: dict[RedFlag, bool | None] | None, later: dict[RedFlag, bool | None] | None
) -> dict[RedFlag, bool | None] | None:
    """Return every red-flag question with the strongest answer that it had: yes, else no, else not asked."""
    if earlier is None or later is None:
        return earlier if later is None else later
    return {flag: _stronger(earlier.get(flag), later.get(flag)) for flag in {**earlier, **later}}


def _stronger(one: bool | None, other: bool | None) -> bool | None:
    return other if one is None else one or bool(other)


def _named_before(earlier: Assessment, later: Assessment, now: tuple[Condition, ...] | None) -> Any:
    lists = (earlier.conditions, earlier.named_before, later.conditions, later.named_before)
    left = {condition for named in lists for condition in named or ()} - set(now or ())
    return tuple(sorted(left, key=_CONDITIONS.__getitem__)) or None


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
    ``all_answers`` too. An acknowledgement covers the answers that its person saw; a new positive one asks again.
    """
    if part is None or all_answers is None or part is all_answers:
        return positive_levels(part)
    known = (*(all_answers.conditions or ()), *(all_answers.named_before or ()))
    return positive_levels(part.model_copy(update={"named_before": known}))
