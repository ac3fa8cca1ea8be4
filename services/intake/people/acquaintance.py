"""Who some people are, all of them looked up at once, and kept true while one referral after another is accepted.

What a referral adds is taken in here as its rows will say it, so that the next one in the same transaction meets the
same people as it would in a transaction of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from services.intake.domain.same_person import Identity, Known, Recognised, recognise
from services.intake.people.changed import forget
from services.kernel.runtime.commands import Transaction
from services.kernel.runtime.tables import Connection, columns

# Everybody who shares enough to be the same or nearly: the number; a birth date and one of the names; the postcode and
# both names. Each arm is one look into one index for each who is asked for, so that the cost does not grow with the
# number of people. Who is only invited was referred to no programme: they are recognised, and near to nobody before
# they accept.
_KNOWN = """
WITH asked AS (
    SELECT * FROM unnest($1::date[], $2::date[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
        AS a(born, swapped, family, given, postcode, number, name)
),
hit AS (
    SELECT r.person_id FROM asked a JOIN referral_details d
        ON d.birth_date = ANY(ARRAY[a.born, a.swapped]) AND d.family_key = a.family JOIN referral r USING (referral_id)
    UNION SELECT r.person_id FROM asked a JOIN referral_details d
        ON d.birth_date = a.born AND d.given_key = a.given JOIN referral r USING (referral_id)
    UNION SELECT r.person_id FROM asked a JOIN referral_details d
        ON d.birth_date = a.born AND d.family_key = a.given AND d.given_key = a.family
        JOIN referral r USING (referral_id)
    UNION SELECT r.person_id FROM asked a JOIN referral_details d
        ON d.postcode = a.postcode AND d.family_key = a.family AND d.given_key = a.given
        JOIN referral r USING (referral_id)
    UNION SELECT r.person_id FROM asked a JOIN referral_details d ON d.nhs_number = a.number
        JOIN referral r USING (referral_id)
    UNION SELECT p.person_id FROM asked a JOIN person p ON p.nhs_number = a.number
    UNION SELECT p.person_id FROM asked a JOIN person p ON p.name_key = a.name
),
root AS (SELECT DISTINCT coalesce(p.survivor, p.person_id) AS root FROM hit JOIN person p USING (person_id)),
pseudonym AS (
    SELECT root, root AS person_id FROM root
    UNION ALL SELECT p.survivor, p.person_id FROM root JOIN person p ON p.survivor = root.root
)
SELECT n.root, n.person_id, p.created_at, p.nhs_number AS held, p.name_key, said.*
FROM pseudonym n JOIN person p USING (person_id)
LEFT JOIN LATERAL (
    SELECT r.programme, d.nhs_number, d.family_name, d.given_name, d.birth_date, d.postcode
    FROM referral r LEFT JOIN referral_details d USING (referral_id) WHERE r.person_id = n.person_id
    UNION ALL SELECT NULL, d.nhs_number, d.family_name, d.given_name, d.birth_date, d.postcode
    FROM invitation i JOIN invitation_details d USING (invitation_id) WHERE i.person_id = n.person_id
) AS said ON true
"""

Mark = tuple[object, ...]
"""Something by which one description is found from another: a kind and its values."""


def marks(me: Identity) -> set[Mark]:
    """Return what somebody described so is looked for by; the arms of the query, one for one."""
    found: set[Mark] = {("family", born, me.family_key) for born in me.birth_dates}
    found.add(("given", me.birth_date, me.given_key))
    found.add(("names", me.birth_date, me.given_key, me.family_key))
    found.add(("home", me.home_key))
    found.add(("number", me.nhs_number))
    found.add(("name", me.name_key))
    return {mark for mark in found if mark[-1] is not None}


def _shown(one: Known) -> set[Mark]:
    """Return by what somebody known is found."""
    found: set[Mark] = {("number", one.held), ("name", one.held_name)}
    if one.identity is not None:
        me = one.identity
        found |= {
            ("family", me.birth_date, me.family_key),
            ("given", me.birth_date, me.given_key),
            ("names", me.birth_date, me.family_key, me.given_key),
            ("home", me.home_key),
            ("number", me.nhs_number),
        }
    return {mark for mark in found if mark[-1] is not None}


class People:
    """Everybody who could be one of those asked for, or near to one."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[str, Known]]] = {}
        self._by_mark: dict[Mark, set[str]] = {}

    @classmethod
    async def find(cls, connection: Connection, asked: Sequence[Identity]) -> "People":
        """Look them up, in one query. Needs the locks on all of them."""
        people = cls()
        who = [
            (
                *(me.birth_date, me.birth_dates[-1], me.family_key, me.given_key),
                *(me.postcode, me.nhs_number, me.name_key),
            )
            for me in asked
        ]
        for root, person_id, since, held, held_name, programme, number, family, given, born, postcode in (
            await connection.fetch(_KNOWN, *columns(who)) if who else ()
        ):
            identity = None if born is None else Identity(number, family, given, born, postcode)
            one = Known(str(root), since, held, held_name, identity, programme, str(person_id))
            people._add(str(person_id), one)
        return people

    def recognise(self, me: Identity, programmes: Iterable[str]) -> Recognised:
        """Return who is meant, and whom a person should look at."""
        roots = set().union(*(self._by_mark.get(mark, ()) for mark in marks(me)))
        known = [one for root in sorted(roots) for _, one in self._rows[root]]
        return recognise(me, known, programmes)

    async def find_out(self, tx: Transaction, me: Identity, programmes: Iterable[str]) -> Recognised:
        """Return who is meant, as :meth:`recognise`. Who was erased and is referred again is somebody new, with no link
        to who they were.
        """
        while True:
            found = self.recognise(me, programmes)
            if found.person_id is None or await tx.has_key(found.person_id):
                return found
            await forget(tx.conn, self._forget(found.person_id))

    def take_in(self, person_id: str, me: Identity, programme: str, since: datetime, *, number_taken: bool) -> None:
        """Add a referral that was accepted, as the rows that it writes will be found."""
        rows = self._rows.get(person_id, [])
        own = next((one for pseudonym, one in rows if pseudonym == person_id), None)
        held = (own.held if own else None) or (None if number_taken else me.nhs_number)
        held_name = me.name_key or (own.held_name if own else None)
        self._rows[person_id] = [
            (pseudonym, replace(one, held=held, held_name=held_name) if pseudonym == person_id else one)
            for pseudonym, one in rows
        ]
        self._add(person_id, Known(person_id, own.since if own else since, held, held_name, me, programme))

    def _add(self, pseudonym: str, one: Known) -> None:
        self._rows.setdefault(one.person_id, []).append((pseudonym, one))
        for mark in _shown(one):
            self._by_mark.setdefault(mark, set()).add(one.person_id)

    def _forget(self, root: str) -> list[str]:
        """Drop somebody; return all their pseudonyms."""
        for found in self._by_mark.values():
            found.discard(root)
        return sorted({root, *(pseudonym for pseudonym, _ in self._rows.pop(root))})
