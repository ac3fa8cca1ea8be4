"""What the demo found out: the report as plain data, gathered from the topics and the APIs."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.contracts.types import TOPIC_OUTCOME, TOPIC_PLAN, TOPIC_TRIAGE, TRIAGE_COMPLETED
from services.demo.areas import Area
from services.demo.follow import Follower
from services.demo.person import Kind
from services.demo.play import Played
from services.demo.record import Recorded
from services.kernel.sealing.content import usable
from services.kernel.sealing.subject_key import KeyFound
from services.kernel.sealing.tokens import open_token

ACCEPTED: Final = 201
HUNDRED: Final = 100

Findings = Mapping[str, dict[str, Any]]
"""What triage found, by referral: urgency, cause of a hold, reasons."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds from the 201 to the decision as a subscriber sees it."""

    count: int
    p50: float
    p99: float


def funnel(played: Played, follower: Follower) -> dict[str, int]:
    """How many came how far."""
    replies = Counter(posted.reply.status for posted in played.posted)
    first = first_decisions(follower.records)
    kinds = _kinds(follower.records)
    plans = follower.plans
    started = sum(plan["plan"]["started_on"] is not None for plan in plans.values())
    linked = sum(p.person.kind is Kind.DUPLICATE and p.reply.status == ACCEPTED for p in played.posted)
    return {
        "posted": len(played.posted),
        "refused as invalid (422)": replies[422],
        "already referred (409)": replies[409],
        "accepted (201)": replies[201],
        "of these for an eligibility review": sum(
            data["eligibility"]["outcome"] == "review" for data in first.values()
        ),
        "of these linked to an earlier referral": linked,
        "handed over to another programme, and referred there": len(handed_over(follower)),
        "triaged": len(first),
        "held at first, for a person": sum(data["outcome"] == "held" for data in first.values()),
        "plan proposed": len(plans),
        "recommendation confirmed": len(kinds["recommendation_confirmed"]),
        "recommendation overridden": len(kinds["recommendation_overridden"]),
        "participants (first attended session)": started,
        "plan agreed": len(kinds["plan_agreed"]),
        "support ended": sum(plan["state"] == "closed" for plan in plans.values()),
        "withdrawn": sum(plan["state"] == "withdrawn" for plan in plans.values()),
    }


def handed_over(follower: Follower) -> dict[str, bool]:
    """The referrals that were handed over to another programme; True: one that is linked to it was triaged there."""
    linked = {(data["linked_referral"], data["programme"]["id"]) for data in first_decisions(follower.records).values()}
    over = {key: plan["plan"]["handed_over_to"] for key, plan in follower.plans.items()}
    return {key: (key, to) in linked for key, to in over.items() if to is not None}


def opened(follower: Follower, keys: Mapping[str, KeyFound]) -> dict[str, dict[str, Any]]:
    """What triage found in its newest decision of each referral, opened with the persons' ``keys``.

    Raises SealInvalid for a token that is not what it says, KeyMissing where there is no key for it.
    """
    found = {}
    for referral_id, data in follower.triage.items():
        person_id = data["person_id"]
        key = usable(keys.get(person_id))
        found[referral_id] = open_token(data["sealed"]["findings"], key, "findings", {person_id})
    return found


def triage_mix(follower: Follower, found: Findings) -> dict[str, dict[str, int]]:
    """The newest decision of each referral: outcomes, urgency, kinds of support."""
    newest = follower.triage.values()
    return {
        "outcome": dict(Counter(data["outcome"] for data in newest).most_common()),
        "urgency": dict(Counter(said["urgency"] for said in found.values()).most_common()),
        "support": dict(Counter(i["support"] for data in newest for i in data["package"]).most_common()),
    }


def richest(follower: Follower, found: Findings) -> str | None:
    """The referral whose recommendation has most supports, and of these most reasons."""

    def wealth(item: tuple[str, dict[str, Any]]) -> tuple[int, int, str]:
        key, data = item
        return -len(data["package"]), -len(found[key]["reasons"]), key

    recommended = [item for item in follower.triage.items() if item[1]["outcome"] == "recommended"]
    return min(recommended, key=wealth)[0] if recommended else None


def longest_story(follower: Follower, coached: Sequence[str]) -> str | None:
    """The referral with most entries of money, and of these most changes of its plan."""
    entries = Counter(data["referral_id"] for data in earned(follower))
    ranked = sorted(coached, key=lambda key: (-entries[key], -follower.plans[key]["plan_version"], key))
    return ranked[0] if ranked else None


def latencies(played: Played, follower: Follower, *, idle: bool) -> Latency | None:
    """Latency over the referrals posted one by one (``idle``) or at once; None where there is none."""
    found = sorted(
        max(0.0, (follower.first_triage[posted.referral_id] - posted.at) * 1000)
        for posted in played.posted
        if posted.idle is idle and posted.referral_id in follower.first_triage
    )
    if not found:
        return None
    return Latency(len(found), _percentile(found, 50), _percentile(found, 99))


def months(follower: Follower) -> list[str]:
    """The months in which money was earned."""
    return sorted({data["effective_on"][:7] for data in earned(follower)})


def earned(follower: Follower) -> list[dict[str, Any]]:
    """The entries of money about referrals; what else is recorded of money is about contracts."""
    found = (recorded.data for recorded in follower.records if recorded.record.topic == TOPIC_OUTCOME)
    return [data for data in found if "referral_id" in data]


def providers(follower: Follower) -> list[tuple[str, str]]:
    """The providers that have earned something, each with its programme."""
    return sorted({(data["provider"], data["programme"]["id"]) for data in earned(follower)})


def by_area(areas: Sequence[Area], played: Played, follower: Follower) -> list[dict[str, Any]]:
    """What came of each area's referrals, beside the fit notes by which they were shared out; of no areas nothing."""
    if not areas:
        return []
    codes: dict[str, Counter[str]] = defaultdict(Counter)  # also of programmes that took people over: no area
    for posted in played.posted:
        codes[posted.person.area.programme]["posted"] += 1
        codes[posted.person.area.programme]["accepted"] += posted.reply.status == ACCEPTED
    for data in first_decisions(follower.records).values():
        codes[data["programme"]["id"]]["review"] += data["eligibility"]["outcome"] == "review"
        codes[data["programme"]["id"]]["triaged"] += 1
    for plan in follower.plans.values():
        codes[plan["programme"]["id"]]["participants"] += plan["plan"]["started_on"] is not None
    for data in earned(follower):
        codes[data["programme"]["id"]]["earned_pence"] += data["amount_pence"]
    names = ("posted", "accepted", "review", "triaged", "participants", "earned_pence")
    return [
        {
            "area": area.title,
            "ods_code": area.ods_code,
            "fit_notes_2023": area.fit_notes,
            **{name: codes[area.programme][name] for name in names},
        }
        for area in areas
    ]


def _percentile(sorted_values: list[float], percent: int) -> float:
    """The smallest value that at least ``percent`` of the values do not exceed (nearest rank)."""
    return sorted_values[max(0, -(-len(sorted_values) * percent // HUNDRED) - 1)]


def first_decisions(records: Sequence[Recorded]) -> dict[str, dict[str, Any]]:
    """Triage's first revision of each referral."""
    found: dict[str, dict[str, Any]] = {}
    for recorded in records:
        if recorded.record.topic == TOPIC_TRIAGE and recorded.attributes["type"] == TRIAGE_COMPLETED:
            found.setdefault((recorded.record.key or b"").decode(), recorded.data)
    return found


def _kinds(records: Sequence[Recorded]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {
        "recommendation_confirmed": set(), "recommendation_overridden": set(), "plan_agreed": set(),
    }  # fmt: skip
    for recorded in records:
        if recorded.record.topic == TOPIC_PLAN:
            kind = recorded.data["change"]["kind"]
            if kind in found:
                found[kind].add((recorded.record.key or b"").decode())
    return found
