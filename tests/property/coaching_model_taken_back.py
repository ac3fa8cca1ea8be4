"""The rest of the model: what a coach takes back since it was recorded wrongly."""

from datetime import date
from typing import Any

REMEMBERED = {
    "session_recorded",
    "step_finished",
    "review_completed",
    "work_status_changed",
    "work_status_confirmed",
} | {
    *("evidence_recorded", "acknowledged", "contacted", "assessed", "employer_contacted", "fit_note_recorded"),
}


class TakenBack:
    """What a model of a plan remembers of each fact, by the version that recorded it."""

    version: int
    state: str
    steps: dict[str, dict[str, Any]]
    finished: list[str]
    attended: int
    take_part_on: date | None
    started_on: date | None
    evidence: set[str]
    fit_notes: int
    facts: dict[int, dict[str, Any]]

    def _remember(self, kind: str, on: date, fields: dict[str, Any], step: dict[str, Any] | None) -> None:
        """Called after a command, at its version; ``step`` is the step that was finished, as it stood before."""
        if kind not in REMEMBERED:
            return
        attended = fields.get("attendance") == "attended"
        consented = self.take_part_on is not None and self.take_part_on <= on
        shown = [fields["evidence"]] if kind == "evidence_recorded" else fields.get("evidence", ())
        self.facts[self.version] = {
            "kind": kind,
            "on": on,
            "attended": attended,
            "begins": attended and consented,
            "step": step,
            "name": fields.get("step_id"),
            "evidence": {item["kind"] for item in shown},
        }

    def _on_corrected(self, *, refers_to: int, on: date, **_: Any) -> str | None:
        if refers_to > self.version:
            return "version_unknown"
        wrong = self.facts.get(refers_to)
        if wrong is None:
            return "nothing_to_take_back"
        if on < wrong["on"]:
            return "corrected_before_fact"
        if wrong["kind"] == "step_finished" and self._needed(wrong["name"]):
            return "step_needed"
        del self.facts[refers_to]
        self._without(wrong)
        return None

    def _needed(self, name: str) -> bool:
        begun = [step for step in self.steps.values() if step["started"]]
        done = [fact["step"] for fact in self.facts.values() if fact["step"] is not None]
        return any(name in step["after"] for step in [*begun, *done])

    def _without(self, wrong: dict[str, Any]) -> None:
        left = [self.facts[version] for version in sorted(self.facts)]
        self.attended = sum(fact["attended"] for fact in left)
        self.fit_notes = sum(fact["kind"] == "fit_note_recorded" for fact in left)
        self.evidence = {kind for fact in left for kind in fact["evidence"]}
        self.started_on = next((fact["on"] for fact in left if fact["begins"]), None)
        if wrong["kind"] == "step_finished":
            self.steps[wrong["name"]] = wrong["step"]
            self.finished.remove(wrong["name"])
            if self.state == "in_review":
                self.state = "active"
        elif wrong["kind"] == "review_completed" and self.state == "active" and not self.steps:
            self.state = "in_review"
        elif wrong["kind"] == "session_recorded" and self.state == "active":
            begun = self.attended or self.finished or any(step["started"] for step in self.steps.values())
            self.state = "active" if begun else "agreed"
