"""What each provider should be paid, worked out a second time from the topic and the files; it shares no code."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

Data = dict[str, Any]
DAY = date.fromisoformat
SAYS = {  # kind of change: the plan's own record of it, and which facts it may be
    "session_recorded": ("attendance_record", ("engagement", "nth_session")),
    "step_finished": ("step_record", ("engagement", "step_finished")),
    "review_completed": ("review_record", ("engagement", "review_completed", "health_outcome")),
    "plan_agreed": ("plan_record", ("plan_agreed",)),
    "closed": ("plan_record", ("closed_by_agreement",)),
}


@dataclass
class Due:
    """Something that a provider may bill: a milestone of a card, which time, for which day, how many pence."""

    milestone: str; number: int; day: date; pence: int; provider: str; contract: str; facts: set[int]; proven: bool; shown: list[Data]  # fmt: skip # noqa: E501, E702


def programme_files() -> list[Data]:
    """Return every programme file as plain data, the one that takes effect last first."""
    folder = Path(__file__).parents[2] / "services" / "programmes"
    return sorted((yaml.safe_load(p.read_text()) for p in folder.glob("*/20*.yaml")), key=lambda f: str(f["effective_from"]), reverse=True)  # noqa: E501  # fmt: skip


def dues(updates: Any, files: Any = None) -> list[Due]:
    """Return what is due after all these plan changes, in any order and with any repetition of them."""
    known = programme_files() if files is None else files
    found: dict[str, list[Due]] = defaultdict(list)
    for (referral, _), update in sorted({(u["referral_id"], u["plan_version"]): u for u in updates}.items()):
        if update["provider"] and update["contract"]:
            found[referral] = hear(found[referral], update, known)
    return [due for one in found.values() for due in one]


def owed(updates: Any, files: Any = None) -> dict[str, int]:
    """Return the pence earned by each provider."""
    sums = Counter[str]()
    for due in dues(updates, files):
        sums[due.provider] += due.pence if due.proven else 0
    return dict(sums)


def hear(held: list[Due], update: Data, files: Any) -> list[Due]:  # noqa: C901  a second model, in one piece
    change, kind, day = update["change"], update["change"]["kind"], DAY(update["change"]["occurred_on"])
    start = next((due.day for due in held if due.milestone == "participant"), None)
    if kind == "corrected":
        gone = [e for e in change["evidence"] if e not in update["plan"]["latest"]["evidence"]]
        left = [due for due in held if change["refers_to"] not in due.facts]
        return [due for due in left if not due.shown or any(e not in gone for e in due.shown)]
    if kind in SAYS and change.get("attendance", "attended") == "attended" and change.get("closure", "46") == "46":
        record, facts = SAYS[kind]
        shown = [{"kind": record, "obtained_on": str(day)}]
        if kind == "session_recorded" and start is None:
            facts, start = ("participant",), day
        first = start or date.max
        if start is None or (kind == "review_completed" and update["state"] == "closed"):
            facts = facts[2:] if start else ()
        for price in [p for p in card(files, update, update["contract"], day)["prices"] if facts]:
            fact, late = price.get("fact", price["milestone"]), kind == "session_recorded" and day < first
            wrong = (day == first or (day < first and not late)) if fact == "engagement" else day < first
            wrong = wrong or (fact == "health_outcome" and not change.get("reliable_improvement"))
            if fact in facts and not wrong and update["plan"]["counters"]["sessions_attended"] >= price.get("nth", 0):
                bill(held, update, price, day, first, shown, files)
    work, before = change.get("work"), update["plan"]["work_at_referral"]
    about = work is not None and before is not None and not well(before)
    given = [change["evidence"]] if kind == "evidence_recorded" else change.get("evidence", []) if about else []
    waiting = {due.milestone for due in held if not due.proven}
    for due in [due for due in held if not due.proven]:
        price = next(p for p in card(files, update, due.contract, due.day)["prices"] if p["milestone"] == due.milestone)
        reached, named = lasting(price, change, start), change.get("milestone") == due.milestone
        strict = price.get("fact") == "sustained_work" or (kind == "evidence_recorded" and not named)
        least = (reached or due.day) if about and price.get("fact") == "sustained_work" else due.day
        fits = [e for e in given if e["kind"] in price["evidence"]]
        fits = [e for e in fits if DAY(e["obtained_on"]) >= least or not (strict or (about and price.get("fact")))]
        meant = reached is not None if about else change.get("milestone") in {None, due.milestone}
        if fits and meant:
            due.proven, due.facts, due.shown = True, due.facts | {update["plan_version"]}, fits
            due.pence = worth(price, card(files, update, due.contract, due.day), update, due.day, start)
    if about and start is not None and day >= start:
        for price in card(files, update, update["contract"], day)["prices"]:
            reached = lasting(price, change, start)
            if reached is not None and price["milestone"] not in waiting:
                old = reached if price.get("fact") == "sustained_work" else date.min
                shown = [e for e in change.get("evidence", []) if DAY(e["obtained_on"]) >= old]
                shown += [e for e in update["plan"]["latest"]["evidence"] if DAY(e["obtained_on"]) >= reached]
                bill(held, update, price, day, start, shown, files)
    return held


def lasting(price: Data, change: Data, start: date | None) -> date | None:
    """Return the day on which a change of work reaches a price; None: it does not."""
    fact, day = price.get("fact", price["milestone"]), DAY(change["occurred_on"])
    confirmed = change["kind"] == "work_status_confirmed"
    if fact == "work_outcome":
        return day if change.get("work") and well(change["work"]) else None
    if fact == "earnings" and confirmed:
        pairs = [("least_earnings_pence", "earned_pence"), ("least_self_employed_days", "self_employed_days")]
        return day if any(a in price and (change[b] or 0) >= price[a] for a, b in pairs) else None
    if fact != "sustained_work" or not confirmed or not change["since"] or not well(change["work"]):
        return None
    since, breaks = DAY(change["since"]), change["break_days"] or 0
    reached = since + timedelta(days=7 * price["weeks"] + breaks)
    enough = (change["weekly_hours"] or 0) >= price.get("least_hours", 0)
    short = breaks <= 7 * (price.get("within_weeks", 999) - price["weeks"])
    return reached if enough and short and day >= reached and (start is None or since >= start) else None


def worth(price: Data, whole: Data, update: Data, day: date, start: date | None) -> int:
    """Return what a day brings; nobody is paid for being sooner than a beginning that was taken back."""
    sooner, name = price.get("acceleration"), price["milestone"]
    early = sooner is not None and start is not None and (day - start).days <= sooner["within_days"]
    pence = (sooner or price)["amount_pence"] if early else price["amount_pence"]
    mine = [up for up in whole.get("uplifts", []) if up["group"] in update["plan"]["priority_groups"]]
    points = max([0, *(up["basis_points"] for up in mine if name in (up.get("milestones") or [name]))])
    return int((pence * (10_000 + points) + 5_000) // 10_000)


def bill(held: list[Due], update: Data, price: Data, day: date, start: date, shown: list[Data], files: Any) -> None:
    """Add what a price gives for a day, where consent, ceiling, gap and window allow it."""
    same = [due for due in held if due.milestone == price["milestone"]]
    taken = {due.number for due in same}
    near = any(abs((day - due.day).days) < price.get("gap_days", 0) for due in same if due.proven)
    window = (lasting(price, update["change"], start) or day) - start
    late = window.days > price.get("within_days", 9999)
    if any(not d.proven for d in same) or len(taken) >= price["at_most"] or near or late or not consent(update, day):
        return
    pence = worth(price, card(files, update, update["contract"], day), update, day, start)
    fits = [e for e in shown if e["kind"] in (price.get("evidence") or [])]
    proven, fits = not price.get("evidence") or bool(fits), [e for e in fits if "reference" in e]
    number = min(set(range(1, price["at_most"] + 1)) - taken)
    facts = {update["plan_version"]}
    held.append(
        Due(price["milestone"], number, day, pence, update["provider"], update["contract"], facts, proven, fits)
    )


def card(files: Any, update: Data, contract: str, day: date) -> Data:
    file = next(f for f in files if f["programme"] == update["programme"]["id"] and f["effective_from"] <= day)
    cards = [c for c in file["payment"]["rate_cards"] if contract in c["contracts"] and c["effective_from"] <= day]
    [found] = [c for c in cards if c.get("effective_to") is None or day <= c["effective_to"]]
    return dict(found)


def well(work: Data) -> bool:
    return work["status"] in {"employed", "self_employed"} and work["attendance"] in {"working", None}


def consent(update: Data, day: date) -> bool:
    said = (update["plan"]["consents"] or {}).get("take_part")
    on = DAY(said["on"]) if said and said["on"] else None
    given = said is None or said["given"]
    return bool((given if on is None else (on <= day) is given) and DAY(update["referred_on"]) <= day)
