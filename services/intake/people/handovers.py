"""The rows of a referral that a handover begets: the person's details go with them, from table to table.

No event holds them, so they are copied from the referral that was handed over; where that one is begotten in the same
batch, from the nearest one before it that is known. Doing it again changes nothing.
"""

from collections.abc import Iterable

from services.intake.domain.standing import Referral
from services.kernel.decision import Received
from services.kernel.service import Row, Table

_COPIED = (
    "nhs_number, family_name, given_name, birth_date, sex, ethnic_category, postcode, registered_gp_ods, contact, "
    "language, accessible_needs, family_key, given_key, eligibility_facts"
)

BEGOTTEN = Table(
    "referral_handed_over",
    (
        ("referral_id", "text"),
        ("handed_over", "text"),
        ("linked_referral", "text"),
        ("programme", "text"),
        ("programme_version", "text"),
        ("organisation_id", "text"),
        ("received_at", "timestamptz"),
        ("route", "text"),
        ("referred_on", "date"),
    ),
    key=1,
    statement=f"""
    WITH RECURSIVE handed AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
            $8::text[], $9::date[]) AS n(referral_id, handed_over, linked_referral, programme, programme_version,
            organisation_id, received_at, route, referred_on)),
    chain AS (
        SELECT referral_id, handed_over AS origin, 1 AS steps FROM handed
        UNION
        SELECT c.referral_id, h.handed_over, c.steps + 1 FROM chain c JOIN handed h ON h.referral_id = c.origin),
    traced AS (
        SELECT DISTINCT ON (h.referral_id) h.*, c.origin FROM handed h JOIN chain c USING (referral_id)
        JOIN referral r ON r.referral_id = c.origin ORDER BY h.referral_id, c.steps),
    referred AS (
        INSERT INTO referral (referral_id, person_id, programme, programme_version, organisation_id, organisation_kind,
            linked_referral, received_at, route, referred_on)
        SELECT h.referral_id, r.person_id, h.programme, h.programme_version, h.organisation_id, 'provider',
            h.linked_referral, h.received_at, h.route, h.referred_on
        FROM traced h JOIN referral r ON r.referral_id = h.origin
        ON CONFLICT (referral_id) DO NOTHING)
    INSERT INTO referral_details (referral_id, {_COPIED})
    SELECT h.referral_id, {_COPIED}
    FROM traced h JOIN referral_details d ON d.referral_id = h.origin
    ON CONFLICT (referral_id) DO NOTHING
    """,  # noqa: S608  our own words
)
"""Who handed over stands as the referring organisation: it may ask how the referral stands. ``linked_referral``: to
which the new one is additional; None where it takes over."""


def rows(state: Referral | None, cause: Received) -> Iterable[Row]:
    """Return the row of a referral that an input has begotten; none where nothing followed from it."""
    if state is not None:
        common, update = state.common, cause.data
        yield (
            BEGOTTEN,
            (
                common.referral_id,
                update.referral_id,
                state.linked_referral,
                common.programme.id,
                common.programme.version,
                update.provider or "",
                cause.occurred_at,
                common.route.value,
                common.referred_on,
            ),
        )
