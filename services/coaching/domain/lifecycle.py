"""The lifecycle of a plan as a table: kind of change x state -> next state, or a coded refusal.

The table is data. ``decide`` asks it, the README shows it (a test holds the two equal) and a test walks
every cell. What a cell cannot say (is this step free to start?) stands in :mod:`guards`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from services.contracts.codes import ConsentKind
from services.contracts.plan import PlanSnapshot
from services.contracts.plan_change import ConsentChanged, Corrected, PlanChange, SessionRecorded
from services.contracts.plan_codes import ChangeKind as K
from services.contracts.plan_codes import PlanState, SessionAttendance

STATES: Final = tuple(PlanState)

CODES: Final[Mapping[str, str]] = {
    "not_confirmed": "a coach must confirm or override the recommendation first",
    "not_agreed": "the person has not agreed a plan yet",
    "already_agreed": "the plan is agreed; add or cancel single steps instead",
    "not_started": "no step of this plan has started",
    "no_open_step": "every step is finished or cancelled; add a step or review the plan",
    "already_paused": "the plan is paused already",
    "not_paused": "the plan is not paused",
    "plan_paused": "the plan is paused; resume it first",
    "plan_closed": "the plan is closed; outcomes can still be confirmed, support cannot",
    "not_closed": "only a closed plan can be reopened",
    "plan_withdrawn": "the person no longer takes part; a new referral starts a new plan",
}
"""The refusals of the table, with what a person reads."""


class Condition(Enum):
    """What else a move depends on; the value is the phrase in the document."""

    ATTENDED = "when attended"
    NO_STEP_LEFT = "when no open step is left"
    TAKE_PART_WITHDRAWN = "when consent to take part is withdrawn"
    NEVER_CONFIRMED = "when never confirmed"
    NEVER_AGREED = "when never agreed"
    NOTHING_BEGUN = "when no step has started and no session was attended"
    BEGINNING_TAKEN_BACK = "when a session is taken back and nothing else has begun"
    REVIEW_TAKEN_BACK = "when a review is taken back and no open step is left"
    STEP_OPEN_AGAIN = "when a finished step is open again"


_HOLDS: Final[Mapping[Condition, Callable[[PlanChange, PlanSnapshot], bool]]] = {
    Condition.ATTENDED: lambda change, _: (
        isinstance(change, SessionRecorded) and change.attendance is SessionAttendance.ATTENDED
    ),
    Condition.NO_STEP_LEFT: lambda _, after: not after.steps,
    Condition.TAKE_PART_WITHDRAWN: lambda change, after: (
        isinstance(change, ConsentChanged)
        and change.consent is ConsentKind.TAKE_PART
        and not change.given
        and not _given_again(after)
    ),
    Condition.NEVER_CONFIRMED: lambda _, after: after.confirmed_on is None,
    Condition.NEVER_AGREED: lambda _, after: after.agreed_on is None,
    Condition.NOTHING_BEGUN: lambda _, after: (
        not (after.counters.sessions_attended or after.finished_steps or any(step.started_on for step in after.steps))
    ),
    Condition.BEGINNING_TAKEN_BACK: lambda change, after: (
        _took_back(change) is K.SESSION_RECORDED and _HOLDS[Condition.NOTHING_BEGUN](change, after)
    ),
    Condition.REVIEW_TAKEN_BACK: lambda change, after: _took_back(change) is K.REVIEW_COMPLETED and not after.steps,
    Condition.STEP_OPEN_AGAIN: lambda change, _: _took_back(change) is K.STEP_FINISHED,
}


def _took_back(change: PlanChange) -> K | None:
    """Return the kind of fact that a coach takes back by a change."""
    return change.took_back if isinstance(change, Corrected) else None


def _given_again(after: PlanSnapshot) -> bool:
    """Tell whether a withdrawal that came late was overtaken: consent was given again on a later day."""
    said = after.consents.take_part if after.consents is not None else None
    return said is not None and said.given


@dataclass(frozen=True, slots=True)
class Move:
    """An allowed move: to the state beside the first condition in ``when`` that holds, else to ``to``."""

    to: PlanState
    when: tuple[tuple[Condition, PlanState], ...] = ()

    def target(self, change: PlanChange, after: PlanSnapshot) -> PlanState:
        """Return the state that the plan enters by ``change``, which leaves it as ``after``."""
        for condition, state in self.when:
            if _HOLDS[condition](change, after):
                return state
        return self.to


@dataclass(frozen=True, slots=True)
class Refusal:
    """A move that the table does not allow. An event from triage that meets one changes nothing."""

    code: str


Cell = Move | Refusal

_PROPOSED, _CONFIRMED, _AGREED, _ACTIVE, _PAUSED, _IN_REVIEW, _CLOSED, _WITHDRAWN = STATES


def _refusals() -> dict[str, Refusal]:
    return {code: Refusal(code) for code in CODES}


_R: Final = _refusals()
_unconfirmed, _unagreed = _R["not_confirmed"], _R["not_agreed"]
_paused, _closed, _gone = _R["plan_paused"], _R["plan_closed"], _R["plan_withdrawn"]

_STAY: Final = None
"""In the rows below: allowed, and the state stays as it is."""

_END_OF_STEPS: Final = Move(_ACTIVE, ((Condition.NO_STEP_LEFT, _IN_REVIEW),))
_GOES_ON: Final = ((Condition.NO_STEP_LEFT, _IN_REVIEW), (Condition.NOTHING_BEGUN, _AGREED))
_RESUME: Final = Move(_ACTIVE, _GOES_ON)
_REOPEN: Final = Move(
    _ACTIVE, ((Condition.NEVER_CONFIRMED, _PROPOSED), (Condition.NEVER_AGREED, _CONFIRMED), *_GOES_ON)
)


def _unless_withdrawn(state: PlanState) -> Move:
    return Move(state, ((Condition.TAKE_PART_WITHDRAWN, _WITHDRAWN),))


_OUTCOME_ROW: Final = (_unconfirmed, _STAY, _STAY, _STAY, _STAY, _STAY, _STAY, _gone)
_ALWAYS_ROW: Final = (_STAY, _STAY, _STAY, _STAY, _STAY, _STAY, _STAY, _gone)
_OPEN_ROW: Final = (_STAY, _STAY, _STAY, _STAY, _STAY, _STAY, _closed, _gone)
_CONFIRM_ROW: Final = (Move(_CONFIRMED), _STAY, _STAY, _STAY, _paused, _STAY, _closed, _gone)
_GOAL_ROW: Final = (_unconfirmed, _unagreed, _STAY, _STAY, _paused, _STAY, _closed, _gone)
_AT_WORK_ROW: Final = (_unconfirmed, _STAY, _STAY, _STAY, _paused, _STAY, _closed, _gone)

# Columns: proposed, confirmed, agreed, active, paused, in_review, closed, withdrawn.
_ROWS: Final[Mapping[K, tuple[Cell | None, ...]]] = {
    K.PROPOSED: _ALWAYS_ROW,
    K.HOLD_RELEASED: _ALWAYS_ROW,
    K.CORRECTED: (
        *(_STAY, _STAY, _STAY),
        Move(_ACTIVE, ((Condition.BEGINNING_TAKEN_BACK, _AGREED), (Condition.REVIEW_TAKEN_BACK, _IN_REVIEW))),
        *(_STAY, Move(_IN_REVIEW, ((Condition.STEP_OPEN_AGAIN, _ACTIVE),)), _STAY, _STAY),
    ),
    K.CONSENT_CHANGED: (*(_unless_withdrawn(state) for state in STATES[:-1]), _gone),
    K.RECOMMENDATION_CONFIRMED: _CONFIRM_ROW,
    K.RECOMMENDATION_OVERRIDDEN: _CONFIRM_ROW,
    K.COACH_ASSIGNED: _ALWAYS_ROW,
    K.ACKNOWLEDGED: _OPEN_ROW,
    K.CONTACTED: _ALWAYS_ROW,
    K.ASSESSED: _AT_WORK_ROW,
    K.PLAN_AGREED: (
        *(_unconfirmed, Move(_AGREED), _R["already_agreed"], _R["already_agreed"]),
        *(_paused, _R["already_agreed"], _closed, _gone),
    ),
    K.GOAL_SET: _GOAL_ROW,
    K.GOAL_PROGRESSED: _GOAL_ROW,
    K.BARRIER_CHANGED: _AT_WORK_ROW,
    K.STEP_ADDED: (_unconfirmed, _unagreed, _STAY, _STAY, _paused, Move(_ACTIVE), _closed, _gone),
    K.STEP_STARTED: (_unconfirmed, _unagreed, Move(_ACTIVE), _STAY, _paused, _R["no_open_step"], _closed, _gone),
    K.STEP_FINISHED: (
        *(_unconfirmed, _unagreed, _R["not_started"], _END_OF_STEPS),
        *(_paused, _R["no_open_step"], _closed, _gone),
    ),
    K.STEP_CANCELLED: (_unconfirmed, _unagreed, _STAY, _END_OF_STEPS, _paused, _R["no_open_step"], _closed, _gone),
    K.BOOKING_CHANGED: (_unconfirmed, _unagreed, _STAY, _STAY, _STAY, _R["no_open_step"], _closed, _gone),
    K.SESSION_RECORDED: (
        *(_unconfirmed, _STAY, Move(_AGREED, ((Condition.ATTENDED, _ACTIVE),)), _STAY),
        *(_paused, _STAY, _closed, _gone),
    ),
    K.ADJUSTMENT_CHANGED: _AT_WORK_ROW,
    K.EMPLOYER_CONTACTED: _AT_WORK_ROW,
    K.FIT_NOTE_RECORDED: _OPEN_ROW,
    K.REVIEW_COMPLETED: (_unconfirmed, _unagreed, _STAY, _STAY, _paused, Move(_ACTIVE), _STAY, _gone),
    K.WORK_STATUS_CHANGED: _ALWAYS_ROW,
    K.WORK_STATUS_CONFIRMED: _OUTCOME_ROW,
    K.EVIDENCE_RECORDED: _OUTCOME_ROW,
    K.NOTE_RECORDED: _ALWAYS_ROW,
    K.PAUSED: (
        *(_unconfirmed, _unagreed, Move(_PAUSED), Move(_PAUSED)),
        *(_R["already_paused"], Move(_PAUSED), _closed, _gone),
    ),
    K.RESUMED: (*(_R["not_paused"],) * 4, _RESUME, _R["not_paused"], _closed, _gone),
    K.HANDED_OVER: (*(Move(_CLOSED),) * 6, _closed, _gone),
    K.CLOSED: (*(Move(_CLOSED),) * 6, _closed, _gone),
    K.WITHDRAWN: (*(Move(_WITHDRAWN),) * 7, _gone),
    K.REOPENED: (*(_R["not_closed"],) * 6, _REOPEN, _gone),
}

LIFECYCLE: Final[Mapping[K, Mapping[PlanState, Cell]]] = {
    kind: {state: cell or Move(state) for state, cell in zip(STATES, row, strict=True)} for kind, row in _ROWS.items()
}
"""Every move that there is. A kind that is not here has no command yet."""


def render() -> str:
    """Return the table as Markdown: ``=`` stays, a state is entered, a code in italics refuses."""
    head = f"| change | {' | '.join(state.value for state in STATES)} |"
    rule = "|---" * (len(STATES) + 1) + "|"
    rows = [
        f"| `{kind.value}` | {' | '.join(_shown(row[state], state) for state in STATES)} |"
        for kind, row in LIFECYCLE.items()
    ]
    return "\n".join([head, rule, *rows])


def _shown(cell: Cell, state: PlanState) -> str:
    if isinstance(cell, Refusal):
        return f"*{cell.code}*"
    usual = "=" if cell.to is state else f"**{cell.to.value}**"
    return "; ".join([usual, *(f"**{to.value}** {condition.value}" for condition, to in cell.when)])
