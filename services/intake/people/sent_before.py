"""Whether a referral is one that its referrer has sent before: the same reference, and word for word the same content.

What was sent is kept in no form in which it could be guessed: an HMAC under the person's own key, gone with the key.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.intake.domain.posted import ReferralPosted
from services.kernel.runtime.commands import Transaction
from services.kernel.sealing.subject_key import KeyFound, SubjectKey


@dataclass(frozen=True, slots=True)
class SentBefore:
    """The referral to which a referrer has given a reference. ``posted``: what it said, in the request at hand."""

    referral_id: str | None
    person_id: str
    digest: str | None = None
    posted: ReferralPosted | None = None

    def is_same(self, posted: ReferralPosted | None, tx: Transaction) -> bool:
        """Tell whether ``posted`` says the same. After the key is gone nobody can tell any more."""
        if self.posted is not None or posted is None:
            return posted is not None and posted == self.posted
        return self.digest is not None and self.digest == content_digest(tx.held.get(self.person_id), posted)


def content_digest(key: KeyFound | None, posted: ReferralPosted) -> str | None:
    """Return what a referral said, as an HMAC under the person's key; None where there is no key."""
    if not isinstance(key, SubjectKey):
        return None
    said = b"referral " + posted.model_dump_json(exclude_defaults=True).encode()
    return hmac.digest(key.digest_key, said, "sha256").hex()


# "|| ''" leaves one index to go by: with the other, a plan may read all that an organisation ever sent
_SENT: Final = """
SELECT reference, referral_id, person_id, content_digest FROM referral
WHERE reference = ANY($2::text[]) AND organisation_id || '' = $1
"""


async def sent_before(tx: Transaction, organisation_id: str, references: Iterable[str | None]) -> dict[str, SentBefore]:
    """Return the referrals of those references that were used; fetches the keys that tell what they said."""
    wanted = sorted({reference for reference in references if reference is not None})
    rows = await tx.conn.fetch(_SENT, organisation_id, wanted) if wanted else ()
    found = {r["reference"]: SentBefore(r["referral_id"], r["person_id"], r["content_digest"]) for r in rows}
    await tx.hold(one.person_id for one in found.values() if one.digest is not None)
    return found
