"""Near matches, names in their normal form, lists of referrals, and who still waits for word.

Revision ID: intake_0003
"""

from alembic import op

revision = "intake_0003"
down_revision = "intake_0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    # What near matches are looked for by: each arm of the search is one look into one of these.
    "ALTER TABLE referral_details ADD COLUMN family_key text, ADD COLUMN given_key text",
    "CREATE INDEX referral_details_family ON referral_details (birth_date, family_key)",
    "CREATE INDEX referral_details_given ON referral_details (birth_date, given_key)",
    "CREATE INDEX referral_details_number ON referral_details (nhs_number) WHERE nhs_number IS NOT NULL",
    # Two pseudonyms that may be one person, in the order of their ids; a pair is looked at once.
    """
    CREATE TABLE near_match (
        near_match_id text PRIMARY KEY,
        one_person text NOT NULL,
        other_person text NOT NULL,
        referral_id text NOT NULL,
        reasons json NOT NULL,
        found_at timestamptz NOT NULL,
        decision text,
        decided_by text,
        decided_at timestamptz,
        UNIQUE (one_person, other_person),
        CHECK (one_person < other_person),
        CHECK (decision IN ('same', 'different')),
        CHECK (num_nonnulls(decision, decided_by, decided_at) IN (0, 3))
    )
    """,
    "CREATE INDEX near_match_other ON near_match (other_person)",
    "CREATE INDEX near_match_open ON near_match (near_match_id) WHERE decision IS NULL",
    # What lists of referrals are filtered by, and read in the order of.
    "ALTER TABLE referral ADD COLUMN route text, ADD COLUMN referred_on date",
    """
    UPDATE referral r SET route = a.state #>> '{common,route}', referred_on = (a.state #>> '{common,referred_on}')::date
    FROM aggregate a WHERE a.key = r.referral_id
    """,
    "ALTER TABLE referral ALTER COLUMN route SET NOT NULL, ALTER COLUMN referred_on SET NOT NULL",
    "CREATE INDEX referral_of_organisation ON referral (organisation_id, programme, referral_id)",
    "CREATE INDEX referral_of_programme ON referral (programme, referral_id)",
    # A list of those in one status looks for who has reached it.
    "CREATE INDEX referral_status_reached ON referral_status (status, referral_id)",
    # Whether a referrer has had word. Both days can come first: a row is what is known so far.
    """
    CREATE TABLE word_back (
        referral_id text PRIMARY KEY,
        programme text NOT NULL,
        programme_version text NOT NULL,
        received_on date,
        answered_on date
    )
    """,
    "CREATE INDEX word_back_waiting ON word_back (programme, received_on) WHERE answered_on IS NULL",
    "CREATE INDEX word_back_answered ON word_back (programme, answered_on) WHERE answered_on IS NOT NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
