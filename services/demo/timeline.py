"""One referral through the four topics, each event in a line."""

from typing import Final

from services.contracts.types import TOPIC_OUTCOME, TOPIC_PLAN, TOPIC_REFERRAL, TOPIC_TRIAGE
from services.demo.follow import Follower
from services.demo.record import Recorded
from services.kernel.money import pounds

TOPIC_ORDER: Final = (TOPIC_REFERRAL, TOPIC_TRIAGE, TOPIC_PLAN, TOPIC_OUTCOME)


def timeline(follower: Follower, referral_id: str) -> list[dict[str, str]]:
    """One referral through the topics, in the order in which it was written down."""
    own = [recorded for recorded in follower.records if (recorded.record.key or b"").decode() == referral_id]
    own.sort(key=lambda recorded: (recorded.attributes["recordedtime"], recorded.attributes["sequence"].zfill(9)))
    return [
        {
            "occurred_on": str(recorded.data["occurred_on"]),
            "topic": recorded.record.topic,
            "sequence": recorded.attributes["sequence"],
            "what": _what(recorded),
        }
        for recorded in own
    ]


def _what(recorded: Recorded) -> str:
    data = recorded.data
    match recorded.record.topic:
        case topic if topic == TOPIC_REFERRAL and "facts" in data:
            return f"referred by {data['route']}, {data['age_band']}, {data['work']['status']}"
        case topic if topic == TOPIC_TRIAGE and "package" in data:
            supports = ", ".join(item["support"] for item in data["package"])
            return f"revision {data['revision']} {data['outcome']}: {supports or 'nothing yet'}"
        case topic if topic == TOPIC_PLAN:
            return f"{data['change']['kind']} -> {data['state']}"
        case topic if topic == TOPIC_OUTCOME:
            milestone = data["milestone"]["code"] if data.get("milestone") else ""
            return f"{data['kind']} {milestone} {pounds(data['amount_pence'])}"
        case _:
            return recorded.attributes["type"].split(".")[-2]
