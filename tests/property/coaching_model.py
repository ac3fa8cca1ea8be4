"""A plan as plain dictionaries and ifs: written from the contract, with nothing of coaching's own code.

``ask`` and ``hear`` answer with the refusal's code, or None when the plan has changed (or, for what triage
says, with False when nothing follows from it).
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.property.coaching_model_at_work import AtWork
from tests.property.coaching_model_taken_back import TakenBack

NEEDS_AGREEMENT = {"goal_set", "goal_progressed", "step_added", "step_started", "step_finished"} | {
    "step_cancelled",
    "review_completed",
    "paused",
    "booking_changed",
}
NEEDS_CONFIRMATION = (
    NEEDS_AGREEMENT
    | {"assessed", "plan_agreed", "session_recorded", "work_status_confirmed", "evidence_recorded"}
    | {"barrier_changed", "adjustment_changed", "employer_contacted"}
)
GO_ON_WHILE_PAUSED = {"work_status_confirmed", "evidence_recorded", "paused", "booking_changed", "handed_over"}
RESTS_WHILE_PAUSED = (NEEDS_CONFIRMATION - GO_ON_WHILE_PAUSED) | {
    "recommendation_confirmed",
    "recommendation_overridden",
}
AFTER_CLOSING = {"coach_assigned", "contacted", "work_status_changed", "work_status_confirmed"} | {
    "evidence_recorded",
    "review_completed",
    "consent_changed",
    "note_recorded",
    "withdrawn",
    "reopened",
    "corrected",
}
ALLOWED_IN_WORK = {"employed", "self_employed"}
OUTCOME_WINDOW = timedelta(days=182)
REOPEN_WITHIN = timedelta(days=28)


@dataclass
class PlanModel(AtWork, TakenBack):
    referred_on: date
    today: date
    exists: bool = False
    state: str = ""
    version: int = 0
    revision: int = 0
    confirmed_revision: int | None = None
    proposal: str | None = None
    held: int | None = None
    coach: str | None = None
    ever_agreed: bool = False
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    goals: dict[str, str] = field(default_factory=dict)
    closed_on: date | None = None
    attended: int = 0
    take_part_on: date | None = None
    started_on: date | None = None
    take_part_last: date = date.min
    take_part_not: date = date.min
    evidence: set[str] = field(default_factory=set)
    barriers: dict[str, str] = field(default_factory=dict)
    appeared: int = 0
    adjustments: dict[str, str] = field(default_factory=dict)
    employer: list[tuple[date, int, bool]] = field(default_factory=list)
    handed_over: str | None = None
    fit_notes: int = 0
    facts: dict[int, dict[str, Any]] = field(default_factory=dict)

    # What triage says.

    def triage(self, outcome: str, revision: int, consent_on: date) -> bool:
        if not self.exists:
            if outcome != "recommended":
                return False
            self.exists, self.state, self.take_part_on = True, "proposed", consent_on
            self.take_part_last = consent_on
        elif self.state == "withdrawn" or revision <= self.revision:
            return False
        self.revision = revision
        if outcome == "held":
            self.held, self.proposal = revision, None
        else:
            self.proposal = outcome
        return self._changed()

    def acknowledged(self, revision: int) -> bool:
        if not self.exists or self.state == "withdrawn" or self.held is None or revision < self.held:
            return False
        self.held = None
        return self._changed()

    def relayed_withdrawal(self) -> bool:
        if not self.exists or self.state == "withdrawn":
            return False
        self.state = "withdrawn"
        return self._changed()

    def relayed_consent(self, given: bool, on: date) -> bool:
        if not self.exists or self.state == "withdrawn":
            return False
        self._consent(given, on)
        return self._changed()

    def _changed(self) -> bool:
        self.version += 1
        return True

    def _consent(self, given: bool, on: date) -> None:
        """Said by day, the last of a day last: since when the last word has stood, as far as that is sure."""
        assert self.take_part_on is not None
        if not given and on >= self.take_part_last:
            self.take_part_on = None
            self.state = "withdrawn"
        elif not given:
            self.take_part_on = self.take_part_last if on >= self.take_part_on else self.take_part_on
            self.take_part_not = max(on, self.take_part_not)
        else:
            if on >= self.take_part_not:
                self.take_part_on = min(on, self.take_part_on)
            self.take_part_last = max(on, self.take_part_last)

    # What a coach asks for.

    def ask(self, kind: str, on: date, by: str, version: int | None, fields: dict[str, Any]) -> str | None:
        if not self.exists:
            return "plan_not_found"
        if version is not None and version != self.version:
            return "stale_version"
        wrong = self._dates(kind, on, fields) or self._lifecycle(kind)
        if wrong is None:
            check = getattr(self, f"_on_{kind}", None)
            step = self.steps.get(fields.get("step_id") or "") if kind == "step_finished" else None
            wrong = check(on=on, by=by, **fields) if check else None
        if wrong is None:
            self._changed()
            self._remember(kind, on, fields, step)
        return wrong

    def _dates(self, kind: str, on: date, fields: dict[str, Any]) -> str | None:  # noqa: PLR0911
        if on > self.today:
            return "occurred_in_future"
        if on < self.referred_on:
            return "occurred_before_referral"
        evidence = [fields["evidence"]] if kind == "evidence_recorded" else fields.get("evidence", ())
        for item in evidence:
            if item["obtained_on"] > self.today:
                return "obtained_in_future"
            if item["obtained_on"] < self.referred_on:
                return "obtained_before_referral"
        if kind == "work_status_confirmed" and fields.get("since") and fields["since"] > on:
            return "since_after_occurred"
        if kind == "adjustment_changed" and fields["review_on"] and fields["review_on"] <= on:
            return "review_not_later"
        if kind == "employer_contacted" and fields["next_on"] and fields["next_on"] <= on:
            return "next_not_later"
        return None

    def _lifecycle(self, kind: str) -> str | None:  # noqa: C901, PLR0911
        if self.state == "withdrawn":
            return None if kind == "corrected" else "plan_withdrawn"
        if self.state == "closed":
            return None if kind in AFTER_CLOSING else "plan_closed"
        if kind == "reopened":
            return "not_closed"
        if kind == "resumed":
            return None if self.state == "paused" else "not_paused"
        if self.state == "proposed" and kind in NEEDS_CONFIRMATION:
            return "not_confirmed"
        if self.state == "confirmed" and kind in NEEDS_AGREEMENT:
            return "not_agreed"
        if self.state == "paused":
            if kind == "paused":
                return "already_paused"
            return "plan_paused" if kind in RESTS_WHILE_PAUSED else None
        if kind == "plan_agreed" and self.state != "confirmed":
            return "already_agreed"
        if kind == "step_finished" and self.state == "agreed":
            return "not_started"
        if kind in {"step_started", "step_finished", "step_cancelled", "booking_changed"} and self.state == "in_review":
            return "no_open_step"
        return None

    def _decide_on_recommendation(self, revision: int, by: str, *, overriding: bool) -> str | None:
        if revision != self.revision:
            return "stale_revision"
        if self.held is not None:
            return "on_hold"
        if self.proposal == "not_eligible":
            return "not_eligible"
        if self.proposal is None and not overriding:
            return "nothing_proposed"
        self.proposal, self.confirmed_revision = None, revision
        self.coach = self.coach or by
        if self.state == "proposed":
            self.state = "confirmed"
        return None

    def _on_recommendation_confirmed(self, *, revision: int, by: str, **_: Any) -> str | None:
        return self._decide_on_recommendation(revision, by, overriding=False)

    def _on_recommendation_overridden(self, *, revision: int, by: str, **_: Any) -> str | None:
        return self._decide_on_recommendation(revision, by, overriding=True)

    def _on_coach_assigned(self, *, coach: str, **_: Any) -> str | None:
        if coach == self.coach:
            return "already_assigned"
        self.coach = coach
        return None

    def _on_plan_agreed(self, *, steps: list[dict[str, Any]], goals: list[dict[str, Any]], **_: Any) -> str | None:
        if self.held is not None:
            return "on_hold"
        names = [step["step_id"] for step in steps]
        if len(set(names)) < len(names):
            return "duplicate_step"
        if any(wanted not in names for step in steps for wanted in step["after"]):
            return "unknown_predecessor"
        if not self._can_finish({step["step_id"]: set(step["after"]) for step in steps}):
            return "circular_sequence"
        self.steps = {step["step_id"]: {"after": step["after"], "started": None} for step in steps}
        self.goals = {goal["goal_id"]: "open" for goal in goals}
        self.state, self.ever_agreed = "agreed", True
        return None

    @staticmethod
    def _can_finish(waits: dict[str, set[str]]) -> bool:
        """Walk from each step along what it waits for; a way that comes back is a circle."""

        def comes_back(name: str, path: tuple[str, ...]) -> bool:
            return name in path or any(comes_back(wanted, (*path, name)) for wanted in waits[name])

        return not any(comes_back(name, ()) for name in waits)

    def _on_goal_set(self, *, goal: dict[str, Any], **_: Any) -> str | None:
        if goal["goal_id"] in self.goals:
            return "goal_id_taken"
        self.goals[goal["goal_id"]] = "open"
        return None

    def _on_goal_progressed(self, *, goal_id: str, progress: str, **_: Any) -> str | None:
        if goal_id not in self.goals:
            return "goal_unknown"
        self.goals[goal_id] = progress
        if progress in {"met", "dropped"}:
            del self.goals[goal_id]
        return None

    def _on_step_added(self, *, step: dict[str, Any], **_: Any) -> str | None:
        if self.held is not None:
            return "on_hold"
        if step["step_id"] in self.steps or step["step_id"] in self.finished:
            return "step_id_taken"
        if any(wanted not in self.steps and wanted not in self.finished for wanted in step["after"]):
            return "unknown_predecessor"
        self.steps[step["step_id"]] = {"after": step["after"], "started": None}
        if self.state == "in_review":
            self.state = "active"
        return None

    def _on_step_started(self, *, step_id: str, on: date, **_: Any) -> str | None:
        if self.held is not None:
            return "on_hold"
        step = self.steps.get(step_id)
        if step is None:
            return "step_unknown"
        if step["started"]:
            return "step_already_started"
        if not set(step["after"]) <= set(self.finished):
            return "step_blocked"
        step["started"], self.state = on, "active"
        return None

    def _on_step_finished(self, *, step_id: str, on: date, **_: Any) -> str | None:
        step = self.steps.get(step_id)
        if step is None:
            return "step_unknown"
        if step["started"] is None:
            return "step_not_started"
        if on < step["started"]:
            return "finished_before_started"
        del self.steps[step_id]
        self.finished.append(step_id)
        self._end_of_steps()
        return None

    def _on_step_cancelled(self, *, step_id: str, **_: Any) -> str | None:
        if step_id not in self.steps:
            return "step_unknown"
        if any(step_id in step["after"] for step in self.steps.values()):
            return "step_awaited"
        del self.steps[step_id]
        self._end_of_steps()
        return None

    def _end_of_steps(self) -> None:
        if self.state == "active" and not self.steps:
            self.state = "in_review"

    def _on_session_recorded(
        self, *, attendance: str, minutes: int, step_id: str | None, on: date, **_: Any
    ) -> str | None:
        if minutes and attendance != "attended":
            return "minutes_without_attendance"
        if step_id is not None and step_id not in self.steps and step_id not in self.finished:
            return "step_unknown"
        if attendance == "attended":
            self.attended += 1
            if self.started_on is None and self.take_part_on is not None and self.take_part_on <= on:
                self.started_on = on
            if self.state == "agreed":
                self.state = "active"
        return None

    def _on_review_completed(self, *, on: date, **_: Any) -> str | None:
        if self.state == "in_review":
            self.state = "active"
        return self._outcome(on, None)

    def _outcome(self, on: date, work: dict[str, Any] | None) -> str | None:
        if work is not None and work["attendance"] and work["status"] not in ALLOWED_IN_WORK:
            return "attendance_without_work"
        if self.state == "closed" and self.closed_on is not None and on > self.closed_on + OUTCOME_WINDOW:
            return "outcome_window_over"
        return None

    def _on_work_status_changed(self, *, work: dict[str, Any], on: date, **_: Any) -> str | None:
        return self._outcome(on, work)

    def _on_work_status_confirmed(self, *, work: dict[str, Any], evidence: Any, on: date, **_: Any) -> str | None:
        wrong = self._outcome(on, work)
        if wrong is None:
            self.evidence |= {item["kind"] for item in evidence}
        return wrong

    def _on_evidence_recorded(self, *, evidence: dict[str, Any], on: date, **_: Any) -> str | None:
        wrong = self._outcome(on, None)
        if wrong is None:
            self.evidence.add(evidence["kind"])
        return wrong

    def _on_consent_changed(self, *, consent: str, given: bool, on: date, **_: Any) -> None:
        if consent == "take_part":
            self._consent(given, on)
        elif consent == "share_with_employer":
            self._employer_consent(given, on)

    def _on_paused(self, **_: Any) -> None:
        self.state = "paused"

    def _on_resumed(self, **_: Any) -> None:
        self.state = self._goes_on()

    def _goes_on(self) -> str:
        if not self.steps:
            return "in_review"
        begun = self.attended or self.finished or any(one["started"] for one in self.steps.values())
        return "active" if begun else "agreed"

    def _on_closed(self, *, on: date, **_: Any) -> None:
        self.state, self.closed_on = "closed", on

    def _on_withdrawn(self, **_: Any) -> None:
        self.state = "withdrawn"

    def _on_reopened(self, *, on: date, **_: Any) -> str | None:
        assert self.closed_on is not None
        if self.handed_over is not None:
            return "plan_handed_over"
        if on < self.closed_on:
            return "reopened_before_closed"
        if on > self.closed_on + REOPEN_WITHIN:
            return "reopen_window_over"
        self.closed_on = None
        if self.confirmed_revision is None:
            self.state = "proposed"
        else:
            self.state = self._goes_on() if self.ever_agreed else "confirmed"
        return None
