"""Settlement written a second time, plainly: no class, no code of ours, every figure found from the lines before it.

An entry: id, contract, kind, milestone, year, amount, refers_to, first (of its person), annulled. A tier: code, whole,
annual, places, name. ``settle`` gives (payable, treatment) of each entry, in order.
"""

from typing import Any


def settle(entries: Any, tiers_of: Any) -> Any:  # noqa: C901  the whole on one page
    done: list[Any] = []

    def sums(tier: Any, year: Any = None) -> Any:
        return sum(e["pays"] for e in done if tier in tiers_of[e["contract"]] and (year is None or e["year"] == year))

    def places(tier: Any) -> Any:
        return sum(e["place"] for e in done if tier in tiers_of[e["contract"]])

    for entry in entries:
        pays, why, place, amount = 0, "", 0, entry["amount"]
        of = [e for e in done if entry["refers_to"] in (e["id"], e["refers_to"]) and entry["refers_to"] is not None]
        if entry["annulled"]:
            pays, why = amount, "annulled"
        elif amount < 0:
            withheld = sum(e["amount"] - e["pays"] for e in of)
            pays, why = -(-amount - min(-amount, withheld)), "taken_back"
            first = next((e for e in of if e["id"] == entry["refers_to"]), None)
            if entry["kind"] == "reversal" and first is not None and first["place"] == 1:
                place = -1
        elif not entry["first"]:
            why = "once_per_person"
        else:
            rooms: list[str] = []
            pays, why = amount, "payable"
            for tier in tiers_of[entry["contract"]]:
                code, whole, annual, most, _ = tier
                if entry["milestone"] == "participant" and most is not None and places(tier) >= most and not rooms:
                    rooms, why = ["full"], "full_" + code
            for tier in tiers_of[entry["contract"]]:
                code, whole, annual, most, _ = tier
                left = [c - sums(tier, y) for c, y in ((whole, None), (annual, entry["year"])) if c is not None]
                if why[:4] != "full" and left and max(0, min(left)) < pays:
                    pays, why = max(0, min(left)), "capped_" + code
            pays, place = (0, 0) if why[:4] == "full" else (pays, int(entry["milestone"] == "participant"))
        done.append(entry | {"pays": pays, "place": place, "why": why})
    return [(e["pays"], e["why"]) for e in done]
