"""What each provider should be paid, worked out a second time from ``plan.updated`` alone.

Shares no code with the service, on purpose: it reads plain dictionaries as they stand in the topic and the
programmes' YAML itself. ``owed(json.loads(record.value) for record in topic)`` gives pence by provider.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

FILES = Path(__file__).parents[2] / "services" / "programmes"
WORK = "work_outcome"
RECORDS = {
    "session_recorded": "attendance_record",
    "step_finished": "step_record",
    "review_completed": "review_record",
}


@dataclass
class Due:
    """Something that a provider may bill: a milestone, which time, for which day, how many pence."""

    milestone: str
    number: int
    day: date
    pence: int
    provider: str
    contract: str
    facts: set[int]
    proven: bool
    shown: list[dict[str, Any]]

    def falls(self, gone: list[dict[str, Any]]) -> bool:
        """Tell whether all that it was shown by is gone."""
        return bool(self.shown) and all(shown in gone for shown in self.shown)


def programme_files() -> list[dict[str, Any]]:
    """Return every programme file as plain data, the one that takes effect last first."""
    found = [yaml.safe_load(path.read_text()) for path in FILES.glob("*/20*.yaml")]
    return sorted(found, key=lambda file: str(file["effective_from"]), reverse=True)


def dues(updates: Iterable[dict[str, Any]], files: Sequence[dict[str, Any]] | None = None) -> list[Due]:
    """Return what is due after all these plan changes, in any order and with any repetition of them."""
    known = programme_files() if files is None else files
    referrals: dict[str, _Referral] = defaultdict(lambda: _Referral(known))
    once = {(update["referral_id"], update["plan_version"]): update for update in updates}
    for (referral, _), update in sorted(once.items(), key=lambda item: item[0]):
        referrals[referral].hear(update)
    return [due for one in referrals.values() for due in one.dues]


def owed(updates: Iterable[dict[str, Any]], files: Sequence[dict[str, Any]] | None = None) -> dict[str, int]:
    """Return the pence earned by each provider."""
    sums = Counter[str]()
    for due in dues(updates, files):
        sums[due.provider] += due.pence if due.proven else 0
    return dict(sums)


@dataclass
class _Referral:
    files: Sequence[dict[str, Any]]
    dues: list[Due] = field(default_factory=list)

    def hear(self, update: dict[str, Any]) -> None:
        change, kind = update["change"], update["change"]["kind"]
        if not update["provider"] or not update["contract"]:
            return
        day = date.fromisoformat(change["occurred_on"])
        if kind == "corrected":
            stands = update["plan"]["latest"]["evidence"]
            gone = [shown for shown in change["evidence"] if shown not in stands]
            self.dues = [due for due in self.dues if change["refers_to"] not in due.facts and not due.falls(gone)]
        elif kind == "evidence_recorded":
            self.prove(update, [change["evidence"]], named=change["milestone"])
        elif kind == "session_recorded" and change["attendance"] == "attended" and not self.have("participant"):
            self.bill(update, "participant", day, [], "attendance_record")
        elif kind in RECORDS and change.get("attendance", "attended") == "attended":
            self.engage(update, day, RECORDS[kind])
            if change.get("reliable_improvement") and self.supported(day):
                self.bill(update, "health_outcome", day, [], "review_record")
        elif kind in {"work_status_changed", "work_status_confirmed"}:
            self.work(update, change, day)

    def price(self, update: dict[str, Any], contract: str, day: date) -> dict[str, dict[str, Any]]:
        name = update["programme"]["id"]
        file = next(f for f in self.files if f["programme"] == name and f["effective_from"] <= day)
        cards = [c for c in file["payment"]["rate_cards"] if contract in c["contracts"] and c["effective_from"] <= day]
        [card] = [c for c in cards if c.get("effective_to") is None or day <= c["effective_to"]]
        return {price["milestone"]: price for price in card["prices"]}

    def have(self, milestone: str) -> list[Due]:
        return [due for due in self.dues if due.milestone == milestone]

    def supported(self, day: date) -> bool:
        return any(due.day <= day for due in self.have("participant"))

    def engage(self, update: dict[str, Any], day: date, record: str) -> None:
        start = self.have("participant")
        if not start or day == start[0].day or (day < start[0].day and record != "attendance_record"):
            return
        gap = self.price(update, update["contract"], day)["engagement"].get("gap_days", 0)
        if all((day - due.day).days >= gap or (due.day - day).days >= gap for due in self.have("engagement")):
            self.bill(update, "engagement", day, [], record)

    def work(self, update: dict[str, Any], change: dict[str, Any], day: date) -> None:
        before = update["plan"]["work_at_referral"]
        if before is None or _well_in_work(before) or not _well_in_work(change["work"]):
            return
        brought = change.get("evidence", [])
        kept = [e for e in update["plan"]["latest"]["evidence"] if date.fromisoformat(e["obtained_on"]) >= day]
        if any(not due.proven for due in self.have(WORK)):
            self.prove(update, brought, named=WORK)
        elif self.supported(day):
            self.bill(update, WORK, day, [*brought, *kept])

    def bill(self, update: dict[str, Any], milestone: str, day: date, shown: list[Any], own: str = "") -> None:
        price = self.price(update, update["contract"], day).get(milestone)
        taken = {due.number for due in self.have(milestone)}
        waiting = any(not due.proven for due in self.have(milestone))
        if price is None or waiting or len(taken) >= price["at_most"] or not _consent(update, day):
            return
        number = min(set(range(1, price["at_most"] + 1)) - taken)
        wanted = price.get("evidence") or []
        fits = [e for e in shown if e["kind"] in wanted]
        proven = not wanted or bool(fits) or own in wanted
        whom, facts = (update["provider"], update["contract"]), {update["plan_version"]}
        self.dues.append(Due(milestone, number, day, price["amount_pence"], *whom, facts, proven, fits))

    def prove(self, update: dict[str, Any], shown: list[dict[str, Any]], named: str | None) -> None:
        for due in self.dues:
            price = self.price(update, due.contract, due.day)[due.milestone]
            fits = [e for e in shown if due.proven is False and e["kind"] in price["evidence"]]
            old = [e for e in fits if named is None and date.fromisoformat(e["obtained_on"]) < due.day]
            if named in {None, due.milestone} and len(fits) > len(old):
                due.proven, due.facts, due.shown = True, due.facts | {update["plan_version"]}, fits


def _well_in_work(work: dict[str, Any]) -> bool:
    return work["status"] in {"employed", "self_employed"} and work["attendance"] in {"working", None}


def _consent(update: dict[str, Any], day: date) -> bool:
    consents = update["plan"]["consents"]
    said = consents["take_part"] if consents else None
    on = date.fromisoformat(said["on"]) if said and said["on"] else None
    given = said is None or said["given"]
    stood = given if on is None else (on <= day) is given
    return stood and date.fromisoformat(update["referred_on"]) <= day
