"""The other open referral of a person, looked for before one that was over goes on again."""

from typing import Final

from services.intake.domain.same_person import Identity
from services.intake.people.recognising import keys_of, lock, lock_names, open_referrals
from services.kernel.runtime.commands import Transaction

_WHO: Final = """
SELECT coalesce(p.survivor, p.person_id) AS root, r.programme, r.referred_on,
       d.nhs_number, d.family_name, d.given_name, d.birth_date, d.postcode
FROM referral r JOIN person p USING (person_id) LEFT JOIN referral_details d USING (referral_id)
WHERE r.referral_id = $1
"""


async def open_beside(tx: Transaction, referral_id: str) -> str | None:
    """Return the person's other open referral that is paid for the same days, None where there is none.

    Locks the person, so that nobody is referred anew at the same moment. A referral that is additional itself does not
    count, nor one to a programme that funds other days.
    """
    who = await tx.conn.fetchrow(_WHO, referral_id)
    if who is None:
        return None
    if who["birth_date"] is not None:
        said = (who[name] for name in ("nhs_number", "family_name", "given_name", "birth_date", "postcode"))
        await lock(tx.conn, *lock_names(keys_of(Identity(*said)), "", None))
    programmes = tx.policy.book.overlapping(who["programme"], who["referred_on"])
    opened = (await open_referrals(tx.conn, [who["root"]]))[who["root"]]
    fitting = (r for r in opened if r.programme in programmes and not r.additional and r.referral_id != referral_id)
    return next((one.referral_id for one in fitting), None)
