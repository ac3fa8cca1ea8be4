"""People, referrals, what was said of them, how they stand, what they consent to.

Revision ID: intake_0001
"""

from alembic import op

revision = "intake_0001"
down_revision = None
branch_labels = ("intake",)
depends_on = "kernel_0001"

STATEMENTS = (
    """
    CREATE TABLE person (
        person_id text PRIMARY KEY,
        nhs_number text UNIQUE,
        name_key text,
        survivor text,
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX person_name_key ON person (name_key)",
    # Whoever is recognised by this row is another pseudonym now: the two were found to be one person.
    "CREATE INDEX person_survivor ON person (survivor)",
    """
    CREATE TABLE referral (
        referral_id text PRIMARY KEY,
        person_id text NOT NULL,
        programme text NOT NULL,
        programme_version text NOT NULL,
        organisation_id text NOT NULL,
        organisation_kind text NOT NULL,
        reference text,
        referrer_ods text,
        referrer_name text,
        linked_referral text,
        additional_information text,
        received_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX referral_person ON referral (person_id, programme)",
    # A referrer's reference is used once.
    "CREATE UNIQUE INDEX referral_reference ON referral (reference, organisation_id)",
    """
    CREATE TABLE referral_details (
        referral_id text PRIMARY KEY,
        nhs_number text,
        family_name text NOT NULL,
        given_name text NOT NULL,
        birth_date date NOT NULL,
        sex text,
        ethnic_category text,
        postcode text,
        registered_gp_ods text,
        contact json,
        language text,
        accessible_needs json NOT NULL
    )
    """,
    # Facts about a referral from every topic; the status view is computed from the set of them.
    """
    CREATE TABLE referral_status (
        referral_id text NOT NULL,
        topic text NOT NULL,
        sequence bigint NOT NULL,
        status text NOT NULL,
        on_day date NOT NULL,
        PRIMARY KEY (referral_id, topic, sequence, status)
    )
    """,
    'REVOKE UPDATE, DELETE, TRUNCATE ON referral_status FROM "intake_run"',
    # Consents as they were said, to intake or to the coach; what was allowed when is computed from the set of them.
    """
    CREATE TABLE consent_fact (
        referral_id text NOT NULL,
        topic text NOT NULL,
        sequence bigint NOT NULL,
        consent text NOT NULL,
        given boolean NOT NULL,
        on_day date NOT NULL,
        channel text,
        actor text,
        recorded_at timestamptz NOT NULL,
        event_id text NOT NULL,
        PRIMARY KEY (referral_id, topic, sequence, consent)
    )
    """,
    'REVOKE UPDATE, DELETE, TRUNCATE ON consent_fact FROM "intake_run"',
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("migrations are forward-only")
