"""What each provider may bill, and what a month makes of it, worked out a second time; it shares no code."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

Data = dict[str, Any]
DAY = date.fromisoformat
WELL = [(status, attendance) for status in ("employed", "self_employed") for attendance in ("working", None)]
RECORDS = {  # kind of change: the plan's own record of it, and which facts it may be
    "session_recorded": ("attendance_record", ("participant", "engagement", "nth_session")),
    "step_finished": ("step_record", ("engagement", "step_finished")),
    "review_completed": ("review_record", ("engagement", "review_completed", "health_outcome")),
    "plan_agreed": ("plan_record", ("plan_agreed",)),
    "closed": ("plan_record", ("closed_by_agreement",)),
}


def dues(updates: Any, files: Any) -> list[Data]:
    """Return what is due after all these plan changes, in any order and repeated; of files the latest comes first."""
    found: dict[str, list[Data]] = defaultdict(list)
    for (referral, _), one in sorted({(u["referral_id"], u["plan_version"]): u for u in updates}.items()):
        if one["change"]["kind"] in {"corrected", "evidence_recorded"} or (one["provider"] and one["contract"]):
            found[referral] = hear(found[referral], one, files)
    return [due for held in found.values() for due in held]


def hear(held: list[Data], update: Data, files: Any) -> list[Data]:
    change, latest, before = update["change"], update["plan"]["latest"]["evidence"], update["plan"]["work_at_referral"]
    kind, day = change["kind"], DAY(change["occurred_on"])
    if kind == "corrected":
        gone = [e for e in change["evidence"] if e not in latest]
        left = [due for due in held if change["refers_to"] not in due["facts"]]
        return [due for due in left if not due["shown"] or any(e not in gone for e in due["shown"])]
    start = next((due["day"] for due in held if due["milestone"] == "participant"), None)
    about = bool(change.get("work") and before and (before["status"], before["attendance"]) not in WELL)
    waiting = [due for due in held if not due["proven"]]
    for due in waiting if about or kind == "evidence_recorded" else []:
        prove(due, update, card(files, update, due["contract"], due["day"]), start, about)
    if kind in RECORDS or (about and start is not None and day >= start):
        whole = card(files, update, update["contract"], day)
        for price in whole["prices"]:
            on = reached(price, update, start)
            if on is not None and price["milestone"] not in [due["milestone"] for due in waiting]:
                old = on if price.get("fact") == "sustained_work" else date.min
                shown = [e for e in change.get("evidence", []) if DAY(e["obtained_on"]) >= old]
                shown += [e for e in latest if about and DAY(e["obtained_on"]) >= on]
                bill(held, update, price, whole, on, start or day, shown)
    return held


def reached(price: Data, update: Data, start: date | None) -> date | None:
    """Return the day on which a plan change reaches a price; None: it does not."""
    change, fact, on = update["change"], price.get("fact", price["milestone"]), None
    kind, day, work = change["kind"], DAY(change["occurred_on"]), change.get("work") or {}
    well = (work.get("status"), work.get("attendance")) in WELL
    if fact == "work_outcome":
        return day if well else None
    if fact == "earnings" and kind == "work_status_confirmed":
        pairs = [("least_earnings_pence", "earned_pence"), ("least_self_employed_days", "self_employed_days")]
        return day if any(least in price and (change[had] or 0) >= price[least] for least, had in pairs) else None
    if fact == "sustained_work" and kind == "work_status_confirmed" and change["since"] and well:
        since, breaks = DAY(change["since"]), change["break_days"] or 0
        on = since + timedelta(days=7 * price["weeks"] + breaks)
        enough = (change["weekly_hours"] or 0) >= price.get("least_hours", 0) and since >= (start or since)
        return on if enough and day >= on and on - since <= timedelta(weeks=price.get("within_weeks", 9999)) else None
    late, closing = start is not None and day < start, kind == "review_completed" and update["state"] == "closed"
    wrong = (fact == "participant") != (start is None) or (closing and fact != "health_outcome")
    wrong = wrong or (day == start or (late and kind != "session_recorded") if fact == "engagement" else late)
    wrong = wrong or (fact == "health_outcome" and not change.get("reliable_improvement"))
    wrong = wrong or change.get("attendance", "attended") != "attended" or change.get("closure", "46") != "46"
    enough = update["plan"]["counters"]["sessions_attended"] >= price.get("nth", 0)
    return day if fact in RECORDS.get(kind, ("", ()))[1] and enough and not wrong else None


def prove(due: Data, update: Data, whole: Data, start: date | None, about: bool) -> None:
    change, given = update["change"], update["change"].get("evidence", [])
    price = next(price for price in whole["prices"] if price["milestone"] == due["milestone"])
    on, named, lasts = reached(price, update, start), change.get("milestone"), price.get("fact") == "sustained_work"
    least = on or due["day"] if about and lasts else due["day"]
    any_age = not lasts and (not price.get("fact") if about else named == due["milestone"])
    fits = [e for e in (given if about else [given]) if e["kind"] in price["evidence"]]
    fits = [e for e in fits if any_age or DAY(e["obtained_on"]) >= least]
    if fits and (on is not None if about else named in {None, due["milestone"]}):
        due["proven"], due["facts"], due["shown"] = True, due["facts"] | {update["plan_version"]}, fits
        due["pence"] = worth(price, whole, update, due["day"], start)


def bill(held: list[Data], update: Data, price: Data, whole: Data, on: date, start: date, shown: list[Data]) -> None:
    """Add what a price gives for a change, where consent, ceiling, gap and window allow it."""
    day, kinds = DAY(update["change"]["occurred_on"]), price.get("evidence") or []
    same = [due for due in held if due["milestone"] == price["milestone"]]
    near = any(abs((day - due["day"]).days) < price.get("gap_days", 0) for due in same if due["proven"])
    late, full = (on - start).days > price.get("within_days", 9999), len(same) >= price["at_most"]
    said = (update["plan"]["consents"] or {}).get("take_part") or {"given": True, "on": None}
    agreed = said["given"] is (said["on"] is None or DAY(said["on"]) <= day) and DAY(update["referred_on"]) <= day
    if near or late or full or not all(due["proven"] for due in same) or not agreed:
        return
    fits = [e for e in shown if e["kind"] in kinds]
    proven = not kinds or bool(fits) or RECORDS.get(update["change"]["kind"], ("", ()))[0] in kinds
    due = {"milestone": price["milestone"], "day": day, "pence": worth(price, whole, update, day, start)}
    due |= {"provider": update["provider"], "contract": update["contract"], "facts": {update["plan_version"]}}
    held.append(due | {"proven": proven, "shown": fits})


def worth(price: Data, whole: Data, update: Data, day: date, start: date | None) -> int:
    """Return what a day brings; nobody is paid for being sooner than a beginning that was taken back."""
    sooner = price.get("acceleration") or price | {"within_days": 0}
    early = start is not None and (day - start).days <= sooner["within_days"]
    mine = [up for up in whole.get("uplifts", []) if up["group"] in update["plan"]["priority_groups"]]
    mine = [up["basis_points"] for up in mine if price["milestone"] in (up.get("milestones") or [price["milestone"]])]
    return int(((sooner if early else price)["amount_pence"] * (10_000 + max([0, *mine])) + 5_000) // 10_000)


def card(files: Any, update: Data, contract: str, day: date) -> Data:
    file = next(f for f in files if f["programme"] == update["programme"]["id"] and f["effective_from"] <= day)
    cards = [c for c in file["payment"]["rate_cards"] if contract in c["contracts"] and c["effective_from"] <= day]
    return next(c for c in cards if c.get("effective_to") is None or day <= c["effective_to"])


def settle(entries: Any, tiers_of: Any) -> Any:
    """Return (payable, treatment) of each. A tier: code, whole and annual ceiling, places, name."""
    done: list[Any] = []
    for entry in entries:
        pays, why, place = treat(entry, done, tiers_of)
        done.append(entry | {"pays": pays, "why": why, "place": place})
    return [(line["pays"], line["why"]) for line in done]


def treat(entry: Any, done: Any, tiers_of: Any) -> Any:
    pays, why, tiers = entry["amount"], "payable", tiers_of[entry["contract"]]
    starts = entry["milestone"] == "participant"
    if entry["annulled"]:
        return pays, "annulled", 0
    if pays < 0:
        of = [e for e in done if entry["refers_to"] in (e["id"], e["refers_to"])]
        withheld = sum(e["amount"] - e["pays"] for e in of)
        return min(0, pays + withheld), "taken_back", -of[0]["place"] if entry["kind"] == "reversal" else 0
    if not entry["first"]:
        return 0, "once_per_person", 0
    under = {tier: [e for e in done if tier in tiers_of[e["contract"]]] for tier in tiers}
    full = [t[0] for t in tiers if starts and t[3] is not None and sum(e["place"] for e in under[t]) >= t[3]]
    if full:
        return 0, f"full_{full[0]}", 0
    for tier in tiers:
        of_year = [e for e in under[tier] if e["year"] == entry["year"]]
        for ceiling, used in ((tier[1], under[tier]), (tier[2], of_year)):
            if ceiling is not None and max(0, ceiling - sum(e["pays"] for e in used)) < pays:
                pays, why = max(0, ceiling - sum(e["pays"] for e in used)), f"capped_{tier[0]}"
    return pays, why, int(starts)
