"""How a person of the demo is referred: posted, or by the route provider identified, invited, and accepted."""

from typing import Any, Final

from services.demo.client import Client, Reply
from services.demo.person import Person

OF_INVITATION: Final = frozenset({"programme", "locality", "provider", "route", "person"})
"""What a referral takes from its invitation: it is not told twice."""
MADE: Final = 201


async def refer(client: Client, person: Person, key: str) -> Reply:
    """Refer somebody; return the answer that makes the referral, or the first that refuses it."""
    if person.route != "provider":
        return await client.post("intake", "/referrals", person.body, person.sender, key)
    on, invitation_id = person.referred_on.isoformat(), ""
    steps: list[tuple[str, Any]] = [
        ("", {**{name: person.body[name] for name in ("programme", "locality", "person")}, "on": on}),
        ("/{id}/invite", {"channel": "phone", "on": on}),
        ("/{id}/accept", {name: said for name, said in person.body.items() if name not in OF_INVITATION}),
    ]
    for step, (path, body) in enumerate(steps):
        here = "/invitations" + path.format(id=invitation_id)
        reply = await client.post("intake", here, body, person.sender, f"{key}-{step}")
        if reply.status != MADE:
            break
        invitation_id = reply.body["invitation_id"]
    return reply
